"""Runs that the server keeps, shared read-only by all visitors, within a bound on memory.

A run of a long prompt in a large model is large itself: 3,000 tokens in SmolLM2 are 350 MB of streams, keys and values.
Runs of the same model and text share one prefill: another dice seed samples anew and computes only what follows.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

from llm_core import Run

Key = tuple[str, str, tuple[object, ...]]
"""A run's model (fingerprint), its text, and how its tokens were drawn."""


class Runs:
    """At most `budget` bytes of runs; what was not looked at for the longest time goes first, the latest run last."""

    def __init__(self, budget: int, most: int = 64) -> None:
        self.budget, self.most = budget, most
        self._runs: OrderedDict[Key, Run] = OrderedDict()
        self._turns: dict[tuple[str, str], threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Key, make: Callable[[Run | None], Run]) -> Run:
        """The run of this key. Where it is not kept, `make` makes it, from a run with the same prefill if there is one.

        Those who ask for runs of one model and text take turns, so that no prefill is computed twice at a time.
        """
        with self._turn(key[:2]):
            run = self._kept(key)
            if run is None:
                run = make(self._prefilled(key))
                self._keep(key, run)
            return run

    def has_prefill(self, fingerprint: str, text: str) -> bool:
        """True where a run of this model and text is kept, however its tokens were drawn."""
        with self._lock:
            return any(key[:2] == (fingerprint, text) for key in self._runs)

    def forget(self, fingerprint: str) -> None:
        """Drop the runs of one model."""
        with self._lock:
            for key in [key for key in self._runs if key[0] == fingerprint]:
                del self._runs[key]

    def forget_all(self) -> None:
        """Drop all runs; those that are still looked at live until nobody does."""
        with self._lock:
            self._runs.clear()

    @property
    def nbytes(self) -> int:
        """Bytes of all runs; a prefill that several share counts once."""
        tensors = {id(t): t for run in list(self._runs.values()) for p in run.passes for t in (*p.doors, p.logits)}
        return sum(t.nbytes for t in tensors.values()) + sum(run.cache.nbytes for run in list(self._runs.values()))

    def _turn(self, prefill: tuple[str, str]) -> threading.Lock:
        with self._lock:
            if len(self._turns) > 4 * self.most:
                self._turns = {p: turn for p, turn in self._turns.items() if turn.locked()}
            return self._turns.setdefault(prefill, threading.Lock())

    def _kept(self, key: Key) -> Run | None:
        with self._lock:
            if key in self._runs:
                self._runs.move_to_end(key)
            return self._runs.get(key)

    def _prefilled(self, key: Key) -> Run | None:
        with self._lock:
            return next((run for other, run in reversed(self._runs.items()) if other[:2] == key[:2]), None)

    def _keep(self, key: Key, run: Run) -> None:
        with self._lock:
            self._runs[key] = run
            while len(self._runs) > 1 and (len(self._runs) > self.most or self.nbytes > self.budget):
                self._runs.popitem(last=False)

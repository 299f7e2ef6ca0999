"""Runs that the server keeps, shared read-only by all visitors, within a bound on memory.

A run of a long prompt in a large model is large itself: 3,000 tokens in SmolLM2 are 350 MB of streams, keys and values.
Runs share what they agree in: another dice seed samples anew, and computes only what follows the first other token.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from weakref import WeakValueDictionary

from llm_core import Run
from llm_core.runs.node import storages

_Key = tuple[str, str, tuple[object, ...]]
"""A run's model (its weights' version), its text, and all else: under which name the model was loaded (another folder
with these weights may have another tokenizer), and how its tokens were drawn."""


class Runs:
    """At most `budget` bytes of runs; what was not looked at for the longest time goes first, the latest run last."""

    def __init__(self, budget: int, most: int = 64) -> None:
        self.budget, self.most = budget, most
        self._runs: OrderedDict[_Key, Run] = OrderedDict()
        self._turns: WeakValueDictionary[tuple[str, str], threading.Lock] = WeakValueDictionary()
        self._lock = threading.Lock()

    def get(self, key: _Key, make: Callable[[], Run]) -> Run:
        """The run of this key. Where it is not kept, `make` makes it.

        Those who ask for runs of one model and text take turns, so that no prefill is computed twice at a time.
        """
        with self._turn(key[:2]):
            run = self._kept(key)
            if run is None:
                run = make()
                self._keep(key, run)
            return run

    def forget(self, version: str) -> None:
        """Drop the runs of one model."""
        with self._lock:
            gone = [self._runs.pop(key) for key in list(self._runs) if key[0] == version]
        gone.clear()  # what a run takes along takes a while: nobody waits for it

    def forget_all(self) -> None:
        """Drop all runs; those that are still looked at live until nobody does."""
        with self._lock:
            gone, self._runs = self._runs, OrderedDict()
        gone.clear()

    @property
    def nbytes(self) -> int:
        """Bytes of all runs; what several share counts once."""
        return sum(storages([node for run in list(self._runs.values()) for node in run.nodes]).values())

    def _turn(self, prefill: tuple[str, str]) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault(prefill, threading.Lock())

    def _kept(self, key: _Key) -> Run | None:
        with self._lock:
            if key in self._runs:
                self._runs.move_to_end(key)
            return self._runs.get(key)

    def _keep(self, key: _Key, run: Run) -> None:
        gone = []
        with self._lock:
            self._runs[key] = run
            while len(self._runs) > 1 and (len(self._runs) > self.most or self.nbytes > self.budget):
                gone.append(self._runs.popitem(last=False))
        gone.clear()

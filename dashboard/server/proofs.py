"""Proofs of runs: made beside the page, kept by the server and shared by all visitors."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor

from llm_core import Run, prove
from llm_core.proof.compare import Proof
from llm_core.weights.checkpoint import Progress

_Key = tuple[str, tuple[int, ...], int]
"""All that a proof depends on: the version of the model's weights, the ids of all passes, how many are the prompt's."""


class Proofs:
    """The latest `most` proofs, and two workers that make them: visitors who only look are not kept waiting.

    One worker has the small proofs to itself, so that none of them waits behind the long one of a large model. At most
    `waiting` proofs wait for a worker: each holds on to its run, which a large model makes large. Of the long ones each
    visitor has one at a time, so that nobody takes all places.
    """

    def __init__(self, make: Callable[[Run, Progress], Proof] = prove, most: int = 64, waiting: int = 4) -> None:
        self._make, self._most, self._waiting = make, most, waiting
        self._workers = {small: ThreadPoolExecutor(1, thread_name_prefix="proof") for small in (False, True)}
        self._under_way: dict[bool, list[Future[Proof]]] = {False: [], True: []}
        self._long_ones: dict[Hashable, Future[Proof]] = {}  # of each visitor the one under way
        self._kept: OrderedDict[_Key, Future[Proof]] = OrderedDict()
        self._progress: dict[_Key, tuple[str, float]] = {}  # of those that are being made
        self._lock = threading.Lock()

    def get(self, run: Run) -> Future[Proof] | None:
        """The proof of this run, done or under way; None where nobody has asked for it."""
        with self._lock:
            return self._kept.get(_key(run))

    def progress(self, run: Run) -> tuple[str, float] | None:
        """What is being done, in words, and which share is done; None of a proof that is not being made right now."""
        return self._progress.get(_key(run))

    def start(self, run: Run, small: bool = False, visitor: Hashable = None) -> Future[Proof] | None:
        """The proof of this run, from now on under way; None where too many wait, or the visitor's last long one does.
        One that failed is tried again."""
        with self._lock:
            key = _key(run)
            proof = self._kept.get(key)
            if proof is None or (proof.done() and proof.exception() is not None):
                under_way = [other for other in self._under_way[small] if not other.done()]
                self._long_ones = {who: other for who, other in self._long_ones.items() if not other.done()}
                # one of them is being made
                if len(under_way) > self._waiting or (not small and visitor in self._long_ones):
                    return None
                self._kept[key] = proof = self._workers[small].submit(self._made, run)
                self._under_way[small] = [*under_way, proof]
                if not small and visitor is not None:
                    self._long_ones[visitor] = proof
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)[1].cancel()
            self._kept.move_to_end(key)
            return proof

    def _made(self, run: Run) -> Proof:
        key = _key(run)
        try:
            return self._make(run, lambda doing, share: self._progress.update({key: (doing, share)}))
        except Exception:  # the badge says it in a sentence, without what others must not read
            logging.getLogger(__name__).exception("a run could not be proven")
            raise
        finally:
            self._progress.pop(key, None)


def _key(run: Run) -> _Key:
    return run.model.weights.version, tuple(run.ids[: run.length]), len(run.prompt_ids)

"""Proofs of runs: made one at a time beside the page, kept by the server and shared by all visitors."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from llm_core import Run, prove
from llm_core.proof import Proof

Key = tuple[str, tuple[int, ...], int]
"""All that a proof depends on: the model's fingerprint, the ids of all passes, how many are the prompt's."""


class Proofs:
    """The latest `most` proofs, and one worker that makes them: visitors who only look are not kept waiting."""

    def __init__(self, make: Callable[[Run], Proof] = prove, most: int = 64) -> None:
        self._make, self._most = make, most
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="proof")
        self._kept: OrderedDict[Key, Future[Proof]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, run: Run) -> Future[Proof] | None:
        """The proof of this run, done or under way; None where nobody has asked for it."""
        with self._lock:
            return self._kept.get(_key(run))

    def start(self, run: Run) -> Future[Proof]:
        """The proof of this run, from now on under way. Asked for once more, one that failed is tried again."""
        with self._lock:
            key = _key(run)
            proof = self._kept.get(key)
            if proof is None or (proof.done() and proof.exception() is not None):
                self._kept[key] = proof = self._worker.submit(self._make, run)
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)[1].cancel()
            self._kept.move_to_end(key)
            return proof


def _key(run: Run) -> Key:
    return run.model.fingerprint, tuple(run.ids[: run.cache.length]), len(run.prompt_ids)

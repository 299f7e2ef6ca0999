"""Turns for what takes long: the run of a long text, the matrices of its layers.

Each of many visitors may ask for such a thing at the same moment. A few are computed at a time, first come, first
served, so that they take neither all cores nor all memory from those who look at short texts, which need no turn.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

LONG = 1_000  # tokens from which on computing takes a while, and memory


class Turns:
    """At most `at_once` are computed at a time, and at most `waiting` wait. Never ask for a turn within a turn."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self.at_once, self.waiting = at_once, waiting
        self._running = 0
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and have it. Raises ValueError with the sentence to show where too many wait."""
        ticket = object()
        with self._changed:
            if len(self._queue) >= self.waiting:
                raise ValueError(
                    f"{len(self._queue)} long computations are waiting already, and at most {self.waiting} can "
                    f"wait: try again in a minute, or shorten the text to fewer than {LONG:,} tokens"
                )
            self._queue.append(ticket)
            self._changed.wait_for(lambda: self._running < self.at_once and self._queue[0] is ticket)
            self._queue.popleft()
            self._running += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()


TURNS = Turns(at_once=max(1, (os.cpu_count() or 1) // 2), waiting=8)


def for_rows(count: int) -> AbstractContextManager[None]:
    """A turn where so many rows of a layer are computed, if that takes long."""
    return TURNS.turn() if count >= LONG else nullcontext()

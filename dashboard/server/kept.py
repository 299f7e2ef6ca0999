"""What the server keeps of what it made, shared read-only by all visitors, within a bound on bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """At most `budget` bytes of values; what was not looked at for the longest time goes first, the latest one last.

    size: how many bytes a value takes; where it is always 1, the budget is how many values are kept.
    """

    def __init__(self, budget: int, size: Callable[[V], int]) -> None:
        self.budget, self.used, self._size = budget, 0, size
        self._values: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._turns: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of this key, made here and now if it is not kept. Those who ask for the same one take turns."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if key in self._values:  # made by another one meanwhile
                    return self._values[key][0]
            try:
                value = make()
                self._keep(key, value)
            finally:
                with self._lock:
                    self._turns.pop(key, None)
            return value

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self.used = 0

    def _keep(self, key: Hashable, value: V) -> None:
        size = self._size(value)
        with self._lock:
            self.used += size - self._values.pop(key, (value, 0))[1]
            self._values[key] = value, size
            while len(self._values) > 1 and self.used > self.budget:
                self.used -= self._values.popitem(last=False)[1][1]

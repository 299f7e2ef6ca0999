"""The derived values that are kept for the next look, of all nodes together, within a bound on memory."""

import threading
from collections import OrderedDict, defaultdict, deque

from torch import Tensor


class Budget:
    """Derived values of all nodes, at most `limit` bytes together; the least recently used go first. Thread-safe."""

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0
        self._lock = threading.Lock()
        self._values: OrderedDict[tuple[int, str], tuple[Tensor, bool]] = OrderedDict()
        self._names: defaultdict[int, set[str]] = defaultdict(set)  # of each node, what is kept
        self._gone: deque[int] = deque()  # nodes whose values are to be dropped

    def get(self, key: tuple[int, str]) -> tuple[Tensor, bool] | None:
        with self._lock:
            self._drop_gone()
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: tuple[int, str], value: tuple[Tensor, bool]) -> None:
        """Keep one value; one that is larger than the whole budget is not kept."""
        size = value[0].nbytes
        if size > self.limit:
            return
        with self._lock:
            self._drop_gone()
            if key in self._values:
                return
            while self.used + size > self.limit:
                self._drop(next(iter(self._values)))
            self._values[key] = value
            self._names[key[0]].add(key[1])
            self.used += size

    def forget(self, node: int) -> None:
        """Drop all values of one node: now, or at the next get or put where the lock is taken.

        Garbage collection calls this, perhaps in the very thread that holds the lock, so it must not wait.
        """
        self._gone.append(node)
        if self._lock.acquire(blocking=False):
            try:
                self._drop_gone()
            finally:
                self._lock.release()

    def _drop_gone(self) -> None:
        while self._gone:
            node = self._gone.popleft()
            for name in list(self._names.get(node, ())):
                self._drop((node, name))

    def _drop(self, key: tuple[int, str]) -> None:
        node, name = key
        self.used -= self._values.pop(key)[0].nbytes
        self._names[node].discard(name)
        if not self._names[node]:
            del self._names[node]


DERIVED = Budget(256 * 2**20)

"""How much memory there is: the machine's, or the container's where it allows less, or what is promised to others.

In a container the system tells of the whole machine; what the container may take is told by its control group, see
https://docs.kernel.org/admin-guide/cgroup-v2.html#memory and .../cgroup-v1/memory.html.
"""

import threading
from dataclasses import dataclass
from pathlib import Path

import psutil

RESERVE = 200_000_000  # bytes of the free memory that are left to everything else

GROUPS = Path("/sys/fs/cgroup")
# of each version: the limit, what is in use, and in memory.stat the part of it that goes when it is needed
_VERSIONS = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)


@dataclass(frozen=True)
class Group:
    """A container's limit and what it has in use, in bytes."""

    limit: int
    used: int


def group() -> Group | None:
    """This container's memory; None where there is no container, or it has no limit."""
    for limit, used, stat, cache in _VERSIONS:
        try:
            limit_text = (GROUPS / limit).read_text().strip()
            if limit_text == "max":
                return None
            parts = dict(line.split() for line in (GROUPS / stat).read_text().splitlines())
            return Group(int(limit_text), int((GROUPS / used).read_text()) - int(parts.get(cache, 0)))
        except (OSError, ValueError):
            continue
    return None


def total() -> int:
    """Bytes of memory that this process could have if it were alone."""
    machine, found = int(psutil.virtual_memory().total), group()
    return machine if found is None else min(machine, found.limit)


def free() -> int:
    """Bytes of memory that are free now, less what was promised and may not be taken yet; negative where none is."""
    machine, found = int(psutil.virtual_memory().available), group()
    return (machine if found is None else min(machine, found.limit - found.used)) - PROMISES.bytes


def usable() -> int:
    """Bytes of the free memory that a model's weights or a long run may take; negative where none may."""
    return free() - RESERVE


class Promises:
    """Bytes that were promised to what is computed now: it takes them little by little, and until it is done nobody
    else may count on them. Hold the lock from looking at what is free to promising it."""

    def __init__(self) -> None:
        self.bytes = 0
        self.lock = threading.RLock()

    def add(self, size: int) -> None:
        """Promise so many bytes; of a negative size, take the promise back."""
        with self.lock:
            self.bytes += size


PROMISES = Promises()

"""How things are timed: both sides in one run, turn by turn, and what is compared are medians and ratios."""

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Row:
    """One line of the table. Without a goal (a number to know, not to reach) `goal` and `met` stay empty."""

    what: str
    ours: str
    theirs: str
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        met = "" if self.met is None else ("yes" if self.met else "**no**")
        return f"| {self.what} | {self.ours} | {self.theirs} | {ratio} | {self.goal} | {met} |"


HEADER = "| what | ours | theirs | ratio | goal | met? |\n| --- | --- | --- | --- | --- | --- |"


def interleaved(sides: dict[str, Callable[[], Any]], rounds: int, warm: int = 1) -> dict[str, list[float]]:
    """Seconds of each side, turn by turn, so that whatever else the machine does meets all sides alike.

    Every second round goes in the opposite order. Garbage is collected between the turns, not within them.
    """
    for _ in range(warm):
        for act in sides.values():
            act()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    enabled = gc.isenabled()
    gc.disable()
    try:
        for n in range(rounds):
            for name in list(sides) if n % 2 == 0 else reversed(sides):
                gc.collect()
                start = time.perf_counter()
                kept = sides[name]()
                seconds[name].append(time.perf_counter() - start)
                del kept
    finally:
        if enabled:
            gc.enable()
    return seconds


def ratio(a: list[float], b: list[float]) -> float:
    """The median of a/b, turn by turn: a slow minute slows both sides of a turn."""
    return statistics.median(x / y for x, y in zip(a, b, strict=True))


def at_most(what: str, ours: list[float], theirs: list[float], goal: float | None = None, scale: float = 1.0) -> Row:
    """A line that says how our time compares with theirs (times `scale`), which should be at most `goal`."""
    share = ratio(ours, theirs) / scale
    met, aim = (None, "") if goal is None else (share <= goal, f"≤ {goal:g}")
    return Row(what, span(statistics.median(ours)), span(statistics.median(theirs) * scale), share, aim, met)


def span(seconds: float) -> str:
    """A time for reading."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"


def megabytes(size: float) -> str:
    return f"{size / 1e6:,.1f} MB"


def in_new_process(code: str, *arguments: str) -> str:
    """What a fresh Python prints that runs `code`."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"a measured process failed:\n{done.stderr[-2000:]}")
    return done.stdout


def tensor_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes that these tensors keep alive: each storage once, however many views there are of it."""
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    return sum(storages.values())


def machine() -> str:
    """One line about where this was measured."""
    names = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    load = os.getloadavg()[0]
    return (
        f"{names[0] if names else 'processor'}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, "
        f"Python {sys.version.split()[0]}, torch {torch.__version__}, load before the start {load:.1f}"
    )


def _lines(file: str) -> list[str]:
    try:
        with open(file) as lines:
            return lines.readlines()
    except OSError:
        return []

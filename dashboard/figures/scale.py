"""Which magnitude gets a picture's full colour: the largest one, unless that would leave all other cells pale."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

TOWERS = 20  # a largest cell of more than this many times the 99th percentile does not set the scale
PALE = 30  # nor one of more than this many times the median: cells like most others would be hard to see
THIN = 4  # nor, in attention, one of more than this many times the 99th percentile
FEWEST = 16  # cells of which one can be called an exception
SOME = -1  # cells off the scale: not counted, about 1 %

Scale = tuple[float, tuple[int, float]]
"""The magnitude of the full colour; how many cells lie beyond it, and the largest of them."""


ScaleKind = Literal["robust", "matrix", "heads"]
SCALES: tuple[ScaleKind, ...] = ("robust", "matrix", "heads")
"""What sets a scale: most cells of a matrix, its largest one, or most cells of all heads together."""


def reaching(scale: Scale) -> Scale:
    """The scale that leaves no cell out."""
    count, largest = scale[1]
    return (abs(largest), (0, 0.0)) if count else scale


def finite(values: np.ndarray, hidden: np.ndarray | None) -> np.ndarray:
    """The values that a scale is made from: neither masked nor infinite."""
    seen = values if hidden is None else values[~hidden]
    return seen[np.isfinite(seen)]


def scale_of(seen: np.ndarray, share: float | None = None) -> Scale:
    """The scale of these values.

    share: of shares that add up to 1 in each row, what each of a row would get if all got the same. Attention of a long
    text is thin: rows with few keys do not set its scale, nor is it ever finer than an equal share.
    """
    if seen.size == 0:
        return 1.0, (0, 0.0)
    magnitudes = np.abs(seen)
    largest = float(seen.flat[magnitudes.argmax()])
    usual = robust(magnitudes, abs(largest), share)
    if usual is None:
        return abs(largest) or 1.0, (0, 0.0)
    return usual, (int((magnitudes > usual).sum()), largest)


def robust(magnitudes: np.ndarray, largest: float, share: float | None = None) -> float | None:
    """The 99th percentile of magnitudes (all or a fair sample), where the largest of all makes no good scale."""
    if magnitudes.size < FEWEST:
        return None
    middle, high = magnitudes.size // 2, int(0.99 * (magnitudes.size - 1))  # of few cells, too, not the largest one
    ordered = np.partition(magnitudes.ravel(), (middle, high))
    typical, usual = float(ordered[middle]), float(ordered[high])
    if share is not None:
        usual = max(usual, share)
        return usual if largest > THIN * usual else None
    if usual == 0:
        return None
    if typical == 0:  # many are: those tell nothing about the others
        typical = float(np.median(magnitudes[magnitudes > 0]))
    return usual if largest > min(TOWERS * usual, PALE * typical) else None


def extreme(values: Tensor) -> float:
    """The finite value of largest magnitude."""
    if not values.numel():
        return 0.0
    low, high = values.nan_to_num(0, 0, 0).aminmax()
    return float(high if high >= -low else low)


class Sample:
    """What a scale needs of one head's values, which may come block by block: the largest, and a fair sample.

    every: of so many numbers one is taken. share: see `scale_of`. start: columns before it are left out. room: how many
    numbers are expected.
    """

    def __init__(self, every: int = 1, share: float | None = None, start: int = 0, room: int = 0) -> None:
        self.every, self.share, self.start = every, share, start
        self.extreme = 0.0
        self._taken, self._room = 0, torch.empty(room)

    @property
    def seen(self) -> Tensor:
        return self._room[: self._taken]

    def add(self, values: Tensor, mask: Tensor | None, largest: float | None = None) -> None:
        """Take in (rows, columns); what is masked or not finite is left out. largest: their extreme, if it is known."""
        part = values.flatten()[:: self.every]
        wanted = part.isfinite()
        if mask is not None:
            wanted &= ~mask.flatten()[:: self.every]
        if self.start:
            wanted &= torch.arange(0, values.numel(), self.every) % values.shape[-1] >= self.start
        self._keep(part[wanted])
        if largest is None:
            largest = extreme(values if mask is None else values.masked_fill(mask, 0))
        self.extreme = max(self.extreme, largest, key=abs)

    def _keep(self, part: Tensor) -> None:
        end = self._taken + len(part)
        if end > len(self._room):
            self._room = torch.cat([self._room, torch.empty(end)])
        self._room[self._taken : end] = part
        self._taken = end

    def scale(self) -> Scale:
        return scale_together([self])


def scale_together(samples: Sequence[Sample]) -> Scale:
    """One scale for several heads, as `scale_of`; how many cells are off it is known where the samples are of all."""
    first = samples[0]
    seen = torch.cat([sample.seen for sample in samples]).numpy()
    if first.every == 1:
        return scale_of(seen, first.share)
    largest = max((sample.extreme for sample in samples), key=abs)
    usual = robust(np.abs(seen), abs(largest), first.share)
    return (abs(largest) or 1.0, (0, 0.0)) if usual is None else (usual, (SOME, largest))

"""Which magnitude gets a picture's full colour: the largest one, unless that would leave all other cells pale."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

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
    if _plainly_fits(magnitudes, largest, middle, high, share):
        return None
    if share is not None:  # to find one place takes half as long as two
        usual = max(float(np.partition(magnitudes.ravel(), high)[high]), share)
        return usual if largest > THIN * usual else None
    ordered = np.partition(magnitudes.ravel(), (middle, high))
    typical, usual = float(ordered[middle]), float(ordered[high])
    if usual == 0:
        return None
    if typical == 0:  # many are: those tell nothing about the others
        typical = float(np.median(magnitudes[magnitudes > 0]))
    return usual if largest > min(TOWERS * usual, PALE * typical) else None


def _plainly_fits(magnitudes: np.ndarray, largest: float, middle: int, high: int, share: float | None) -> bool:
    """True where counting, which is far quicker than ordering, shows that the largest makes a good scale."""

    def reaches(index: int, ratio: int) -> bool:  # the value at this index of all in order is at least largest / ratio
        return int(np.count_nonzero(magnitudes > largest / ratio)) >= magnitudes.size - index

    if share is not None:
        return largest <= THIN * share or reaches(high, THIN)
    return largest > 0 and reaches(high, TOWERS) and reaches(middle, PALE)


def extreme(values: np.ndarray) -> float:
    """The finite value of largest magnitude; 0 where there is none."""
    if not values.size:
        return 0.0
    low, high = values.min(), values.max()
    if not np.isfinite([low, high]).all():
        values = np.nan_to_num(values, nan=0, posinf=0, neginf=0)
        low, high = values.min(), values.max()
    return float(high if high >= -low else low)


class Sample:
    """What a scale needs of one head's values, which may come block by block: the largest, and a fair sample.

    every: of so many numbers one is taken. share: see `scale_of`. start: columns before it are left out. room: how many
    numbers are expected.
    """

    def __init__(self, every: int = 1, share: float | None = None, start: int = 0, room: int = 0) -> None:
        self.every, self.share, self.start = every, share, start
        self.extreme = 0.0
        self._taken, self._room = 0, np.empty(room, np.float32)

    @property
    def seen(self) -> np.ndarray:
        return self._room[: self._taken]

    def add(self, values: np.ndarray, mask: np.ndarray | None, largest: float | None = None) -> None:
        """Take in (rows, columns); what is masked or not finite is left out. largest: their extreme, if it is known."""
        part = values.ravel()[:: self.every]
        if mask is not None or self.start:
            part = part[self._wanted(values, mask)]
        finite = np.isfinite(part)
        self._keep(part if finite.all() else part[finite])
        if largest is None:
            largest = extreme(values if mask is None else values[~mask])
        self.extreme = max(self.extreme, largest, key=abs)

    def _wanted(self, values: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """True where one of the numbers that are taken is neither masked nor in a column that is left out."""
        right = np.arange(0, values.size, self.every) % values.shape[-1] >= self.start
        return right if mask is None else right & ~mask.ravel()[:: self.every]

    def _keep(self, part: np.ndarray) -> None:
        end = self._taken + len(part)
        if end > len(self._room):
            self._room = np.concatenate([self._room, np.empty(end, np.float32)])
        self._room[self._taken : end] = part
        self._taken = end

    def scale(self) -> Scale:
        return scale_together([self])


def scale_together(samples: Sequence[Sample]) -> Scale:
    """One scale for several heads, as `scale_of`; how many cells are off it is known where the samples are of all."""
    first = samples[0]
    seen = first.seen if len(samples) == 1 else np.concatenate([sample.seen for sample in samples])
    if first.every == 1:
        return scale_of(seen, first.share)
    largest = max((sample.extreme for sample in samples), key=abs)
    usual = robust(np.abs(seen), abs(largest), first.share)
    return (abs(largest) or 1.0, (0, 0.0)) if usual is None else (usual, (SOME, largest))

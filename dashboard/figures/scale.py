"""Which magnitude gets a picture's full colour: the largest one, unless that would leave all other cells pale."""

from collections.abc import Sequence

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


class Sample:
    """What a scale needs of one head's values, which may come block by block: the largest, and a fair sample."""

    def __init__(self, every: int = 1, share: float | None = None) -> None:
        self.every, self.share, self.extreme = every, share, 0.0
        self.parts: list[Tensor] = []

    def add(self, values: Tensor, mask: Tensor | None) -> None:
        """Take these values in; what is masked or not finite is left out."""
        if mask is not None:
            values = values.masked_fill(mask, torch.nan)
        part = values.flatten()[:: self.every]
        self.parts.append(part[part.isfinite()])
        seen = values.nan_to_num(0, 0, 0)
        for extreme in (seen.amax(), seen.amin()) if seen.numel() else ():
            if abs(float(extreme)) > abs(self.extreme):
                self.extreme = float(extreme)

    def scale(self) -> Scale:
        return scale_together([self])


def scale_together(samples: Sequence[Sample]) -> Scale:
    """One scale for several heads, as `scale_of`; how many cells are off it is known where the samples are of all."""
    first = samples[0]
    seen = torch.cat([part for sample in samples for part in sample.parts]).numpy()
    if first.every == 1:
        return scale_of(seen, first.share)
    extreme = max((sample.extreme for sample in samples), key=abs)
    usual = robust(np.abs(seen), abs(extreme), first.share)
    return (abs(extreme) or 1.0, (0, 0.0)) if usual is None else (usual, (SOME, extreme))

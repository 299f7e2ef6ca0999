"""Large matrices made small enough to look at: each cell is the number of largest magnitude of its tile."""

import numpy as np
import torch
from torch import Tensor

from dashboard.figures.picture import ROBUST, Scale, scale_of

_SHIFT = 17  # bits of a float32 that the histogram leaves out: neighbouring bins are less than 2 % apart


def largest(values: Tensor, step: int, axis: int = -1) -> Tensor:
    """Of each `step` neighbours along an axis the one of largest magnitude; the last ones may be fewer."""
    if step == 1:
        return values
    tiles = _tiles(values, step, axis, 0)
    high, low = tiles.amax(-1), tiles.amin(-1)
    return torch.where(high >= -low, high, low).movedim(-1, axis)


def all_of(hidden: Tensor, step: int, axis: int = -1) -> Tensor:
    """True where all of each `step` neighbours are True."""
    return hidden if step == 1 else _tiles(hidden, step, axis, True).all(-1).movedim(-1, axis)


def _tiles(values: Tensor, step: int, axis: int, fill: float) -> Tensor:
    """(…, size) → (…, size / step, step), with `axis` moved to the end."""
    moved = values.movedim(axis, -1)
    moved = torch.nn.functional.pad(moved, (0, -moved.shape[-1] % step), value=fill)
    return moved.unflatten(-1, (-1, step))


def exact_scale(values: Tensor, hidden: Tensor | None) -> Scale:
    """The scale of one head's values, all of which are at hand."""
    seen = (values if hidden is None else values[~hidden]).numpy()
    return scale_of(seen if np.isfinite(np.abs(seen).max(initial=0)) else seen[np.isfinite(seen)])


class Magnitudes:
    """A histogram of magnitudes that come block by block: enough for a robust scale, within 2 %.

    The upper bits of a float32 grow with its magnitude, so they are the bins.
    """

    def __init__(self) -> None:
        self.counts = np.zeros(1 << (31 - _SHIFT), np.int64)
        self.extreme = 0.0

    def add(self, values: Tensor) -> None:
        """Count these float32 numbers; those that are not finite are left out."""
        seen = values[values.isfinite()].numpy()
        if not seen.size:
            return
        magnitudes = np.abs(seen)
        most = int(magnitudes.argmax())
        if magnitudes[most] > abs(self.extreme):
            self.extreme = float(seen[most])
        self.counts += np.bincount(magnitudes.view(np.int32) >> _SHIFT, minlength=len(self.counts))

    def scale(self) -> Scale:
        """As `scale_of`: the largest magnitude, or where it towers over the 99th percentile, that percentile."""
        total = int(self.counts.sum())
        if not total:
            return 1.0, (0, 0.0)
        bin_ = int(np.searchsorted(self.counts.cumsum(), 0.99 * total))
        usual = float(np.array([(bin_ + 1) << _SHIFT], np.int32).view(np.float32)[0])
        if 0 < usual * ROBUST < abs(self.extreme):
            return usual, (int(self.counts[bin_ + 1 :].sum()), self.extreme)
        return abs(self.extreme) or 1.0, (0, 0.0)

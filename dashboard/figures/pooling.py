"""Large matrices made small enough to look at: each cell is the number of largest magnitude of its tile."""

import numpy as np
import torch
from torch import Tensor

from dashboard.figures.picture import ROBUST, SOME, Scale, scale_of


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


class Sample:
    """What a scale needs of one head's values, which may come block by block: the largest, and a fair sample."""

    def __init__(self, every: int = 1) -> None:
        self.every, self.extreme = every, 0.0
        self._parts: list[Tensor] = []

    def add(self, values: Tensor, mask: Tensor | None) -> None:
        """Take these values in; what is masked or not finite is left out."""
        if mask is not None:
            values = values.masked_fill(mask, torch.nan)
        part = values.flatten()[:: self.every]
        self._parts.append(part[part.isfinite()])
        seen = values.nan_to_num(0, 0, 0)
        for extreme in (seen.amax(), seen.amin()) if seen.numel() else ():
            if abs(float(extreme)) > abs(self.extreme):
                self.extreme = float(extreme)

    def scale(self) -> Scale:
        """As `scale_of`; how many cells are off the scale is known where the sample is of all."""
        seen = torch.cat(self._parts).numpy()
        if self.every == 1:
            return scale_of(seen)
        usual = float(np.percentile(np.abs(seen), 99)) if seen.size else 0.0
        if 0 < usual * ROBUST < abs(self.extreme):
            return usual, (SOME, self.extreme)
        return abs(self.extreme) or 1.0, (0, 0.0)

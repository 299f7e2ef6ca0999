"""Large matrices made small enough to look at: each cell is the number of largest magnitude of its tile."""

import numpy as np
import torch
from torch import Tensor

from dashboard.figures.picture import tile_size


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


class Pooled:
    """A large matrix of each head as a small one, put together from blocks of rows whose columns are pooled already."""

    def __init__(self, heads: int, rows: int, columns: int) -> None:
        self.tile = tile_size(rows), tile_size(columns)
        shape = heads, -(-rows // self.tile[0]), -(-columns // self.tile[1])
        self._high, self._low = torch.full(shape, -torch.inf), torch.full(shape, torch.inf)

    def add(self, values: Tensor, start: int) -> None:
        """Take in (heads, rows, columns), the first of which is the matrix's row `start`."""
        before = start % self.tile[0]  # rows of the first tile, which are there already
        after = -(before + values.shape[1]) % self.tile[0]
        for kept, of_tile, of_both, fill in ((self._high, torch.amax, torch.maximum, -torch.inf),
                                             (self._low, torch.amin, torch.minimum, torch.inf)):  # fmt: skip
            tiles = torch.nn.functional.pad(values, (0, 0, before, after), value=fill).unflatten(1, (-1, self.tile[0]))
            there = kept.narrow(1, start // self.tile[0], tiles.shape[1])
            there.copy_(of_both(there, of_tile(tiles, 2)))

    def values(self) -> np.ndarray:
        """Of each tile the number of largest magnitude."""
        return torch.where(self._high >= -self._low, self._high, self._low).numpy()

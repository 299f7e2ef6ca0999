"""Large matrices made small enough to look at: each cell stands for a tile of numbers."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from dashboard.figures.picture import POOLINGS, Pooling, tile_size


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
    """A large matrix of each head as a small one, put together from blocks of rows; masked cells do not count."""

    def __init__(self, heads: int, rows: int, columns: int) -> None:
        self.tile = tile_size(rows), tile_size(columns)
        shape = heads, -(-rows // self.tile[0]), -(-columns // self.tile[1])
        self._high, self._low = torch.full(shape, -torch.inf), torch.full(shape, torch.inf)
        self._sum, self._count = torch.zeros(shape), torch.zeros((1, *shape[1:]))

    def add(self, values: Tensor, mask: Tensor | None, start: int) -> Tensor:
        """Take in (heads, rows, columns), the first of which is the matrix's row `start`, less what `mask` (rows,
        columns) hides. Returns the largest magnitudes (heads, rows, tiles of columns), 0 where all is hidden.
        """
        step = self.tile[1]
        seen = torch.ones_like(values[:1]) if mask is None else (~mask)[None].to(values.dtype)
        high, low = (
            _tiles(values if mask is None else values.masked_fill(mask, far), step, -1, far)
            for far in (-torch.inf, torch.inf)
        )
        total, count = (_tiles(v, step, -1, 0) for v in (values if mask is None else values.masked_fill(mask, 0), seen))
        high, low = high.amax(-1), low.amin(-1)
        for kept, part, of_tile, of_both, fill in (
            (self._high, high, torch.amax, torch.maximum, -torch.inf),
            (self._low, low, torch.amin, torch.minimum, torch.inf),
            (self._sum, total.sum(-1), torch.sum, torch.add, 0),
            (self._count, count.sum(-1), torch.sum, torch.add, 0),
        ):
            self._merge(kept, part, start, of_tile, of_both, fill)
        return _larger(high, low, count.sum(-1) == 0)

    def _merge(self, kept: Tensor, part: Tensor, start: int, of_tile: Any, of_both: Any, fill: float) -> None:
        before = start % self.tile[0]  # rows of the first tile, which are there already
        after = -(before + part.shape[1]) % self.tile[0]
        tiles = torch.nn.functional.pad(part, (0, 0, before, after), value=fill).unflatten(1, (-1, self.tile[0]))
        there = kept.narrow(1, start // self.tile[0], tiles.shape[1])
        there.copy_(of_both(there, of_tile(tiles, 2)))

    def values(self) -> dict[Pooling, np.ndarray]:
        """The small matrices, one for each way of pooling; 0 where all is hidden."""
        largest = _larger(self._high, self._low, self._count == 0).numpy()
        if self.tile == (1, 1):
            return dict.fromkeys(POOLINGS, largest)
        high = self._high.masked_fill(self._count == 0, 0)
        return {"largest": largest, "mean": (self._sum / self._count.clamp(min=1)).numpy(), "maximum": high.numpy()}

    def hidden(self) -> np.ndarray:
        """True where all of a tile is hidden (rows, columns)."""
        return (self._count[0] == 0).numpy()


def _larger(high: Tensor, low: Tensor, hidden: Tensor) -> Tensor:
    """Of the highest and the lowest of each tile the one of larger magnitude; 0 where all of it is hidden."""
    return torch.where(high >= -low, high, low).masked_fill(hidden, 0)

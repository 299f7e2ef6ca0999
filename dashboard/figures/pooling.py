"""Large matrices made small enough to look at: each cell stands for a tile of numbers.

Here and in `scale` everything is numpy: torch would share each of these many small tasks out among its threads, and
they would wait for the browser that draws on the same machine.
"""

import numpy as np

from dashboard.figures.picture import POOLINGS, Pooling, tile_size


def largest(values: np.ndarray, step: int, axis: int = -1) -> np.ndarray:
    """Of each `step` neighbours along an axis the one of largest magnitude; the last ones may be fewer."""
    if step == 1:
        return values
    high, low = (_of_each(step, op, values, axis) for op in (np.maximum, np.minimum))
    return np.where(high >= -low, high, low)


def all_of(hidden: np.ndarray, step: int, axis: int = -1) -> np.ndarray:
    """True where all of each `step` neighbours are True."""
    return _of_each(step, np.logical_and, hidden, axis)


def _of_each(step: int, op: np.ufunc, values: np.ndarray, axis: int = -1) -> np.ndarray:
    """`op` over each `step` neighbours along an axis; the last ones may be fewer."""
    if step == 1:
        return values
    moved = np.moveaxis(values, axis, -1)
    whole, size = moved.shape[-1] // step, moved.shape[-1]
    small = np.empty((*moved.shape[:-1], -(-size // step)), values.dtype)
    inner, tiled = small[..., :whole], moved[..., : whole * step]
    inner[...] = tiled[..., ::step]
    for i in range(1, step):  # many tiles at once: quicker than one tile after the other
        op(inner, tiled[..., i::step], out=inner)
    if whole * step < size:
        small[..., -1] = op.reduce(moved[..., whole * step :], -1)
    return np.moveaxis(small, -1, axis)


class Pooled:
    """A large matrix of each head as a small one, put together from blocks of rows; masked cells do not count."""

    def __init__(self, heads: int, rows: int, columns: int) -> None:
        self.tile = tile_size(rows), tile_size(columns)
        shape = heads, -(-rows // self.tile[0]), -(-columns // self.tile[1])
        self._high, self._low = np.full(shape, -np.inf, np.float32), np.full(shape, np.inf, np.float32)
        self._sum, self._count = np.zeros(shape, np.float32), np.zeros((1, *shape[1:]), np.float32)

    def add(self, values: np.ndarray, mask: np.ndarray | None, start: int) -> np.ndarray:
        """Take in (heads, rows, columns), the first of which is the matrix's row `start`, less what `mask` (rows,
        columns) hides. Returns the largest magnitudes (heads, rows, tiles of columns), 0 where all is hidden.
        """
        step = self.tile[1]
        seen = np.ones(values.shape[1:], np.float32) if mask is None else (~mask).astype(np.float32)
        high = _of_each(step, np.maximum, _filled(values, mask, -np.inf))
        low = _of_each(step, np.minimum, _filled(values, mask, np.inf))
        total = _of_each(step, np.add, _filled(values, mask, 0))
        count = _of_each(step, np.add, seen[None])
        self._merge(self._high, high, start, np.maximum, -np.inf)
        self._merge(self._low, low, start, np.minimum, np.inf)
        self._merge(self._sum, total, start, np.add, 0)
        self._merge(self._count, count, start, np.add, 0)
        return _larger(high, low, count == 0)

    def _merge(self, kept: np.ndarray, part: np.ndarray, start: int, op: np.ufunc, fill: float) -> None:
        first, before = divmod(start, self.tile[0])  # `before` rows of the first tile are there already
        if before:
            part = np.pad(part, ((0, 0), (before, 0), (0, 0)), constant_values=fill)
        tiles = _of_each(self.tile[0], op, part, 1)
        there = kept[:, first : first + tiles.shape[1]]
        op(there, tiles, out=there)

    def values(self) -> dict[Pooling, np.ndarray]:
        """The small matrices, one for each way of pooling; 0 where all is hidden."""
        largest = _larger(self._high, self._low, self._count == 0)
        if self.tile == (1, 1):
            return dict.fromkeys(POOLINGS, largest)
        high = np.where(self._count == 0, np.float32(0), self._high)
        return {"largest": largest, "mean": self._sum / np.maximum(self._count, 1), "maximum": high}

    def hidden(self) -> np.ndarray:
        """True where all of a tile is hidden (rows, columns)."""
        return np.asarray(self._count[0] == 0)


def _filled(values: np.ndarray, mask: np.ndarray | None, fill: float) -> np.ndarray:
    return values if mask is None else np.where(mask, values.dtype.type(fill), values)


def _larger(high: np.ndarray, low: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Of the highest and the lowest of each tile the one of larger magnitude; 0 where all of it is hidden."""
    larger = np.where(high >= -low, high, low)
    larger[np.broadcast_to(hidden, larger.shape)] = 0
    return larger

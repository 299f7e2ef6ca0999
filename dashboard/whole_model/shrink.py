"""A matrix made as small as a cell of the map, block of rows by block of rows.

What heads have of their own is shown of all heads at once: queries, keys and values side by side, as the weights
compute them; scores in a grid; attention weights as one thumbnail for each head.
"""

import math

import numpy as np

from dashboard.browser import Thumbnail
from dashboard.figures.picture import tile_size
from dashboard.figures.pooling import all_of, largest
from dashboard.figures.scale import Sample
from llm_core import Matrix

CELLS = 24  # at most, in each direction
IN_GRID = 12  # of one head among others
_COUNTED = 20_000  # numbers of a block that its scale looks at
_WHOLE = 1.0  # the scale of attention: all of them can be compared


class Shrunk:
    """One matrix on its way to a thumbnail, or of attention weights to one for each head."""

    def __init__(self, matrix: Matrix) -> None:
        self.entry = matrix.entry
        self.attention = matrix.entry.operation == "softmax" and matrix.axes[-1] == "key"
        self.by_head = self.attention or matrix.axes == ("head", "query", "key")
        self._values: list[np.ndarray] = []
        self._hidden: list[np.ndarray] = []
        self._sample = Sample(max(1, matrix.shared.numel() // _COUNTED))

    def add(self, matrix: Matrix) -> None:
        """Take these rows in; no more of them is kept than the thumbnail's columns."""
        values = matrix.shared.float().numpy()
        hidden = None if matrix.mask is None else matrix.mask.numpy()
        self._sample.add(values, None if hidden is None else np.broadcast_to(hidden, values.shape))
        if matrix.axes[-1] == "vocab":
            values = _wrapped(values[0])
        elif values.ndim == 3 and not self.by_head:
            values = values.swapaxes(0, 1).reshape(values.shape[1], -1)  # (rows, heads · columns)
        step = tile_size(values.shape[-1], self._cells(values))
        self._values.append(largest(values if hidden is None else np.where(hidden, np.float32(0), values), step))
        if hidden is not None:
            self._hidden.append(all_of(hidden, step))

    def thumbnails(self) -> list[Thumbnail]:
        """The finished pictures: one for each head of attention weights, else one."""
        values = np.concatenate(self._values, -2)
        step = tile_size(values.shape[-2], self._cells(values))
        small = largest(values, step, -2)
        hidden = all_of(np.concatenate(self._hidden), step, -2) if self._hidden else None
        if self.attention:
            return [Thumbnail(head, "probability", hidden, _WHOLE) for head in small]
        if self.by_head and hidden is not None:
            small = np.where(hidden, np.nan, small)
        # of all cells: where few of them tower, they tower in each pooled cell as well
        scale, _ = self._sample.scale()
        return [Thumbnail(_grid(small) if self.by_head else small, self.entry.quantity, scale=scale)]

    def _cells(self, values: np.ndarray) -> int:
        return IN_GRID if self.by_head and not self.attention and len(values) > 1 else CELLS


def _wrapped(row: np.ndarray) -> np.ndarray:
    """One long row (v) as lines of a square (≤ 24, 24), the last one filled up with what is not there."""
    row = largest(row, max(1, math.ceil(len(row) / CELLS**2)))
    return np.pad(row, (0, -len(row) % CELLS), constant_values=np.nan).reshape(-1, CELLS)


def _grid(heads: np.ndarray) -> np.ndarray:
    """(h, r, c) → all heads in a square of squares, row by row; as many as still can be told apart."""
    count, rows, columns = heads.shape
    across = math.isqrt(count - 1) + 1
    down = math.ceil(count / across)
    padded = np.full((across * down, rows, columns), np.nan, heads.dtype)
    padded[:count] = heads
    grid = padded.reshape(down, across, rows, columns).swapaxes(1, 2).reshape(down * rows, across * columns)
    return grid[:: math.ceil(grid.shape[0] / 64), :: math.ceil(grid.shape[1] / 64)]

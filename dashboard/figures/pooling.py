"""Large matrices made small enough to look at: each cell is the number of largest magnitude of its tile."""

import torch
from torch import Tensor


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

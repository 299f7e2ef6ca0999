"""From the engine's matrices and weights to the pictures that figures are made of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from dashboard.figures.picture import Picture, finite, pool, scale_of
from llm_core import Matrix, Step, catalogue
from llm_core.catalogue import Entry

_HEADS = ("head", "kv_head")


@dataclass(frozen=True)
class Tokens:
    """Some tokens of the vocabulary, whose columns stand for all `of` of them, and their labels."""

    ids: Sequence[int]
    labels: Sequence[str]
    of: int


class Pictures:
    """The pictures of one step. Its matrices are derived together, once."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.model = step.run.model  # and the run stays alive as long as its pictures are made
        self.run = step.run
        self._matrices: dict[str, Matrix] = {matrix.name: matrix for matrix in step.matrices(step.names)}

    def __contains__(self, name: str) -> bool:
        return name in self._matrices

    def values(self, name: str) -> torch.Tensor:
        """The values of a matrix, whole."""
        return self._matrices[name].values

    def matrix(self, name: str, tokens: Tokens | None = None, head: int = 0) -> Picture:
        """One matrix of the step, one head of it; of the vocabulary, the columns of some tokens."""
        matrix = self._matrices[name]
        row_axis, column_axis = matrix.axes[-2:]
        grid = matrix.values[head] if matrix.axes[0] in _HEADS else matrix.values
        if tokens is not None:
            grid = grid[:, list(tokens.ids)]
        start = self.step.positions.start if len(grid) > 1 else self.step.positions[-1]
        return _picture(
            matrix.entry, grid, tokens,
            hidden=None if matrix.mask is None else matrix.mask.numpy(),
            kind="cache" if row_axis == "key" else "activation",
            cached=self.step.positions.start if row_axis == "key" else 0,
            row_start=0 if row_axis == "key" else start,
            column_start=0 if column_axis == "key" else None,
            column_labels=matrix.labels[-1] if column_axis == "key" else None,
            row_names=matrix.labels[-2],
        )  # fmt: skip

    def labelled(self, name: str) -> Picture:
        """One matrix with its tokens at the left: the first one of an equation."""
        return replace(self.matrix(name), row_labels=self._matrices[name].labels[-2])

    def weight(self, name: str, rows: Sequence[int] | None = None, tokens: Tokens | None = None) -> Picture:
        """A weight; of the vocabulary, the rows or the columns of some tokens."""
        entry = catalogue.weight(self.model.config, name)
        grid = self.model.get_parameter(name).detach()
        grid = grid if grid.ndim == 2 else grid[None]
        if rows is not None:
            grid = grid[list(rows)]
        if tokens is not None and entry.axes[0] == "vocab" and len(entry.axes) == 2:  # tied: the embedding, transposed
            entry, grid = replace(entry, symbol=f"{entry.symbol}ᵀ", axes=entry.axes[::-1]), grid.mT
        if tokens is not None:
            grid = grid[:, list(tokens.ids)]
        picture = _picture(entry, grid, tokens, kind="weight")
        if rows is not None:
            picture = replace(picture, notes=(f"{len(rows):,} of {entry.shape[0]:,} rows", *picture.notes))
        return picture


def _picture(entry: Entry, grid: torch.Tensor, tokens: Tokens | None, hidden: np.ndarray | None = None,
             row_start: int | None = None, column_start: int | None = None, **more: object) -> Picture:  # fmt: skip
    """A picture of the entry's last two axes, pooled where it has too many cells, with a scale of its own."""
    whole = grid.float().numpy()
    row_word, column_word = ("", *entry.axes)[-2:]
    values, tile = pool(whole)
    notes: list[str] = []
    if tokens is not None:
        notes.append(f"{len(tokens.ids)} of {tokens.of:,} columns")
    if tile != (1, 1):
        notes.append(f"each cell: the largest of {tile[0]} × {tile[1]}")
        hidden = None if hidden is None else pool(hidden.astype(np.float32))[0] > 0
        row_start, column_start = (row_start if tile[0] == 1 else None), (column_start if tile[1] == 1 else None)
    scale, off_scale = scale_of(finite(whole, hidden if tile == (1, 1) else None))
    return Picture(
        entry.name, entry.symbol, "×".join(f"{size:,}" for size in whole.shape), values, quantity=entry.quantity,
        row_word=row_word, column_word=column_word, row_start=row_start, column_start=column_start, hidden=hidden,
        scale=scale, off_scale=off_scale, notes=tuple(notes),
        **({"column_labels": tokens.labels} if tokens else {}) | more,
    )  # fmt: skip

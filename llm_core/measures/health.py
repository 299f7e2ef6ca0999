"""The health of a step's matrices: range, size, zeros, what is not finite, and where attention goes.

Of a long prompt no matrix is held whole: rows come in blocks, and each block is counted and let go. Cells that the mask
hides are no cells here: their −∞ is meant, and their zeros say nothing.

Axis letters: h head, p position, s cached positions.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llm_core.runs.derivation import blocks
from llm_core.runs.generation import Step, need_step
from llm_core.runs.matrix import Matrix


@dataclass(frozen=True)
class Health:
    """What is counted of one matrix, or of one head of it.

    head: None where the figures are of the whole matrix; shape: rows and columns, those of heads side by side.
    cells: how many the mask leaves. minimum, maximum: of the finite ones (NaN where there is none).
    norm: √Σ x² over the finite ones. zeros: the share of cells that are exactly 0. nan, infinite: how many cells are.
    Of attention weights only: entropy, −Σ a log₂ a of a row, in bits; first, the share of a row that goes to the first
    token; each the mean over the rows that have more than one token to look at (None where there is no such row).
    """

    name: str
    head: int | None
    shape: tuple[int, ...]
    cells: int
    minimum: float
    maximum: float
    norm: float
    zeros: float
    nan: int
    infinite: int
    entropy: float | None = None
    first: float | None = None

    @property
    def sound(self) -> bool:
        """True where every cell is a finite number."""
        return not self.nan and not self.infinite


def in_blocks(step: Step, names: Sequence[str], rows: range | None = None) -> Iterator[Matrix]:
    """The named matrices of one layer, in blocks of rows: what is large is never there as a whole, and nothing is kept.

    rows: only these rows of the step (0 is its first). A matrix whose rows are not the step's (cached keys and values,
    the logits) comes once. Raises ValueError as `Step.matrices` does.
    """
    need_step(step, "to measure health")
    seen: set[str] = set()
    for block in blocks(step, rows):
        wanted = [name for name in names if name not in seen]
        for matrix in step.matrices(wanted, block, keep=False) if wanted else []:
            if matrix.axes[-2] == "key" or matrix.axes[-1] == "vocab":
                seen.add(matrix.name)
            yield matrix


def health(step: Step, names: Sequence[str], rows: range | None = None) -> list[Health]:
    """The health of the named matrices of one layer, of attention weights one for each head. See `in_blocks`."""
    tallies: dict[str, Tally] = {}
    for matrix in in_blocks(step, names, rows):
        tallies.setdefault(matrix.name, Tally(matrix)).add(matrix)
    return [found for name in names for found in tallies[name].result()]


CELLS_AT_ONCE = 2**18  # 1 MB of float32: what is made on the way to a figure is never larger


class Tally:
    """Counts one matrix, block of rows by block of rows.

    The totals have their place from the beginning and are changed there: small tensors that stay, left between large
    ones that go, would make the process several times as large as it need be.
    """

    def __init__(self, matrix: Matrix) -> None:
        self.name = matrix.name
        self.attention = matrix.entry.operation == "softmax" and matrix.axes[-1] == "key"
        self._rows = self._columns = 0
        self._heads = matrix.shape[0] if len(matrix.shape) == 3 else 1
        names = [*_WHOLE, *(_ATTENTION if self.attention else ())]
        self._totals = {name: torch.full((self._heads,), _START.get(name, 0.0), dtype=torch.float64) for name in names}

    def add(self, matrix: Matrix) -> None:
        """Count the cells of these rows."""
        values = matrix.shared if matrix.shared.ndim == 3 else matrix.shared[None]  # (h, p, s)
        _, rows, self._columns = values.shape
        self._rows += rows
        size = max(1, CELLS_AT_ONCE // max(1, self._heads * self._columns))  # rows
        for start in range(0, rows, size):
            part = slice(start, min(start + size, rows))
            for name, count in self._counts(values[:, part], None if matrix.mask is None else ~matrix.mask[part]):
                fold, total = _FOLDS.get(name, torch.add), self._totals[name]
                fold(total, count.double(), out=total)

    def _counts(self, values: Tensor, seen: Tensor | None) -> Iterator[tuple[str, Tensor]]:
        """The figures (h) of a few rows (h, p, s); seen (p, s): what the mask leaves, None where that is all."""
        if seen is None:
            seen = torch.ones(values.shape[1:], dtype=torch.bool)
        cells = seen.sum()
        finite = values.isfinite() & seen
        nan = torch.count_nonzero(values.isnan() & seen, (-2, -1))
        yield "cells", cells.expand(self._heads)
        yield "nan", nan
        yield "infinite", cells - torch.count_nonzero(finite, (-2, -1)) - nan
        yield "zeros", torch.count_nonzero((values == 0) & seen, (-2, -1))
        hidden = ~finite
        yield "minimum", values.masked_fill(hidden, torch.inf).amin((-2, -1))
        yield "maximum", values.masked_fill(hidden, -torch.inf).amax((-2, -1))
        known = values.masked_fill(hidden, 0)
        yield "squares", torch.linalg.vector_norm(known, dim=(-2, -1), dtype=torch.float64).square()
        if self.attention:
            free = values[:, seen.sum(-1) > 1]  # (h, rows that have a choice, s)
            yield "free", torch.tensor(free.shape[1]).expand(self._heads)
            yield "entropy", torch.special.entr(free.float()).sum((-2, -1), dtype=torch.float64) / math.log(2)
            yield "first", free[..., 0].sum(-1, dtype=torch.float64)

    def result(self) -> list[Health]:
        """What was counted: of attention weights one for each head, of any other matrix one for all of it."""
        heads = {name: total.tolist() for name, total in self._totals.items()}  # [h]
        if self.attention:
            return [self._health({name: counts[h] for name, counts in heads.items()}, h) for h in range(self._heads)]
        return [self._health({name: _OF_HEADS.get(name, sum)(counts) for name, counts in heads.items()}, None)]

    def _health(self, counts: dict[str, float], head: int | None) -> Health:
        cells, nan, infinite = (int(counts[name]) for name in ("cells", "nan", "infinite"))
        empty = cells == nan + infinite
        shape = (
            (self._rows, self._columns)
            if head is not None or self._heads == 1
            else (self._heads, self._rows, self._columns)
        )
        return Health(
            self.name,
            head,
            shape,
            cells,
            math.nan if empty else counts["minimum"],
            math.nan if empty else counts["maximum"],
            math.sqrt(counts["squares"]),
            counts["zeros"] / max(cells, 1),
            nan,
            infinite,
            _mean(counts, "entropy"),
            _mean(counts, "first"),
        )


_WHOLE = ("cells", "minimum", "maximum", "squares", "zeros", "nan", "infinite")
_ATTENTION = ("free", "entropy", "first")
# How counts of blocks, or of heads, come together where they do not add up, and where the two begin.
_FOLDS = {"minimum": torch.minimum, "maximum": torch.maximum}
_START = {"minimum": math.inf, "maximum": -math.inf}
_OF_HEADS = {"minimum": min, "maximum": max}


def _mean(counts: dict[str, float], name: str) -> float | None:
    """Over the rows of attention that have a choice."""
    rows = counts.get("free", 0)
    return counts[name] / rows if rows else None

"""A step's matrices, small enough to draw: whole where they are small, else pooled block of rows by block of rows.

A layer's attention over a long prompt has more numbers than memory: for 8,192 tokens and 9 heads 2.4 GB a matrix. So
its rows are derived in blocks, and of each block no more is kept than a picture can show.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from dashboard.figures.picture import tile_size
from dashboard.figures.pooling import all_of, largest
from dashboard.figures.scale import Sample, Scale, scale_together
from llm_core import Matrix, ModelConfig, Step, catalogue
from llm_core.catalogue import Entry
from llm_core.trace import ROWS_PER_BLOCK

_COUNTED, _EVERY = 300_000, 61  # numbers of a head up to which a scale looks at all; else at one of so many
WHOLE = 32 * 2**20  # bytes of one matrix up to which it is derived in one go, and kept for the next look
HEADS = ("head", "kv_head")


@dataclass(frozen=True)
class Reading:
    """What is known of one matrix after it was read once.

    values: (heads, rows, columns), pooled; shape: the matrix's rows and columns before; tile: how many of them each
    cell stands for. hidden: True where the mask hides all of a cell. arrives: False where the derived layer missed the
    run's next door.
    """

    entry: Entry
    values: np.ndarray
    shape: tuple[int, int]
    tile: tuple[int, int]
    hidden: np.ndarray | None
    labels: tuple[Sequence[str], Sequence[str]]
    arrives: bool
    scales: list[list[Scale]]  # of each head; of attention a second time, its first column left out
    shared: list[Scale]  # of all heads together, likewise

    def scale(self, head: int, skip_first: bool = False) -> Scale:
        """The scale of one head's values; skip_first: of attention, its first column left out."""
        return self.scales[skip_first][head]


def share_of(entry: Entry, columns: int) -> float | None:
    """Of numbers that are shares, the least that a scale of these columns may end at (see `scale_of`)."""
    if entry.quantity != "probability":
        return None
    return 1 / columns if entry.axes[-1] == "key" else 1.0  # of tokens the likeliest one sets the scale


def read(step: Step, names: Sequence[str]) -> dict[str, Reading]:
    """Read these matrices of a step; all of one layer share one pass of it. What was read lately is remembered."""
    run = step.run
    return _read(run.model.fingerprint, tuple(run.ids[: step.positions.stop]), step.index, tuple(names), step)


@st.cache_resource(max_entries=12, show_spinner=False)
def _read(
    fingerprint: str, ids: tuple[int, ...], index: int, names: tuple[str, ...], _step: Step
) -> dict[str, Reading]:
    step = _step
    readers = {name: _Reader(catalogue.matrix(step.run.model.config, name), len(step.positions)) for name in names}
    if not readers:
        return {}
    for rows in _blocks(step, names):
        for matrix in step.matrices(list(readers), rows):
            readers[matrix.name].add(matrix)
    return {name: reader.reading() for name, reader in readers.items()}


def _blocks(step: Step, names: Sequence[str]) -> Iterator[range | None]:
    """The blocks of rows to read one after the other; None: all at once."""
    rows = len(step.positions)
    if 4 * rows * max(_row_size(step, name) for name in names) <= WHOLE:
        yield None
        return
    for start in range(0, rows, ROWS_PER_BLOCK):
        yield range(start, min(start + ROWS_PER_BLOCK, rows))


def _row_size(step: Step, name: str) -> int:
    """How many numbers one row of a matrix has, those of all heads together."""
    config: ModelConfig = step.run.model.config
    sizes = {"head": config.heads, "kv_head": config.kv_heads, "head_dim": config.head_dim, "key": step.positions.stop,
             "model": config.model_dim, "hidden": config.feedforward_dim}  # fmt: skip
    axes = catalogue.matrix(config, name).axes
    if axes[-2] == "key" or axes[-1] == "vocab":  # these do not grow with the rows that are asked for
        return 0
    return math.prod(sizes[a] for a in axes if a not in ("position", "query"))


class _Reader:
    """One matrix, put together from its blocks of rows."""

    def __init__(self, entry: Entry, rows: int) -> None:
        self.entry, self.rows = entry, rows
        # cached keys and values come whole with each block, the logits' one row as well
        self.once = entry.axes[-2] == "key" or entry.axes[-1] == "vocab"
        self.values: list[Tensor] = []
        self.hidden: list[Tensor] = []
        self.labels: list[str] = []
        self.samples: list[list[Sample]] = []  # of each head; of attention once more, its first column left out
        self.arrives = True

    def add(self, matrix: Matrix) -> None:
        self.arrives = self.arrives and matrix.arrives
        if self.once and self.values:
            return
        values = (matrix.values if matrix.axes[0] in HEADS else matrix.values[None]).float()
        if self.entry.axes[-1] == "vocab":
            values = values[..., :0]  # of tens of thousands of tokens a picture takes its own choice
        self.columns = values.shape[-1]
        self.column_labels = matrix.labels[-1]
        self.labels += matrix.labels[-2]
        self._measure(values, matrix.mask)
        step = tile_size(self.columns)
        self.values.append(largest(values if matrix.mask is None else values.masked_fill(matrix.mask, 0), step))
        if matrix.mask is not None:
            self.hidden.append(all_of(matrix.mask, step))

    def _measure(self, values: Tensor, mask: Tensor | None) -> None:
        """Take in what scales need: all of a small matrix, a sample of a large one."""
        if not self.samples:
            every = 1 if max(self.rows, values.shape[-2]) * self.columns <= _COUNTED else _EVERY
            starts = (0, 1) if self.entry.quantity == "probability" else (0,)
            share = share_of(self.entry, self.columns)
            self.samples = [[Sample(every, share) for _ in values] for _ in starts]
        for start, samples in enumerate(self.samples):
            for head, sample in zip(values, samples, strict=True):
                sample.add(head[:, start:], None if mask is None else mask[:, start:])

    def reading(self) -> Reading:
        values = torch.cat(self.values, -2)
        rows = values.shape[-2]
        tile = tile_size(rows), tile_size(self.columns)
        hidden = all_of(torch.cat(self.hidden), tile[0], -2).numpy() if self.hidden else None
        scales = [[sample.scale() for sample in samples] for samples in self.samples]
        shared = [scale_together(samples) for samples in self.samples]
        return Reading(self.entry, largest(values, tile[0], -2).numpy(), (rows, self.columns), tile, hidden,
                       (self.labels, self.column_labels), self.arrives, scales, shared)  # fmt: skip

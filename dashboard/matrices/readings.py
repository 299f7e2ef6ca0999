"""A step's matrices, small enough to draw: whole where they are small, else pooled block of rows by block of rows.

A layer's attention over a long prompt has more numbers than memory: for 8,192 tokens and 9 heads 2.4 GB a matrix. So
its rows are derived in blocks, and of each block no more is kept than a picture can show.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from dashboard.figures.picture import Pooling
from dashboard.figures.pooling import Pooled
from dashboard.figures.scale import Sample, Scale, ScaleKind, extreme, reaching, scale_together
from dashboard.server import turns
from dashboard.server.kept import Kept
from dashboard.server.memory import DERIVED_WHOLE
from dashboard.server.models import third_of_memory
from llm_core import Matrix, Step, catalogue
from llm_core.catalogue.axis_sizes import row_size
from llm_core.catalogue.entry import Entry
from llm_core.runs.derivation import blocks

_COUNTED, _EVERY = 300_000, 61  # numbers of a head up to which a scale looks at all; else at one of so many
HEADS = ("head", "kv_head")
_LABEL = 64  # bytes, about, of a label


@dataclass(frozen=True)
class Reading:
    """What is known of one matrix after it was read once.

    pooled: (heads, rows, columns) for each way of pooling; shape: the matrix's rows and columns before; tile: how many
    of them each cell stands for. hidden: True where the mask hides all of a cell. arrives: False where the derived
    layer missed the run's next door.
    """

    entry: Entry
    pooled: dict[Pooling, np.ndarray]
    shape: tuple[int, int]
    tile: tuple[int, int]
    hidden: np.ndarray | None
    labels: tuple[Sequence[str], Sequence[str]]
    arrives: bool
    scales: list[list[Scale]]  # of each head; of attention a second time, its first column left out
    shared: list[Scale]  # of all heads together, likewise

    @property
    def values(self) -> np.ndarray:
        """(heads, rows, columns), of each tile the number of largest magnitude."""
        return self.pooled["largest"]

    @property
    def nbytes(self) -> int:
        """About how many bytes it takes."""
        arrays = [*self.pooled.values(), *([] if self.hidden is None else [self.hidden])]
        return sum(array.nbytes for array in arrays) + _LABEL * sum(map(len, self.labels))

    def scale(self, head: int, skip_first: bool = False, kind: ScaleKind = "robust") -> Scale:
        """The scale of one head's values; skip_first: of attention, its first column left out."""
        own = self.scales[skip_first][head]
        return {"robust": own, "matrix": reaching(own), "heads": self.shared[skip_first]}[kind]


READINGS: Kept[dict[str, Reading]] = Kept(
    min(256 * 2**20, third_of_memory() // 8), lambda readings: sum(reading.nbytes for reading in readings.values())
)
"""Of the layers that were looked at lately."""


def share_of(entry: Entry, columns: int) -> float | None:
    """Of numbers that are shares, the least that a scale of these columns may end at (see `scale_of`)."""
    if entry.quantity != "probability":
        return None
    return 1 / columns if entry.axes[-1] == "key" else 1.0  # of tokens the likeliest one sets the scale


def read_matrices(step: Step, names: Sequence[str]) -> dict[str, Reading]:
    """Read these matrices of a step. What was read lately is remembered.

    A layer is read as a whole: who looks at one of its matrices looks at others next, and of a long prompt a pass of
    the layer takes far longer than what a pass keeps.
    """
    run, config = step.run, step.run.model.config
    ids = tuple(run.ids[: step.positions.stop])
    found: dict[str, Reading] = {}
    for layer in {catalogue.matrix(config, name).layer for name in names}:
        key = run.model.weights.version, ids, step.index, layer
        found |= READINGS.get(key, partial(_read, step, layer))
    return {name: found[name] for name in names}


def _read(step: Step, layer: int | None) -> dict[str, Reading]:
    """All matrices of one layer, or (None) those outside of layers, but for rows as long as the vocabulary."""
    entries = [e for e in catalogue.matrices(step.run.model.config) if e.layer == layer and e.axes[-1] != "vocab"]
    readers = {entry.name: _Reader(entry, len(step.positions)) for entry in entries}
    with turns.for_rows(len(step.positions)):
        for rows in _blocks(step, list(readers)):
            for matrix in step.matrices(list(readers), rows):
                readers[matrix.name].add(matrix)
    return {name: reader.reading() for name, reader in readers.items()}


def _blocks(step: Step, names: Sequence[str]) -> Iterator[range | None]:
    """The blocks of rows to read one after the other; None: all at once."""
    config, rows, keys = step.run.model.config, len(step.positions), step.positions.stop
    axes = [catalogue.matrix(config, name).axes for name in names]
    growing = [each for each in axes if each[-2] != "key"]  # cached keys and values are there already
    if 4 * rows * max(row_size(config, each, keys) for each in growing) <= DERIVED_WHOLE:
        yield None
        return
    yield from blocks(step)


class _Reader:
    """One matrix, put together from its blocks of rows.

    What is kept of them has its place from the first block on: small tensors that stay, left between large ones that
    go, would make the process several times as large as it need be.
    """

    def __init__(self, entry: Entry, rows: int) -> None:
        self.entry, self.rows = entry, rows
        self.once = entry.axes[-2] == "key"  # cached keys and values come whole with each block
        self.done = 0  # rows
        self.labels: list[str] = []
        self.arrives = True
        self.masked = False

    def add(self, matrix: Matrix) -> None:
        self.arrives = self.arrives and matrix.arrives
        if self.once and self.done:
            return
        values = (matrix.shared if matrix.axes[0] in HEADS else matrix.shared[None]).float().numpy()
        mask = None if matrix.mask is None else matrix.mask.numpy()
        if not self.done:
            self._begin(values, matrix)
        step = self.pooled.tile[1]
        small = self.pooled.add(values, mask, self.done)
        self.masked = self.masked or mask is not None
        for start, samples in enumerate(self.samples):
            for head, sample in enumerate(samples):
                first = 0.0  # of the tile that is left out in part
                if start:
                    seen = values[head, :, start:step]
                    first = extreme(seen if mask is None else seen[~mask[:, start:step]])
                largest_of_all = max(extreme(small[head, :, start:]), first, key=abs)
                sample.add(values[head], mask, largest_of_all)
        self.labels += matrix.labels[-2]
        self.done += values.shape[-2]

    def _begin(self, values: np.ndarray, matrix: Matrix) -> None:
        heads, _, self.columns = values.shape
        if self.once:
            self.rows = values.shape[-2]
        self.column_labels = matrix.labels[-1]
        self.pooled = Pooled(heads, self.rows, self.columns)
        share, size = share_of(self.entry, self.columns), self.rows * self.columns
        every = 1 if size <= _COUNTED else _EVERY
        starts = (0, 1) if self.entry.quantity == "probability" else (0,)
        self.samples = [[Sample(every, share, start, size // every) for _ in range(heads)] for start in starts]

    def reading(self) -> Reading:
        scales = [[sample.scale() for sample in samples] for samples in self.samples]
        shared = [scale_together(samples) for samples in self.samples]
        hidden = self.pooled.hidden() if self.masked else None
        return Reading(
            self.entry,
            self.pooled.values(),
            (self.rows, self.columns),
            self.pooled.tile,
            hidden,
            (self.labels, self.column_labels),
            self.arrives,
            scales,
            shared,
        )

"""Which cells a cell was computed from: found by the axis words of the catalogue alone.

A cell has a coordinate for each axis word of its matrix. In an operand, the axes that these words name are fixed, and
the others are free: of a product, the free cells of both operands, in order, are what is multiplied and added up.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llm_core import catalogue
from llm_core.catalogue.axis_sizes import matrix_shape
from llm_core.catalogue.entry import TOKEN_ROWS, Entry
from llm_core.config.model_config import ModelConfig
from llm_core.runs.generation import Step

TOKEN_IDS = "token_ids"  # the name by which a link points at a step's token ids
_TOKENS = Entry(
    name=TOKEN_IDS, title="Token ids", symbol="", formula="", axes=("position",), meaning="", part="embedding"
)

Operand = tuple[Step, str, tuple[int, ...]] | tuple[str, tuple[int, ...]]
"""A link: (step, matrix, index), or (weight, index)."""


@dataclass(frozen=True)
class Cells:
    """Some cells of one matrix (of `step`) or one weight (step None), in the order of its memory.

    index: the coordinate along each axis, None where all are meant; sizes: how long each axis is.
    """

    entry: Entry
    step: Step | None
    index: tuple[int | None, ...]
    sizes: tuple[int, ...]
    tokens: Step  # the run's tokens, for labels of keys

    def at(self, i: int) -> tuple[int, ...]:
        """The index of the i-th of these cells."""
        found = list(self.index)
        for axis in reversed(range(len(found))):
            if self.index[axis] is None:
                i, found[axis] = divmod(i, self.sizes[axis])
        return tuple(c for c in found if c is not None)

    def link(self, i: int) -> Operand:
        index = self.at(i)
        return (self.entry.name, index) if self.step is None else (self.step, self.entry.name, index)

    def has(self, link: Operand) -> bool:
        """Whether a link leads to one of these cells."""
        *steps, name, index = link
        if name != self.entry.name or len(index) != len(self.index):
            return False
        if [s.index for s in steps] != ([] if self.step is None else [self.step.index]):
            return False
        cells = zip(index, self.index, self.sizes, strict=True)
        return all(0 <= i < size if mine is None else i == mine for i, mine, size in cells)

    def label(self, i: int) -> str:
        """What tells the i-th cell from the others: "model 3", "key 2 ␣are", "head 1, head_dim 0"."""
        index = self.at(i)
        return ", ".join(self._word(axis, index[a]) for a, axis in enumerate(self.entry.axes) if self.index[a] is None)

    def _word(self, axis: str, i: int) -> str:
        run = self.tokens.run
        if axis not in ("key", "vocab"):
            return f"{axis} {i}"
        return f"{axis} {i} {run.model.tokenizer.label(run.ids[i] if axis == 'key' else i)}"

    @property
    def row(self) -> int | None:
        """The one row of the step that these cells stand in; None for weights, and for cached rows."""
        axis = _row_axis(self.entry)
        return None if self.step is None or axis < 0 or "vocab" in self.entry.axes else self.index[axis]

    def only(self, i: int) -> "Cells":
        """The i-th of these cells alone."""
        return Cells(self.entry, self.step, self.at(i), self.sizes, self.tokens)

    def __len__(self) -> int:
        return math.prod(size for i, size in zip(self.index, self.sizes, strict=True) if i is None)


@dataclass(frozen=True)
class Place:
    """One cell of one matrix of a step: its coordinate by axis word, and its row of the step."""

    step: Step
    entry: Entry
    row: int
    coordinates: dict[str, int]

    @classmethod
    def of(cls, step: Step, entry: Entry, index: Sequence[int]) -> "Place":
        coordinates = dict(zip(entry.axes, index, strict=True))
        row = coordinates.pop("position", coordinates.pop("query", len(step.positions) - 1))
        if "vocab" in entry.axes:  # of the step's last row alone
            row = len(step.positions) - 1
        config = step.run.model.config
        if "head" in coordinates:  # heads in a row share one KV head
            coordinates["kv_head"] = coordinates["head"] // (config.heads // config.kv_heads)
        return cls(step, entry, row, coordinates)

    @property
    def config(self) -> ModelConfig:
        return self.step.run.model.config

    @property
    def own(self) -> int:
        """Where this cell stands along its matrix's last axis."""
        return self.coordinates[self.entry.axes[-1]]

    @property
    def token(self) -> Cells:
        """The token id of this row."""
        return Cells(_TOKENS, self.step, (self.row,), (len(self.step.positions),), self.step)

    def cells(self, name: str) -> Cells:
        """The cells of an operand that this cell was computed from."""
        entry = catalogue.find(self.config, name)
        if entry.learned:
            return self._of_weight(entry)
        step, row = self._computed_by(entry)
        own_rows = {"position": 0 if "vocab" in entry.axes else row, "query": row}
        index = tuple(own_rows.get(axis, self.coordinates.get(axis)) for axis in entry.axes)
        return Cells(entry, step, index, matrix_shape(self.config, entry.axes, step.positions), self.step)

    def same(self, name: str) -> Cells:
        """The one cell of an operand that stands where this one does."""
        cells = self.cells(name)
        return cells if len(cells) == 1 else cells.only(self.own)

    def row_of(self, name: str) -> Cells:
        """The operand's cells along this matrix's last axis; the one of number `own` stands where this one does."""
        others = {axis: i for axis, i in self.coordinates.items() if axis != self.entry.axes[-1]}
        return Place(self.step, self.entry, self.row, others).cells(name)

    def _computed_by(self, operand: Entry) -> tuple[Step, int]:
        """The step and its row that a matrix of rows has this cell from: of a cached key, the step of its position."""
        if "key" not in self.entry.axes or "query" in self.entry.axes or "position" not in operand.axes:
            return self.step, self.row
        position = self.coordinates["key"]
        step = next(s for s in self.step.run.steps if position in s.positions)
        return step, position - step.positions.start

    def _of_weight(self, entry: Entry) -> Cells:
        position = self.step.positions[self.row]
        rows = {"position": position} | ({} if "vocab" in self.entry.axes else {"vocab": self.step.run.ids[position]})
        index: list[int | None] = []
        for axis, size in zip(entry.axes, entry.shape, strict=True):
            i = rows.get(axis, self.coordinates.get(axis))
            if axis == "head_dim" and i is not None and size > self.config.head_dim:  # the heads lie side by side
                i += self.config.head_dim * self.coordinates["head" if "head" in self.coordinates else "kv_head"]
            index.append(i)
        return Cells(entry, None, tuple(index), entry.shape, self.step)


@torch.inference_mode()
def read_cells(step: Step, row: int, cells: Sequence[Cells]) -> list[Tensor]:
    """The values of some cells, each (n) in float64. Those of one row of this step are derived together, and alone."""
    names = [c.entry.name for c in cells if c.step is not None and c.step.index == step.index and c.row in (row, None)]
    matrices = {m.name: m.shared for m in step.matrices(names, range(row, row + 1))} if names else {}
    return [_values(c, matrices) for c in cells]


def _values(cells: Cells, matrices: dict[str, Tensor]) -> Tensor:
    entry, index = cells.entry, [slice(None) if i is None else i for i in cells.index]
    if cells.step is None:
        return cells.tokens.run.model.get_parameter(entry.name)[tuple(index)].flatten().double()
    values = matrices.get(entry.name)
    if values is None:  # a cached row, which another row or step computed
        assert cells.row is not None
        values = cells.step.matrix(entry.name, range(cells.row, cells.row + 1)).shared
    if cells.row is not None:
        index[_row_axis(entry)] = 0  # this row alone was derived
    return values[tuple(index)].flatten().double()


def _row_axis(entry: Entry) -> int:
    """Which axis of a matrix holds the step's rows; −1: none."""
    return next((a for a, axis in enumerate(entry.axes) if axis in TOKEN_ROWS), -1)

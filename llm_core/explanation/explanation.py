"""Any cell of any matrix, told by the cells that it was computed from, down to a weight or a token id.

The catalogue says by which operation a matrix came about and from which operands, with an axis word for each of their
axes; that is enough to find the cells that one cell came from, for every matrix of every model.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from llm_core import catalogue
from llm_core.catalogue.axis_sizes import matrix_shape
from llm_core.catalogue.entry import Entry
from llm_core.config.model_config import ModelConfig
from llm_core.explanation.cells import TOKEN_IDS, Cells, Operand, Place, read_cells
from llm_core.explanation.operations import OPERATIONS, Operation, Term, Terms
from llm_core.runs.generation import Step, need_step
from llm_core.support.plain_words import counted


@dataclass(frozen=True)
class Explanation:
    """How one cell came about.

    operation and its terms:
      sum       products, additions, scales: the terms' values add up to the result, bias included
      softmax   exp(x − maximum) for each cell of the row; the result is this cell's share of their total
      norm      the row that is normed, then the scale and the shift
      rotate    the two numbers of a pair, times cos and ± sin of the angle; they add up to the result
      activate  the input; of a gated unit the gate, then what it lets through
      lookup    the row of a table, or of an earlier matrix, that the cell was copied from, times its factor
      mask      the score, and in `note` whether it is hidden and why
      learned   a weight: no terms
      given     a token id: no terms
    result is computed in float64 from the operands' values, never read from the cell. numbers: what is computed on the
    way, by name (a maximum, a mean, an angle). note: one sentence, where the operation needs one.
    """

    entry: Entry | None  # None: a token id
    name: str
    index: tuple[int, ...]
    operation: Operation
    result: float
    terms: Sequence[Term]
    numbers: dict[str, float] = field(default_factory=dict)
    note: str = ""


def explain(step: Step, name: str, index: Sequence[int]) -> Explanation:
    """How one cell of a step's matrix, or of a weight, came about.

    index: one whole number for each of the matrix's axes, counted as in step.matrix(name).values. name may also be
    that of a weight, or "token_ids" with the index of a row. Raises ValueError for a name or index that is not there.
    """
    need_step(step, "to explain a cell")
    if name == TOKEN_IDS:
        return _given(step, check_index(name, index, (len(step.positions),), ("position",)))
    config = step.run.model.config
    entry = catalogue.find(config, name)
    index = _checked(step, entry, index)
    if entry.learned:
        value = float(step.run.model.get_parameter(name)[index])
        return Explanation(entry, name, index, "learned", value, [], note="This is a weight of the model.")
    place, rule = Place.of(step, entry, index), OPERATIONS[entry.operation]
    return Explanation(entry, name, index, rule.operation, *rule.tell(place, rule.sources(place)))


def contributions(step: Step, name: str, index: Sequence[int]) -> Terms:
    """What each part of each layer so far has added to one cell of the residual stream, in order of computation.

    With pre-norm this goes back to the embeddings, with post-norm to the last norm; the values add up to the cell.
    Raises ValueError for a name or index that is not there, and for a matrix that is no sum of other matrices.
    """
    need_step(step, "to tell the layers' contributions")
    config = step.run.model.config
    entry = catalogue.matrix(config, name)
    index = _checked(step, entry, index)
    if not _is_sum(entry):
        raise ValueError(f"{name} is not a sum of what layers have added: choose the input or a residual")
    place = Place.of(step, entry, index)
    cells = _contributing(place)
    values = torch.cat(read_cells(step, place.row, cells))

    def make(i: int) -> Term:
        part = cells[i].entry
        where = "" if part.layer is None else f"layer {part.layer}: "
        value = float(values[i])
        return Term(where + part.title, value, [cells[i].link(0)], inputs=(value,))

    return Terms(values, make)


def links_to(step: Step, name: str, index: Sequence[int], operand: Operand) -> bool:
    """Whether the explanation of one cell, or its layers' contributions, has a link to another; no value is derived.

    step, name and index as in `explain`; operand as in `Term.operands`. Cheap whatever the number of links: they are
    not listed. An operand that is not there is none. Raises ValueError where `explain` does.
    """
    need_step(step, "to look for links")
    if name == TOKEN_IDS:
        check_index(name, index, (len(step.positions),), ("position",))
        return False
    entry = catalogue.find(step.run.model.config, name)
    index = _checked(step, entry, index)
    if entry.learned:
        return False
    place = Place.of(step, entry, index)
    cells = OPERATIONS[entry.operation].sources(place) + (_contributing(place) if _is_sum(entry) else [])
    return any(c.has(operand) for c in cells)


def _is_sum(entry: Entry) -> bool:
    """Whether this is the residual stream somewhere: what layers add to."""
    return entry.operation in ("add", "copy") and "key" not in entry.axes


def _contributing(place: Place) -> list[Cells]:
    return [place.same(name) for name in _parts(place.config, place.entry)]


def _parts(config: ModelConfig, entry: Entry) -> list[str]:
    """The names of the matrices that a sum goes back to, sums within it opened."""
    if entry.operation not in ("add", "copy"):
        return [entry.name]
    return [part for name in entry.operands for part in _parts(config, catalogue.matrix(config, name))]


def _given(step: Step, index: tuple[int, ...]) -> Explanation:
    position, prompt = step.positions[index[0]], len(step.run.prompt_ids)
    note = "This token is part of the prompt." if position < prompt else f"Step {position - prompt} sampled this token."
    return Explanation(None, TOKEN_IDS, index, "given", step.run.ids[position], [], {"position": position}, note)


# ---- which cell ---------------------------------------------------------------------------------------------------


def check_index(name: str, index: Sequence[int], shape: Sequence[int], axes: Sequence[str]) -> tuple[int, ...]:
    """The index as whole numbers. Raises ValueError where it does not lie within the shape."""
    try:
        found = tuple(operator.index(i) for i in index)
    except TypeError:
        raise ValueError(f"the index of a cell must have one whole number for each axis, not {index!r}") from None
    if len(found) != len(shape):
        raise ValueError(
            f"the index of a cell of {name} has {counted(len(shape), 'number')} ({', '.join(axes)}), not {len(found)}"
        )
    for i, size, axis in zip(found, shape, axes, strict=True):
        if not 0 <= i < size:
            raise ValueError(f"{name} has no {axis} {i}: choose one from 0 to {size - 1:,}")
    return found


def shape_of(step: Step, name: str) -> dict[str, int]:
    """How many cells a matrix of this step, or a weight, has along each axis, by axis word; nothing is computed.

    "token_ids" has one axis, position. Raises ValueError for a name that is not there.
    """
    need_step(step, "to tell a shape")
    if name == TOKEN_IDS:
        return {"position": len(step.positions)}
    config = step.run.model.config
    entry = catalogue.find(config, name)
    shape = entry.shape if entry.learned else matrix_shape(config, entry.axes, step.positions)
    return dict(zip(entry.axes, shape, strict=True))


def _checked(step: Step, entry: Entry, index: Sequence[int]) -> tuple[int, ...]:
    shape = shape_of(step, entry.name)
    return check_index(entry.name, index, tuple(shape.values()), entry.axes)

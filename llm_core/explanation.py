"""Any cell of any matrix, told by the cells that it was computed from, down to a weight or a token id.

The catalogue says by which operation a matrix came about and from which operands, with an axis word for each of their
axes; that is enough to find the cells that one cell came from, for every matrix of every model.
"""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from llm_core import catalogue
from llm_core.catalogue import Entry
from llm_core.cells import TOKEN_IDS, Cells, Operand, Place, read
from llm_core.config import ModelConfig
from llm_core.generation import Step
from llm_core.layers import rope_frequencies

Operation = Literal["sum", "softmax", "norm", "rotate", "activate", "lookup", "mask", "learned", "given"]


@dataclass(frozen=True)
class Term:
    """One part of a cell. In a "sum", value is factor × the product of the operands' values.

    operands: links to the cells that it was computed from, (step, name, index), or (weight, index) for a weight.
    inputs: the operands' own values, in the same order.
    """

    label: str
    value: float
    operands: list[Operand]
    factor: float = 1.0
    inputs: tuple[float, ...] = ()


class Terms(Sequence[Term]):
    """The terms of a cell, made when they are looked at: a softmax over a vocabulary has one for each token.

    values: all their values (n) in float64, to sort or draw them without making any.
    """

    def __init__(self, values: Tensor, make: Callable[[int], Term]) -> None:
        self.values, self._make = values, make

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self._make(i) for i in range(*index.indices(len(self)))]
        return self._make(range(len(self))[index])


@dataclass(frozen=True)
class Explanation:
    """How one cell came about.

    operation and its terms:
      sum       products, additions, scales: the terms' values add up to the result, bias included
      softmax   exp(x − maximum) for each cell of the row; the result is this cell's share of their total
      norm      the row that is normed, then the scale and the shift
      rotate    the two numbers of a pair, times cos and ± sin of the angle; they add up to the result
      activate  the input; of a gated unit the gate, then what it lets through
      lookup    the row of a table, or of an earlier matrix, that the cell was copied from
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
    if name == TOKEN_IDS:
        return _given(step, check_index(name, index, (len(step.positions),), ("position",)))
    config = step.run.model.config
    entry = next((e for e in catalogue.weights(config) if e.name == name), None)
    if entry is not None:
        index = check_index(name, index, entry.shape, entry.axes)
        value = float(step.run.model.get_parameter(name)[index])
        return Explanation(entry, name, index, "learned", value, [], note="A weight: training set it.")
    entry = catalogue.matrix(config, name)
    place = Place.of(step, entry, index := _checked(step, entry, index))
    operation, explain_ = OPERATIONS[entry.operation]
    result, terms, numbers, note = explain_(place)
    return Explanation(entry, name, index, operation, result, terms, numbers, note)


def contributions(step: Step, name: str, index: Sequence[int]) -> Terms:
    """What each part of each layer so far has added to one cell of the residual stream, in order of computation.

    With pre-norm this goes back to the embeddings, with post-norm to the last norm; the values add up to the cell.
    Raises ValueError for a name or index that is not there, and for a matrix that is no sum of other matrices.
    """
    config = step.run.model.config
    entry = catalogue.matrix(config, name)
    index = _checked(step, entry, index)
    if entry.operation not in ("add", "copy") or "key" in entry.axes:
        raise ValueError(f"{name} is no sum of layers' contributions: choose the input or a residual")
    entries = [catalogue.matrix(config, part) for part in _parts(config, entry)]
    place = Place.of(step, entry, index)
    cells = [place.same(part.name) for part in entries]
    values = torch.cat(read(step, place.row, cells))

    def make(i: int) -> Term:
        where = "" if entries[i].layer is None else f"layer {entries[i].layer}: "
        value = float(values[i])
        return Term(where + entries[i].title, value, [cells[i].link(0)], inputs=(value,))

    return Terms(values, make)


def _parts(config: ModelConfig, entry: Entry) -> list[str]:
    """The names of the matrices that a sum goes back to, sums within it opened."""
    if entry.operation not in ("add", "copy"):
        return [entry.name]
    return [part for name in entry.operands for part in _parts(config, catalogue.matrix(config, name))]


# ---- which cell ---------------------------------------------------------------------------------------------------


def check_index(name: str, index: Sequence[int], shape: Sequence[int], axes: Sequence[str]) -> tuple[int, ...]:
    """The index as whole numbers. Raises ValueError where it does not lie within the shape."""
    try:
        found = tuple(operator.index(i) for i in index)
    except TypeError:
        raise ValueError(f"the index of a cell is a whole number for each axis, not {index!r}") from None
    if len(found) != len(shape):
        raise ValueError(f"a cell of {name} has {len(shape)} numbers ({', '.join(axes)}), not {len(found)}")
    for i, size, axis in zip(found, shape, axes, strict=True):
        if not 0 <= i < size:
            raise ValueError(f"{name} has no {axis} {i}: they go from 0 to {size - 1:,}")
    return found


def shape_of(step: Step, name: str) -> dict[str, int]:
    """How many cells a matrix of this step, or a weight, has along each axis, by axis word; nothing is computed.

    "token_ids" has one axis, position. Raises ValueError for a name that is not there.
    """
    if name == TOKEN_IDS:
        return {"position": len(step.positions)}
    c, rows = step.run.model.config, len(step.positions)
    entry = next((e for e in catalogue.weights(c) if e.name == name), None)
    if entry is not None:
        return dict(zip(entry.axes, entry.shape, strict=True))
    axes = catalogue.matrix(c, name).axes
    sizes = {"position": 1 if "vocab" in axes else rows, "query": rows, "key": step.positions.stop,
             "head": c.heads, "kv_head": c.kv_heads, "head_dim": c.head_dim, "model": c.model_dim,
             "hidden": c.feedforward_dim, "vocab": c.vocab_size}  # fmt: skip
    return {axis: sizes[axis] for axis in axes}


def _checked(step: Step, entry: Entry, index: Sequence[int]) -> tuple[int, ...]:
    shape = shape_of(step, entry.name)
    return check_index(entry.name, index, tuple(shape.values()), entry.axes)


# ---- one function for each operation: the result, its terms, the numbers on the way, a note ------------------------

Told = tuple[float, Sequence[Term], dict[str, float], str]


def _product(place: Place) -> Told:
    """The terms a·b of a row and a column, and the bias."""
    left, right, *biases = [place.cells(name) for name in place.entry.operands]
    a, b, *bias = read(place.step, place.row, [left, right, *biases])
    values = torch.cat((a * b, *bias))

    def make(i: int) -> Term:
        value = float(values[i])
        if i == len(a):
            return Term("bias", value, [biases[0].link(0)], inputs=(value,))
        return Term(left.label(i), value, [left.link(i), right.link(i)], inputs=(float(a[i]), float(b[i])))

    return float(values.sum()), Terms(values, make), {}, ""


def _add(place: Place) -> Told:
    cells = [place.same(name) for name in place.entry.operands]
    values = read(place.step, place.row, cells)
    terms = [
        Term(catalogue.matrix(place.config, c.entry.name).title, float(v), [c.link(0)], inputs=(float(v),))
        for c, v in zip(cells, values, strict=True)
    ]
    return sum(term.value for term in terms), terms, {}, ""


def _scale(place: Place) -> Told:
    cell, value = _only(place)
    factor = 1 / math.sqrt(place.config.head_dim)
    term = Term("dot product × scale", value * factor, [cell.link(0)], factor, (value,))
    return term.value, [term], {"scale": factor}, ""


def _mask(place: Place) -> Told:
    cell, score = _only(place)
    query, key, window = place.step.positions[place.row], place.coordinates["key"], place.config.window
    note = ""
    if key > query:
        note = f"Hidden: token {key} comes after token {query}, in its future."
    elif window is not None and key <= query - window:
        note = f"Hidden: token {key} is outside the window of the {window} latest tokens that token {query} sees."
    terms = [Term("score", score, [cell.link(0)], inputs=(score,))]
    return -math.inf if note else score, terms, {"query": query, "key": key}, note


def _softmax(place: Place) -> Told:
    cells, own = place.row_of(place.entry.operands[0])
    (x,) = read(place.step, place.row, [cells])
    maximum = x.max()
    powers = (x - maximum).exp()
    total, power = float(powers.sum()), float(powers[own])
    terms = Terms(powers, lambda i: Term(cells.label(i), float(powers[i]), [cells.link(i)], inputs=(float(x[i]),)))
    numbers = {"input": float(x[own]), "maximum": float(maximum), "exponential": power, "total": total}
    return power / total, terms, numbers, ""


def _norm(place: Place) -> Told:
    source, *weights = place.entry.operands
    cells, own = place.row_of(source)
    learned = [place.cells(name) for name in weights]
    x, scale, *shift = read(place.step, place.row, [cells, *learned])
    layernorm, epsilon = bool(shift), place.config.norm_epsilon
    mean = float(x.mean()) if layernorm else 0.0
    variance = float((x - mean).square().mean())
    normed = (float(x[own]) - mean) / math.sqrt(variance + epsilon)
    numbers = {"input": float(x[own]), "mean": mean, "variance": variance} if layernorm else {
        "input": float(x[own]), "mean square": variance}  # fmt: skip
    numbers |= {"epsilon": epsilon, "normed": normed, "scale": float(scale)}
    numbers |= {"shift": float(shift[0])} if layernorm else {}
    values = torch.cat((x, scale, *shift))

    def make(i: int) -> Term:
        value = float(values[i])
        if i < len(x):
            return Term(cells.label(i), value, [cells.link(i)], inputs=(value,))
        return Term(("scale", "shift")[i - len(x)], value, [learned[i - len(x)].link(0)], inputs=(value,))

    return normed * float(scale) + sum(map(float, shift)), Terms(values, make), numbers, ""


def _rotate(place: Place) -> Told:
    cells, own = place.row_of(place.entry.operands[0])
    (x,) = read(place.step, place.row, [cells])
    half = place.config.rotary_dim // 2
    if own >= 2 * half:
        note = f"Not rotated: only the first {2 * half} numbers of a head are."
        return float(x[own]), [Term("as it is", float(x[own]), [cells.link(own)], inputs=(float(x[own]),))], {}, note
    pair, left = own % half, own < half
    partner = own + half if left else own - half
    # the angle as the model takes it, in float32; all that follows in float64
    position = place.step.positions[place.row]
    angle = float(torch.tensor(position).float() * rope_frequencies(place.config)[pair])
    cos, sin = math.cos(angle), math.sin(angle)
    factors = {own: cos, partner: -sin if left else sin}
    words = {own: "× cos", partner: "× −sin" if left else "× sin"}
    terms = [
        Term(f"{cells.label(i)} {words[i]}", float(x[i]) * f, [cells.link(i)], f, (float(x[i]),))
        for i, f in factors.items()
    ]
    numbers = {"pair": pair, "position": position, "angle": angle, "cos": cos, "sin": sin}
    return sum(term.value for term in terms), terms, numbers, ""


def _activate(place: Place) -> Told:
    cells = [place.same(name) for name in place.entry.operands]
    values = [float(v) for v in read(place.step, place.row, cells)]
    activated = ACTIVATIONS[place.config.feedforward](values[0])
    labels = ("gate", "up") if len(cells) == 2 else ("input",)
    terms = [Term(label, v, [c.link(0)], inputs=(v,)) for label, v, c in zip(labels, values, cells, strict=True)]
    return activated * math.prod(values[1:]), terms, {"input": values[0], "activated": activated}, ""


def _lookup(place: Place) -> Told:
    """A row of a learned table: the token's or the position's."""
    cell, value = _only(place)
    token = "vocab" in cell.entry.axes
    ids: list[Operand] = [(place.step, TOKEN_IDS, (place.row,))] if token else []
    row = cell.at(0)[0]
    inputs = (value, *([float(row)] if token else []))
    label = f"row {row:,} of {cell.entry.symbol}"
    return value, [Term(label, value, [cell.link(0), *ids], inputs=inputs)], {"row": row}, ""


def _copy(place: Place) -> Told:
    """The same cell of another matrix; of a cached row, in the step that computed it."""
    cell, value = _only(place)
    note = ""
    if cell.step is not None and cell.step.index != place.step.index:
        note = f"From the cache: step {cell.step.index} computed this row."
    return value, [Term(cell.entry.title, value, [cell.link(0)], inputs=(value,))], {}, note


def _sinusoid(place: Place) -> Told:
    """A fixed function of the position, with nothing learned and nothing given: a wave's height."""
    position, column, width = place.step.positions[place.row], place.coordinates["model"], place.config.model_dim
    frequency = 10_000.0 ** (-(column - column % 2) / width)
    angle = position * frequency
    value = math.cos(angle) if column % 2 else math.sin(angle)
    wave = "cos" if column % 2 else "sin"
    terms = [Term(f"{wave}(position × frequency)", value, [])]
    return value, terms, {"position": position, "frequency": frequency, "angle": angle}, "Fixed for each position."


def _given(step: Step, index: tuple[int, ...]) -> Explanation:
    position, prompt = step.positions[index[0]], len(step.run.prompt_ids)
    note = "Of the prompt." if position < prompt else f"Sampled by step {position - prompt}."
    return Explanation(None, TOKEN_IDS, index, "given", step.run.ids[position], [], {"position": position}, note)


def _only(place: Place) -> tuple[Cells, float]:
    """The one cell that this cell was computed from, and its value."""
    cell = place.same(place.entry.operands[0])
    (value,) = read(place.step, place.row, [cell])
    return cell, float(value)


ACTIVATIONS: dict[str, Callable[[float], float]] = {
    "relu": lambda x: max(x, 0.0),
    "gelu": lambda x: 0.5 * x * (1 + math.erf(x / math.sqrt(2))),
    "gelu_tanh": lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "swiglu": lambda x: 0.5 * x * (1 + math.tanh(x / 2)),  # x · sigmoid(x), without overflow
}

OPERATIONS: dict[str | None, tuple[Operation, Callable[[Place], Told]]] = {
    "product": ("sum", _product),
    "add": ("sum", _add),
    "scale": ("sum", _scale),
    "mask": ("mask", _mask),
    "softmax": ("softmax", _softmax),
    "norm": ("norm", _norm),
    "rotate": ("rotate", _rotate),
    "activate": ("activate", _activate),
    "lookup": ("lookup", _lookup),
    "copy": ("lookup", _copy),
    "sinusoid": ("lookup", _sinusoid),
}

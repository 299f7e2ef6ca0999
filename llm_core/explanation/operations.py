"""How a cell came about, operation by operation: from which cells, and what they give.

Each operation of the catalogue has a row in OPERATIONS with two functions. `sources` finds the cells that a cell was
computed from, and reads no value; `tell` reads them and computes the cell from them in float64, term by term.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from llm_core.config.model_config import ModelConfig
from llm_core.explanation.cells import Cells, Operand, Place, read_cells
from llm_core.model.layers import ACTIVATIONS, rope_frequencies

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


class _Told(NamedTuple):
    """A cell computed anew from its terms, the numbers on the way, and one sentence where it needs one."""

    result: float
    terms: Sequence[Term]
    numbers: dict[str, float]
    note: str = ""


# ---- from which cells: of each operand, the free ones, the one, or the row ------------------------------------------


def _free(place: Place) -> list[Cells]:
    """A row and a column, and the bias."""
    return [place.cells(name) for name in place.entry.operands]


def _same(place: Place) -> list[Cells]:
    return [place.same(name) for name in place.entry.operands]


def _row(place: Place) -> list[Cells]:
    """All that stands in this cell's row of the first operand; of others, a norm's scale and shift, what it meets."""
    first, *others = place.entry.operands
    return [place.row_of(first), *map(place.cells, others)]


def _pair(place: Place) -> list[Cells]:
    """The cell that is rotated and its partner; the cell alone where a head's last numbers are not rotated."""
    row, half = place.row_of(place.entry.operands[0]), place.config.rotary_dim // 2
    if place.own >= 2 * half:
        return [row.only(place.own)]
    return [row.only(place.own), row.only((place.own + half) % (2 * half))]


def _looked_up(place: Place) -> list[Cells]:
    """The cell of a table, and of a table of tokens the token that chose its row."""
    (cell,) = _same(place)
    return [cell, place.token] if "vocab" in cell.entry.axes else [cell]


def _nothing(place: Place) -> list[Cells]:
    return []


# ---- what they give: the result, its terms, the numbers on the way, a note ------------------------------------------


def _values(place: Place, sources: Sequence[Cells]) -> list[float]:
    """The values of sources that are one cell each."""
    return [float(value) for value in read_cells(place.step, place.row, sources)]


def _product(place: Place, sources: list[Cells]) -> _Told:
    left, right, *biases = sources
    a, b, *bias = read_cells(place.step, place.row, sources)
    values = torch.cat((a * b, *bias))

    def make(i: int) -> Term:
        value = float(values[i])
        if i == len(a):
            return Term("bias", value, [biases[0].link(0)], inputs=(value,))
        return Term(left.label(i), value, [left.link(i), right.link(i)], inputs=(float(a[i]), float(b[i])))

    return _Told(float(values.sum()), Terms(values, make), {})


def _add(place: Place, sources: list[Cells]) -> _Told:
    values = _values(place, sources)
    terms = [Term(c.entry.title, v, [c.link(0)], inputs=(v,)) for c, v in zip(sources, values, strict=True)]
    return _Told(sum(values), terms, {})


def _scale(place: Place, sources: list[Cells]) -> _Told:
    (value,) = _values(place, sources)
    factor = place.entry.factor
    term = Term(f"{sources[0].entry.symbol} × scale", value * factor, [sources[0].link(0)], factor, (value,))
    return _Told(term.value, [term], {"scale": factor})


def _mask(place: Place, sources: list[Cells]) -> _Told:
    (score,) = _values(place, sources)
    query, key, window = place.step.positions[place.row], place.coordinates["key"], place.config.window
    note = ""
    if key > query:
        note = f"The mask hides this score: token {key} comes after token {query}."
    elif window is not None and key <= query - window:
        note = (
            f"The mask hides this score: token {query} sees its {window} latest tokens only, and token {key} is older."
        )
    terms = [Term("score", score, [sources[0].link(0)], inputs=(score,))]
    return _Told(-math.inf if note else score, terms, {"query": query, "key": key}, note)


def _softmax(place: Place, sources: list[Cells]) -> _Told:
    (cells,), own = sources, place.own
    (x,) = read_cells(place.step, place.row, sources)
    maximum = x.max()
    powers = (x - maximum).exp()
    total, power = float(powers.sum()), float(powers[own])
    terms = Terms(powers, lambda i: Term(cells.label(i), float(powers[i]), [cells.link(i)], inputs=(float(x[i]),)))
    numbers = {"input": float(x[own]), "maximum": float(maximum), "exponential": power, "total": total}
    return _Told(power / total, terms, numbers)


def _norm(place: Place, sources: list[Cells]) -> _Told:
    (cells, *learned), own = sources, place.own
    x, scale, *shift = read_cells(place.step, place.row, sources)
    layernorm, epsilon = bool(shift), place.config.norm_epsilon
    mean = float(x.mean()) if layernorm else 0.0
    variance = float((x - mean).square().mean())
    normed = (float(x[own]) - mean) / math.sqrt(variance + epsilon)
    numbers = (
        {"input": float(x[own]), "mean": mean, "variance": variance}
        if layernorm
        else {"input": float(x[own]), "mean square": variance}
    )
    numbers |= {"epsilon": epsilon, "normed": normed, "scale": float(scale)}
    numbers |= {"shift": float(shift[0])} if layernorm else {}
    values = torch.cat((x, scale, *shift))

    def make(i: int) -> Term:
        value = float(values[i])
        if i < len(x):
            return Term(cells.label(i), value, [cells.link(i)], inputs=(value,))
        return Term(("scale", "shift")[i - len(x)], value, [learned[i - len(x)].link(0)], inputs=(value,))

    return _Told(normed * float(scale) + sum(map(float, shift)), Terms(values, make), numbers)


def _rotate(place: Place, sources: list[Cells]) -> _Told:
    values, own, axis = _values(place, sources), place.own, place.entry.axes[-1]
    half = place.config.rotary_dim // 2
    if len(sources) == 1:
        term = Term("unchanged", values[0], [sources[0].link(0)], inputs=(values[0],))
        return _Told(
            values[0],
            [term],
            {},
            f"RoPE leaves this number as it is: it rotates only the first {2 * half} numbers of each head.",
        )
    # the angle as the model takes it, in float32; all that follows in float64
    pair, left, position = own % half, own < half, place.step.positions[place.row]
    angle = float(torch.tensor(position).float() * rope_frequencies(place.config)[pair])
    cos, sin = math.cos(angle), math.sin(angle)
    factors = {"× cos": cos, ("× −sin" if left else "× sin"): -sin if left else sin}
    terms = [
        Term(f"{axis} {cell.at(0)[-1]} {word}", value * factor, [cell.link(0)], factor, (value,))
        for cell, value, (word, factor) in zip(sources, values, factors.items(), strict=True)
    ]
    numbers = {"pair": pair, "position": position, "angle": angle, "cos": cos, "sin": sin}
    return _Told(sum(term.value for term in terms), terms, numbers)


def _activate(place: Place, sources: list[Cells]) -> _Told:
    values = _values(place, sources)
    (after,) = activated(place.config, values[:1])
    labels = ("gate", "up") if len(sources) == 2 else ("input",)
    terms = [Term(label, v, [c.link(0)], inputs=(v,)) for label, v, c in zip(labels, values, sources, strict=True)]
    return _Told(after * math.prod(values[1:]), terms, {"input": values[0], "activated": after})


def activated(config: ModelConfig, values: Sequence[float]) -> list[float]:
    """The model's activation function of each value, in float64."""
    found: list[float] = ACTIVATIONS[config.feedforward](torch.tensor(values, dtype=torch.float64)).tolist()
    return found


def _lookup(place: Place, sources: list[Cells]) -> _Told:
    """A row of a learned table: the token's or the position's."""
    cell, *token = sources
    (value,) = _values(place, [cell])
    row = cell.at(0)[0]
    inputs, factor = (value, *(float(row) for _ in token)), place.entry.factor
    term = Term(f"row {row:,} of {cell.entry.symbol}", value * factor, [c.link(0) for c in sources], factor, inputs)
    return _Told(term.value, [term], {"row": row} | ({"scale": factor} if factor != 1 else {}))


def _copy(place: Place, sources: list[Cells]) -> _Told:
    """The same cell of another matrix; of a cached row, in the step that computed it."""
    (cell,) = sources
    (value,) = _values(place, sources)
    note = ""
    if cell.step is not None and cell.step.index != place.step.index:
        note = f"This row comes from the KV cache: step {cell.step.index} computed it."
    return _Told(value, [Term(cell.entry.title, value, [cell.link(0)], inputs=(value,))], {}, note)


def _sinusoid(place: Place, sources: list[Cells]) -> _Told:
    """A fixed function of the position, with nothing learned and nothing given: a wave's height."""
    position, column, width = place.step.positions[place.row], place.coordinates["model"], place.config.model_dim
    frequency = 10_000.0 ** (-(column - column % 2) / width)
    angle = position * frequency
    value = math.cos(angle) if column % 2 else math.sin(angle)
    wave = "cos" if column % 2 else "sin"
    terms = [Term(f"{wave}(position × frequency)", value, [])]
    numbers = {"position": position, "frequency": frequency, "angle": angle}
    return _Told(value, terms, numbers, "This number depends on the position alone: it is the same in every text.")


class _Rule(NamedTuple):
    """One operation of the catalogue: how its explanation is told, from which cells, and what they give."""

    operation: Operation
    sources: Callable[[Place], list[Cells]]
    tell: Callable[[Place, list[Cells]], _Told]


OPERATIONS: dict[str | None, _Rule] = {
    "product": _Rule("sum", _free, _product),
    "add": _Rule("sum", _same, _add),
    "scale": _Rule("sum", _same, _scale),
    "mask": _Rule("mask", _same, _mask),
    "softmax": _Rule("softmax", _row, _softmax),
    "norm": _Rule("norm", _row, _norm),
    "rotate": _Rule("rotate", _pair, _rotate),
    "activate": _Rule("activate", _same, _activate),
    "lookup": _Rule("lookup", _looked_up, _lookup),
    "copy": _Rule("lookup", _same, _copy),
    "sinusoid": _Rule("lookup", _nothing, _sinusoid),
}

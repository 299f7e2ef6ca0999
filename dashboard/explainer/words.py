"""An explanation in words: where a cell is, its computation as one line of numbers, and what is drawn beside it.

What is said follows from the operation that the catalogue names; no matrix has code of its own.
"""

import math
import re
from collections.abc import Callable, Sequence

import numpy as np

from dashboard.browser.explainer import CellAxis, Curve, Drawing, Rotation
from dashboard.figures.picture import axis_word
from dashboard.link.trail import Address, starts
from llm_core import ModelConfig, Step, Term, catalogue
from llm_core.catalogue.entry import TOKEN_ROWS
from llm_core.catalogue.part_titles import ACTIVATION_TITLES
from llm_core.explanation.cells import TOKEN_IDS
from llm_core.explanation.explanation import Explanation, shape_of
from llm_core.explanation.operations import activated

EXPLAIN_CELL = "Explain a cell"
OF_EXPLAIN_CELL = "Every number was computed from other numbers. Click any cell to see which."


def full(value: float) -> str:
    """A number with all the digits that tell float32 numbers apart."""
    return _written(value, 9)


def brief(value: float) -> str:
    return _written(value, 6)


def _factor(value: float) -> str:
    """A number after a sign: no two signs stand side by side."""
    return f"({brief(value)})" if value < 0 else brief(value)


def _written(value: float, digits: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return re.sub("e([-+])0*", r"e\1", f"{value:.{digits}g}").replace("e+", "e").replace("-", "−") if value else "0"


# ---- where a cell is ------------------------------------------------------------------------------------------------


def symbol(step: Step, name: str) -> str:
    return "ids" if name == TOKEN_IDS else _entry(step, name).symbol


def matrix_title(step: Step, name: str) -> str:
    return "Token ids" if name == TOKEN_IDS else _entry(step, name).title


def _entry(step: Step, name: str) -> catalogue.Entry:
    return catalogue.find(step.run.model.config, name)


def axes(step: Step, address: Address) -> list[CellAxis]:
    """Each axis of a cell's matrix: its word, the cell's number there, how many there are, which is the first.

    Rows of the step count from the position of its first token, as they do beside the matrices.
    """
    first = starts(step, address.name)
    return [
        CellAxis(axis, axis_word(axis), first[axis] + i, size, first[axis])
        for (axis, size), i in zip(shape_of(step, address.name).items(), address.index, strict=True)
    ]


def cell_place(step: Step, address: Address) -> str:
    """Where a cell is, in words: layer 0 · head 1 · query 3 ␣you · key 2 ␣are."""
    run, layer = step.run, _layer(step, address)
    words = [] if layer is None else [f"layer {layer}"]
    for axis in axes(step, address):
        i, token = axis.value, ""
        if axis.axis in (*TOKEN_ROWS, "key") and axis.start + axis.size <= len(run.ids):
            token = " " + run.model.tokenizer.label(run.ids[i])
        elif axis.axis == "vocab":
            token = " " + run.model.tokenizer.label(i)
        words.append(f"{axis.word} {i:,}{token}")
    if address.step is not None:
        words.append(f"in step {address.step}, " + ("the prefill" if address.step == 0 else f"decode {address.step}"))
    return " · ".join(words)


def crumb(step: Step, address: Address) -> str:
    """A cell as briefly as can be: S[0, 3, 2], and of a model with several layers L2 S[0, 3, 2]."""
    layer = _layer(step, address)
    where = "" if layer is None else f"L{layer} "
    return f"{where}{symbol(step, address.name)}[{', '.join(str(a.value) for a in axes(step, address))}]"


def _layer(step: Step, address: Address) -> int | None:
    """The layer of a cell's matrix; None where it is in none, and where there is only one."""
    several = address.name != TOKEN_IDS and step.run.model.config.layers > 1
    return _entry(step, address.name).layer if several else None


# ---- one function for each operation: what is computed, in one line of numbers, and what is drawn beside it ----------

Shown = tuple[str, Drawing | None]


def _sum(told: Explanation, config: ModelConfig) -> Shown:
    terms, result = told.terms, brief(told.result)
    if len(terms) == 1:
        return f"{brief(terms[0].inputs[0])} × {_factor(terms[0].factor)} = {result}", None
    if len(terms) <= 4:
        return f"{_joined(terms)} = {result}", None
    bias = ", including the bias," if terms[-1].label == "bias" else ""
    return f"the sum of {len(terms):,} terms{bias} = {result}", None


def _joined(terms: Sequence[Term]) -> str:
    first, *others = [term.value for term in terms]
    return brief(first) + "".join(f" {'−' if v < 0 else '+'} {brief(abs(v))}" for v in others)


def _softmax(told: Explanation, config: ModelConfig) -> Shown:
    n = told.numbers
    x, most, power = brief(n["input"]), brief(n["maximum"]), brief(n["exponential"])
    return f"exp({x} − ({most})) ÷ total = {power} ÷ {brief(n['total'])} = {brief(told.result)}", None


def _norm(told: Explanation, config: ModelConfig) -> Shown:
    n = told.numbers
    spread = n.get("variance", n.get("mean square", 0.0))
    top = f"({brief(n['input'])} − ({brief(n['mean'])}))" if "mean" in n else brief(n["input"])
    shift = f" + ({brief(n['shift'])})" if "shift" in n else ""
    root = f"√({brief(spread)} + {brief(n['epsilon'])})"
    return f"{top} ÷ {root} × {_factor(n['scale'])}{shift} = {brief(told.result)}", None


def _rotate(told: Explanation, config: ModelConfig) -> Shown:
    if len(told.terms) == 1:
        return f"{brief(told.result)}, unchanged", None
    own, partner = told.terms
    first = own.operands[0][-1][-1] < partner.operands[0][-1][-1]  # of its pair: turned to x · cos − y · sin
    sign = "−" if first else "+"
    line = f"{brief(own.inputs[0])} × cos {sign} {_factor(partner.inputs[0])} × sin = {brief(told.result)}"
    pair = (own.inputs[0], partner.inputs[0]) if first else (partner.inputs[0], own.inputs[0])
    cos, sin = told.numbers["cos"], told.numbers["sin"]
    turned = pair[0] * cos - pair[1] * sin, pair[1] * cos + pair[0] * sin
    radius, angle = math.hypot(*pair) or 1.0, brief(told.numbers["angle"])
    alt = (
        f"The pair ({brief(pair[0])}, {brief(pair[1])}), rotated by {angle} radian{'' if angle == '1' else 's'} "
        f"to ({brief(turned[0])}, {brief(turned[1])})"
    )
    before, after = ((x / radius, y / radius) for x, y in (pair, turned))
    return line, Rotation(before, after, told.numbers["angle"], first, alt)


def _activate(told: Explanation, config: ModelConfig) -> Shown:
    name = ACTIVATION_TITLES[config.feedforward]
    x, y = told.numbers["input"], told.numbers["activated"]
    gated = f" × {_factor(told.terms[1].inputs[0])}" if len(told.terms) == 2 else ""
    line = f"{name}({brief(x)}){gated} = {brief(told.result)}"
    reach = max(4.0, 1.25 * abs(x)) if math.isfinite(x) else 4.0
    along: list[float] = np.linspace(-reach, reach, 81).tolist()
    points = list(zip(along, activated(config, along), strict=True))
    return line, Curve(points, (x, y), name, f"The curve of {name}: {brief(x)} in, {brief(y)} out")


def _lookup(told: Explanation, config: ModelConfig) -> Shown:
    if "frequency" in told.numbers:
        n, wave = told.numbers, told.terms[0].label.split("(")[0]
        return f"{wave}({n['position']:.0f} × {brief(n['frequency'])}) = {brief(told.result)}", None
    (term,) = told.terms
    if term.factor != 1:
        return f"{brief(term.inputs[0])} × {_factor(term.factor)} = {brief(told.result)}", None
    return f"copied: {brief(told.result)}", None


def _mask(told: Explanation, config: ModelConfig) -> Shown:
    return "masked: −∞" if told.note else f"not masked: {brief(told.result)}, unchanged", None


def _end(told: Explanation, config: ModelConfig) -> Shown:
    return "", None


COMPUTATIONS: dict[str, Callable[[Explanation, ModelConfig], Shown]] = {
    "sum": _sum,
    "softmax": _softmax,
    "norm": _norm,
    "rotate": _rotate,
    "activate": _activate,
    "lookup": _lookup,
    "mask": _mask,
    "learned": _end,
    "given": _end,
}
_WHOLE = ("pair", "position", "row", "query", "key")


def numbers(told: Explanation) -> list[tuple[str, str]]:
    """What was computed on the way, by name."""
    return [(name, f"{value:,.0f}" if name in _WHOLE else full(value)) for name, value in told.numbers.items()]

"""The numbers of each stop, from the run on screen: what its texts say, which cells it is about, and what to explain.

All stops but the last one follow the last row of the prefill through head 0 of the first layer; the row alone is
derived. Nothing here is a sentence: what is said lies in texts.toml.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import streamlit as st
import torch

from dashboard.browser.cells import CellMark
from dashboard.explainer.terms import marks as marks_of
from dashboard.figures.picture import number, percent
from dashboard.link.tour_stops import step_of_stop
from dashboard.link.trail import Address
from llm_core import Run, Step, explain, generate
from llm_core.catalogue.part_titles import ACTIVATION_TITLES
from llm_core.explanation.cells import TOKEN_IDS
from llm_core.explanation.explanation import Explanation, shape_of
from llm_core.model.attention import allowed_keys
from llm_core.runs.stages import TEMPERATURE, all_titles
from llm_core.support.plain_words import counted

AT, FF = "layers.0.attention", "layers.0.feedforward"
CHOICES = 4  # that a guess offers
_WORDS = {2: "two", 3: "three", 4: "four"}
_LONGEST = 24  # characters of a token within a sentence
UNMOVED = 1e-5  # of the largest logit: what the order of additions alone may change
_ENDS = {"length": "once", "stop": "stopped", "context": "full"}


@dataclass(frozen=True)
class Guess:
    """What can be guessed before it is told: the choices, which is right, and the cells that would give it away."""

    choices: list[str]
    right: int
    covered: CellMark


@dataclass(frozen=True)
class Facts:
    """What one stop tells.

    values: for the placeholders of its texts. variant: which of its texts fits this run, by name. marks: what is
    outlined, as the explainer's marks. shows: Streamlit's keys of other parts of the page that are outlined. cell: the
    one that the explainer opens at.
    """

    values: dict[str, str]
    marks: list[CellMark]
    cell: Address
    variant: str = ""
    shows: tuple[str, ...] = ()
    guess: Guess | None = None


@dataclass(frozen=True)
class _Place:
    """A step, and the row of it that a stop follows: its last one, from which the next token comes."""

    step: Step
    row: int = field(init=False)
    position: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "row", len(self.step.positions) - 1)
        object.__setattr__(self, "position", self.step.positions[-1])

    @property
    def run(self) -> Run:
        return self.step.run

    def token(self, position: int) -> str:
        return self.word(self.run.ids[position])

    def word(self, token_id: int) -> str:
        """A token as a sentence quotes it: not too long, and of whatever direction."""
        label = self.run.model.tokenizer.label(token_id)
        return f"\u2068{label if len(label) <= _LONGEST else label[: _LONGEST - 1] + '…'}\u2069"

    def told(self, name: str, *index: int) -> tuple[Explanation, Address, list[CellMark]]:
        """How a cell came about, its address, and the marks around it and its operands."""
        address = Address(name, index)
        found = explain(self.step, name, index)
        return found, address, marks_of(self.step, found, address)

    def last(self, name: str) -> torch.Tensor:
        """The followed row of a matrix (of head 0)."""
        values = self.step.matrix(name, range(self.row, self.row + 1)).values
        return values[0, 0] if values.ndim == 3 else values[0]


def stop_facts(stop: str, run: Run) -> Facts:
    """The numbers of one stop in this run; `common` values are among those of every stop."""
    place = _Place(run.steps[step_of_stop(stop, len(run.steps))])
    found = FACTS[stop](place)
    return replace(found, values=common(run) | found.values)


def common(run: Run) -> dict[str, str]:
    first = _Place(run.steps[0])
    return {"token": first.token(first.position), "position": str(first.position), "tokens": f"{len(run.prompt_ids):,}"}


# ---- numbers --------------------------------------------------------------------------------------------------------


def said(value: float) -> str:
    """A number with three significant digits: 0.123, −4.57, 22,453."""
    if value == 0 or not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, f"{abs(value):g}")
    size = abs(value)
    if size >= 1e7 or size < 1e-5:
        text = f"{size:.2e}".replace("e-0", "e−").replace("e-", "e−").replace("e+0", "e").replace("e+", "e")
    else:
        text = f"{size:,.{max(0, 2 - math.floor(math.log10(size)))}f}"
    return f"−{text}" if value < 0 else text


def product(told: Explanation) -> str:
    """The terms a · b of a cell as one line: all of a few, or the first two and the bias."""
    terms = [told.terms[i] for i in range(min(len(told.terms), 4))]
    line = " + ".join(" · ".join(map(_factor, term.inputs)) for term in (terms if len(told.terms) <= 4 else terms[:2]))
    if len(told.terms) <= 4:
        return line
    last = told.terms[-1]
    return f"{line} + …" + (f" + {_factor(last.value)}" if len(last.inputs) == 1 else "")


def _factor(value: float) -> str:
    return f"({said(value)})" if value < 0 else said(value)


def _some(row: Sequence[float], count: int = 3) -> str:
    return ", ".join(said(float(v)) for v in row[:count]) + (", …" if len(row) > count else "")


def _summed(numbers: Sequence[float], count: int) -> str:
    """The first numbers of a sum of so many."""
    return " + ".join(map(_factor, numbers)) + (" + …" if count > len(numbers) else "")


def _row(kind: Literal["cell", "operand"], name: str, row: int, columns: Sequence[int], head: bool = False) -> CellMark:
    """A mark around some columns, from the first to the last, of one row."""
    return CellMark(kind, name, (0, 1) if head else None, (row, row + 1), (columns[0], columns[-1] + 1))


# ---- one function for each stop -------------------------------------------------------------------------------------


def _text(at: _Place) -> Facts:
    ids = at.run.prompt_ids
    values = {
        "id": str(ids[-1]),
        "vocab": f"{at.run.model.config.vocab_size:,}",
        "ids": ", ".join(map(str, ids[:8])) + (", …" if len(ids) > 8 else ""),
    }
    variant = "one" if len(ids) == 1 else ""
    return Facts(values, [], Address(TOKEN_IDS, (at.row,)), variant, shows=("ribbon",))


def _embedding(at: _Place) -> Facts:
    row = at.last("token_embedding")
    _, cell, marks = at.told("token_embedding", at.row, 0)
    whole = [replace(mark, columns=(0, len(row))) for mark in marks]
    scaled = at.run.model.config.scaled_embedding
    values = {
        "id": str(at.run.prompt_ids[-1]),
        "width": str(len(row)),
        "numbers": _some(row.tolist()),
        "root": f"√{len(row)}",
    }
    return Facts(values, whole, cell, "scaled" if scaled else "")


def _order(at: _Place) -> Facts:
    return {"none": _no_order, "rope": _turned}.get(at.run.model.config.position, _added)(at)


def _no_order(at: _Place) -> Facts:
    """Where no position enters, the tokens before the last one are put in reverse order, and what changes is told."""
    *earlier, last = at.run.prompt_ids
    width = at.run.model.config.model_dim
    marks = [_row("cell", "input", at.row, range(width)), _row("operand", "token_embedding", at.row, range(width))]
    cell = Address("input", (at.row, 0))
    before = at.step.logits[0]
    best = int(before.argmax())
    values = {"best": at.word(best), "score": said(float(before[best]))}
    if earlier == earlier[::-1]:
        return Facts(values, marks, cell, "short")
    after = _reordered(at, at.run.model.weights.version, (*earlier[::-1], last))
    values |= {
        "reordered_best": at.word(after.best),
        "reordered_score": said(after.score),
        "difference": said(after.difference),
    }
    return Facts(values, marks, cell, "none" if after.difference <= UNMOVED * float(before.abs().max()) else "causal")


@dataclass(frozen=True)
class Reordered:
    """What the model says to the text in another order: its best guess, what it now gives to the best guess so far,
    and by how much its scores differ at most."""

    best: int
    score: float
    difference: float


@st.cache_resource(max_entries=64, show_spinner=False)
def _reordered(_at: _Place, version: str, ids: tuple[int, ...]) -> Reordered:
    """Kept for all visitors by model and ids: the card is drawn again more often than the text changes."""
    before = _at.step.logits[0].double()
    after = generate(_at.run.model, list(ids)).steps[0].logits[0].double()
    score = float(after[int(before.argmax())])
    return Reordered(int(after.argmax()), score, float((after - before).abs().max()))


def _turned(at: _Place) -> Facts:
    told, cell, marks = at.told(f"{AT}.q_rotated", 0, at.row, 0)
    numbers, (own, partner) = told.numbers, told.terms
    values = {name: _factor(numbers[name]) for name in ("cos", "sin")}
    values |= {
        "angle": said(numbers["angle"]),
        "number": said(own.inputs[0]),
        "partner": _factor(partner.inputs[0]),
        "turned": said(told.result),
    }
    return Facts(values, marks, cell, "rope")


def _added(at: _Place) -> Facts:
    told, cell, marks = at.told("input", at.row, 0)
    token, position = told.terms
    values = {"number": said(token.value), "added": _factor(position.value), "sum": said(told.result)}
    return Facts(values, marks, cell, at.run.model.config.position)


def _qkv(at: _Place) -> Facts:
    told, cell, marks = at.told(f"{AT}.q", 0, at.row, 0)
    rows = {letter: at.last(f"{AT}.{letter}") for letter in "qkv"}
    width = len(rows["q"])
    others = [_row("cell", f"{AT}.{letter}", at.row, range(width), head=True) for letter in "kv"]
    values = {letter: said(float(row[0])) for letter, row in rows.items()}
    return Facts(
        {**values, "width": str(width), "terms": product(told), "result": said(told.result)}, [*marks, *others], cell
    )


def _scores(at: _Place) -> Facts:
    """The last token's question times the first token's label."""
    told, cell, marks = at.told(f"{AT}.dot_products", 0, at.row, 0)
    return Facts({"key_token": at.token(0), "terms": product(told), "result": said(told.result)}, marks, cell)


def _mask(at: _Place) -> Facts:
    told, cell, marks = at.told(f"{AT}.scores", 0, at.row, 0)
    config, count = at.run.model.config, len(at.step.positions)
    hidden = int((~allowed_keys(at.step.positions, at.step.positions.stop, config.window)).sum())
    if count > 1:
        marks.append(_row("operand", f"{AT}.masked_scores", 0, range(1, count), head=True))
    values = {
        "head_dim": str(config.head_dim),
        "root": said(math.sqrt(config.head_dim)),
        "dot": said(told.terms[0].inputs[0]),
        "score": said(told.result),
        "hidden": f"{hidden:,}",
        "cells": f"{count * count:,}",
        "window": f"{config.window or 0:,}",
    }
    return Facts(values, marks, cell, "one" if count == 1 else "window" if config.window else "")


def _softmax(at: _Place) -> Facts:
    row = at.last(f"{AT}.weights")
    best = int(row.argmax())
    told, cell, marks = at.told(f"{AT}.weights", 0, at.row, best)
    n = told.numbers
    few = len(row) if len(row) <= 5 else 4  # "…" never stands for a single one
    powers = _summed([term.value for term in told.terms[:few]], len(row))
    values = {
        "best": at.token(best),
        "best_position": str(best),
        "share": percent(told.result),
        "score": said(n["input"]),
        "highest": _factor(n["maximum"]),
        "power": said(n["exponential"]),
        "total": said(n["total"]),
        "powers": powers,
    }
    if len(row) == 1:
        return Facts(values, marks, cell, "alone")
    offered = sorted(row.topk(min(CHOICES, len(row))).indices.tolist())
    values |= {"offered": _WORDS[len(offered)], "seen": f"{len(row):,}"}
    covered = _row("cell", f"{AT}.weights", at.row, range(len(row)), head=True)
    guess = Guess([f"{p}  {at.token(p)}" for p in offered], offered.index(best), covered)
    return Facts(values, marks, cell, "some" if len(row) > len(offered) else "", guess=guess)


def _mixing(at: _Place) -> Facts:
    row = at.last(f"{AT}.weights")
    best = int(row.argmax())
    told, cell, marks = at.told(f"{AT}.head_output", 0, at.row, 0)
    values = {
        "best": at.token(best),
        "share": percent(float(row[best])),
        "terms": product(told),
        "result": said(told.result),
    }
    return Facts(values, marks, cell, "alone" if len(row) == 1 else "")


def _feedforward(at: _Place) -> Facts:
    config = at.run.model.config
    told, cell, marks = at.told(f"{FF}.hidden", at.row, 0)
    incoming, hidden = at.last(f"{FF}.gate" if config.gated else f"{FF}.up"), at.last(f"{FF}.hidden")
    marks.append(_row("operand", f"{FF}.hidden", at.row, range(len(hidden))))
    values = {
        "units": f"{len(hidden):,}",
        "zeros": f"{int((hidden == 0).sum()):,}",
        "below": f"{int((incoming < 0).sum()):,}",
        "input": said(told.numbers["input"]),
        "activated": said(told.numbers["activated"]),
        "result": said(told.result),
        "carried": _factor(told.terms[-1].inputs[0]),
        "function": ACTIVATION_TITLES[config.feedforward],
    }
    variant = "gated" if config.gated else "relu" if config.feedforward == "relu" else "smooth"
    if variant == "relu":
        variant = {"0": "relu_none", "1": "relu_one"}.get(values["zeros"], variant)
    return Facts(values, marks, cell, variant)


def _depth(at: _Place) -> Facts:
    best = int(at.step.logits[0].argmax())
    told, cell, marks = at.told("logits", 0, best)
    marks = [replace(mark, label=at.word(best)) if mark.kind == "cell" else mark for mark in marks]
    first, last = (float(at.step.doors[end][at.row].float().norm()) for end in (0, -1))
    values = {
        "layers": str(at.run.model.config.layers),
        "before": said(first),
        "after": said(last),
        "vocab": f"{at.run.model.config.vocab_size:,}",
        "best": at.word(best),
        "terms": product(told),
        "result": said(told.result),
    }
    return Facts(values, marks, cell, "one" if at.run.model.config.layers == 1 else "")


def _choosing(at: _Place) -> Facts:
    sampled, sampling = at.step.sampled, at.run.sampling
    drawn_from = sampled.stages[-1].probabilities
    line = drawn_from.cumsum(-1) / drawn_from.sum()
    values = {
        "sampled": at.word(sampled.id),
        "probability": percent(sampled.probability),
        "drawn": percent(sampled.drawn_probability),
        "temperature": f"{sampling.temperature:g}",
        "stages": all_titles(),
        "times": number(sampled.probability * len(drawn_from)),
        "left": f"{int((drawn_from > 0).sum()):,}",
        "dice": f"{sampled.u:.6f}",
        "seed": str(sampling.seed),
        "end": f"{float(line[sampled.id]):.6f}",
        "start": f"{float(line[sampled.id - 1]) if sampled.id else 0:.6f}",
    }
    _, cell, marks = at.told("probabilities", 0, sampled.id)
    if sampling.greedy:
        variant = "greedy"
    elif values["left"] == "1":
        variant = "one"
    elif not sampling.stages_on:
        variant = "unchanged"
    else:
        variant = "" if sampling.stages_on == [TEMPERATURE] else "cut"
    return Facts(values, marks, cell, variant, ("equation-sample", "next-token-card"))


def _again(at: _Place) -> Facts:
    """The decode step; where the run ends before it, what it would do."""
    run, config = at.run, at.run.model.config
    cached = len(run.prompt_ids)
    decodes = at.step.index > 0
    name = f"{AT}.keys"
    heads, _, width = shape_of(at.step, name).values()
    rows = [CellMark("operand", f"{AT}.{each}", (0, 1), (0, cached), (0, width)) for each in ("keys", "values")]
    new = [_row("cell", f"{AT}.{each}", cached, range(width), head=True) for each in ("keys", "values")]
    each = heads * width * config.layers  # numbers of one token's keys, and as many of its values
    values = {
        "new_token": at.word(run.new_ids[0]),
        "new_position": str(cached),
        "cached": f"{cached:,}",
        "all": f"{cached + 1:,}",
        "counted": counted(cached, "token"),
        "each": f"{each:,}",
        "kept": f"{2 * each * cached:,}",
    }
    cell = Address(name, (0, cached if decodes else cached - 1, 0))
    variant = "" if decodes else _ENDS[run.ended or "length"]
    return Facts(values, [*new, *rows] if decodes else rows, cell, variant)


FACTS: dict[str, Callable[[_Place], Facts]] = {
    "text": _text,
    "embedding": _embedding,
    "order": _order,
    "qkv": _qkv,
    "scores": _scores,
    "mask": _mask,
    "softmax": _softmax,
    "mixing": _mixing,
    "feedforward": _feedforward,
    "depth": _depth,
    "choosing": _choosing,
    "again": _again,
}

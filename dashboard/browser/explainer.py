"""The panel that explains a cell, and what finds the cell that was clicked in any heatmap of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import streamlit as st

from dashboard.browser.browser import component
from dashboard.browser.cells import CellMark

_mount = component("explainer.js", styles=["common.css", "explainer.css"])


@dataclass(frozen=True)
class Crumb:
    """One cell of the way to the explained one: as briefly as can be, and in words."""

    text: str
    title: str


@dataclass(frozen=True)
class Recomputed:
    """The number as it was computed again, as the run has it, and how far apart they are.

    A weight or an id is not computed: `stored` is empty then; `apart` is empty where there is no difference.
    """

    recomputed: str
    stored: str
    apart: str


@dataclass(frozen=True)
class LinkedOperand:
    """A number that a term was computed from. to: the address of its cell; title: where that is, in words."""

    symbol: str
    value: str
    to: str
    title: str


@dataclass(frozen=True)
class TermRow:
    """One term of the cell.

    Attributes:
        label: what it is.
        inputs: what it was computed from, with `sign` between them, times `factor` if there is one.
        value: as it is shown, and `full`, as precisely as it is known.
        share: of the largest term, −1 to 1, as a bar.
        own: it stands where the cell does.
        aside: it is of another matrix than the others: a bias, a norm's scale or shift.
    """

    label: str
    inputs: list[LinkedOperand]
    factor: str
    sign: str
    value: str
    full: str
    share: float
    own: bool
    aside: bool


@dataclass(frozen=True)
class Strip:
    """All terms in order as thin bars: shares of the largest; which bar the cell's own term is in; it in words."""

    bars: list[float]
    own: int | None
    signed: bool
    said: str


@dataclass(frozen=True)
class TermTable:
    """Terms as rows.

    Attributes:
        heading: what they are.
        rows: those that are listed.
        count: how many there are in all.
        rest: how many are not listed, and `others`, their sum.
        signed: some are negative.
        strip: all of them at a glance, where some are not listed.
        total: the word for their `sum`; empty where that means nothing.
        page: which of the `pages` is listed; None for the first few.
    """

    heading: str
    rows: list[TermRow]
    count: int
    rest: int
    others: str
    signed: bool
    strip: Strip | None
    total: str = ""
    sum: str = ""
    page: int | None = None
    pages: int = 0


@dataclass(frozen=True)
class Rotation:
    """A pair of numbers as an arrow of length 1 before and after it is turned; first: the cell is the first of them."""

    before: tuple[float, float]
    after: tuple[float, float]
    angle: float
    first: bool
    alt: str
    kind: Literal["rotation"] = "rotation"


@dataclass(frozen=True)
class Curve:
    """A function by its points, and where on it the cell is."""

    points: list[tuple[float, float]]
    at: tuple[float, float]
    name: str
    alt: str
    kind: Literal["curve"] = "curve"


Drawing = Rotation | Curve


@dataclass(frozen=True)
class CellAxis:
    """One axis of a cell's matrix: its name and its word on the page, the cell's number, how many, from which on."""

    axis: str
    word: str
    value: int
    size: int
    start: int


@dataclass(frozen=True)
class CellChoice:
    """What the keyboard chooses a cell from: the layer, the numbers, and matrices (name and title) in named groups."""

    layer: int
    layers: int
    name: str
    axes: list[CellAxis]
    groups: list[tuple[str, list[tuple[str, str]]]]


@dataclass(frozen=True)
class ExplainedCell:
    """All that is told of one cell.

    Attributes:
        crumbs: the way to it, itself last.
        symbol: of its matrix; and its `title`, the cell's `place`, the `formula` and what the matrix means.
        result: its number.
        line: how it was computed, in one line of numbers; and what is drawn beside it.
        numbers: what was computed on the way: name and value.
        note: why it is hidden, or why the way back ends here; and what else a clicked cell stands for.
        end: the way back ends here.
        terms: what it was made from, and whether the largest come first.
        layers: what each layer has added so far; layers_later: that can be asked for.
        marks: what is outlined on the page.
        choice: what the keyboard chooses from.
        elsewhere: its matrix is not on the page, and can be shown.
        forms: the key of each form of a technical word, in lower case.
    """

    crumbs: list[Crumb]
    symbol: str
    title: str
    place: str
    formula: str
    meaning: str
    result: Recomputed
    line: str
    drawing: Rotation | Curve | None
    numbers: list[tuple[str, str]]
    note: str
    pooled: str
    end: bool
    terms: TermTable | None
    by_size: bool
    layers: TermTable | None
    layers_later: bool
    marks: list[CellMark]
    choice: CellChoice
    elsewhere: bool
    forms: dict[str, str]


@dataclass(frozen=True)
class ExplainerMessage:
    """Whether regions may be dragged over pictures, and the cell that is explained; None: the panel is closed."""

    drags: bool
    cell: ExplainedCell | None


def panel(shown: ExplainerMessage, *, key: str, on_ask: Callable[[dict[str, Any]], None]) -> None:
    """Listen to clicks on cells; show one cell's explanation at the bottom of the page.

    Arguments:
        shown: what is explained.
        key: Streamlit's key.
        on_ask: called before the fragment runs, with one question of the visitor: `pick` (a picture's cell was
            clicked), `drag` (a region of one was dragged over), `go` (an operand's address), `back` (to which
            cell of the way), `choose` (matrix and numbers typed), `show` (its matrix), `by_size`, `page`, `layers`, or
            `close`. It comes from a browser: check it.
    """

    def tell_page() -> None:
        state = st.session_state.get(key)
        question = state.get("ask") if isinstance(state, dict) else None
        if isinstance(question, dict):
            on_ask(question)

    _mount(key=key, data=asdict(shown), height="content", on_ask_change=tell_page)

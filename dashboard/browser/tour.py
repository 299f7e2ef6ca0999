"""The tour's card, docked below the matrices: what a stop tells, what it outlines, and the way to the next one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import streamlit as st

from dashboard.browser.browser import component, read_styles
from dashboard.browser.cells import CellMark

_mount = component("tour.js", styles=["common.css", "tour.css"])
_PAGE_STYLE = f"<style>{read_styles(['tour_page.css'])}</style>"


@dataclass(frozen=True)
class TourGuess:
    """What is guessed before it is told: the choices, which is right, and the cells that would give it away."""

    choices: list[str]
    right: int
    covered: list[CellMark]


@dataclass(frozen=True)
class TourMessage:
    """The tour's card.

    Attributes:
        present: the page is shown to a class.
        stops: the names of all stops in order.
        words: the card's own words, by name.
        forms: the key of each form of a technical word, in lower case.
        stop: the one that is told, by name; empty for none: the card is the way into the tour then.
        number: of the stop, from 0; and its `place` in words.
        text: of the stop: title, what, why, formula, and question where there is a guess.
        marks: what is outlined in the pictures of matrices.
        keys: Streamlit's keys of other parts of the page that are outlined.
        guess: what is guessed first, if anything.
    """

    present: bool
    stops: list[str]
    words: dict[str, str]
    forms: dict[str, str]
    stop: str = ""
    number: int = 0
    place: str = ""
    text: dict[str, str] = field(default_factory=dict)
    marks: list[CellMark] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    guess: TourGuess | None = None


def tour_card(shown: TourMessage | None, *, key: str, on_ask: Callable[[dict[str, Any]], None]) -> None:
    """Show one stop at the bottom of the page.

    Arguments:
        shown: what the card tells; None: nothing is shown.
        key: Streamlit's key.
        on_ask: called before the fragment runs, with one question of the visitor: `go` (a stop's name), `leave`,
            `explain`, `resume` (the explanation is to be closed) or `present` (true or false). It comes from a browser:
            check it.
    """

    def tell_page() -> None:
        state = st.session_state.get(key)
        question = state.get("ask") if isinstance(state, dict) else None
        if isinstance(question, dict):
            on_ask(question)

    st.html(_PAGE_STYLE)
    _mount(key=key, data=asdict(shown) if shown else {}, height="content", on_ask_change=tell_page)

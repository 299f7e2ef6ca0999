"""The tour on the page: the button that starts it, the card that tells a stop, and the way from stop to stop.

The link holds the stop. A stop looks at a station, a step, a layer and a head; what the visitor looked at before comes
back when the tour is left. No setting of the run is touched.
"""

from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard.browser.tour import TourGuess, TourMessage, tour_card
from dashboard.link import visit
from dashboard.link.settings import Settings
from dashboard.link.tour_stops import STOPS, checked_stop, step_of_stop, view_of
from dashboard.server.computed import run_of
from dashboard.server.on_screen import step_index
from dashboard.shell.fragments import callback, change, fragment
from dashboard.shell.glossary import glossary_key
from dashboard.shell.reads import OF_RUN, derived
from dashboard.tour.facts import Facts, stop_facts
from dashboard.tour.state import Told, TourState
from dashboard.tour.texts import card_texts, filled, stop_texts
from llm_core import Run

_STATE = "tour-state"


def _state() -> TourState:
    found: TourState = st.session_state.get(_STATE, TourState())
    return found


def _told_of(stop: str, run: Run) -> Told:
    return Told(stop, run.model.weights.version, len(run.steps) > 1)


@derived("tour_looks", OF_RUN)
def _tour_looks(chosen: Settings, run: Run) -> Told | None:
    """What decides about where the tour looks: at another run each stop is looked at anew."""
    return _told_of(chosen.tour, run) if chosen.tour else None


def arrive(run: Run, chosen: Settings) -> None:
    """Look where the stop of the link looks, the first time that it is told of this run. Call before drawing."""
    st.session_state[_STATE], must_look = _state().arrived(_told_of(chosen.tour, run), chosen)
    if must_look:
        for name, value in {**view_of(chosen.tour, run.model.config, len(run.steps)), "cell": ""}.items():
            visit.look_at(name, value)


@fragment("tour-start", reads=())
def start_button() -> None:
    text = card_texts()
    st.button(text["start"], key="tour-start-button", help=text["start_hint"], on_click=_go, args=(STOPS[0],))


@fragment("tour", reads={"tour", "present", "tokens", "rows", "sampled"}, needs={"tour", "present"})
def card() -> None:
    """The card, where a stop is told; in presenter mode at least the way into the tour."""
    chosen = visit.current()
    shown = TourMessage(bool(chosen.present), list(STOPS), card_texts(), glossary_key())
    if chosen.tour:
        shown = _told(shown, run_of(chosen), chosen)
    tour_card(shown if chosen.tour or chosen.present else None, key="tour-card", on_ask=_answer)


def _told(shown: TourMessage, run: Run, chosen: Settings) -> TourMessage:
    stop = chosen.tour
    found = stop_facts(stop, run)
    text = stop_texts(stop, found.variant, found.values)
    here = step_index(chosen, run) == step_of_stop(stop, len(run.steps))  # else the cells on screen are another step's
    number = STOPS.index(stop)
    numbers = {"stop": str(number + 1), "stops": str(len(STOPS))}
    place = filled(card_texts()["place"], numbers, "texts.toml: the text “place” of [card]")
    return replace(
        shown,
        stop=stop,
        number=number,
        place=place,
        text=text,
        marks=found.marks if here else [],
        keys=list(found.shows),
        guess=_guess(found, here),
    )


def _guess(found: Facts, here: bool) -> TourGuess | None:
    if found.guess is None:
        return None
    guess = found.guess
    return TourGuess(guess.choices, guess.right, [guess.covered] if here else [])


# ---- what is asked --------------------------------------------------------------------------------------------------


@callback
def _answer(question: dict[str, Any]) -> None:
    """A button or a key in the browser. What makes no sense is ignored."""
    kind, value = next(iter(question.items()), ("", None))
    if kind == "go":
        try:
            stop = checked_stop(str(value))
        except ValueError:
            return
        _go(stop)
    elif kind == "leave":
        _leave()
    elif kind == "explain" and visit.current().tour:
        chosen = visit.current()
        change(cell=str(stop_facts(chosen.tour, run_of(chosen)).cell))
    elif kind == "resume":
        change(cell="")
    elif kind == "present":
        change(present=int(value is True))


@callback
def _go(stop: str) -> None:
    """Tell another stop: the page looks where it looks."""
    chosen = visit.current()
    run = run_of(chosen)
    entered = _state().entered(_told_of(stop, run), chosen)
    change({_STATE: entered}, tour=stop, cell="", **view_of(stop, run.model.config, len(run.steps)))


def _leave() -> None:
    """Look where the visitor looked before."""
    left, before = _state().left()
    change({_STATE: left}, tour="", cell="", **before)

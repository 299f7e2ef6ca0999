"""The tour on the page: the button that starts it, the card that tells a stop, and the way from stop to stop.

The link holds the stop. A stop looks at a station, a step, a layer and a head; what the visitor looked at before comes
back when the tour is left. No setting of the run is touched.
"""

from typing import Any

import streamlit as st

from dashboard import explainer, settings
from dashboard.components.tour import tour_card
from dashboard.redraw import SAMPLER_PARTS, TOUR, callback, guarded, redraw, remember_rows
from dashboard.sections import shows_all
from dashboard.settings import Settings
from dashboard.state import run_of, step_index
from dashboard.tour.facts import Facts, facts
from dashboard.tour.stops import STOPS, checked, step_of, view_of
from dashboard.tour.texts import filled, told, words
from llm_core import Run

START = "tour-start"
LOOKS = ("station", "step", "layer", "head")


def arrive(run: Run, chosen: Settings) -> None:
    """Look where the stop of the link looks, the first time that it is told of this run. Call before drawing."""
    told_of = (chosen.tour, run.model.fingerprint, len(run.steps) > 1)
    if chosen.tour and st.session_state.get("tour-arrived") != told_of:
        if "tour-before" not in st.session_state:
            _remember(chosen)
        _look(view_of(chosen.tour, run.model.config, len(run.steps)))
    st.session_state["tour-arrived"] = told_of


@st.fragment(key=START)
@guarded
def start_button() -> None:
    text = words()
    st.button(text["start"], key="tour-start-button", help=text["start_hint"], on_click=_go, args=(STOPS[0],))


@st.fragment(key=TOUR)
@guarded
def card() -> None:
    """The card, where a stop is told; in presenter mode at least the way into the tour."""
    chosen = settings.current()
    shown = {"present": bool(chosen.present), "stops": STOPS, "words": words()}
    if chosen.tour:
        shown |= _told(run_of(chosen), chosen)
    tour_card(shown if chosen.tour or chosen.present else {}, key="tour-card", on_ask=_answer)


def _told(run: Run, chosen: Settings) -> dict[str, Any]:
    stop = chosen.tour
    found = facts(stop, run)
    text = told(stop, found.variant, found.values)
    here = step_index(chosen, run) == step_of(stop, len(run.steps))  # else the cells on screen are another step's
    number = STOPS.index(stop)
    numbers = {"stop": str(number + 1), "stops": str(len(STOPS))}
    place = filled(words()["place"], numbers, "texts.toml: the text “place” of [card]")
    return {
        "stop": stop, "number": number, "place": place, "text": text,
        "marks": found.marks if here else [], "keys": found.shows, "guess": _guess(found, here),
    }  # fmt: skip


def _guess(found: Facts, here: bool) -> dict[str, Any] | None:
    if found.guess is None:
        return None
    guess = found.guess
    return {"choices": guess.choices, "right": guess.right, "covered": [guess.covered] if here else []}


# ---- what is asked --------------------------------------------------------------------------------------------------


@callback
def _answer(question: dict[str, Any]) -> None:
    """A button or a key in the browser. What makes no sense is ignored."""
    kind, value = next(iter(question.items()), ("", None))
    if kind == "go":
        try:
            stop = checked(str(value))
        except ValueError:
            return
        _go(stop)
    elif kind == "leave":
        _leave()
    elif kind == "explain" and settings.current().tour:
        chosen = settings.current()
        settings.look_at("cell", str(facts(chosen.tour, run_of(chosen)).cell))
        redraw([explainer.PART])
    elif kind == "resume":
        settings.look_at("cell", "")
        redraw([explainer.PART, TOUR])
    elif kind == "present":
        settings.look_at("present", int(value is True))
        st.rerun()


@callback
def _go(stop: str) -> None:
    """Tell another stop: the page looks where it looks."""
    before = settings.current()
    run = run_of(before)
    if not before.tour:
        _remember(before)
    settings.look_at("tour", stop)
    st.session_state["tour-arrived"] = (stop, run.model.fingerprint, len(run.steps) > 1)
    _look(view_of(stop, run.model.config, len(run.steps)))
    _redraw_since(before, run)


def _leave() -> None:
    """Look where the visitor looked before."""
    before = settings.current()
    settings.look_at("tour", "")
    _look(st.session_state.pop("tour-before", {}))
    _redraw_since(before, run_of(before))


def _remember(chosen: Settings) -> None:
    st.session_state["tour-before"] = {name: getattr(chosen, name) for name in LOOKS}


def _look(view: dict[str, int | str]) -> None:
    for name, value in view.items():
        settings.look_at(name, value)
    settings.look_at("cell", "")


def _redraw_since(before: Settings, run: Run) -> None:
    """Draw again what the change of view concerns, the card last: it points at what is above."""
    now = settings.current()
    changed = {name for name in (*LOOKS, "cell") if getattr(now, name) != getattr(before, name)}
    parts: set[str] = set()
    if "station" in changed:
        parts |= {"stations"} if shows_all(run.model.config) else {"stations", "matrices", "sample"}
    if "step" in changed:
        parts |= {*SAMPLER_PARTS[1:], "layer", "matrices"}
        remember_rows(now, run)
        st.session_state.stand_still = False
    if changed & {"layer", "head"}:
        parts |= {"stations", "layer", "matrices"}
    if "cell" in changed:
        parts.add(explainer.PART)
    redraw([*sorted(parts - {TOUR}), TOUR])

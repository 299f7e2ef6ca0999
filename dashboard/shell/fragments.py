"""Which parts of a page are drawn again when something changes, and what to do when drawing fails."""

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec

import streamlit as st
from streamlit.errors import StreamlitAPIException

from dashboard.link.settings import Settings
from dashboard.link.visit import current, write_address
from dashboard.server.computed import run_of
from dashboard.server.on_screen import step_index
from dashboard.shell.navigation import LINKS
from dashboard.shell.workarounds import page_is_on_its_way
from llm_core import Run

P = ParamSpec("P")
EXPLAINER, TOUR = "explainer", "tour"
SAMPLER_PARTS = ["dice", "tokens", "stations", "next-token", "sample", "proof", EXPLAINER, TOUR]
"""The fragments that show what was sampled; all other parts show what the model computed before."""


DRAWN_TOKEN = "drawn-token"
"""The fragment with the drawn token's column; in the session state, under this key, the id that it shows."""


def remember_rows(settings: Settings, run: Run) -> None:
    """Note which rows of which model are on screen, once all of the page is drawn."""
    st.session_state.rows = _rows(settings, run)


def forget_rows() -> None:
    """Note that the page is drawn anew: whether there will be matrices remains to be seen."""
    st.session_state.rows = None
    st.session_state.stand_still = False


def after_sampling() -> None:
    """A widget's callback: a sampling setting changed. Where the same rows go in, the matrices stand still."""
    rows = st.session_state.get("rows")
    settings = current()
    try:
        same = rows is not None and _rows(settings, run_of(settings)) == rows
    except ValueError:  # the page itself will say why
        same = False
    if not same:
        st.rerun()
    st.session_state.stand_still = True
    asked_for = {EXPLAINER: settings.cell, TOUR: settings.tour or settings.present}  # empty, they stay as they are
    run = run_of(settings)
    other = run.steps[step_index(settings, run)].sampled.id != st.session_state.get(DRAWN_TOKEN)
    parts = [part for part in SAMPLER_PARTS if asked_for.get(part, True)]
    redraw([*parts, *([DRAWN_TOKEN] if other else [])])


def redraw(parts: list[str]) -> None:
    """In a callback: draw these fragments again and the links to other pages, or the whole page where one of them is
    not there (yet).

    So are those that an act before asked for and that were not drawn since: where two acts come at once, Streamlit
    draws what the later one asks for. They are drawn in the page's order: what was sent of a part and has not left for
    the browser yet is dropped when the part is drawn again, and a browser takes no part before those above it.
    """
    asked_for, order = st.session_state.setdefault("undrawn", {}), list(st.session_state.get("parts", ()))
    asked_for.update(dict.fromkeys([*parts, LINKS]))
    write_address()
    if page_is_on_its_way():
        st.rerun()
    try:
        st.rerun(sorted(asked_for, key=lambda name: order.index(name) if name in order else len(order)))
    except StreamlitAPIException:
        st.rerun()


def begin_drawing() -> None:
    """All of the page is drawn from here on, whatever was asked for; its parts are noted in their order."""
    st.session_state.undrawn, st.session_state.parts = {}, {}


def fragment(name: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """A part of the page that can be drawn again by itself, by this name; `guarded`, too."""

    def made(part: Callable[P, None]) -> Callable[P, None]:
        guarded_part = guarded(part)

        @st.fragment(key=name)
        @functools.wraps(part)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
            write_address()
            st.session_state.setdefault("parts", {})[name] = None
            guarded_part(*args, **kwargs)
            st.session_state.get("undrawn", {}).pop(name, None)

        return drawn

    return made


def _rows(settings: Settings, run: Run) -> tuple[str, int, tuple[int, ...], int]:
    """All that the matrices of the step on screen depend on. How many tokens the run has sets the size of cells."""
    index = step_index(settings, run)
    return run.model.weights.version, index, tuple(run.ids[: run.steps[index].positions.stop]), len(run.ids)


def guarded(part: Callable[P, None]) -> Callable[P, None]:
    """The last resort: what should never happen is logged, and visitors get a sentence instead of a traceback."""

    @functools.wraps(part)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            part(*args, **kwargs)
        except ValueError as error:
            logging.getLogger(__name__).info("refused", exc_info=error)
            refusal(str(error), part.__name__)
        except Exception:
            logging.getLogger(__name__).exception("a part of the page could not be drawn")
            refusal("this part of the page could not be drawn; the server's log says why", part.__name__)

    return drawn


def callback(answer: Callable[P, None]) -> Callable[P, None]:
    """What a widget or a component calls, where it needs the run: of settings that make none it does nothing more.

    A click may arrive together with a text that is refused. The page is drawn next, and says why.
    """

    @functools.wraps(answer)
    def answered(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            answer(*args, **kwargs)
        except ValueError as error:
            logging.getLogger(__name__).info("refused", exc_info=error)

    return answered


def refusal(sentence: str, part: str = "run") -> None:
    """Why there is nothing to see, in plain text: it may quote what a visitor typed. part: what there is nothing of."""
    with st.container(key=f"refusal-of-{part}", border=True):
        st.text(sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith((".", "!", "?")) else "."))

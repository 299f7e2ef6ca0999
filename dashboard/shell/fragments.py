"""The parts of a page: each declares what it reads, and is drawn again when that changes; and what happens where one
cannot be drawn.

What can be read is a setting, a value that follows from settings (see reads.py), or a value of the session state that
only some parts know; the names of those have a hyphen.
"""

import functools
import logging
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ParamSpec

import streamlit as st
from streamlit.errors import StreamlitAPIException

from dashboard.link.settings import Settings
from dashboard.link.visit import current, look_at, write_address
from dashboard.shell.reads import OF_RUN, differing, following
from dashboard.shell.waiting import takes_long
from dashboard.shell.words import NOT_DRAWN
from dashboard.shell.workarounds import page_is_on_its_way

P = ParamSpec("P")
PartPlace = tuple[int, ...]
"""Where a part stands in the page's order: its number among the parts around it, after their own place."""


@dataclass(frozen=True)
class Declared:
    """What a part of the page reads; it shows nothing unless one of the settings that it needs is on."""

    reads: frozenset[str]
    needs: frozenset[str] = frozenset()

    def is_concerned(self, names: Collection[str], before: Settings, after: Settings) -> bool:
        """Whether the part shows something else when these values change."""
        if self.reads.isdisjoint(names):
            return False
        return not self.needs or any(getattr(each, name) for name in self.needs for each in (before, after))


DECLARED: dict[str, Declared] = {}
"""All parts of all pages, by name."""
_AROUND: ContextVar[PartPlace] = ContextVar("around", default=())


def fragment(
    name: str, *, reads: Collection[str], needs: Collection[str] = ()
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """A part of the page that can be drawn again by itself, by this name; `guarded`, too.

    Arguments:
        reads: all that decides about what it shows, but for what the whole page reads.
        needs: settings of which one must be on: else it shows nothing, and is left as it is.
    """
    DECLARED[name] = Declared(frozenset(reads), frozenset(needs))

    def made(part: Callable[P, None]) -> Callable[P, None]:
        guarded_part = guarded(part)

        @st.fragment(key=name)
        @functools.wraps(part)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
            write_address()
            around = _AROUND.set(_begin_part(name))
            try:
                guarded_part(*args, **kwargs)
            finally:
                _AROUND.reset(around)
            st.session_state.get("undrawn", {}).pop(name, None)

        return drawn

    return made


def _begin_part(name: str) -> PartPlace:
    """Note that a part is drawn now; those within it are noted anew. Returns its place."""
    parts: dict[str, PartPlace] = st.session_state.setdefault("parts", {})
    around = _AROUND.get()
    place = parts.get(name)
    if place is None:
        place = (*around, len({other for other in parts.values() if other[:-1] == around}))
    within = [other for other, where in parts.items() if len(where) > len(place) and where[: len(place)] == place]
    for other in within:
        del parts[other]
    parts[name] = place
    return place


def begin_drawing(reads: Collection[str]) -> None:
    """All of the page is drawn from here on, whatever was asked for; its parts are noted with their places.

    reads: what the page reads outside of its parts: when that changes, all of it is drawn again.
    """
    state = st.session_state
    state.undrawn, state.parts, state.page_reads = {}, {}, frozenset(reads)
    state.is_drawn = state.stand_still = state.is_refused = False


def end_drawing() -> None:
    """All parts of the page are there: from here on each can be drawn again by itself."""
    st.session_state.is_drawn = True


def change(noted: Mapping[str, Any] | None = None, /, **settings: Any) -> None:
    """In a callback: change settings, and draw again exactly what reads them or what follows from them.

    So is what an act before asked for and what was not drawn since: where two acts come at once, Streamlit draws what
    the later one asks for. Parts are drawn in the page's order: a browser takes no part before those above it.

    noted: values of the session state, by name; they count as changed.
    """
    before = current()
    for name, value in settings.items():
        look_at(name, value)
    st.session_state.update(noted or {})
    write_address()
    _draw_again(before, current(), frozenset(noted or ()))


def _draw_again(before: Settings, after: Settings, noted: frozenset[str]) -> None:
    state = st.session_state
    names = differing(before, after) | noted
    if not state.get("is_drawn") or state.get("is_refused") or names & state.page_reads or page_is_on_its_way():
        return _draw_all()
    try:
        if names & OF_RUN and (takes_long(after) or takes_long(before)):  # to compare it with what was there
            return _draw_all()  # which says meanwhile that it does
        names |= following(before, after)
    except Exception as error:  # the page itself will say why
        if not isinstance(error, ValueError):
            logging.getLogger(__name__).exception("what follows from an act could not be computed")
        return _draw_all()
    if names & state.page_reads:
        return _draw_all()
    if names & {"rows", "sampled"}:
        is_waiting = any("rows" in DECLARED[name].reads for name in state.undrawn)  # of an act that came just before
        state.stand_still = "rows" not in names and not is_waiting
    _draw_parts([name for name in state.parts if DECLARED[name].is_concerned(names, before, after)])


def _draw_parts(concerned: list[str]) -> None:
    parts, undrawn = st.session_state.parts, st.session_state.undrawn
    undrawn.update(dict.fromkeys(concerned))
    if not undrawn:
        return
    try:
        st.rerun(sorted(undrawn, key=lambda name: parts.get(name, ())))
    except StreamlitAPIException:  # one of them is not there any more
        _draw_all()


def _draw_all() -> None:
    st.session_state.is_drawn = False  # so that an act that comes before that does not ask for less
    st.rerun()


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
            refusal(NOT_DRAWN, part.__name__)

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
    """Why there is nothing to see, in plain text: it may quote what a visitor typed. part: what there is nothing of.

    The next act draws all of the page: which of its parts there would be is not known.
    """
    st.session_state.is_refused = True
    with st.container(key=f"refusal-of-{part}", border=True):
        st.text(sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith((".", "!", "?")) else "."))

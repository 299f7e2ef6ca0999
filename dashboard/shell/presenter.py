"""Presenter mode, for a room full of people: no sidebar, large type, larger cells where there is room for them.

The link asks for it (`present=1`), on every page. The tour's card has the way in (dashboard/tour/card.py); the way out
is beside the links to the pages, so that it is there whatever a page shows.
"""

from pathlib import Path

import streamlit as st

from dashboard.figures.enlarged import enlarged
from dashboard.figures.made import Made
from dashboard.link import visit
from dashboard.shell.fragments import change
from dashboard.shell.words import WAY_OUT

SIZE = 1.35
WIDEST_EQUATION = 930  # pixels beside the next token on a screen of 1280, the smallest that projectors show
DIGITS = 16  # pixels of the numbers in cells, which the last row reads too: a wider equation is paged through
_CSS = Path(__file__).with_name("presenter.css").read_text(encoding="utf-8")


def on() -> bool:
    """Whether the link asks for it; what it says else is judged with the other settings."""
    return bool(visit.current().present)


def large_type() -> None:
    """Add the style to the page, where the link asks for it; it takes no room."""
    if on():
        st.html(f"<style>{_CSS}</style>")


def way_out() -> None:
    """The button that brings the sidebar back, where there is none."""
    if on():
        st.button(WAY_OUT, key="stop-presenting", type="tertiary", on_click=_stop, icon=":material/close:")


def _stop() -> None:
    change(present=0)


def sized(figure: Made) -> Made:
    """A figure for whoever looks at it: larger for a room full of people, where its width is not the page's."""
    return enlarged(figure, SIZE, WIDEST_EQUATION, DIGITS) if on() and "width" in figure.plain_layout else figure

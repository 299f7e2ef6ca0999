"""The tour's card, docked below the matrices: what a stop tells, what it outlines, and the way to the next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.browser.browser import component, read_styles

_mount = component("tour.js", styles=["common.css", "tour.css"])
_PAGE_STYLE = f"<style>{read_styles(['tour_page.css'])}</style>"


def tour_card(shown: dict[str, Any], *, key: str, on_ask: Callable[[dict[str, Any]], None]) -> None:
    """Show one stop at the bottom of the page.

    Arguments:
        shown: the stop in plain values, as dashboard/tour/card.py makes it; with no stop but `present`, the way into
            the tour; empty: nothing.
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
    _mount(key=key, data=shown, height="content", on_ask_change=tell_page)

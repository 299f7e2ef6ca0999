"""The panel that explains a cell, and what finds the cell that was clicked in any heatmap of the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.browser.browser import component

_mount = component("explainer.js", styles=["common.css", "explainer.css"])


def panel(shown: dict[str, Any], *, key: str, on_ask: Callable[[dict[str, Any]], None]) -> None:
    """Listen to clicks on cells; show one cell's explanation at the bottom of the page.

    Arguments:
        shown: the explanation in plain values, as dashboard/explainer/panel.py makes it; with no `crumbs` the panel is
            closed. `drags`: whether regions may be dragged.
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

    _mount(key=key, data=shown, height="content", on_ask_change=tell_page)

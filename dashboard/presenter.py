"""Presenter mode, for a room full of people: no sidebar, large type, larger cells where there is room for them.

The link asks for it (`present=1`). The tour's card has the way in and the way out (dashboard/tour/card.py).
"""

from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from dashboard.figures.enlarged import enlarged

SIZE = 1.35
ROOM = 930  # pixels beside the next token on a screen of 1280, the smallest that projectors show
_CSS = Path(__file__).with_name("presenter.css").read_text(encoding="utf-8")


def on() -> bool:
    """Whether the link asks for it; what it says else is judged with the other settings."""
    return st.query_params.get("present") == "1"


def apply() -> None:
    """Add the style to the page, where the link asks for it; it takes no room."""
    if on():
        st.html(f"<style>{_CSS}</style>")


def sized(figure: go.Figure) -> go.Figure:
    """A figure for whoever looks at it: larger for a room full of people."""
    return enlarged(figure, SIZE, ROOM) if on() else figure

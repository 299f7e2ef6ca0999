"""The page's own static CSS: what Streamlit's theme has no word for."""

from pathlib import Path

import streamlit as st

from dashboard.browser.browser import read_styles
from dashboard.shell import presenter

ROOM_FOR_DIALOG = "<style>/* a dialog's place */</style>"
"""Streamlit keeps dialogs and styles in one list. A fragment that is drawn again goes on where the list was when it was
drawn first: without a place of its own there, the dialog would take that of the next style on the page."""
_CSS = Path(__file__).with_name("style.css").read_text(encoding="utf-8") + read_styles(["board/board.css"])


def page_style() -> None:
    """Add the style to the page, and the presenter's where it is asked for; it takes no room."""
    st.html(f"<style>{_CSS}</style>")
    presenter.large_type()

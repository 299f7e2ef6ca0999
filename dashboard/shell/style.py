"""The page's own static CSS: what Streamlit's theme has no word for."""

from pathlib import Path

import streamlit as st

from dashboard.browser.browser import read_styles
from dashboard.shell import presenter

_CSS = Path(__file__).with_name("style.css").read_text(encoding="utf-8") + read_styles(["board/board.css"])


def page_style() -> None:
    """Add the style to the page, and the presenter's where it is asked for; it takes no room."""
    st.html(f"<style>{_CSS}</style>")
    presenter.large_type()

"""What the browser fetches while the server is still importing and computing: Plotly, larger than all else of the page.

Nothing is imported here that takes long.
"""

import streamlit as st

from dashboard.browser.board import board

_HIDDEN = "<style>.st-key-early { display: none; }</style>"


def fetch_plotly() -> None:
    """Call first: a board without pictures, which nobody sees, has the browser fetch the board's scripts and Plotly."""
    st.html(_HIDDEN)
    with st.container(key="early"):
        board([], key="early-board")

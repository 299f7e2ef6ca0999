"""The board on the page."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.browser.browser import component
from dashboard.figures.message import BoardPicture, packed

_mount = component("board/on_page.js", styles=[], isolated=False, plotly=True)


def board(drawings: Sequence[BoardPicture], *, key: str) -> None:
    """Draw these pictures below each other; one that is wider than the page scrolls sideways.

    Its looks are board.css's, which the page has once.

    Arguments:
        drawings: each with a key of its own. One that is drawn already under its key is changed where it stands.
        key: Streamlit's key, which the element on the page has as its class `st-key-…`.

    Raises ValueError as `packed` does.
    """
    _mount(key=key, data=packed(drawings), width="stretch", height="content")

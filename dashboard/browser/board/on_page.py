"""The board on the page."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.browser.browser import component
from dashboard.figures.message import BoardPicture, packed

_mount = component("board/on_page.js", styles=[], isolated=False, plotly=True)


def board(drawings: Sequence[BoardPicture], *, key: str) -> None:
    """Draw these pictures below each other. Its looks are board.css's, which the page has once.

    Arguments:
        drawings: each with a key of its own. One that is drawn already under its key is changed where it stands.
        key: Streamlit's key, which the element on the page has as its class `st-key-…`.

    Raises ValueError as `packed` does.
    """
    is_fixed = all(drawing.size[0] and drawing.text is None for drawing in drawings)
    _mount(key=key, data=packed(drawings), width="content" if is_fixed else "stretch", height="content")

"""A button that copies a link to what is on the page: the link holds the run and the view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import streamlit as st

from dashboard.browser.browser import component

_mount = component("share.js", styles=["common.css", "share.css"])


@dataclass(frozen=True)
class ShareMessage:
    """The link's query string, and the number of the latest question that it answers."""

    query: str
    asked: int


def share(query: str, *, asked: int, key: str, on_ask: Callable[[int], None]) -> None:
    """Show the button. Where the browser keeps the clipboard from us, the link appears to be copied by hand.

    Arguments:
        query: the link's query string.
        asked: the number of the latest question that this answers; 0 before there was one.
        key: Streamlit's key.
        on_ask: called with the number of a question for the link: draw the button again with it.
    """

    def tell_page() -> None:
        state = st.session_state.get(key)
        number = state.get("ask") if isinstance(state, dict) else None
        if type(number) is int:
            on_ask(number)

    _mount(key=key, data=asdict(ShareMessage(query, asked)), height="content", on_ask_change=tell_page)

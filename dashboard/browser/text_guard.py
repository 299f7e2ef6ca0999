"""What a text field cannot send: half a character, as a script or a damaged clipboard may leave it there."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

import streamlit as st

from dashboard.browser.browser import component

_mount = component("text_guard.js", styles=[])
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class TextGuardMessage:
    """The key of the text area that is watched."""

    field: str


def text_guard(*, field: str, key: str) -> None:
    """Watch the text area with the key `field`: Enter applies its text. Nothing is to be seen.

    Arguments:
        field: the text area's key.
        key: Streamlit's key; `as_typed` reads what was reported.
    """
    _mount(key=key, data=asdict(TextGuardMessage(field)), height=0, on_typed_change=lambda: None)


def whole_text(text: str, key: str) -> str:
    """The text with the halves of characters that were typed, where the text area sent U+FFFD in their place."""
    state = st.session_state.get(key)
    typed = state.get("typed") if isinstance(state, dict) else None
    return typed if isinstance(typed, str) and _HALF.sub("\ufffd", typed) == text else text

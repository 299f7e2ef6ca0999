"""Which dialog lies over the page: Streamlit shows one at a time, and whatever draws the page again leaves it open."""

import streamlit as st

_OPEN = "dialog-is-open"


def dialog_on_page() -> str | None:
    """The name of the open dialog."""
    name: str | None = st.session_state.get(_OPEN)
    return name


def open_dialog(name: str) -> None:
    """In a callback: this dialog is on the page when it is drawn next."""
    st.session_state[_OPEN] = name


def close_dialog() -> None:
    """Take the dialog away; call it where a link in it has led to, and when it is dismissed."""
    st.session_state[_OPEN] = None

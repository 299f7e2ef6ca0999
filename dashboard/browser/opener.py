"""A button or a list that opens a dialog: it has the keyboard's focus again once the dialog is closed."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from dashboard.browser.browser import component

_mount = component("opener.js", styles=[])


@dataclass(frozen=True)
class OpenerMessage:
    """The beginning of the key of what opens a dialog, and whether that is open."""

    opener: str
    open: bool


def focus_opener(opener: str, *, is_open: bool, key: str) -> None:
    """See to it; nothing is to be seen.

    Arguments:
        opener: the key of the button or the list, or the beginning of it.
        is_open: the dialog is on the page.
        key: Streamlit's key, beginning with `pager`: what begins so takes no place.
    """
    _mount(key=key, data=asdict(OpenerMessage(opener, is_open)), height=1)

"""A button that copies the page's address: the address holds the run and the view."""

from __future__ import annotations

from dashboard.components.browser import component

_mount = component("share_view", scripts=["choice.js", "share.js"], styles=["common.css", "share.css"])


def share(*, key: str) -> None:
    """Show the button. Where the browser keeps the clipboard from us, the address appears to be copied by hand.

    Arguments:
        key: Streamlit's key.
    """
    _mount(key=key, height="content")

"""Equations wider than their column: a horizontal scroll, and on narrow screens buttons to page through."""

from __future__ import annotations

from dashboard.components.browser import component

_mount = component("equation_pager", scripts=["pager.js"], styles=["pager.css"], isolated=False)


def pager(*, key: str = "pager") -> None:
    """Make every equation's figure on the page scrollable; mount it once a page, it shows nothing itself.

    An equation is a figure of fixed pixel width in `st.container(key="equation-…")`. Where it is wider than
    its column it scrolls sideways with a soft edge; at 640 pixels or less it gets ‹ › buttons that go from
    matrix to matrix.

    Arguments:
        key: Streamlit's key.
    """
    _mount(key=key, height="content")

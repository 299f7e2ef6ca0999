"""Equations wider than their column: a horizontal scroll, and on narrow screens buttons to page through."""

from __future__ import annotations

import streamlit as st

from dashboard.browser.browser import component, read_styles

_mount = component("pager.js", styles=[])
_PAGE_STYLE = f"<style>{read_styles(['page.css'])}</style>"


def pager(*, key: str = "pager") -> None:
    """Prepare the page for components and equations; call it once, last on the page, outside fragments.

    It lets the other components grow and shrink with the screen (their keys must begin with `ribbon`,
    `timeline` and `stations`), and makes the board's pictures scrollable: where one is wider than its column it scrolls
    sideways with a soft edge; at 640 pixels or less it gets ‹ › buttons that go from matrix to matrix. A trace's `meta`
    may have a `label`, which is then shown between them.

    Arguments:
        key: Streamlit's key, beginning with `pager`.
    """
    # A body of nothing but <style> takes no place on the page.
    st.html(_PAGE_STYLE)
    _mount(key=key, height=1)

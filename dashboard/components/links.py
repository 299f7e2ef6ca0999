"""Links between pages that can be opened in a new tab, too: the widgets' values are written into their addresses."""

from __future__ import annotations

from dashboard.components.browser import component

_mount = component("page_links", scripts=["choice.js", "links.js"], styles=[])


def complete_links(names: list[str], *, key: str) -> None:
    """See to the page links on the whole page; it shows nothing itself.

    Arguments:
        names: of the query string, those that Streamlit binds to widgets.
        key: Streamlit's key, beginning with `pager`: what begins so takes no place.
    """
    _mount(key=key, data={"names": names}, height=1)

"""The browser's history: one entry for each act that leads to another view, so that "back" always leads to another."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass

from dashboard.browser.browser import component

_mount = component("history.js", styles=[])


@dataclass(frozen=True)
class HistoryMessage:
    """Names of the query string: where these alone change, the address changes in place."""

    quiet: list[str]


def keep_history(quiet: Collection[str], on_ready: Callable[[], None], *, key: str) -> None:
    """See to it for the whole page; it shows nothing itself.

    Arguments:
        quiet: names of the query string: where these alone change, the address changes in place.
        on_ready: called once the browser sees to it. What the server writes into the address before makes an entry.
        key: Streamlit's key, beginning with `pager`: what begins so takes no place.
    """
    _mount(key=key, data=asdict(HistoryMessage(sorted(quiet))), height=1, on_ready_change=on_ready)

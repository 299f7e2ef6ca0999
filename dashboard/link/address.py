"""The page's address in the browser: read when a visitor arrives, written after each act.

What a visitor has chosen is kept in the session, never in the address: with each act a browser tells the address that
it had then, and by the time that this is read another act may have changed what it should be.
"""

from collections import deque

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx as _context

ON = "on"
"""In the address of a link from page to page: the visit goes on, and of what the link says only the settings named
here count. In a new tab, where the visit begins with it, all of it counts."""
_LATEST = 50
"""How many addresses are remembered: a browser is never so many acts behind."""


def arrived() -> dict[str, str] | None:
    """What the address says, where this page has not written it: a visit begins, or somebody goes back to where they
    were. None where the visit goes on."""
    query, state = st.query_params.to_dict(), st.session_state
    written = state.get("addresses")
    state.arriving = written is None
    if written is None:
        state.addresses = deque([_mark(query)], maxlen=_LATEST)
    if written is None or went_back():
        return query
    return None if _mark(query) in written or ON in query or not query else query


def went_back() -> bool:
    """Whether the browser has gone back or forward to an address that it had before."""
    context = _context()
    return context is not None and context.is_history_navigation


def wished() -> dict[str, str]:
    """What the link that was followed to this page wants to be looked at."""
    query = st.query_params.to_dict()
    return {name: query[name] for name in query.get(ON, "").split(",") if name in query}


def show_address(query: dict[str, str]) -> None:
    """Make this what the address says. Costs nothing where it says so already.

    Not only what the browser has told decides, but also what it was sent last: that may still be on its way. As the
    visit begins, the address stays as it was opened, until the browser is ready (see browser/history.js).
    """
    written, mark, context = st.session_state.setdefault("addresses", deque(maxlen=_LATEST)), _mark(query), _context()
    if st.session_state.get("arriving") and not (context and context.fragment_ids_this_run):
        return
    latest = written[-1] if written else None
    if latest != mark or st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    if latest != mark:
        written.append(mark)


def _mark(query: dict[str, str]) -> int:
    """What stands for an address that may hold a long text."""
    return hash(frozenset(query.items()))

"""What a page's link says, and its widgets, whichever of those that show a setting is on the page."""

from typing import Any

from streamlit.testing.v1 import AppTest

from dashboard.link.settings import link_query


def link_of(page: AppTest) -> dict[str, str]:
    """The query of a link to what is on the page."""
    state = page.session_state
    weights = state["weights"] if "weights" in state else {}  # noqa: SIM401  # it has no get
    return link_query(state["settings"]) | weights


def widget(page: AppTest, kind: str, name: str) -> Any:
    """The widget of this kind that shows this now: where the page changed what it shows, its key has a number."""
    found = [each for each in page.get(kind) if each.key == name or str(each.key).rpartition("-")[0] == name]
    (only,) = found
    return only

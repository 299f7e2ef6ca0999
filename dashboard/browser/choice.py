"""One choice among several, shared by Python and the browser without a quarrel.

Python owns the choice: it keeps which item is chosen, and says so on every run. The browser shows a click at once and
reports it together with the click's number. Two rules follow:

* Python takes each click once, before anything is drawn. After that the page can choose another item (another
  prompt, another link) although the component still remembers the old click.
* Python sends back the number of the last click that it has taken. The browser ignores what Python says
  while younger clicks are on their way, so quick clicks do not jump back and forth.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import streamlit as st

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Value = TypeVar("Value", int, str)


@dataclass(frozen=True)
class ChoiceMessage:
    """What a component with one choice is told besides its own message: the chosen item, and the number of the last
    click that Python has taken."""

    chosen: int | str
    seen: int


def one_choice(
    mount: Any,
    *,
    message: DataclassInstance,
    wanted: Value,
    allowed: Collection[Value],
    key: str,
    height: int | Literal["content"],
    on_choose: Callable[[Value], None],
    states: Collection[str] = (),
) -> None:
    """Mount a component whose state is one chosen item.

    Arguments:
        mount: the component, from `browser.component`.
        message: what the component shows, without the choice.
        wanted: the item that the page wants chosen.
        allowed: the values that a browser may report; anything else is ignored.
        key: Streamlit's key; the last click taken is kept in the session state beside it.
        height: pixels kept free while the component loads, so that nothing below it moves.
        on_choose: called with a newly clicked value before the page runs, like a widget's `on_change`: from then on
            the page wants it.
        states: what else the browser may report, by name; it is kept in the session state under the key.
    """
    seen = f"{key}-seen"

    def tell_page() -> None:
        click = _reported(key, allowed)
        if click is not None and click[0] > st.session_state.get(seen, 0):
            st.session_state[seen], value = click
            on_choose(value)

    others = {f"on_{name}_change": _nothing for name in states}
    shown = asdict(message) | asdict(ChoiceMessage(wanted, st.session_state.get(seen, 0)))
    mount(key=key, data=shown, height=height, on_report_change=tell_page, **others)


def _nothing() -> None:
    """Streamlit takes a state only where something is called for it."""


def _reported(key: str, allowed: Collection[Value]) -> tuple[int, Value] | None:
    """The number and value of the component's last click; None if there is none or it makes no sense."""
    state = st.session_state.get(key)
    report = state.get("report") if isinstance(state, dict) else None
    if not isinstance(report, dict):
        return None
    number, value = report.get("click"), report.get("value")
    # A browser can send anything; True would pass for 1.
    if type(number) is not int or isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return (number, value) if value in allowed else None  # type: ignore[return-value]

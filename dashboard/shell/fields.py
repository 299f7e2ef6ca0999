"""Widgets that show a value of which the page has the last word.

A widget tells its value with each act of the visitor, also one that it shows no longer: an act may come while the page
is still on its way to the browser. So whenever the page has another value than the widget last told, it shows it by a
new widget of another key, and what the old one tells is not heard any more. So a style finds such a widget by the
beginning of its key: [class*="st-key-NAME"].
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st


@dataclass(frozen=True)
class _Shown:
    """A widget: how many showed this before it, and the value that it began with or told last."""

    number: int
    value: Any

    def key(self, name: str) -> str:
        return f"{name}-{self.number}" if self.number else name


def field(name: str, value: Any, take: Callable[..., None], *arguments: Any) -> dict[str, Any]:
    """Key, value and callback of a widget: hand them to it.

    Arguments:
        name: the widget's key, until the page has to show another value than the widget told.
        value: what it has to show.
        take: called with what the visitor chose, and the arguments, before the page runs.
    """
    shown = _shown(name, value)
    return {"key": shown.key(name), "value": value, "on_change": _tell, "args": (name, shown.number, take, arguments)}


def choice(name: str, value: Any, options: Sequence[Any], take: Callable[..., None], *arguments: Any) -> dict[str, Any]:
    """As `field`, of a selectbox with these options."""
    given = field(name, value, take, *arguments)
    return {"options": options, "index": list(options).index(given.pop("value")), **given}


def segments(
    name: str, value: Any, options: Sequence[Any], take: Callable[..., None], *arguments: Any
) -> dict[str, Any]:
    """As `field`, of a segmented control with these options."""
    given = field(name, value, take, *arguments)
    return {"options": options, "default": given.pop("value"), **given}


def opening(name: str, is_open: bool, take: Callable[..., None], *arguments: Any) -> dict[str, Any]:
    """As `field`, of an expander."""
    given = field(name, is_open, take, *arguments)
    return {"expanded": given.pop("value"), **given}


def _shown(name: str, value: Any) -> _Shown:
    fields: dict[str, _Shown] = st.session_state.setdefault("fields", {})
    shown = fields.get(name)
    if shown is None:
        shown = fields[name] = _Shown(0, value)
    elif not _same(shown.value, value):
        shown = fields[name] = _Shown(shown.number + 1, value)
    return shown


def _same(told: Any, value: Any) -> bool:
    """A slider's steps are not exact."""
    if isinstance(told, float) and isinstance(value, float):
        return math.isclose(told, value, abs_tol=1e-9)
    return bool(told == value)


def _tell(name: str, number: int, take: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    fields = st.session_state.fields
    shown: _Shown = fields[name]
    if shown.number != number:
        return
    value = st.session_state[shown.key(name)]
    fields[name] = replace(shown, value=value)
    take(value, *arguments)

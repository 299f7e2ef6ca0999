"""This visitor's settings: taken up from a link, changed by what they do, and written as a link again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from dashboard.link import address
from dashboard.link.settings import (
    DEFAULTS,
    LONGEST_ADDRESS,
    SETTINGS,
    Refused,
    Settings,
    implied,
    link_query,
    read_link,
    refusal_of,
)


def begin_visit() -> None:
    """Call first on every run of the page: take up what the address says where it is a new one, else go on."""
    query = address.arrived()
    if query is not None:
        _arrive(query)
    elif address.ON in st.query_params:
        _go_on(address.wished())
    write_address()


def _arrive(query: Mapping[str, str]) -> None:
    """Begin with what a link says. What it says that cannot be used is told once."""
    state = st.session_state
    values, state.refused = read_link(query)
    state.settings = Settings(**implied(query), **values)
    state.link = dict(query)
    state.pop("viewed", None)


def _go_on(wished: Mapping[str, str]) -> None:
    """Another page of the same visit. The proof's table lies over a page: who goes on has closed it."""
    look_at("proof", DEFAULTS.proof)
    for name, value in read_link(wished)[0].items():
        look_at(name, value)


def current() -> Settings:
    """The settings as they are now; fragments and callbacks call it too."""
    state = st.session_state
    if "settings" not in state:
        _arrive(st.query_params.to_dict())
    found: Settings = state.settings
    return found


def look_at(name: str, value: Any) -> None:
    """Change a setting while the page is being drawn; the address says so when it is drawn next. In a callback use
    `change` of dashboard/shell/fragments.py, which draws what reads the setting."""
    st.session_state.settings = replace(current(), **{name: value})


def write_address() -> None:
    """Have the browser's address lead to this view."""
    address.show_address(shared())


def shared() -> dict[str, str]:
    """What a link to this view says: the settings, and of which weights the run is. Defaults are left out, and a text
    that no address can hold."""
    state, chosen = st.session_state, current()
    said: tuple[Settings | None, dict[str, str]] = state.get("said-of", (None, {}))
    if said[0] is not chosen:  # each part of the page asks
        query = link_query(chosen)
        if link_length() > LONGEST_ADDRESS:
            query.pop("text", None)
        said = state["said-of"] = chosen, query
    return said[1] | state.get("weights", {})


def link(**wanted: Any) -> dict[str, str]:
    """What a link to another page must say. wanted: what is to be looked at there, in place of what is here."""
    chosen = replace(current(), proof=DEFAULTS.proof, **wanted)
    return {**link_query(chosen), address.ON: ",".join(wanted)}


def check_view(**ends: int) -> None:
    """Call with how many steps, tokens, layers and heads there are; a link that looks beyond is refused too."""
    state, limits = st.session_state, {name: _limits(name, end) for name, end in ends.items()}
    for name, end in ends.items():
        value = getattr(current(), name)
        if value is not None and value >= end:
            refuse(name, limits[name])
    if "viewed" not in state:
        state.viewed = without_view()
        # what no run has was refused before this one was known
        state.refused = [_within(limits, refusal) for refusal in state.refused]


def _limits(name: str, end: int) -> str:
    word = SETTINGS[name].noun or name
    has = f"only {word} 0" if end == 1 else f"the {word}s 0 to {end - 1:,}"
    return f"this run has {has}"


def _within(limits: Mapping[str, str], refusal: Refused | str) -> Refused | str:
    """The refusal with this run's limits in place of those of any run."""
    if isinstance(refusal, Refused) and refusal.name in limits:
        return replace(refusal, why=limits[refusal.name])
    return refusal


def refuse(name: str, why: str = "", outcome: str = "") -> None:
    """Give a setting of the view its default back: this run has nothing of the kind. The first time, the page says so.

    outcome: what that leads to, after "so"; as the setting says it where it is left out.
    """
    value = str(getattr(current(), name))
    look_at(name, getattr(DEFAULTS, name))
    if "viewed" not in st.session_state:
        st.session_state.refused.append(refusal_of(name, value, why, outcome))


def without_view() -> Settings:
    """The settings without the view."""
    view = {name: getattr(DEFAULTS, name) for name, known in SETTINGS.items() if known.of == "view"}
    return replace(current(), **view)


def link_length() -> int:
    """About how many characters this view's link has."""
    return len(urlencode(link_query(current())))


def say(sentence: str) -> None:
    """Add to what the visitor is told about this link."""
    st.session_state.refused.append(sentence)


def notices() -> list[str]:
    """What was refused in this visitor's link, until the visitor changes a setting."""
    state = st.session_state
    if "viewed" in state and state.viewed != without_view():
        state.refused = []
    return [str(refusal) for refusal in state.refused]

"""The map of a model: layers down, the parts of a layer across, each matrix a thumbnail, one of them chosen.

All thumbnails are drawn on one canvas. They are sent once: the browser says which map it holds, and as long as the page
asks for the same one, only the choice is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import streamlit as st

from dashboard.browser.browser import component
from dashboard.browser.choice import one_choice
from dashboard.browser.thumbnail import COLOURS, Colours, Encoded

_mount = component("model_map.js", styles=["common.css", "model_map.css"])


@dataclass(frozen=True)
class Column:
    """One part that every layer has.

    Attributes:
        part: the matrix's name without its layer; the cells of layer 3 are called `layers.3.{part}`.
        head: of a matrix with a thumbnail for each head, which one; such cells are called `….{part}#{head}`.
        title: the matrix in words.
        symbol: written above the column.
        shape: of the matrix, in words.
        group: written above neighbours that share it.
    """

    part: str
    head: int | None
    title: str
    symbol: str
    shape: str
    group: str


@dataclass(frozen=True)
class Outside:
    """A matrix that lies before or after the layers; `id` is its name."""

    id: str
    title: str
    symbol: str
    shape: str


@dataclass(frozen=True)
class MapPlan:
    """What is where on the map: `layers` rows of the same columns, between the matrices before and after them."""

    layers: int
    columns: list[Column]
    before: list[Outside]
    after: list[Outside]


@dataclass(frozen=True)
class DrawnMap(MapPlan):
    """A map with all its thumbnails, by cell."""

    thumbnails: dict[str, Encoded]
    colours: Colours


@dataclass(frozen=True)
class ModelMapMessage:
    """The map's name, and the map itself where the browser has not said that it holds it."""

    signature: str
    map: DrawnMap | None


def model_map(
    plan: MapPlan,
    thumbnails: Callable[[], Mapping[str, Encoded]],
    *,
    signature: str,
    chosen: str,
    allowed: Collection[str],
    key: str,
    on_choose: Callable[[str], None],
) -> None:
    """Show the map and let one matrix be chosen, by click or by arrow keys.

    Arguments:
        plan: what is where.
        thumbnails: called only if they have to be sent; gives for each cell what `thumbnail.encode` made, its
            range in words as `said`.
        signature: names plan and thumbnails; what is named alike must be alike.
        chosen: the cell that the page wants chosen.
        allowed: all cells.
        key: Streamlit's key.
        on_choose: called with a newly chosen cell before the page runs.
    """
    drawn = None if _held(key) == signature else _drawn(plan, thumbnails())
    one_choice(
        _mount,
        message=ModelMapMessage(signature, drawn),
        wanted=chosen,
        allowed=allowed,
        key=key,
        height="content",
        on_choose=on_choose,
        states=("held",),
    )


def _drawn(plan: MapPlan, thumbnails: Mapping[str, Encoded]) -> DrawnMap:
    return DrawnMap(plan.layers, plan.columns, plan.before, plan.after, dict(thumbnails), COLOURS)


def _held(key: str) -> str | None:
    """The signature of the map that the browser says it has."""
    state = st.session_state.get(key)
    held = state.get("held") if isinstance(state, dict) else None
    return held if isinstance(held, str) else None

"""The stations: the way from text to sampled token as six cards with thumbnails of the real matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dashboard.browser.browser import component
from dashboard.browser.choice import one_choice
from dashboard.browser.thumbnail import COLOURS, Colours, Encoded, Thumbnail, encode

_mount = component("stations.js", styles=["common.css", "stations.css"])

_HEIGHT = 146  # as in stations.css


@dataclass(frozen=True)
class Station:
    """One card: a stop on the way from text to token. word: the glossary's key of its title, if it has one."""

    id: str
    title: str
    caption: str = ""
    thumbnails: list[Thumbnail] = field(default_factory=list)
    word: str = ""


@dataclass(frozen=True)
class Card:
    """A station as it travels."""

    id: str
    title: str
    caption: str
    word: str
    thumbnails: list[Encoded]


@dataclass(frozen=True)
class StationsMessage:
    """The cards in order."""

    cards: list[Card]
    colours: Colours


def stations(items: list[Station], *, chosen: str, key: str, on_choose: Callable[[str], None]) -> None:
    """Show the stations as a strip of cards and let one be chosen.

    Arguments:
        items: the stations in order.
        chosen: id of the station that the page wants chosen.
        key: Streamlit's key.
        on_choose: called with a newly clicked id before the page runs.

    Raises: ValueError if a thumbnail is not 2-D, is larger than 64 × 64 or its mask has another shape.
    """
    cards = [
        Card(item.id, item.title, item.caption, item.word, [encode(thumbnail) for thumbnail in item.thumbnails])
        for item in items
    ]
    ids = [item.id for item in items]
    one_choice(
        _mount,
        message=StationsMessage(cards, COLOURS),
        wanted=chosen,
        allowed=ids,
        key=key,
        height=_HEIGHT,
        on_choose=on_choose,
    )

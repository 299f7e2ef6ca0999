"""The stations: the way from text to sampled token as six cards with thumbnails of the real matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dashboard.browser.browser import component
from dashboard.browser.choice import one_choice
from dashboard.browser.thumbnail import COLOURS, Thumbnail, encode

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
        {
            "id": item.id,
            "title": item.title,
            "caption": item.caption,
            "word": item.word,
            "thumbnails": [encode(thumbnail) for thumbnail in item.thumbnails],
        }
        for item in items
    ]
    ids = [item.id for item in items]
    one_choice(
        _mount,
        data={"cards": cards, "colours": COLOURS},
        wanted=chosen,
        allowed=ids,
        key=key,
        height=_HEIGHT,
        on_choose=on_choose,
    )

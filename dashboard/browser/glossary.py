"""Tips of technical words: hover, focus or tap a word that has one, and it is explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from dashboard.browser.browser import component

_mount = component("glossary.js", styles=["glossary.css"], isolated=False)


@dataclass(frozen=True)
class GlossaryMessage:
    """Of each word's key its title and its tip, as plain text."""

    tips: dict[str, tuple[str, str]]


def glossary_tips(tips: Mapping[str, tuple[str, str]], *, key: str = "pager-glossary") -> None:
    """See to all words of the page that have a tip: links to `#word-…` and elements with `data-word`.

    Arguments:
        tips: of each word's key its title and its tip, as plain text.
        key: Streamlit's key, beginning with `pager`: what begins so takes no place.
    """
    _mount(key=key, data=asdict(GlossaryMessage(dict(tips))), height=1)

"""Tips of technical words: hover, focus or tap a word that has one, and it is explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.browser.browser import component

_mount = component("glossary.js", styles=["glossary.css"], isolated=False)


def glossary_tips(tips: Mapping[str, Sequence[str]], *, key: str = "pager-glossary") -> None:
    """See to all words of the page that have a tip: links to `#word-…` and elements with `data-word`.

    Arguments:
        tips: of each word's key its title and its tip, as plain text.
        key: Streamlit's key, beginning with `pager`: what begins so takes no place.
    """
    _mount(key=key, data={"tips": {word: list(texts) for word, texts in tips.items()}}, height=1)

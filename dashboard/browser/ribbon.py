"""The ribbon: prompt and sampled tokens as numbered chips; the chosen one is outlined in every matrix."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from dashboard.browser.browser import component
from dashboard.browser.choice import one_choice

_mount = component("ribbon.js", styles=["common.css", "ribbon.css"])


class Chip(NamedTuple):
    """One token of the ribbon; there may be thousands, so each travels as a list without names.

    Attributes:
        position: counted from 0 over prompt and sampled tokens.
        text: what people see, with spaces and control characters already made visible.
        sampled: drawn by the model rather than typed; outlined thicker.
        available: whether the step on screen has computed this position; dimmed if not.
    """

    position: int
    text: str
    sampled: bool
    available: bool = True


@dataclass(frozen=True)
class RibbonMessage:
    """The tokens in order."""

    chips: list[Chip]


_BYTES = re.compile(r"⟨[0-9A-F]{2}( [0-9A-F]{2})*⟩")


def bytes_remark(labels: Iterable[str]) -> str:
    """What to say where these tokens are shown: nothing, unless one of them is shown by its bytes."""
    if not any(map(_BYTES.fullmatch, labels)):
        return ""
    return "One emoji or other character can be several tokens. Such a token is shown by its bytes."


def ribbon(tokens: list[Chip], *, selected: int, key: str, on_choose: Callable[[int], None]) -> None:
    """Show the tokens; outline the selected one's row and column in every heatmap on the page.

    The outlines are drawn in the browser (highlight.js) around traces whose `meta` says which positions
    their rows and columns are. Called inside a `st.fragment`, a click reruns that fragment alone; read
    `selected` inside the fragment, since a fragment's arguments stay those of the last full run.

    Arguments:
        tokens: the chips in order.
        selected: the position that the page wants selected.
        key: Streamlit's key.
        on_choose: called with a newly clicked position before the page (or fragment) runs.
    """
    positions = [chip.position for chip in tokens]
    one_choice(
        _mount,
        message=RibbonMessage(tokens),
        wanted=selected,
        allowed=positions,
        key=key,
        height=_likely_height(tokens),
        on_choose=on_choose,
    )


def _likely_height(tokens: list[Chip]) -> int:
    """Height of one to three lines of chips, guessed for a column of some 640 pixels (see ribbon.css)."""
    width = sum(43 + 9 * min(len(chip.text), 20) for chip in tokens)
    lines = min(max(-(-width // 640), 1), 3)
    return 10 + 36 * lines + 8 * (lines - 1)

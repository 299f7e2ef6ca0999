"""The timeline: prefill and each decode step as pills, with the tokens that go in and come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from dashboard.browser.browser import component
from dashboard.browser.choice import one_choice

_mount = component("timeline.js", styles=["common.css", "timeline.css"])

_HEIGHT = 48  # as in timeline.css


class Phase(NamedTuple):
    """One step of a run, shown as `title · consumed in → produced`.

    Attributes:
        title: "Prefill", "Decode 1", …
        consumed: what goes in: "5 tokens" or the token's visible text.
        produced: the sampled token's visible text.
        counted: `consumed` counts tokens instead of being one; set as prose then.
    """

    title: str
    consumed: str
    produced: str
    counted: bool = False


@dataclass(frozen=True)
class TimelineMessage:
    """The steps in order."""

    phases: list[Phase]


def timeline(phases: list[Phase], *, chosen: int, key: str, on_choose: Callable[[int], None]) -> None:
    """Show the steps of a run in one line and let one be chosen.

    Arguments:
        phases: the steps in order.
        chosen: index of the step that the page wants chosen.
        key: Streamlit's key.
        on_choose: called with a newly clicked index before the page runs.
    """
    one_choice(
        _mount,
        message=TimelineMessage(phases),
        wanted=chosen,
        allowed=range(len(phases)),
        key=key,
        height=_HEIGHT,
        on_choose=on_choose,
    )

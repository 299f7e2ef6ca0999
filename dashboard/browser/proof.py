"""The proof's badge below the sampled token, and a badge at each matrix that was proven."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Literal, NamedTuple

from dashboard.browser.browser import component

_mount = component("proof.js", styles=["common.css", "proof.css"])

State = Literal["automatic", "offered", "pending", "ok", "off", "failed"]


class Mark(NamedTuple):
    """Of one matrix: whether the two numbers agree, as a short text and as a sentence."""

    kind: Literal["ok", "off", "none"]
    short: str
    sentence: str


@dataclass(frozen=True)
class Badge:
    """What is known of a run's proof.

    Attributes:
        state: "automatic": to be asked for once the page stands still; "offered": on request; "pending": under way;
            "ok", "off" or "failed": done.
        text: one line.
        detail: a sentence, to be read by pointing at it.
        marks: for each matrix by name, once the proof is done.
        share: of the proof that is done, while it is under way.
    """

    state: State
    text: str
    detail: str = ""
    marks: dict[str, Mark] = field(default_factory=dict)
    share: float = 0.0


@dataclass(frozen=True)
class ProofMessage(Badge):
    """The badge of one run. open: all of the proof is on the page."""

    run: str = ""
    open: bool = False


def proof_badge(
    badge: Badge, *, run: str, is_open: bool, key: str, on_ask: Callable[[], None], on_open: Callable[[], None]
) -> None:
    """Show the badge, and mark every matrix on the page, in the browser: no figure is drawn again for it.

    Arguments:
        badge: what is known.
        run: tells one run from another, so that each is asked for once.
        is_open: all of the proof is shown; when it no longer is, the badge has the keyboard's focus again.
        key: Streamlit's key.
        on_ask: the browser asks for the proof, or whether it is done.
        on_open: the visitor wants to see all of it.
    """
    _mount(
        key=key,
        data=asdict(ProofMessage(**vars(badge), run=run, open=is_open)),
        height="content",
        on_ask_change=on_ask,
        on_open_change=on_open,
    )

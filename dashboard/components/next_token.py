"""The sampled token with its probability and its runners-up: the page's answer, always in view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.components.browser import component

_mount = component("next_token", scripts=["choice.js", "next_token.js"], styles=["common.css", "next_token.css"])


@dataclass(frozen=True)
class Runner:
    """A token that could have been sampled: its visible text, its probability in words, and as a bar (0 to 1)."""

    text: str
    probability: str
    bar: float


MEANING = {
    "probability": "What the model itself gives this token: the softmax of its logits",
    "chance": "How many times as likely as if all tokens of the vocabulary were equally likely",
    "drawn with": "What this token had when the dice were thrown: after temperature, top-k and top-p",
}
"""What each number of the card is, for who points at it."""


def next_token(
    token: str, facts: Sequence[tuple[str, str]], runners: Sequence[Runner], *, after: str, key: str
) -> None:
    """Show one sampled token.

    Arguments:
        token: its visible text.
        facts: pairs of a number and what it is, most important first ("0.0024 %", "probability").
        runners: the most likely tokens, the sampled one apart.
        after: what it follows, as visible text.
        key: Streamlit's key.
    """
    rows = [[runner.text, runner.probability, runner.bar] for runner in runners]
    told = [[value, word, MEANING.get(word, "")] for value, word in facts]
    _mount(key=key, data={"token": token, "facts": told, "runners": rows, "after": after})

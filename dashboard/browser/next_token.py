"""The sampled token with its probability and its runners-up: the page's answer, always in view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from dashboard.browser.browser import component
from llm_core.runs.stages import all_titles

_mount = component("next_token.js", styles=["common.css", "next_token.css"])


class Runner(NamedTuple):
    """A token that could have been sampled: its visible text, its probability in words, and as a bar (0 to 1)."""

    text: str
    probability: str
    bar: float


class Fact(NamedTuple):
    """A number, what it is, and a sentence about that."""

    value: str
    word: str
    meaning: str


@dataclass(frozen=True)
class NextTokenMessage:
    """One sampled token; what it follows is visible text, as it is."""

    token: str
    facts: list[Fact]
    runners: list[Runner]
    choice: str
    after: str


SAME_CHANCE = "as likely as if all tokens had the same chance"
DRAWN = f"probability after {all_titles()}"
_MEANING = {
    "probability": "The model itself gives this token this probability: the softmax of the logits.",
    SAME_CHANCE: "If all tokens of the vocabulary had the same chance, each would have the same probability. This "
    "number says how many times as likely the model finds this token.",
    DRAWN: f"When the token was drawn it had this probability: {all_titles()} change the model's own probability.",
}
"""What each number of the card is, for who points at it."""


def choice_in_words(likeliest: str, is_likeliest: bool, greedy: bool) -> str:
    """How the drawn token was chosen; always a sentence, so that the card does not grow and shrink. likeliest: the most
    likely token's visible text."""
    if greedy and is_likeliest:
        return "It is the most likely token."
    if is_likeliest:
        return "The dice chose it. It was also the most likely token."
    return f"The dice chose it. The most likely token was {likeliest}."


def next_token(
    token: str, facts: Sequence[tuple[str, str]], runners: Sequence[Runner], *, choice: str, after: str, key: str
) -> None:
    """Show one sampled token.

    Arguments:
        token: its visible text.
        facts: pairs of a number and what it is, most important first ("0.0024 %", "probability").
        runners: the most likely tokens.
        choice: how the token was chosen, see `choice_in_words`.
        after: what it follows, as visible text.
        key: Streamlit's key.
    """
    told = [Fact(value, word, _MEANING.get(word, "")) for value, word in facts]
    _mount(key=key, data=asdict(NextTokenMessage(token, told, list(runners), choice, after)))

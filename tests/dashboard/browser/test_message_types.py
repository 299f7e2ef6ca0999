"""The types that the modules are checked against are those of the messages that Python sends."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pytest

from dashboard.browser.message_types import FILE, declarations


class Pair(NamedTuple):
    """Two numbers."""

    first: int
    second: float | None


@dataclass(frozen=True)
class Everything:
    """All that a message may have.

    Attributes: not told.
    """

    text: str
    yes: bool
    pairs: list[Pair]
    named: dict[str, tuple[str, int]]
    kind: Literal["a", "b"]
    several: tuple[int, ...]


@dataclass(frozen=True)
class Unknown:
    anything: Any


def test_the_file_of_types_is_up_to_date():
    assert FILE.read_text(encoding="utf-8") == declarations(), "python -m dashboard.browser.message_types writes it"


def test_a_dataclass_is_an_object_and_a_named_tuple_a_list():
    _, pair_and_rest = declarations([Everything]).split("/** All that a message may have. */\n")
    record, pair = pair_and_rest.split("/** Two numbers. */\n")
    assert " ".join(record.split()) == (
        "export interface Everything { text: string; yes: boolean; pairs: Array<Pair>; "
        'named: Record<string, [string, number]>; kind: "a" | "b"; several: Array<number>; }'
    )
    assert pair.strip() == "export type Pair = [first: number, second: number | null];"


def test_a_type_that_no_message_may_have_is_refused():
    with pytest.raises(TypeError, match=r"Any cannot be part of a message"):
        declarations([Unknown])


def test_two_classes_of_one_name_are_refused():
    other = dataclass(frozen=True)(type("Everything", (), {"__annotations__": {"text": str}}))
    with pytest.raises(ValueError, match="two classes of messages are called Everything"):
        declarations([Everything, other])

"""The messages from Python to the modules as TypeScript's types, for the modules to be checked against.

`python -m dashboard.browser.message_types` writes them anew into messages.d.ts, beside this file.
"""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from dashboard.browser.choice import ChoiceMessage
from dashboard.browser.explainer import ExplainerMessage
from dashboard.browser.glossary import GlossaryMessage
from dashboard.browser.history import HistoryMessage
from dashboard.browser.model_map import ModelMapMessage
from dashboard.browser.next_token import NextTokenMessage
from dashboard.browser.opener import OpenerMessage
from dashboard.browser.proof import ProofMessage
from dashboard.browser.ribbon import RibbonMessage
from dashboard.browser.share import ShareMessage
from dashboard.browser.stations import StationsMessage
from dashboard.browser.text_guard import TextGuardMessage
from dashboard.browser.timeline import TimelineMessage
from dashboard.browser.tour import TourMessage
from dashboard.figures.message import DrawingMessage

FILE = Path(__file__).with_name("messages.d.ts")
MESSAGES = (
    ChoiceMessage,
    DrawingMessage,
    ExplainerMessage,
    GlossaryMessage,
    HistoryMessage,
    ModelMapMessage,
    NextTokenMessage,
    OpenerMessage,
    ProofMessage,
    RibbonMessage,
    ShareMessage,
    StationsMessage,
    TextGuardMessage,
    TimelineMessage,
    TourMessage,
)
_HEAD = "// Made by `python -m dashboard.browser.message_types` from dataclasses: change those, not this file.\n"
_PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}


def declarations(messages: Sequence[type] = MESSAGES) -> str:
    """The text of messages.d.ts: each message, and each class that it is made of, once, by its name."""
    found: dict[str, type] = {}
    for message in messages:
        for part in _parts(message):
            if found.setdefault(part.__name__, part) is not part:
                raise ValueError(f"two classes of messages are called {part.__name__}: name one of them otherwise")
    return "\n".join([_HEAD, *(_declared(found[name]) for name in sorted(found))])


def _parts(kind: Any) -> Iterator[type]:
    """The classes that a type is made of, itself among them."""
    if _is_record(kind):
        yield kind
        for inner in get_type_hints(kind).values():
            yield from _parts(inner)
    for inner in get_args(kind) if get_origin(kind) is not Literal else ():
        yield from _parts(inner)


def _is_record(kind: Any) -> bool:
    return inspect.isclass(kind) and (is_dataclass(kind) or _is_named_tuple(kind))


def _is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def _declared(record: type) -> str:
    """One class: a dataclass travels as an object, a named tuple as a list."""
    fields = {name: _type(kind) for name, kind in get_type_hints(record).items()}
    if _is_named_tuple(record):
        body = f"export type {record.__name__} = [{', '.join(f'{name}: {kind}' for name, kind in fields.items())}];"
    else:
        lines = "".join(f"  {name}: {kind};\n" for name, kind in fields.items())
        body = f"export interface {record.__name__} {{\n{lines}}}"
    said = (inspect.getdoc(record) or "").split("\n\n")[0].replace("\n", " ")
    return f"/** {said} */\n{body}\n"


def _type(kind: Any) -> str:
    """A type in TypeScript's words. Raises TypeError for one that no message may have."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if _is_record(kind):
        return str(kind.__name__)
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in inner)
    if origin in (Union, types.UnionType):
        return " | ".join(map(_type, inner))
    if origin in (list, Sequence) or (origin is tuple and inner[-1:] == (...,)):
        return f"Array<{_type(inner[0])}>"
    if origin is tuple:
        return f"[{', '.join(map(_type, inner))}]"
    if origin in (dict, Mapping) and inner[0] is str:
        return f"Record<string, {'any' if inner[1] is Any else _type(inner[1])}>"  # Plotly's own
    raise TypeError(f"{kind} cannot be part of a message: TypeScript's type for it is missing in message_types.py")


if __name__ == "__main__":
    FILE.write_text(declarations(), encoding="utf-8")

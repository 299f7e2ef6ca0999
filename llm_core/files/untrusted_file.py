"""Reading a file that somebody else has made: sizes are checked before anything is allocated, and nothing is executed.

The file is in the safetensors format (https://huggingface.co/docs/safetensors): eight bytes that say how long the
header is, a header in JSON (each tensor's type, shape and place, and texts), and the tensors' bytes. It is read here
and not by the library, so that each refusal is a sentence and each limit is ours.
"""

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from llm_core.support.plain_files import file_size, read_bytes
from llm_core.support.plain_words import one_line

MEGABYTE = 10**6  # as browsers and disks count; the page's uploads are bounded in it
FILE_LIMIT = 64 * MEGABYTE
HEADER_LIMIT = 2 * MEGABYTE
MOST_TENSORS = 8192
_MOST_AXES = 3
TYPES = {"F32": torch.float32, "BF16": torch.bfloat16}

AGAIN = (
    "download or copy the file again"  # what helps where a file was damaged on its way, and where it is none of ours
)
DAMAGED = "the file is damaged or was written by another program: "
OTHER = "choose a file that this project has saved"

Openable = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


@dataclass(frozen=True)
class Contents:
    """What a file holds: its texts by name, and its tensors by name."""

    texts: dict[str, str]
    tensors: dict[str, Tensor]


def read_untrusted(source: Openable) -> Contents:
    """The contents of a file. Raises ValueError, in plain words, for whatever is not such a file or is too large."""
    data = _bytes(source)
    header, start = _header(data)
    texts = header.pop("__metadata__", {})
    if not (isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values())):
        raise ValueError(f"the file's header is damaged: its texts cannot be read; {AGAIN}")
    places = _places(header, len(data) - start)
    body = torch.frombuffer(bytearray(data[start:]), dtype=torch.uint8) if places else torch.empty(0)
    tensors = {p.name: body[p.begin : p.end].view(TYPES[p.type]).view(p.shape) for p in places}
    return Contents(texts, tensors)


def _bytes(source: Openable) -> memoryview:
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
    elif isinstance(source, str | os.PathLike):
        path = Path(source)
        _refuse_large(file_size(path))
        data = read_bytes(path, FILE_LIMIT)
    else:
        data = _read_open(source)
    _refuse_large(len(data))
    return memoryview(data)


def _refuse_large(size: int) -> None:
    if size > FILE_LIMIT:
        raise ValueError(
            f"the file has more than {FILE_LIMIT // MEGABYTE} MB, which is the most that is opened: save "
            "the run with fewer matrices"
        )


def _read_open(file: BinaryIO) -> bytes:
    if not hasattr(file, "read"):
        raise ValueError(f"a run is opened from its path, its bytes or an open file, not from a {type(file).__name__}")
    try:
        data = file.read(FILE_LIMIT + 1)
    except UnicodeDecodeError:
        data = ""  # type: ignore[assignment]  # it is open as text
    except (OSError, ValueError) as error:  # one that is closed, or open for writing alone
        raise ValueError('the open file cannot be read: open it again, with mode "rb"') from error
    if not isinstance(data, bytes | bytearray):
        raise ValueError('the open file gives text, and a run is bytes: open it with mode "rb"')
    return bytes(data)


def _header(data: memoryview) -> tuple[dict[str, Any], int]:
    """The header, and where the tensors' bytes begin."""
    if len(data) < 10:
        raise ValueError(
            f"the file has {len(data)} bytes and ends before its header: it is empty or was cut off; {AGAIN}"
        )
    size = int.from_bytes(data[:8], "little")
    if size > HEADER_LIMIT:
        raise ValueError(f"this is not a run file; {OTHER}")
    if size > len(data) - 8:
        raise ValueError(
            f"the file was cut off: its header should have {size:,} bytes, and {len(data) - 8:,} are there; {AGAIN}"
        )
    return parse(data[8 : 8 + size], "the file's header"), 8 + size


def parse(text: memoryview | str, what: str) -> dict[str, Any]:
    """A JSON object from a file. Raises ValueError for what is none, names a member twice, or is no valid Unicode."""
    try:
        text = str(text, "utf-8") if isinstance(text, memoryview) else text
        found = json.loads(text, parse_constant=_no_number, object_pairs_hook=_members)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this is not a run file, or it is damaged: {what} cannot be read; {AGAIN}") from error
    if not isinstance(found, dict):
        raise ValueError(f"this is not a run file: {what} has another form; {OTHER}")
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member twice")
    return members


# ---- tensors --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    name: str
    type: str
    shape: tuple[int, ...]
    begin: int
    end: int


def _places(header: dict[str, Any], size: int) -> list[_Place]:
    """Where each tensor lies among the file's `size` bytes; together they are all of these bytes, each once."""
    if len(header) > MOST_TENSORS:
        raise ValueError(
            f"the file has {len(header):,} matrices; at most {MOST_TENSORS:,} are opened: save the run with fewer"
        )
    places = sorted(
        (_place(name, fields) for name, fields in header.items()), key=lambda place: (place.begin, place.end)
    )
    end = 0
    for place in places:
        if place.begin != end:
            raise ValueError(f"the file is damaged: its matrices overlap or leave gaps; {AGAIN}")
        end = place.end
    if end > size:
        raise ValueError(
            f"the file was cut off: its matrices should have {end:,} bytes, and {size:,} are there; {AGAIN}"
        )
    if end < size:
        raise ValueError(
            f"the file is damaged: {size - end:,} bytes after its matrices belong to none of them; {AGAIN}"
        )
    return places


def _place(name: str, fields: Any) -> _Place:
    form = ValueError(
        f"the file is damaged: it does not say where a matrix lies, and of which type and shape it is; {AGAIN}"
    )
    if not (isinstance(fields, dict) and set(fields) == {"dtype", "shape", "data_offsets"}):
        raise form
    type_, shape, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
    if not (_are_sizes(shape, _MOST_AXES) and _are_sizes(offsets, 2) and len(offsets) == 2):
        raise form
    if not isinstance(type_, str) or type_ not in TYPES:
        raise ValueError(
            f"the file has numbers of type {one_line(repr(type_), 40)}, which is not opened: save the run "
            f"with {' or '.join(TYPES)}"
        )
    begin, end = offsets
    if end - begin != math.prod(shape) * TYPES[type_].itemsize or begin % TYPES[type_].itemsize:
        raise ValueError(f"the file is damaged: a matrix has another size than its shape says; {AGAIN}")
    return _Place(name, type_, tuple(shape), begin, end)


def _are_sizes(value: Any, most: int) -> bool:
    """True for a list of whole numbers, none of which is larger than a file may be."""
    return (
        isinstance(value, list) and len(value) <= most and all(type(n) is int and 0 <= n <= FILE_LIMIT for n in value)
    )


# ---- members of an object -------------------------------------------------------------------------------------------


class Members:
    """An object of a file, read member by member. Each read raises ValueError where the member is not as it must be."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise _damaged(where)
        self._members, self._where = value, where

    def members(self, name: str) -> "Members":
        return Members(self._members.get(name), f"{self._where}, {name}")

    def text(self, name: str, most: int) -> str:
        return self._read(name, lambda value: isinstance(value, str) and len(value) <= most and _is_unicode(value))

    def text_or_none(self, name: str, most: int) -> str | None:
        return None if self._members.get(name) is None else self.text(name, most)

    def whole(self, name: str, most: int) -> int:
        """A whole number from 0 to `most`."""
        return self._read(name, lambda value: type(value) is int and 0 <= value <= most)

    def number(self, name: str, most: float) -> float:
        """A finite number from 0 to `most`."""
        return float(self._read(name, lambda value: type(value) in (int, float) and 0 <= value <= most))

    def items(self, name: str, most: int) -> list[Any]:
        return self._read(name, lambda value: isinstance(value, list) and len(value) <= most)

    def wholes(self, name: str, count: int, most: int) -> list[int]:
        """At most `count` whole numbers from 0 to `most`."""
        found = self.items(name, count)
        if not all(type(value) is int and 0 <= value <= most for value in found):
            raise _damaged(f"{self._where}, {name}")
        return found

    def texts(self, name: str, count: int, most: int) -> list[str]:
        """At most `count` texts of at most `most` characters."""
        found = self.items(name, count)
        if not all(isinstance(value, str) and len(value) <= most and _is_unicode(value) for value in found):
            raise _damaged(f"{self._where}, {name}")
        return found

    def raw(self) -> dict[str, Any]:
        return self._members

    def _read(self, name: str, fits: Callable[[Any], bool]) -> Any:
        value = self._members.get(name)
        if not fits(value):
            raise _damaged(f"{self._where}, {name}")
        return value


def _is_unicode(text: str) -> bool:
    """False for half a character: a lone surrogate, which JSON can say and nothing can show."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _damaged(where: str) -> ValueError:
    return ValueError(f"{DAMAGED}{where} is missing or out of range; {AGAIN}")

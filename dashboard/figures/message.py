"""Pictures as one message of bytes, for the board that draws them in a browser (browser/board).

A message is: the length of its header in bytes (4 bytes, little-endian), the header as JSON in UTF-8 with spaces behind
it, and the arrays one after the other. The header ends, and each array begins, at a multiple of 8 bytes, so that the
browser looks at the arrays where they are, without a copy.
"""

import hashlib
import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson

NUMBER_KINDS = ("float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32")
"""What numbers of an array may be: those for which JavaScript has an array of its own."""
_LENGTH = struct.Struct("<I")
_ALIGNED = 8  # bytes: the largest number of any kind


@dataclass(frozen=True)
class BoardPicture:
    """One picture on the board.

    key: its name; what is drawn under the same name is changed, not drawn anew. traces and layout: a Plotly figure as
    plain values; values of a trace may be arrays. alternative: what is seen, in words. step: of the run, where it shows
    one. text: what stands above it: our own Markdown, of which the board knows **bold**, `code`, links to words of
    the glossary and the end of a line.
    """

    key: str
    traces: Sequence[dict[str, Any]]
    layout: dict[str, Any]
    alternative: str
    step: int | None = None
    text: str = ""

    @cached_property
    def matrices(self) -> list[str]:
        """The names of the matrices and weights whose cells it shows, in order."""
        return list(dict.fromkeys(itertools.chain.from_iterable(_names(trace) for trace in self.traces)))

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits that say whether two pictures have the same numbers in their cells, to the bit."""
        digest = hashlib.blake2b(digest_size=8)
        for trace in self.traces:
            for name, array in _arrays(trace):
                digest.update(f"{name} {array.dtype.name} {array.shape} ".encode())
                digest.update(np.ascontiguousarray(array).data)
            listed = {
                name: value for name, value in trace.items() if isinstance(value, (list, tuple))
            }  # bars and lines
            digest.update(orjson.dumps(listed, option=orjson.OPT_SERIALIZE_NUMPY))
        return digest.hexdigest()

    @property
    def size(self) -> tuple[int | None, int | None]:
        """Width and height in pixels; None where the page decides."""
        return self.layout.get("width"), self.layout.get("height")


def _names(trace: dict[str, Any]) -> Iterator[str]:
    meta = trace.get("meta") or {}
    origin = meta.get("origin") or {}
    if "matrices" in origin:  # each row is of another one
        yield from origin["matrices"]
    elif name := origin.get("matrix") or meta.get("matrix"):
        yield name


def _arrays(trace: dict[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    return ((name, value) for name, value in trace.items() if isinstance(value, np.ndarray))


@dataclass(frozen=True)
class ArrayPlace:
    """Where an array lies behind the header: the kind of its numbers, the first byte, its sizes."""

    kind: str
    offset: int
    shape: list[int]


@dataclass(frozen=True)
class DrawingMessage:
    """A picture as the header has it: in its traces {"array": n} stands for the array at the n-th place."""

    key: str
    step: int | None
    matrices: list[str]
    digest: str
    width: int | None
    height: int | None
    alternative: str
    text: str
    traces: list[dict[str, Any]]
    layout: dict[str, Any]
    arrays: list[ArrayPlace]


# ---- there ----------------------------------------------------------------------------------------------------------


def packed(drawings: Sequence[BoardPicture]) -> bytes:
    """The message.

    Raises ValueError where two drawings have one key, or an array has numbers of a kind that JavaScript lacks.
    """
    if len({drawing.key for drawing in drawings}) < len(drawings):
        raise ValueError("two pictures on a board have the same key: give each one its own")
    arrays: list[bytes] = []
    header = orjson.dumps(
        {"drawings": [_described(drawing, arrays) for drawing in drawings]}, option=orjson.OPT_SERIALIZE_NUMPY
    )
    header += b" " * (-(_LENGTH.size + len(header)) % _ALIGNED)
    return b"".join([_LENGTH.pack(len(header)), header, *arrays])


def _described(drawing: BoardPicture, arrays: list[bytes]) -> DrawingMessage:
    """A drawing as the header has it, its arrays put behind the others. Offsets count from the end of the header."""
    places: list[ArrayPlace] = []
    traces = [
        {name: _placed(value, arrays, places) if isinstance(value, np.ndarray) else value for name, value in t.items()}
        for t in drawing.traces
    ]
    width, height = drawing.size
    return DrawingMessage(
        key=drawing.key,
        step=drawing.step,
        matrices=drawing.matrices,
        digest=drawing.digest,
        width=width,
        height=height,
        alternative=drawing.alternative,
        text=drawing.text,
        traces=traces,
        layout=drawing.layout,
        arrays=places,
    )


def _placed(array: np.ndarray, arrays: list[bytes], places: list[ArrayPlace]) -> dict[str, int]:
    """What stands for an array in its trace: its number among those of its drawing."""
    if array.dtype.name not in NUMBER_KINDS:
        raise ValueError(f"an array of {array.dtype.name} cannot be sent: make it one of {', '.join(NUMBER_KINDS)}")
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    places.append(ArrayPlace(array.dtype.name, sum(map(len, arrays)), list(array.shape)))
    arrays.append(little + bytes(-len(little) % _ALIGNED))
    return {"array": len(places) - 1}


# ---- and back -------------------------------------------------------------------------------------------------------


def unpacked(message: bytes) -> list[BoardPicture]:
    """The drawings of a message; numbers in lists that are not finite have become None.

    Raises ValueError for what is no message.
    """
    try:
        (length,) = _LENGTH.unpack_from(message)
        start = _LENGTH.size + length
        header = orjson.loads(message[_LENGTH.size : start])
        return [_drawing(each, memoryview(message)[start:]) for each in header["drawings"]]
    except (struct.error, KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError("this is no message of pictures") from error


def _drawing(said: dict[str, Any], body: memoryview) -> BoardPicture:
    arrays = []
    for place in said["arrays"]:
        kind = np.dtype(place["kind"]).newbyteorder("<")
        count = int(np.prod(place["shape"], dtype=int))
        arrays.append(np.frombuffer(body, kind, count, place["offset"]).reshape(place["shape"]))
    traces = [
        {name: arrays[value["array"]] if _is_place(value) else value for name, value in trace.items()}
        for trace in said["traces"]
    ]
    return BoardPicture(said["key"], traces, said["layout"], said["alternative"], said["step"], said["text"])


def _is_place(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"array"}

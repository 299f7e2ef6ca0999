"""What a GGUF file says of itself, before its tensors are read: settings, and where each tensor lies.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. A header is read within bounds, and the file must
be exactly as long as its header says: whatever a file claims to be, the answer comes at once.
"""

import hashlib
import mmap
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llm_core.support.plain_files import cannot_read, file_size
from llm_core.support.plain_words import one_line

MAGIC = b"GGUF"
MOST_HEADER = 128_000_000  # bytes; a vocabulary of 262,144 tokens takes some 20 MB
MOST_SETTINGS, _MOST_TENSORS, _MOST_AXES = 10_000, 100_000, 4
MOST_VALUES = 10_000_000  # of all lists of a header together: each takes up to a hundred bytes of memory
_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9


@dataclass(frozen=True)
class _Stored:
    """One tensor: its shape as torch has it, the number of its type, and where its bytes lie in the file."""

    shape: tuple[int, ...]
    kind: int
    begin: int
    size: int


@dataclass(frozen=True)
class Header:
    """settings: numbers, truth values, strings and lists of them, by name. tensors: by name, in order of the file.
    digest: the SHA-256 of the header's bytes and the file's size."""

    settings: dict[str, Any]
    tensors: dict[str, _Stored]
    digest: str = ""


def is_gguf(file: Path) -> bool:
    """Whether a plain file begins as a GGUF file does, whatever its name. Raises ValueError for a file of another kind:
    a pipe or a device is not opened."""
    file_size(file)
    try:
        with file.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise cannot_read(file, error) from error


def read_header(file: Path) -> Header:
    """The file's header. Raises ValueError, naming the file, where it is truncated, corrupt, longer or shorter than its
    header says, or of a version or kind that is not read here."""
    size = file_size(file)
    try:
        with (
            file.open("rb") as stream,
            mmap.mmap(stream.fileno(), min(size, MOST_HEADER), access=mmap.ACCESS_READ) as m,
        ):
            return _Reader(m, size).header()
    except OSError as error:
        raise cannot_read(file, error) from error
    except _Wrong as error:
        raise ValueError(f"{one_line(file.name, 100)} {error}: download it again") from error
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise ValueError(f"{one_line(file.name, 100)} is truncated or corrupt: its header cannot be read") from error


class _Wrong(Exception):
    """What is wrong with a file, as the rest of a sentence that begins with its name."""


class _Reader:
    """Goes through a header from its first byte."""

    def __init__(self, content: mmap.mmap, size: int) -> None:
        self.content, self.size, self.at, self.values = content, size, 0, 0

    def header(self) -> Header:
        if self.take(4) != MAGIC:
            raise _Wrong("is truncated, corrupt or no GGUF file")
        (version,) = self.unpack("<I")
        if version not in (2, 3):
            kind = "is big-endian" if version in (2 << 24, 3 << 24) else f"is of GGUF version {version:,}"
            raise _Wrong(f"{kind}, and little-endian files of versions 2 and 3 are read here")
        tensors, settings = self.unpack("<QQ")
        if settings > MOST_SETTINGS or tensors > _MOST_TENSORS:
            raise _Wrong(f"is corrupt: its header promises {settings:,} settings and {tensors:,} tensors")
        found = {self.string(): self.value(*self.unpack("<I")) for _ in range(settings)}
        if len(found) != settings:
            raise _Wrong("is corrupt: it contains the same setting twice")
        stored = self.tensors(tensors, found.get("general.alignment", 32))
        digest = hashlib.sha256(f"{self.size} ".encode())
        digest.update(memoryview(self.content)[: self.at])
        return Header(found, stored, digest.hexdigest())

    def tensors(self, count: int, alignment: Any) -> dict[str, _Stored]:
        if type(alignment) is not int or not 1 <= alignment <= 1 << 20:
            raise _Wrong(f"is corrupt: it sets general.alignment to {one_line(repr(alignment), 40)}")
        found, end = {}, 0
        for _ in range(count):
            name, (axes,) = self.string(), self.unpack("<I")
            if axes > _MOST_AXES:
                raise _Wrong(f"is corrupt: a tensor has {axes:,} axes")
            shape = self.unpack(f"<{axes}Q")
            kind, offset = self.unpack("<IQ")
            if offset != end or name in found:
                raise _Wrong(f"is corrupt: its tensor {one_line(repr(name), 60)} does not follow the one before it")
            found[name] = _Stored(shape[::-1], kind, offset, _size(name, shape, kind))
            end += _up(found[name].size, alignment)
        begin = _up(self.at, alignment)
        last = next(reversed(found.values())).size if found else 0
        least = begin + end - _up(last, alignment) + last if found else self.at  # the last one need not be filled up
        if self.size < least:
            raise _Wrong(f"is truncated: it has {self.size:,} bytes, and its header says {least:,}")
        if self.size > begin + end:
            raise _Wrong(f"is corrupt: it has {self.size:,} bytes, and its header says {begin + end:,}")
        return {name: replace(stored, begin=begin + stored.begin) for name, stored in found.items()}

    def value(self, kind: int, depth: int = 0) -> Any:
        if kind in _NUMBERS:
            return self.unpack(_NUMBERS[kind])[0]
        if kind == _STRING:
            return self.string()
        if kind != _ARRAY or depth > 1:
            raise _Wrong(f"is corrupt: a setting is of type {kind:,}, which does not exist")
        inner, count = self.unpack("<IQ")
        # of a string and a list the least is a length
        least = struct.calcsize(_NUMBERS[inner]) if inner in _NUMBERS else 8
        self.values += count
        if self.values > MOST_VALUES or count * least > len(self.content) - self.at:
            raise _Wrong(
                f"is corrupt: a setting has {count:,} values, more than the file has room for or than "
                f"{MOST_VALUES / 1e6:.0f} million in all settings"
            )
        if inner in _NUMBERS:
            return list(self.unpack(f"<{count}{_NUMBERS[inner][1]}"))
        return self.strings(count) if inner == _STRING else [self.value(inner, depth + 1) for _ in range(count)]

    def strings(self, count: int) -> list[str]:
        """As `string`, for the hundred thousands of a vocabulary."""
        content, length_at, at, end = self.content, struct.Struct("<Q").unpack_from, self.at, len(self.content)
        found = []
        for _ in range(count):
            begin = at + 8
            at = begin + length_at(content, at)[0]
            if at > end:
                break
            found.append(content[begin:at])
        self.at = at
        if len(found) < count:
            self.at = begin
            self.take(at - begin)  # says what is wrong
        return [text.decode("utf-8", errors="replace") for text in found]

    def string(self) -> str:
        (length,) = self.unpack("<Q")
        return self.take(length).decode("utf-8", errors="replace")

    def unpack(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from(form, self.content, self.at)
        self.at += struct.calcsize(form)
        return found

    def take(self, length: int) -> bytes:
        if length > len(self.content) - self.at:
            beyond = (
                "is truncated" if len(self.content) == self.size else f"has a header over {MOST_HEADER / 1e6:.0f} MB"
            )
            raise _Wrong(f"{beyond}, or corrupt: it names {length:,} more bytes than it holds")
        self.at += length
        return bytes(self.content[self.at - length : self.at])


def _size(name: str, shape: tuple[int, ...], kind: int) -> int:
    """How many bytes a tensor takes, whose numbers lie in blocks along its first axis."""
    import gguf

    try:
        block, width = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind)]
    except (ValueError, KeyError) as error:
        raise _Wrong(
            f"holds its tensor {one_line(repr(name), 60)} as type {kind:,}, which is not known here"
        ) from error
    cells = 1
    for axis in shape:
        cells *= axis
    if not cells or (shape and shape[0] % block):
        raise _Wrong(f"is corrupt: its tensor {one_line(repr(name), 60)} has the shape {shape}")
    return cells // block * width


def _up(size: int, alignment: int) -> int:
    return (size + alignment - 1) // alignment * alignment

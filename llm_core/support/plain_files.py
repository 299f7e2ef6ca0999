"""Reading files that may be anything: only plain files of at most so many bytes are opened, whatever their names say.

A pipe would never answer, a device may never end, and a text of a hundred million brackets takes all memory.
"""

import json
import os
import stat
from pathlib import Path
from typing import Any

from llm_core.support.plain_words import one_line, plainly

KINDS = {  # what is no plain file, by its type
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def present(file: Path) -> bool:
    """Whether there is anything of that name; False also for what no file can be named."""
    try:
        return file.exists()
    except (OSError, ValueError):  # too long, a circle of links, a null character
        return False


def file_size(file: Path) -> int:
    """The size in bytes of a plain file, also behind links.

    Raises ValueError, naming the file and what it is, for a pipe, a device, a folder, a socket, and for what is not
    there. Opens nothing.
    """
    try:
        found = file.stat()
    except (OSError, ValueError) as error:
        raise cannot_read(file, error) from error
    _refuse_unless_plain(file, found)
    return found.st_size


def read_bytes(file: Path, most: int) -> bytes:
    """The contents of a plain file of at most `most` bytes. Raises ValueError for anything else, naming the file."""
    if file_size(file) > most:
        raise _too_large(file, most)
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as stream:
            _refuse_unless_plain(file, os.fstat(stream.fileno()))  # it may be another one by now
            content = stream.read(most + 1)
    except OSError as error:
        raise cannot_read(file, error) from error
    if len(content) > most:  # the size of some files, as in /proc, says nothing
        raise _too_large(file, most)
    return content


def read_json(file: Path, most: int, corrupt: str = "is corrupt") -> Any:
    """What a plain JSON file of at most `most` bytes holds. Raises ValueError where it is neither, naming the file.

    corrupt: what is said of it where it is no JSON.
    """
    content = read_bytes(file, most)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{_name(file)} {corrupt}: download the model again") from error


def names_in(folder: Path) -> list[str]:
    """The names in a folder, sorted. Raises ValueError, naming it, where it is none or may not be read."""
    try:
        return sorted(file.name for file in folder.iterdir())
    except (OSError, ValueError) as error:
        raise cannot_read(folder, error) from error


def cannot_read(file: Path, error: Exception) -> ValueError:
    """The refusal of a file or folder whose reading raised this error."""
    if isinstance(error, PermissionError):
        return ValueError(f"{_name(file)} may not be read by you: change its permissions, or read a copy of your own")
    if isinstance(error, OSError):
        return ValueError(f"{_name(file)} cannot be read ({plainly(error)})")
    return ValueError(f"{_name(file)} cannot be read: no file can have this name")  # a null, half a character


def _refuse_unless_plain(file: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = KINDS.get(stat.S_IFMT(found.st_mode), "of another kind")
        raise ValueError(f"{_name(file)} is {kind}, and a file belongs in its place")


def _too_large(file: Path, most: int) -> ValueError:
    size = f"{most / 1e6:,.0f} MB" if most >= 1_000_000 else f"{most / 1e3:,.0f} kB"
    return ValueError(f"{_name(file)} is larger than {size}, the most that is read of such a file")


def _name(file: Path) -> str:
    return one_line(file.name, 100) or "the file"

"""Writing a file so that it is there as a whole or not at all: an older one of that name is never half overwritten."""

import contextlib
import os
import stat
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from llm_core.support.plain_files import KINDS
from llm_core.support.plain_words import disk_is_full, one_line, plainly


def write_whole(file: str | os.PathLike[str] | BinaryIO, data: bytes) -> None:
    """Write all bytes to a path or to an open file.

    At a path they are written beside it, brought to the disk, and only then given its name. Raises ValueError, saying
    why, for a place that cannot be written and for what is no place.
    """
    if isinstance(file, str | os.PathLike):
        _replace(file, data)
    elif hasattr(file, "write"):
        _hand_over(file, data)
    else:
        raise ValueError(f"the file to write is a path or an open file, and not of type {type(file).__name__}")


def _replace(file: str | os.PathLike[str], data: bytes) -> None:
    try:
        if b"\0" in os.fsencode(file):
            raise ValueError("the name of a file cannot have a null character in it")
    except UnicodeEncodeError as error:
        raise ValueError("the name of a file cannot have half a character in it: give another name") from error
    try:
        path = Path(os.path.realpath(file))  # behind a link, what the link leads to
        mode = _checked(path)
        partial = path.parent / f".partial-{os.getpid()}-{token_hex(4)}"
        try:
            _write_new(partial, data, mode)
            os.replace(partial, path)
        except BaseException:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)
    except (OSError, TypeError) as error:
        why = "the disk is full: free some space" if disk_is_full(error) else plainly(error)
        raise ValueError(f"{_said(file)} cannot be written: {why}") from error


def _checked(path: Path) -> int | None:
    """The rights of the older file at this place; None where there is none. Raises ValueError for other places."""
    if not path.parent.is_dir():
        raise ValueError(f"{_said(path)} cannot be written: there is no folder {_said(path.parent)}; make it first")
    try:
        found = path.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found):
        kind = KINDS.get(stat.S_IFMT(found), "no plain file")
        raise ValueError(f"{_said(path)} is {kind}: give the name of a file")
    if not os.access(path, os.W_OK):
        raise ValueError(f"{_said(path)} is there already and may not be changed: give another name")
    return stat.S_IMODE(found)


def _write_new(path: Path, data: bytes, mode: int | None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if mode is not None:
        os.chmod(path, mode)


def _flush_folder(folder: Path) -> None:
    """Bring the new name to the disk too, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _hand_over(file: BinaryIO, data: bytes) -> None:
    try:
        file.write(data)
    except TypeError as error:
        raise ValueError('the open file takes text, and a run is bytes: open it with mode "wb"') from error
    except (OSError, ValueError) as error:  # a full disk; one that is closed, or open for reading
        why = "the disk is full: free some space" if disk_is_full(error) else plainly(error)
        why = 'open it again, with mode "wb"' if isinstance(error, ValueError) else why
        raise ValueError(f"the open file cannot be written: {why}") from error


def _said(file: str | os.PathLike[str]) -> str:
    return one_line(str(file), 200)

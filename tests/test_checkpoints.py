"""Checkpoints as they lie about: old configs and old layouts of weights are read rightly."""

import json
import re
import shutil

import pytest
import torch
from checkpoints import (
    ARCHITECTURES,
    IDS,
    LLAMA3_ROPE,
    Reference,
    assert_loads_right,
    assert_same,
    edit_config,
    edit_weights,
    make,
    refusal,
    save,
    without_rope_parameters,
)
from conftest import record
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from llm_core import generate, load_model

LLAMA, GPT2, NEOX = "llama, grouped, tied", "gpt2", "neox, parallel"


# ---- configs of older versions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["type", "rope_type"])
def test_rope_theta_and_rope_scaling_of_old_configs(model_folder, word):
    name = "llama, llama3 rope"
    rope = dict(ARCHITECTURES[name][1]["rope_parameters"])
    theta, kind = rope.pop("rope_theta"), rope.pop("rope_type")
    folder = without_rope_parameters(model_folder(name), rope_theta=theta, rope_scaling={word: kind, **rope})
    assert_loads_right(folder, name)


@pytest.mark.parametrize("word", ["type", "rope_type"])
def test_linear_scaling_of_old_configs(model_folder, word):
    name = "llama, linear rope"
    folder = without_rope_parameters(model_folder(name), rope_theta=900.0, rope_scaling={word: "linear", "factor": 4.0})
    assert_loads_right(folder, name)


@pytest.mark.parametrize("scaling", [{}, {"rope_scaling": None}], ids=["absent", "null"])
def test_rope_theta_alone_of_old_configs(model_folder, scaling):
    name = "llama, rope theta and epsilon"
    assert_loads_right(without_rope_parameters(model_folder(name), rope_theta=77.0, **scaling), name)


@pytest.mark.parametrize(
    "scaling",
    [None, {"type": "linear", "factor": 4.0}, {k: v for k, v in LLAMA3_ROPE.items() if k != "rope_theta"}],
    ids=["unscaled", "linear", "llama3"],
)
@pytest.mark.parametrize("name", ["mistral, window", "qwen2", "qwen3"])
def test_rope_of_old_configs_in_the_families_beside_llama(tmp_path, name, scaling):
    kind = (scaling or {}).get("rope_type") or (scaling or {}).get("type")
    rope = {**(scaling or {}), "rope_theta": 77.0, "rope_type": kind or "default"}
    theirs = make(name, rope_parameters=rope)
    folder = without_rope_parameters(save(theirs, tmp_path / "a-model"), rope_theta=77.0, rope_scaling=scaling)
    ours = load_model(str(folder))
    assert ours.config.rope_theta == 77 and (ours.config.rope_scaling and ours.config.rope_scaling.kind) == kind
    assert_same(record(ours, IDS), Reference(theirs)(IDS))


def test_rope_theta_that_is_not_told_is_10000(model_folder):
    assert_loads_right(without_rope_parameters(model_folder(LLAMA)), LLAMA)


@pytest.mark.parametrize(
    ("name", "share"), [(NEOX, 0.25), ("neox, sequential, fully rotated", 1.0)], ids=["partly", "fully"]
)
def test_rotary_pct_and_rotary_emb_base_of_old_configs(model_folder, name, share):
    assert_loads_right(without_rope_parameters(model_folder(name), rotary_pct=share, rotary_emb_base=500.0), name)


# ---- old layouts of weights ---------------------------------------------------------------------------------------


def test_gpt2_without_the_prefix(model_folder):
    folder = model_folder(GPT2)
    edit_weights(folder, lambda tensors: {name.removeprefix("transformer."): t for name, t in tensors.items()})
    assert not any(name.startswith("transformer.") for name in load_file(folder / "model.safetensors"))
    assert_loads_right(folder, GPT2)


@pytest.mark.parametrize("prefix", ["", "transformer."], ids=["without prefix", "with prefix"])
def test_gpt2_with_its_old_buffers(model_folder, prefix):
    folder = model_folder(GPT2)

    def with_buffers(tensors):
        tensors = {prefix + name.removeprefix("transformer."): t for name, t in tensors.items()}
        for i in range(3):
            tensors[f"{prefix}h.{i}.attn.bias"] = torch.ones(1, 1, 256, 256).tril()
            tensors[f"{prefix}h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
        return tensors

    edit_weights(folder, with_buffers)
    assert_loads_right(folder, GPT2)


def test_neox_with_its_old_buffers(model_folder):
    folder = model_folder(NEOX)

    def with_buffers(tensors):
        for i in range(3):
            at = f"gpt_neox.layers.{i}.attention"
            tensors[f"{at}.bias"] = torch.ones(1, 1, 256, 256).tril()
            tensors[f"{at}.masked_bias"] = torch.tensor(-1e9)
            tensors[f"{at}.rotary_emb.inv_freq"] = torch.full((4,), 7.0)  # never read: the config tells the angles
        return tensors

    edit_weights(folder, with_buffers)
    assert_loads_right(folder, NEOX)


def test_llama_with_stored_rope_frequencies(model_folder):
    folder, name = model_folder(), "model.layers.0.self_attn.rotary_emb.inv_freq"
    edit_weights(folder, lambda tensors: tensors | {name: torch.full((4,), 7.0)})
    assert_loads_right(folder, LLAMA)


@pytest.mark.parametrize("name", [GPT2, LLAMA, NEOX])
def test_sharded_files(tmp_path, name):
    folder = save(make(name), tmp_path, max_shard_size="40KB")
    assert len(list(folder.glob("model-*.safetensors"))) >= 3
    assert not (folder / "model.safetensors").exists()
    assert_loads_right(folder, name)


def test_a_sharded_model_is_what_its_index_names(tmp_path):
    folder = save(make(LLAMA), tmp_path, max_shard_size="40KB")
    save_file({"model.norm.weight": torch.zeros(32)}, folder / "older-copy.safetensors")
    assert_loads_right(folder, LLAMA)


def test_a_tied_checkpoint_may_store_an_equal_unembedding(model_folder):
    folder = model_folder()
    edit_weights(folder, lambda tensors: tensors | {"lm_head.weight": tensors["model.embed_tokens.weight"].clone()})
    assert_loads_right(folder, LLAMA)


def test_a_tied_checkpoint_may_not_store_another_unembedding(model_folder):
    folder = model_folder()
    edit_weights(folder, lambda tensors: tensors | {"lm_head.weight": tensors["model.embed_tokens.weight"] + 1e-3})
    assert re.fullmatch("the checkpoint holds a tensor .* no place for, such as 'lm_head.weight': .*", refusal(folder))


def test_gpt2_may_be_untied_by_its_config_alone(model_folder):
    assert "lacks 'lm_head.weight'" in refusal(edit_config(model_folder(GPT2), tie_word_embeddings=False))


# ---- configs: fields that the class does not know are ignored ------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        (GPT2, {"invented_by_someone": [1, 2], "task_specific_params": {"text-generation": {"do_sample": True}}}),
        (LLAMA, {"invented_by_someone": 3}),
        (LLAMA, {"sliding_window": 2, "use_sliding_window": True}),  # means something to Mistral, nothing to Llama
        (LLAMA, {"layer_types": ["sliding_attention"] * 3, "sliding_window": 2}),
        ("mistral, window", {"attention_bias": True, "mlp_bias": True}),
        ("qwen2", {"attention_bias": False, "mlp_bias": True, "use_mrope": False}),
        ("qwen3, tied, biases, one KV head", {"mlp_bias": True}),
        (NEOX, {"sliding_window": 2}),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_field_that_its_class_does_not_know_is_ignored(model_folder, name, fields):
    folder = edit_config(model_folder(name), **fields)
    theirs = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    expected = Reference(theirs)(IDS)
    assert_same(record(load_model(str(folder)), IDS), expected)
    assert_same(Reference(make(name))(IDS), expected)  # transformers ignores it too


@pytest.mark.parametrize(
    "fields",
    [{"dtype": "float16"}, {"pretraining_tp": 2}, {"attention_dropout": 0.3}, {"initializer_range": 0.5},
     {"architectures": ["Another"]}, {"use_cache": False}, {"pad_token_id": 3}],
    ids=str,
)  # fmt: skip
def test_harmless_fields_change_nothing(model_folder, fields):
    assert_loads_right(edit_config(model_folder(), **fields), LLAMA)


# ---- where generation stops ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "stops"), [(None, (1,)), ({"eos_token_id": [7, 9]}, (7, 9)), ({"eos_token_id": 4}, (4,)), ({}, (1,))]
)
def test_the_end_of_text_is_that_of_the_generation_config(model_folder, content, stops):
    file = model_folder() / "generation_config.json"
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_text(json.dumps(content))
    assert load_model(str(file.parent)).config.stop_ids == stops


# ---- what comes of it ---------------------------------------------------------------------------------------------


def test_a_model_of_many_positions_at_no_cost(model_folder):
    model = load_model(str(edit_config(model_folder(), max_position_embeddings=1_000_000)))
    assert model.config.max_positions == 1_000_000


def test_a_model_without_a_tokenizer_takes_token_ids(model_folder):
    model = load_model(str(model_folder()))
    assert len(generate(model, IDS, max_new_tokens=2).new_ids) == 2
    with pytest.raises(ValueError, match="comes without a tokenizer: give it token ids"):
        generate(model, "hello")


def test_progress_goes_from_0_to_1(saved_model):
    told = []
    load_model(str(saved_model(LLAMA)), progress=lambda doing, share: told.append((doing, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[0] > 0 and shares[-1] == 1
    assert all(doing.startswith("reading weights into memory") for doing, _ in told)


def test_the_fingerprint_is_the_weights_and_the_config(saved_model, model_folder):
    first, again = load_model(str(saved_model(LLAMA))), load_model(str(model_folder()))
    assert first.fingerprint == again.fingerprint and len(first.fingerprint) == 64
    folder = saved_model(LLAMA).parent / "other"
    others = set()
    for change in ({"rms_norm_eps": 1e-3}, "weights", "bfloat16"):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(saved_model(LLAMA), folder)
        if isinstance(change, dict):
            edit_config(folder, **change)
        if change == "weights":
            edit_weights(folder, lambda tensors: tensors | {"model.norm.weight": tensors["model.norm.weight"] + 1e-6})
        dtype = "bfloat16" if change == "bfloat16" else "float32"
        others.add(load_model(str(folder), dtype=dtype).fingerprint)
    assert len(others | {first.fingerprint}) == 4

"""What cannot be read rightly is refused in words: configs, weights, names, and too little memory for them."""

import errno
import io
import json
import math
import os
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from llm_core import generate, load_model, save_run
from llm_core.families.families import FAMILIES
from llm_core.support.plain_words import one_line
from llm_core.weights import checkpoint
from llm_core.weights import folder as folder_module
from tests.helpers.checkpoints import (
    assert_loads_right,
    edit_config,
    edit_weights,
    make,
    refusal,
    save,
    without_rope_parameters,
    write_gguf,
)

LLAMA, GPT2, NEOX, STABLELM = "llama, grouped, tied", "gpt2", "neox, parallel", "stablelm"


# ---- configs that are refused -------------------------------------------------------------------------------------


def test_an_unknown_model_type(model_folder):
    sentence = refusal(edit_config(model_folder(), model_type="bloom"))
    assert sentence == f"this model is of type bloom; supported are {', '.join(sorted(FAMILIES))}"


@pytest.mark.parametrize("kind", [None, 7, ["gpt2"], {"gpt2": 1}], ids=str)
def test_a_model_type_that_is_no_word(model_folder, kind):
    sentence = refusal(edit_config(model_folder(), model_type=kind))
    assert sentence == "config.json is corrupt or names no model_type: download the model again"


def test_a_mistral_that_tells_its_layers_apart_is_of_another_type(model_folder):
    sentence = refusal(edit_config(model_folder("mistral, window"), layer_types=["full_attention"] * 3))
    assert sentence.startswith("this model is of type ministral; supported are ")


def test_layers_of_two_kinds(model_folder):
    fields = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1, "layer_types": None}
    sentence = refusal(edit_config(model_folder("qwen2"), **fields))
    assert sentence == "this model mixes layers of types full_attention, sliding_attention, which is not supported"


@pytest.mark.parametrize(
    ("rope", "kind"),
    [
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}, "yarn"),
        ({"rope_type": "dynamic", "factor": 2.0}, "dynamic"),
        ({"rope_type": "invented"}, "invented"),
    ],
)
def test_a_kind_of_rope_that_is_not_supported(model_folder, rope, kind):
    sentence = refusal(edit_config(model_folder(), rope_parameters={"rope_theta": 1e4, **rope}))
    assert sentence == f"this model's rope_type is '{kind}'; supported are default, linear, llama3"


def test_yarn_of_an_old_config(model_folder):
    sentence = refusal(without_rope_parameters(model_folder(), rope_scaling={"type": "yarn", "factor": 4.0}))
    assert "rope_type is 'yarn'" in sentence


def test_a_rope_that_lacks_its_factor(model_folder):
    sentence = refusal(edit_config(model_folder(), rope_parameters={"rope_theta": 1e4, "rope_type": "linear"}))
    assert sentence.startswith("config.json cannot be understood") and "factor" in sentence


@pytest.mark.parametrize("where", ["rope_parameters", "top"])
@pytest.mark.parametrize("name", [LLAMA, "mistral, window", "qwen2", "qwen3", "gemma"])
def test_partly_rotated_heads_where_the_family_has_none(model_folder, name, where):
    rope = {"rope_theta": 1e4, "rope_type": "default"}
    if where == "top":
        folder = edit_config(model_folder(name), rope_parameters=rope, partial_rotary_factor=0.5)
    else:
        folder = edit_config(model_folder(name), rope_parameters={**rope, "partial_rotary_factor": 0.5})
    sentence = refusal(folder)
    assert "partial_rotary_factor to 0.5" in sentence and "not supported" in sentence


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        (GPT2, "activation_function", "swish"),
        (LLAMA, "hidden_act", "gelu"),
        (NEOX, "hidden_act", "silu"),
        (STABLELM, "hidden_act", "gelu"),
    ],
)
def test_an_activation_that_is_not_supported(model_folder, name, field, value):
    sentence = refusal(edit_config(model_folder(name), **{field: value}))
    assert sentence.startswith(f"this model's {field} is '{value}'; supported are ")


def test_attention_scaled_by_its_layer(model_folder):
    sentence = refusal(edit_config(model_folder(GPT2), scale_attn_by_inverse_layer_idx=True))
    assert sentence == (
        "this model's config sets scale_attn_by_inverse_layer_idx to True (the usual value is False), which is not "
        "supported: its results would be wrong"
    )


def test_attention_that_is_not_scaled(model_folder):
    assert "scale_attn_weights to False, which is not supported" in refusal(
        edit_config(model_folder(GPT2), scale_attn_weights=False)
    )


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (GPT2, "add_cross_attention"),
        (GPT2, "is_encoder_decoder"),
        (LLAMA, "is_encoder_decoder"),
        (NEOX, "is_encoder_decoder"),
        (STABLELM, "use_parallel_residual"),
        (STABLELM, "qk_layernorm"),
    ],
)
def test_a_known_field_that_is_not_understood(model_folder, name, field):
    sentence = refusal(edit_config(model_folder(name), **{field: True}))
    assert f"sets {field} to True (the usual value is False), which is not supported" in sentence


def test_a_gemma_whose_tokens_would_see_later_ones(model_folder):
    assert refusal(edit_config(model_folder("gemma"), use_bidirectional_attention=True)) == (
        "this model's config sets use_bidirectional_attention to True, which is not supported: its tokens would see "
        "later ones"
    )


def test_heads_that_do_not_share_the_width_evenly(model_folder):
    assert refusal(edit_config(model_folder(GPT2), n_head=5)) == (
        "this model's config sets n_embd to 32 and n_head to 5: n_embd must be a multiple of n_head"
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"factor": 0}, "factor of this model's RoPE is 0; it must be above 0"),
        ({"low_freq_factor": 4.0, "high_freq_factor": 4.0}, "high_freq_factor of this model's RoPE is 4; it must be"),
        ({"original_max_position_embeddings": 0}, "original_max_position_embeddings of this model's RoPE is 0; it"),
    ],
    ids=str,
)
def test_a_scaling_of_rope_that_means_nothing_is_refused_by_its_name_in_the_file(model_folder, change, says):
    rope = {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    rope |= {"original_max_position_embeddings": 64, **change}
    assert refusal(edit_config(model_folder(), rope_parameters=rope)).startswith(says)


def test_no_config(model_folder):
    folder = model_folder()
    (folder / "config.json").unlink()
    assert refusal(folder) == "a-model has no config.json: it is not a model in the Hub's format"


@pytest.mark.parametrize(
    "content", [b"", b'{"model_type": "lla', b"[1, 2]", b"null", b'"gpt2"', b"{}", b"\xff\xfe\x00"]
)
def test_a_corrupt_config(model_folder, content):
    folder = model_folder()
    (folder / "config.json").write_bytes(content)
    assert refusal(folder) == "config.json is corrupt or names no model_type: download the model again"


SIZES = {
    GPT2: ["vocab_size", "n_embd", "n_layer", "n_head", "n_positions", "n_inner", "hidden_size", "num_hidden_layers"],
    LLAMA: [
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "head_dim",
        "intermediate_size",
        "max_position_embeddings",
    ],
    NEOX: ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"],
    STABLELM: ["hidden_size", "num_key_value_heads"],
}


@pytest.mark.parametrize(
    "value", [0, -2, 10**400, 4.0, "wide", True, [4], math.inf, math.nan], ids=lambda v: str(v)[:9]
)
@pytest.mark.parametrize(("name", "field"), [(name, field) for name, fields in SIZES.items() for field in fields])
def test_a_size_that_means_nothing_is_refused_by_its_name_in_the_file(model_folder, name, field, value):
    folder = edit_config(model_folder(name), **{field: value})
    (folder / "tokenizer.json").write_text("{")  # what is wrong with the config comes first
    sentence = refusal(folder)
    assert re.fullmatch(
        rf"config\.json sets {field} to .{{1,40}}; it must be (a whole number|at (least|most) [\d,]+)", sentence
    )


@pytest.mark.parametrize("count", [1_001, 100_000, 10**9])
@pytest.mark.parametrize(
    ("name", "field"),
    [
        (GPT2, "n_layer"),
        (GPT2, "num_hidden_layers"),
        (LLAMA, "num_hidden_layers"),
        ("qwen2", "num_hidden_layers"),
        (NEOX, "num_hidden_layers"),
    ],
)
def test_absurd_counts_of_layers_are_refused_before_anything_is_built(model_folder, monkeypatch, name, field, count):
    monkeypatch.setattr(folder_module, "Transformer", lambda *_: pytest.fail("it was built"))
    sentence = refusal(edit_config(model_folder(name), **{field: count}))
    assert sentence == f"config.json sets {field} to {count}; it must be at most 1,000"


@pytest.mark.parametrize(
    ("name", "field"), [(GPT2, "n_layer"), (LLAMA, "num_hidden_layers"), (NEOX, "num_hidden_layers")]
)
def test_layers_that_the_weights_do_not_hold_are_refused_before_anything_is_built(
    model_folder, monkeypatch, name, field
):
    monkeypatch.setattr(folder_module, "Transformer", lambda *_: pytest.fail("it was built"))
    assert refusal(edit_config(model_folder(name), **{field: 900})) == (
        "the config says 900 layers, and the checkpoint holds 3: config and weights do not belong together"
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, "1e-5", None, True], ids=str)
@pytest.mark.parametrize(
    ("name", "field"),
    [(GPT2, "layer_norm_epsilon"), (LLAMA, "rms_norm_eps"), (NEOX, "layer_norm_eps"), (STABLELM, "layer_norm_eps")],
)
def test_an_epsilon_that_means_nothing(model_folder, name, field, value):
    sentence = refusal(edit_config(model_folder(name), **{field: value}))
    assert sentence.startswith(f"config.json sets {field} to ") and sentence.endswith("a finite number of at least 0")


@pytest.mark.parametrize("theta", [0.0, -1.0, math.nan, math.inf, 10**400, "1e4", 1e300], ids=lambda v: str(v)[:9])
@pytest.mark.parametrize("where", ["rope_parameters", "top"])
@pytest.mark.parametrize("name", [LLAMA, NEOX, STABLELM])
def test_a_base_of_rope_that_means_nothing(model_folder, name, where, theta):
    if where == "top":
        field = "rotary_emb_base" if name == NEOX else "rope_theta"
        folder = without_rope_parameters(model_folder(name), **{field: theta})
    else:
        folder = edit_config(model_folder(name), rope_parameters={"rope_type": "default", "rope_theta": theta})
    assert re.search(r"(rope_theta|rotary_emb_base).* must be", refusal(folder))


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan, math.inf, "2", None], ids=str)
def test_a_rope_scaling_that_means_nothing(model_folder, factor):
    rope = {"rope_type": "linear", "rope_theta": 9.0, "factor": factor}
    assert re.search(r"factor .* must be", refusal(edit_config(model_folder(), rope_parameters=rope)))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        (GPT2, {"hidden_size": 10**9}),
        (GPT2, {"n_embd": 10**12}),
        (LLAMA, {"hidden_size": 10**12}),
        (LLAMA, {"vocab_size": 10**13}),
        (LLAMA, {"intermediate_size": 10**12, "hidden_size": 32}),
        (NEOX, {"hidden_size": 10**12}),
    ],
    ids=str,
)
def test_sizes_beyond_any_machine(model_folder, name, fields):
    assert re.search(
        "more than any machine holds|needs .* GB of memory", refusal(edit_config(model_folder(name), **fields))
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"num_labels": 10**9},
        {"rope_parameters": [1]},
        {"rope_scaling": "linear"},
        {"per_layer_config": {"0": {}}},
        {"configuration_files": ["config.4.0.0.json"]},
        {"torch_dtype": "nonsense", "dtype": "nonsense"},
        {"id2label": {"a": "b"}},
        {"eos_token_id": 1.5},
        {"tie_word_embeddings": None},
        {"rms_norm_eps": 1},
        {"hidden_size": 33},
        {"hidden_act": ["silu"]},
        {"is_causal": False},
    ],
    ids=str,
)
def test_what_no_model_of_this_type_says_is_refused_in_our_own_words(model_folder, fields):
    sentence = refusal(edit_config(model_folder(), **fields))
    assert sentence.startswith(("config.json ", "this model's config ")) and len(sentence) < 200
    assert not re.search(r"Validation|expected|`|Traceback|__|\bint\(\)", sentence)


@pytest.mark.parametrize(
    "fields", [{"num_key_value_heads": 0}, {"head_dim": -1}, {"rope_theta": 0.0}, {"rms_norm_eps": -1.0}], ids=str
)
def test_a_field_that_gpt2_does_not_know_may_say_what_it_likes(model_folder, fields):
    assert_loads_right(edit_config(model_folder(GPT2), **fields), GPT2)


@pytest.mark.parametrize("head_dim", [4, 16])
@pytest.mark.parametrize("name", [NEOX, STABLELM])
def test_a_rotation_that_would_take_heads_of_another_size(model_folder, name, head_dim):
    assert f"sets head_dim to {head_dim}, which is not supported" in refusal(
        edit_config(model_folder(name), head_dim=head_dim)
    )


def test_a_stablelm_that_would_rotate_an_odd_number_of_each_heads_numbers(model_folder):
    rope = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.4}
    assert refusal(edit_config(model_folder(STABLELM), rope_parameters=rope)) == (
        "this model's config sets partial_rotary_factor to 0.4, which would rotate 3 numbers of each head; it must be "
        "an even number of them, as RoPE rotates pairs"
    )


@pytest.mark.parametrize("stop", [math.inf, math.nan, 1.5, "end", True, [1, "x"], {"a": 1}], ids=str)
def test_an_end_of_text_that_is_no_token(model_folder, stop):
    folder = model_folder()
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": stop}))
    assert refusal(folder) == "generation_config.json is corrupt: download the model again"


@pytest.mark.parametrize("value", [b"[" * 300_000, b"9" * 5000 + b"}"], ids=["deep", "long"])
def test_a_config_that_breaks_its_reader(model_folder, value):
    folder = model_folder()
    (folder / "config.json").write_bytes(b'{"model_type": "llama", "a": ' + value)
    assert refusal(folder) == "config.json is corrupt or names no model_type: download the model again"


# ---- weights that are refused -------------------------------------------------------------------------------------

VICTIM = {
    GPT2: "transformer.h.1.attn.c_attn.weight",
    LLAMA: "model.layers.1.self_attn.k_proj.weight",
    NEOX: "gpt_neox.layers.1.attention.query_key_value.weight",
    STABLELM: "model.layers.1.post_attention_layernorm.bias",
    "gemma": "model.layers.1.input_layernorm.weight",
}


@pytest.mark.parametrize("name", VICTIM)
def test_a_missing_weight(model_folder, name):
    folder, victim = model_folder(name), VICTIM[name]
    edit_weights(folder, lambda tensors: {n: t for n, t in tensors.items() if n != victim})
    ours = victim.partition(".")[2]
    assert refusal(folder) == f"the checkpoint lacks '{ours}': it is incomplete, or not of this architecture"


@pytest.mark.parametrize("name", VICTIM)
def test_a_weight_that_is_left_over(model_folder, name):
    folder, extra = model_folder(name), VICTIM[name].replace(".1.", ".3.")
    edit_weights(folder, lambda tensors: tensors | {extra: torch.zeros(2)})
    sentence = refusal(folder)
    assert "holds a tensor that" in sentence and f"no place for, such as '{extra}'" in sentence
    assert sentence.endswith("its results would be wrong without it")


@pytest.mark.parametrize(
    ("name", "field", "count"),
    [
        ("llama, attention biases", "attention_bias", 12),
        (NEOX, "attention_bias", 6),
        ("stablelm, tied, biases, fully rotated", "use_qkv_bias", 9),
    ],
)
def test_biases_that_the_config_does_not_tell(model_folder, name, field, count):
    sentence = refusal(edit_config(model_folder(name), **{field: False}))
    assert f"the checkpoint holds {count} tensors that this architecture has no place for" in sentence
    assert sentence.endswith("its results would be wrong without them")


@pytest.mark.parametrize("shape", [(4,), (7,), (95,), (4, 4), (32, 4), (32, 95), (33, 96), (96, 32), (2, 3, 4), ()])
@pytest.mark.parametrize("name", VICTIM)
def test_a_weight_of_another_shape(model_folder, name, shape):
    folder, victim = model_folder(name), VICTIM[name]
    right = tuple(load_file(folder / "model.safetensors")[victim].shape)
    if shape == right:
        shape = (64, 64)
    edit_weights(folder, lambda tensors: tensors | {victim: torch.zeros(shape)})
    sentence = refusal(folder)
    assert f"'{victim}'" in sentence and "shape" in sentence and "do not belong together" in sentence


def test_weights_of_another_size_than_the_config_says(model_folder):
    assert "do not belong together" in refusal(edit_config(model_folder(), hidden_size=64, head_dim=8))


@pytest.mark.parametrize("keep", [0, 4, 8, 200, -1, -5000])
def test_a_truncated_file(model_folder, keep):
    file = model_folder() / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    assert refusal(file.parent) == "model.safetensors is truncated or corrupt: download it again"


@pytest.mark.parametrize("garbage", [b"garbage " * 40, b"\x08" + b"\0" * 7 + b"garbage!", b"<html>404</html>"])
def test_a_file_that_is_no_safetensors(model_folder, garbage):
    file = model_folder() / "model.safetensors"
    file.write_bytes(garbage)
    assert refusal(file.parent) == "model.safetensors is truncated or corrupt: download it again"


def test_a_missing_shard(tmp_path):
    folder = save(make(LLAMA), tmp_path / "a-model", max_shard_size="40KB")
    gone = sorted(folder.glob("model-*.safetensors"))[1]
    gone.unlink()
    assert refusal(folder) == (
        f"model.safetensors.index.json names '{gone.name}', which is not in the folder: download the model again"
    )


@pytest.mark.parametrize("index", ["{", "[]", '{"weight_map": null}', "{}"])
def test_a_corrupt_index(model_folder, index):
    folder = model_folder()
    (folder / "model.safetensors").rename(folder / "another.safetensors")  # beside a whole file no index counts
    (folder / "model.safetensors.index.json").write_text(index)
    assert refusal(folder) == "model.safetensors.index.json is corrupt: download the model again"


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", 3])
def test_an_index_reaches_no_file_outside_the_folder(model_folder, name):
    folder = model_folder()
    shutil.move(folder / "model.safetensors", folder.parent / "secret.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"model.norm.weight": name}}))
    assert f"names '{name}', which is not in the folder" in refusal(folder)


@pytest.mark.parametrize("file", ["pytorch_model.bin", "consolidated.00.pth", "model.pt"])
def test_pickled_weights_are_never_opened(model_folder, tmp_path, file):
    folder, marker = model_folder(), tmp_path / "it-ran"
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights | {"trap": _Trap(marker)}, folder / file)
    sentence = refusal(folder)
    assert "pickled files only, which can run any program when they are opened and are never read here" in sentence
    assert not marker.exists()
    torch.load(folder / file, weights_only=False)
    assert marker.exists()  # the trap works


class _Trap:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def test_a_folder_without_weights(model_folder):
    folder = model_folder()
    (folder / "model.safetensors").unlink()
    assert refusal(folder) == "a-model has no *.safetensors file: it holds no weights that can be read here"


def test_code_that_comes_with_a_model_never_runs(model_folder, tmp_path):
    folder, marker = model_folder(), tmp_path / "it-ran"
    code = f"open({str(marker)!r}, 'w').close()\n"
    for file in ("configuration_evil.py", "modeling_evil.py", "tokenization_evil.py"):
        (folder / file).write_text(code + "class Evil: pass\n")
    edit_config(
        folder,
        auto_map={
            "AutoConfig": "configuration_evil.Evil",
            "AutoModelForCausalLM": "modeling_evil.Evil",
            "AutoTokenizer": ["tokenization_evil.Evil", None],
        },
    )
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"auto_map": {"AutoTokenizer": ["tokenization_evil.Evil", None]}, "tokenizer_class": "Evil"})
    )
    assert_loads_right(folder, LLAMA)  # its type is one that we know: our own code reads it
    edit_config(folder, model_type="evil")
    assert "this model is of type evil; supported are " in refusal(folder)
    assert not marker.exists()


def test_a_type_of_model_is_quoted_in_one_line_and_shortened(model_folder):
    sentence = refusal(edit_config(model_folder(), model_type="a\nb" + "c" * 1000))
    assert sentence.startswith("this model is of type a bccc") and len(sentence) < 300


@pytest.mark.parametrize("part", ["config.json", "generation_config.json", "tokenizer.json", "model.safetensors"])
def test_a_file_that_is_a_folder_or_may_not_be_read_is_told_without_where_it_lies(model_folder, part):
    folder = model_folder()
    (folder / part).unlink(missing_ok=True)
    (folder / part).mkdir()
    assert refusal(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": 3}'])
def test_a_corrupt_tokenizer(model_folder, content):
    folder = model_folder()
    (folder / "tokenizer.json").write_text(content)
    assert refusal(folder).startswith("the tokenizer of a-model cannot be read")


@pytest.mark.parametrize("content", ["{", "[]", "3", '{"eos_token_id": "end"}'])
def test_a_corrupt_generation_config(model_folder, content):
    folder = model_folder()
    (folder / "generation_config.json").write_text(content)
    assert refusal(folder) == "generation_config.json is corrupt: download the model again"


# ---- memory and types ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "need"), [("float32", "0.6"), ("bfloat16", "0.3")])
def test_too_little_memory_is_told_before_any_weight_is_read(model_folder, monkeypatch, dtype, need):
    folder = edit_config(model_folder(), vocab_size=4_000_000)  # 128 million parameters
    reads = []
    monkeypatch.setattr(checkpoint.SafetensorsFiles, "__getitem__", lambda self, name: reads.append(name))
    monkeypatch.setattr(checkpoint.memory, "free", lambda: 100_000_000)
    sentence = refusal(folder, dtype=dtype)
    assert sentence.startswith(f"a-model needs {need} GB of memory, and at most 0.0 GB of what is free may be used: ")
    assert not reads


def test_what_may_be_used_of_the_free_memory_is_told_and_less_than_is_needed(model_folder, monkeypatch):
    folder = edit_config(model_folder(), vocab_size=34_000_000)  # 4.352 GB
    monkeypatch.setattr(checkpoint.memory, "free", lambda: 4_349_000_000 + checkpoint.memory.RESERVE)
    assert "needs 4.4 GB of memory, and at most 4.3 GB of what is free may be used: close other" in refusal(folder)


def test_enough_memory_is_no_refusal(model_folder, monkeypatch):
    monkeypatch.setattr(checkpoint.memory, "free", lambda: 1_000_000 + checkpoint.memory.RESERVE)
    assert load_model(str(model_folder())).config.layers == 3  # 100 kB


def test_a_type_of_number_for_random_weights():
    assert refusal("llama-nano", dtype="bfloat16") == (
        "bfloat16 is for real weights, and those of llama-nano are random, always float32: leave it out, or choose "
        "another model"
    )


def test_a_type_of_number_that_is_not_offered(model_folder):
    sentence = refusal(model_folder(), dtype="float16")
    assert sentence == "the type 'float16' is not supported; choose one of: float32, bfloat16"


# ---- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "no-such-model",
        "./nowhere/model",
        "/nowhere/model",
        "a/b/c",
        "~/nowhere",
        "~nobody-here",
        "",
        " ",
        "x" * 9000,
        "a\0b",
    ],
    ids=lambda name: name[:20],
)
def test_a_name_that_is_no_model(name):
    shown = one_line(repr(name), 100)
    sentence = refusal(name)
    assert f"there is no model named {shown}; choose one of toy, " in sentence and len(sentence) < 400


@pytest.mark.parametrize("name", ["owner/" + "y" * 3000, "o" * 3000 + "/model"], ids=["model", "owner"])
def test_a_long_name_of_the_hub_is_shortened(name):
    assert len(refusal(name)) < 300


@pytest.mark.parametrize("what", ["no weights", "no config", "short of memory", "a GGUF file", "of another kind"])
def test_a_long_name_of_a_folder_or_file_is_shortened(model_folder, model_cache, monkeypatch, what):
    folder = model_folder().rename(model_cache.parent.parent / ("n" * 240))
    if what == "no weights":
        (folder / "model.safetensors").unlink()
    if what == "no config":
        (folder / "config.json").unlink()
    if what in ("short of memory", "a GGUF file"):
        monkeypatch.setattr(checkpoint.memory, "free", lambda: 1000)
    file = folder / ("m" * 230 + (".gguf" if what == "a GGUF file" else ".bin"))
    if what in ("a GGUF file", "of another kind"):
        write_gguf(file) if what == "a GGUF file" else file.write_bytes(b"PK")
    sentence = refusal(file if file.exists() else folder)
    assert "n" * 101 not in sentence and "m" * 101 not in sentence and len(sentence) < 300


def test_a_path_is_a_folder_or_a_file_and_never_a_name(model_folder, tiny_gguf, model_cache, tmp_path, monkeypatch):
    folder = model_folder()
    assert load_model(folder).weights.version == load_model(str(folder)).weights.version
    assert load_model(tiny_gguf).weights.version == load_model(str(tiny_gguf)).weights.version
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="there is no file or folder 'toy': check the path"):
        load_model(Path("toy"))


@pytest.mark.parametrize("name", [None, 5, ["toy"], b"toy", {"a": 1}], ids=str)
def test_a_name_that_is_no_text(name):
    with pytest.raises(ValueError, match=f"and not by a {type(name).__name__}"):
        load_model(name)


@pytest.mark.parametrize("dtype", [None, ["float32"], {"a": 1}, torch.float32, 5], ids=str)
def test_a_type_that_is_no_text(dtype):
    with pytest.raises(ValueError, match="is not supported; choose one of: float32, bfloat16"):
        load_model("toy", dtype=dtype)


# ---- what may not be read -------------------------------------------------------------------------------------------


def denied(monkeypatch, name: str) -> None:
    """Whoever opens a file or lists a folder of this name may not: root, who may run the tests, could."""
    io_open, os_open, listdir = io.open, os.open, os.listdir

    def refusing(call):
        def called(file, *args, **kwargs):
            if isinstance(file, str | Path) and Path(file).name == name:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
            return call(file, *args, **kwargs)

        return called

    monkeypatch.setattr(io, "open", refusing(io_open))
    monkeypatch.setattr(os, "open", refusing(os_open))
    monkeypatch.setattr(os, "listdir", refusing(listdir))


@pytest.mark.parametrize(
    "part", ["config.json", "generation_config.json", "tokenizer.json", "model.safetensors", "a-model"]
)
def test_what_may_not_be_read_is_said_to_be_so(model_folder, monkeypatch, part):
    folder = model_folder()
    (folder / "tokenizer.json").write_text("{}")
    denied(monkeypatch, part)
    assert f"{part} may not be read by you: change its permissions, or read a copy of your own" in refusal(folder)


@pytest.mark.parametrize("name", ["tiny.gguf", "blob"])
def test_a_gguf_file_that_may_not_be_read_is_said_to_be_so(tmp_path, model_cache, monkeypatch, name):
    file = write_gguf(tmp_path / name)
    denied(monkeypatch, name)
    assert refusal(file) == f"{name} may not be read by you: change its permissions, or read a copy of your own"


# ---- ends of a text, and numbers by their own names -----------------------------------------------------------------


@pytest.mark.parametrize("stop", [-5, 10**30, 131])
@pytest.mark.parametrize("file", ["generation_config.json", "config.json"])
def test_an_end_of_text_that_the_vocabulary_lacks_is_left_out_with_a_note(model_folder, file, stop):
    folder = model_folder()
    if file == "config.json":
        (folder / "generation_config.json").unlink(missing_ok=True)
        edit_config(folder, eos_token_id=[1, stop])
    else:
        (folder / file).write_text(json.dumps({"eos_token_id": [1, stop]}))
    model = load_model(str(folder))
    (note,) = model.notes
    assert model.config.stop_ids == (1,) and "ids go from 0 to 130): no run ends there." in note and len(note) < 250
    save_run(generate(model, [5, 90], 1), ["input"], io.BytesIO())


@pytest.mark.parametrize("window", [0, -1, 10**30, "x", 2.5, True], ids=str)
def test_a_window_that_means_nothing_is_refused_by_its_name_in_the_file(model_folder, window):
    sentence = refusal(edit_config(model_folder("mistral, window"), sliding_window=window))
    assert "sliding_window" in sentence


@pytest.mark.parametrize("name", [GPT2, LLAMA])
def test_a_context_beyond_any_model_is_refused_by_its_name_in_the_file(model_folder, name):
    field = "n_positions" if name == GPT2 else "max_position_embeddings"
    sentence = refusal(edit_config(model_folder(name), **{field: 10**12}))
    assert sentence == f"config.json sets {field} to 1000000000000; it must be at most 1,000,000,000"


@pytest.mark.parametrize("share", [2, -1, 1e9])
def test_a_share_of_rotated_dimensions_that_means_nothing_is_refused_by_its_name(model_folder, share):
    rope = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": share}
    sentence = refusal(edit_config(model_folder(NEOX), rope_parameters=rope))
    assert "partial_rotary_factor" in sentence and "rope_fraction" not in sentence


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"x")
    assert refusal(tmp_path / "model.bin") == (
        "model.bin is a file of a kind that is not read here: give a folder or a .gguf file"
    )

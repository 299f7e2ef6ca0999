"""What cannot be read rightly is refused in words: configs, weights, names, and too little memory for them."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from checkpoints import (
    assert_loads_right,
    edit_config,
    edit_weights,
    make,
    refusal,
    save,
    without_rope_parameters,
)
from safetensors.torch import load_file

from llm_core import checkpoint, load_model

LLAMA, GPT2, NEOX = "llama, grouped, tied", "gpt2", "neox, parallel"


# ---- configs that are refused -------------------------------------------------------------------------------------


def test_an_unknown_model_type(model_folder):
    sentence = refusal(edit_config(model_folder(), model_type="bloom"))
    assert sentence == "this model is of type bloom; supported are gpt2, gpt_neox, llama, mistral, qwen2, qwen3"


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
@pytest.mark.parametrize("name", [LLAMA, "mistral, window", "qwen2", "qwen3"])
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
    [(GPT2, "activation_function", "swish"), (LLAMA, "hidden_act", "gelu"), (NEOX, "hidden_act", "silu")],
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
    [(GPT2, "add_cross_attention"), (GPT2, "is_encoder_decoder"), (LLAMA, "is_encoder_decoder"),
     (NEOX, "is_encoder_decoder")],
)  # fmt: skip
def test_a_known_field_that_is_not_understood(model_folder, name, field):
    sentence = refusal(edit_config(model_folder(name), **{field: True}))
    assert f"sets {field} to True (the usual value is False), which is not supported" in sentence


def test_heads_that_do_not_share_the_width_evenly(model_folder):
    assert "heads" in refusal(edit_config(model_folder(GPT2), n_head=5))


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


@pytest.mark.parametrize(
    "fields", [{"hidden_size": "wide"}, {"num_attention_heads": 0}, {"num_hidden_layers": None}, {"vocab_size": -4}],
    ids=str,
)  # fmt: skip
def test_a_config_whose_sizes_are_nonsense(model_folder, fields):
    refusal(edit_config(model_folder(), **fields))


# ---- weights that are refused -------------------------------------------------------------------------------------

VICTIM = {GPT2: "transformer.h.1.attn.c_attn.weight", LLAMA: "model.layers.1.self_attn.k_proj.weight",
          NEOX: "gpt_neox.layers.1.attention.query_key_value.weight"}  # fmt: skip


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


@pytest.mark.parametrize(("name", "count"), [("llama, attention biases", 12), (NEOX, 6)])
def test_biases_that_the_config_does_not_tell(model_folder, name, count):
    sentence = refusal(edit_config(model_folder(name), attention_bias=False))
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
    assert re.fullmatch(r"model\.safetensors is truncated or corrupt \(.*\): download it again", refusal(file.parent))


@pytest.mark.parametrize("garbage", [b"garbage " * 40, b"\x08" + b"\0" * 7 + b"garbage!", b"<html>404</html>"])
def test_a_file_that_is_no_safetensors(model_folder, garbage):
    file = model_folder() / "model.safetensors"
    file.write_bytes(garbage)
    assert re.fullmatch(r"model\.safetensors is truncated or corrupt \(.*\): download it again", refusal(file.parent))


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
    (folder / "model.safetensors.index.json").write_text(index)
    assert refusal(folder) == "model.safetensors.index.json is corrupt: download the model again"


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", 3])
def test_an_index_reaches_no_file_outside_the_folder(model_folder, name):
    folder = model_folder()
    shutil.copy(folder / "model.safetensors", folder.parent / "secret.safetensors")
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
    "name", ["no-such-model", "./nowhere/model", "/nowhere/model", "a/b/c", "~/nowhere", "~nobody-here", "", " ",
             "x" * 9000, "a\0b"],
    ids=lambda name: name[:20],
)  # fmt: skip
def test_a_name_that_is_no_model(name):
    assert f"there is no model named {name!r}; choose one of toy, " in refusal(name)


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"x")
    assert refusal(tmp_path / "model.bin") == (
        "model.bin is a file of a kind that is not read here: give a folder or a .gguf file"
    )

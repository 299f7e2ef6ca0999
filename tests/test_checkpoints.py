"""Checkpoints as they lie about: old layouts are read rightly, and what cannot be read rightly is refused in words."""

import json
import re
import shutil
from pathlib import Path
from tempfile import gettempdir

import pytest
import torch
from checkpoints import ARCHITECTURES, LLAMA3_ROPE, Reference, assert_same, edit_config, edit_weights, make, save
from conftest import record
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from llm_core import checkpoint, generate, load_model

IDS = [5, 90, 3, 17, 4, 4, 130, 22, 61, 8]
LLAMA, GPT2, NEOX = "llama, grouped, tied", "gpt2", "neox, parallel"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of an architecture's checkpoint: shared, so not to be changed."""
    folders = {}

    def folder_of(name: str) -> Path:
        if name not in folders:
            folders[name] = save(make(name), tmp_path_factory.mktemp("saved") / "model")
        return folders[name]

    return folder_of


@pytest.fixture
def folder_of(saved, tmp_path):
    """A copy of an architecture's checkpoint that the test may change."""
    return lambda name=LLAMA: Path(shutil.copytree(saved(name), tmp_path / "a-model"))


def assert_loads_right(folder: Path, name: str) -> None:
    assert_same(record(load_model(str(folder)), IDS), Reference(make(name))(IDS))


def refusal(folder: Path | str, **options) -> str:
    """The sentence that refuses a model: for people, so one line without a traceback's words."""
    with pytest.raises(ValueError) as refused:
        load_model(str(folder), **options)
    sentence = str(refused.value)
    assert "\n" not in sentence and "Traceback" not in sentence
    assert gettempdir() not in sentence or not Path(folder).exists()  # no path of this machine, unless it was typed
    return sentence


# ---- configs of older versions ------------------------------------------------------------------------------------


def without_rope_parameters(folder: Path, **fields) -> Path:
    edit_config(folder, remove=("rope_parameters",), transformers_version="4.40.0", **fields)
    return folder


@pytest.mark.parametrize("word", ["type", "rope_type"])
def test_rope_theta_and_rope_scaling_of_old_configs(folder_of, word):
    name = "llama, llama3 rope"
    rope = dict(ARCHITECTURES[name][1]["rope_parameters"])
    theta, kind = rope.pop("rope_theta"), rope.pop("rope_type")
    folder = without_rope_parameters(folder_of(name), rope_theta=theta, rope_scaling={word: kind, **rope})
    assert_loads_right(folder, name)


@pytest.mark.parametrize("word", ["type", "rope_type"])
def test_linear_scaling_of_old_configs(folder_of, word):
    name = "llama, linear rope"
    folder = without_rope_parameters(folder_of(name), rope_theta=900.0, rope_scaling={word: "linear", "factor": 4.0})
    assert_loads_right(folder, name)


@pytest.mark.parametrize("scaling", [{}, {"rope_scaling": None}], ids=["absent", "null"])
def test_rope_theta_alone_of_old_configs(folder_of, scaling):
    name = "llama, rope theta and epsilon"
    assert_loads_right(without_rope_parameters(folder_of(name), rope_theta=77.0, **scaling), name)


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


def test_rope_theta_that_is_not_told_is_10000(folder_of):
    assert_loads_right(without_rope_parameters(folder_of(LLAMA)), LLAMA)


@pytest.mark.parametrize(
    ("name", "share"), [(NEOX, 0.25), ("neox, sequential, fully rotated", 1.0)], ids=["partly", "fully"]
)
def test_rotary_pct_and_rotary_emb_base_of_old_configs(folder_of, name, share):
    assert_loads_right(without_rope_parameters(folder_of(name), rotary_pct=share, rotary_emb_base=500.0), name)


# ---- old layouts of weights ---------------------------------------------------------------------------------------


def test_gpt2_without_the_prefix(folder_of):
    folder = folder_of(GPT2)
    edit_weights(folder, lambda tensors: {name.removeprefix("transformer."): t for name, t in tensors.items()})
    assert not any(name.startswith("transformer.") for name in load_file(folder / "model.safetensors"))
    assert_loads_right(folder, GPT2)


@pytest.mark.parametrize("prefix", ["", "transformer."], ids=["without prefix", "with prefix"])
def test_gpt2_with_its_old_buffers(folder_of, prefix):
    folder = folder_of(GPT2)

    def with_buffers(tensors):
        tensors = {prefix + name.removeprefix("transformer."): t for name, t in tensors.items()}
        for i in range(3):
            tensors[f"{prefix}h.{i}.attn.bias"] = torch.ones(1, 1, 256, 256).tril()
            tensors[f"{prefix}h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
        return tensors

    edit_weights(folder, with_buffers)
    assert_loads_right(folder, GPT2)


def test_neox_with_its_old_buffers(folder_of):
    folder = folder_of(NEOX)

    def with_buffers(tensors):
        for i in range(3):
            at = f"gpt_neox.layers.{i}.attention"
            tensors[f"{at}.bias"] = torch.ones(1, 1, 256, 256).tril()
            tensors[f"{at}.masked_bias"] = torch.tensor(-1e9)
            tensors[f"{at}.rotary_emb.inv_freq"] = torch.full((4,), 7.0)  # never read: the config tells the angles
        return tensors

    edit_weights(folder, with_buffers)
    assert_loads_right(folder, NEOX)


def test_llama_with_stored_rope_frequencies(folder_of):
    folder, name = folder_of(), "model.layers.0.self_attn.rotary_emb.inv_freq"
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


def test_a_tied_checkpoint_may_store_an_equal_unembedding(folder_of):
    folder = folder_of()
    edit_weights(folder, lambda tensors: tensors | {"lm_head.weight": tensors["model.embed_tokens.weight"].clone()})
    assert_loads_right(folder, LLAMA)


def test_a_tied_checkpoint_may_not_store_another_unembedding(folder_of):
    folder = folder_of()
    edit_weights(folder, lambda tensors: tensors | {"lm_head.weight": tensors["model.embed_tokens.weight"] + 1e-3})
    assert re.fullmatch("the checkpoint holds a tensor .* no place for, such as 'lm_head.weight': .*", refusal(folder))


def test_gpt2_may_be_untied_by_its_config_alone(folder_of):
    assert "lacks 'lm_head.weight'" in refusal(_changed(folder_of(GPT2), tie_word_embeddings=False))


def _changed(folder: Path, **fields) -> Path:
    edit_config(folder, **fields)
    return folder


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
def test_a_field_that_its_class_does_not_know_is_ignored(folder_of, name, fields):
    folder = _changed(folder_of(name), **fields)
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
def test_harmless_fields_change_nothing(folder_of, fields):
    assert_loads_right(_changed(folder_of(), **fields), LLAMA)


# ---- configs that are refused -------------------------------------------------------------------------------------


def test_an_unknown_model_type(folder_of):
    sentence = refusal(_changed(folder_of(), model_type="bloom"))
    assert sentence == "this model is of type bloom; supported are gpt2, gpt_neox, llama, mistral, qwen2, qwen3"


@pytest.mark.parametrize("kind", [None, 7, ["gpt2"], {"gpt2": 1}], ids=str)
def test_a_model_type_that_is_no_word(folder_of, kind):
    sentence = refusal(_changed(folder_of(), model_type=kind))
    assert sentence == "config.json is corrupt or names no model_type: download the model again"


def test_a_mistral_that_tells_its_layers_apart_is_of_another_type(folder_of):
    sentence = refusal(_changed(folder_of("mistral, window"), layer_types=["full_attention"] * 3))
    assert sentence.startswith("this model is of type ministral; supported are ")


def test_layers_of_two_kinds(folder_of):
    fields = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1, "layer_types": None}
    sentence = refusal(_changed(folder_of("qwen2"), **fields))
    assert sentence == "this model mixes layers of types full_attention, sliding_attention, which is not supported"


@pytest.mark.parametrize(
    ("rope", "kind"),
    [
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}, "yarn"),
        ({"rope_type": "dynamic", "factor": 2.0}, "dynamic"),
        ({"rope_type": "invented"}, "invented"),
    ],
)
def test_a_kind_of_rope_that_is_not_supported(folder_of, rope, kind):
    sentence = refusal(_changed(folder_of(), rope_parameters={"rope_theta": 1e4, **rope}))
    assert sentence == f"this model's rope_type is '{kind}'; supported are default, linear, llama3"


def test_yarn_of_an_old_config(folder_of):
    sentence = refusal(without_rope_parameters(folder_of(), rope_scaling={"type": "yarn", "factor": 4.0}))
    assert "rope_type is 'yarn'" in sentence


def test_a_rope_that_lacks_its_factor(folder_of):
    sentence = refusal(_changed(folder_of(), rope_parameters={"rope_theta": 1e4, "rope_type": "linear"}))
    assert sentence.startswith("config.json cannot be understood") and "factor" in sentence


@pytest.mark.parametrize("where", ["rope_parameters", "top"])
@pytest.mark.parametrize("name", [LLAMA, "mistral, window", "qwen2", "qwen3"])
def test_partly_rotated_heads_where_the_family_has_none(folder_of, name, where):
    rope = {"rope_theta": 1e4, "rope_type": "default"}
    if where == "top":
        folder = _changed(folder_of(name), rope_parameters=rope, partial_rotary_factor=0.5)
    else:
        folder = _changed(folder_of(name), rope_parameters={**rope, "partial_rotary_factor": 0.5})
    sentence = refusal(folder)
    assert "partial_rotary_factor to 0.5" in sentence and "not supported" in sentence


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [(GPT2, "activation_function", "swish"), (LLAMA, "hidden_act", "gelu"), (NEOX, "hidden_act", "silu")],
)
def test_an_activation_that_is_not_supported(folder_of, name, field, value):
    sentence = refusal(_changed(folder_of(name), **{field: value}))
    assert sentence.startswith(f"this model's {field} is '{value}'; supported are ")


def test_attention_scaled_by_its_layer(folder_of):
    sentence = refusal(_changed(folder_of(GPT2), scale_attn_by_inverse_layer_idx=True))
    assert sentence == (
        "this model's config sets scale_attn_by_inverse_layer_idx to True (the usual value is False), which is not "
        "supported: its results would be wrong"
    )


def test_attention_that_is_not_scaled(folder_of):
    assert "scale_attn_weights to False, which is not supported" in refusal(
        _changed(folder_of(GPT2), scale_attn_weights=False)
    )


@pytest.mark.parametrize(
    ("name", "field"),
    [(GPT2, "add_cross_attention"), (GPT2, "is_encoder_decoder"), (LLAMA, "is_encoder_decoder"),
     (NEOX, "is_encoder_decoder")],
)  # fmt: skip
def test_a_known_field_that_is_not_understood(folder_of, name, field):
    sentence = refusal(_changed(folder_of(name), **{field: True}))
    assert f"sets {field} to True (the usual value is False), which is not supported" in sentence


def test_heads_that_do_not_share_the_width_evenly(folder_of):
    assert "heads" in refusal(_changed(folder_of(GPT2), n_head=5))


def test_no_config(folder_of):
    folder = folder_of()
    (folder / "config.json").unlink()
    assert refusal(folder) == "a-model has no config.json: it is not a model in the Hub's format"


@pytest.mark.parametrize(
    "content", [b"", b'{"model_type": "lla', b"[1, 2]", b"null", b'"gpt2"', b"{}", b"\xff\xfe\x00"]
)
def test_a_corrupt_config(folder_of, content):
    folder = folder_of()
    (folder / "config.json").write_bytes(content)
    assert refusal(folder) == "config.json is corrupt or names no model_type: download the model again"


@pytest.mark.parametrize(
    "fields", [{"hidden_size": "wide"}, {"num_attention_heads": 0}, {"num_hidden_layers": None}, {"vocab_size": -4}],
    ids=str,
)  # fmt: skip
def test_a_config_whose_sizes_are_nonsense(folder_of, fields):
    refusal(_changed(folder_of(), **fields))


def test_a_model_of_many_positions_at_no_cost(folder_of):
    model = load_model(str(_changed(folder_of(), max_position_embeddings=1_000_000)))
    assert model.config.max_positions == 1_000_000


# ---- weights that are refused -------------------------------------------------------------------------------------

VICTIM = {GPT2: "transformer.h.1.attn.c_attn.weight", LLAMA: "model.layers.1.self_attn.k_proj.weight",
          NEOX: "gpt_neox.layers.1.attention.query_key_value.weight"}  # fmt: skip


@pytest.mark.parametrize("name", VICTIM)
def test_a_missing_weight(folder_of, name):
    folder, victim = folder_of(name), VICTIM[name]
    edit_weights(folder, lambda tensors: {n: t for n, t in tensors.items() if n != victim})
    ours = victim.partition(".")[2]
    assert refusal(folder) == f"the checkpoint lacks '{ours}': it is incomplete, or not of this architecture"


@pytest.mark.parametrize("name", VICTIM)
def test_a_weight_that_is_left_over(folder_of, name):
    folder, extra = folder_of(name), VICTIM[name].replace(".1.", ".3.")
    edit_weights(folder, lambda tensors: tensors | {extra: torch.zeros(2)})
    sentence = refusal(folder)
    assert "holds a tensor that" in sentence and f"no place for, such as '{extra}'" in sentence
    assert sentence.endswith("its results would be wrong without it")


@pytest.mark.parametrize(("name", "count"), [("llama, attention biases", 12), (NEOX, 6)])
def test_biases_that_the_config_does_not_tell(folder_of, name, count):
    sentence = refusal(_changed(folder_of(name), attention_bias=False))
    assert f"the checkpoint holds {count} tensors that this architecture has no place for" in sentence
    assert sentence.endswith("its results would be wrong without them")


@pytest.mark.parametrize("shape", [(4,), (7,), (95,), (4, 4), (32, 4), (32, 95), (33, 96), (96, 32), (2, 3, 4), ()])
@pytest.mark.parametrize("name", VICTIM)
def test_a_weight_of_another_shape(folder_of, name, shape):
    folder, victim = folder_of(name), VICTIM[name]
    right = tuple(load_file(folder / "model.safetensors")[victim].shape)
    if shape == right:
        shape = (64, 64)
    edit_weights(folder, lambda tensors: tensors | {victim: torch.zeros(shape)})
    sentence = refusal(folder)
    assert f"'{victim}'" in sentence and "shape" in sentence and "do not belong together" in sentence


def test_weights_of_another_size_than_the_config_says(folder_of):
    assert "do not belong together" in refusal(_changed(folder_of(), hidden_size=64, head_dim=8))


@pytest.mark.parametrize("keep", [0, 4, 8, 200, -1, -5000])
def test_a_truncated_file(folder_of, keep):
    file = folder_of() / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    assert re.fullmatch(r"model\.safetensors is truncated or corrupt \(.*\): download it again", refusal(file.parent))


@pytest.mark.parametrize("garbage", [b"garbage " * 40, b"\x08" + b"\0" * 7 + b"garbage!", b"<html>404</html>"])
def test_a_file_that_is_no_safetensors(folder_of, garbage):
    file = folder_of() / "model.safetensors"
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
def test_a_corrupt_index(folder_of, index):
    folder = folder_of()
    (folder / "model.safetensors.index.json").write_text(index)
    assert refusal(folder) == "model.safetensors.index.json is corrupt: download the model again"


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", 3])
def test_an_index_reaches_no_file_outside_the_folder(folder_of, name):
    folder = folder_of()
    shutil.copy(folder / "model.safetensors", folder.parent / "secret.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"model.norm.weight": name}}))
    assert f"names '{name}', which is not in the folder" in refusal(folder)


@pytest.mark.parametrize("file", ["pytorch_model.bin", "consolidated.00.pth", "model.pt"])
def test_pickled_weights_are_never_opened(folder_of, tmp_path, file):
    folder, marker = folder_of(), tmp_path / "it-ran"
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


def test_a_folder_without_weights(folder_of):
    folder = folder_of()
    (folder / "model.safetensors").unlink()
    assert refusal(folder) == "a-model has no *.safetensors file: it holds no weights that can be read here"


def test_code_that_comes_with_a_model_never_runs(folder_of, tmp_path):
    folder, marker = folder_of(), tmp_path / "it-ran"
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


def test_a_type_of_model_is_quoted_in_one_line_and_shortened(folder_of):
    sentence = refusal(_changed(folder_of(), model_type="a\nb" + "c" * 1000))
    assert sentence.startswith("this model is of type a bccc") and len(sentence) < 300


@pytest.mark.parametrize("part", ["config.json", "generation_config.json", "tokenizer.json", "model.safetensors"])
def test_a_file_that_is_a_folder_or_may_not_be_read_is_told_without_where_it_lies(folder_of, part):
    folder = folder_of()
    (folder / part).unlink(missing_ok=True)
    (folder / part).mkdir()
    assert refusal(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": 3}'])
def test_a_corrupt_tokenizer(folder_of, content):
    folder = folder_of()
    (folder / "tokenizer.json").write_text(content)
    assert refusal(folder).startswith("the tokenizer of a-model cannot be read")


def test_a_model_without_a_tokenizer_takes_token_ids(folder_of):
    model = load_model(str(folder_of()))
    assert len(generate(model, IDS, max_new_tokens=2).new_ids) == 2
    with pytest.raises(ValueError, match="comes without a tokenizer: give it token ids"):
        generate(model, "hello")


# ---- where generation stops ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "stops"), [(None, (1,)), ({"eos_token_id": [7, 9]}, (7, 9)), ({"eos_token_id": 4}, (4,)), ({}, (1,))]
)
def test_the_end_of_text_is_that_of_the_generation_config(folder_of, content, stops):
    file = folder_of() / "generation_config.json"
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_text(json.dumps(content))
    assert load_model(str(file.parent)).config.stop_ids == stops


@pytest.mark.parametrize("content", ["{", "[]", "3", '{"eos_token_id": "end"}'])
def test_a_corrupt_generation_config(folder_of, content):
    folder = folder_of()
    (folder / "generation_config.json").write_text(content)
    assert refusal(folder) == "generation_config.json is corrupt: download the model again"


# ---- memory, progress, the fingerprint ----------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "need"), [("float32", "0.6"), ("bfloat16", "0.3")])
def test_too_little_memory_is_told_before_any_weight_is_read(folder_of, monkeypatch, dtype, need):
    folder = _changed(folder_of(), vocab_size=4_000_000)  # 128 million parameters
    reads = []
    monkeypatch.setattr(checkpoint.SafetensorsFiles, "__getitem__", lambda self, name: reads.append(name))
    monkeypatch.setattr(checkpoint.memory, "free", lambda: 100_000_000)
    sentence = refusal(folder, dtype=dtype)
    assert sentence.startswith(f"a-model needs {need} GB of memory, and at most 0.0 GB of what is free may be used: ")
    assert not reads


def test_what_may_be_used_of_the_free_memory_is_told_and_less_than_is_needed(folder_of, monkeypatch):
    folder = _changed(folder_of(), vocab_size=34_000_000)  # 4.352 GB
    monkeypatch.setattr(checkpoint.memory, "free", lambda: 4_832_000_000)  # nine tenths are 4.349 GB
    assert "needs 4.4 GB of memory, and at most 4.3 GB of what is free may be used: close other" in refusal(folder)


def test_enough_memory_is_no_refusal(folder_of, monkeypatch):
    monkeypatch.setattr(checkpoint.memory, "free", lambda: 1_000_000)
    assert load_model(str(folder_of())).config.layers == 3  # 100 kB


def test_a_type_of_number_that_is_not_offered(folder_of):
    sentence = refusal(folder_of(), dtype="float16")
    assert sentence == "the type 'float16' is not supported; choose one of: float32, bfloat16"


def test_progress_goes_from_0_to_1(saved):
    told = []
    load_model(str(saved(LLAMA)), progress=lambda doing, share: told.append((doing, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[0] > 0 and shares[-1] == 1
    assert all(doing.startswith("reading weights into memory") for doing, _ in told)


def test_the_fingerprint_is_the_weights_and_the_config(saved, folder_of):
    first, again = load_model(str(saved(LLAMA))), load_model(str(folder_of()))
    assert first.fingerprint == again.fingerprint and len(first.fingerprint) == 64
    folder = saved(LLAMA).parent / "other"
    others = set()
    for change in ({"rms_norm_eps": 1e-3}, "weights", "bfloat16"):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(saved(LLAMA), folder)
        if isinstance(change, dict):
            edit_config(folder, **change)
        if change == "weights":
            edit_weights(folder, lambda tensors: tensors | {"model.norm.weight": tensors["model.norm.weight"] + 1e-6})
        dtype = "bfloat16" if change == "bfloat16" else "float32"
        others.add(load_model(str(folder), dtype=dtype).fingerprint)
    assert len(others | {first.fingerprint}) == 4


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

"""Checkpoints as they lie about: old configs and old layouts of weights are read rightly."""

import json
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from llm_core import Sampling, generate, load_model
from llm_core.measures.health import health
from tests.helpers.checkpoints import (
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
from tests.helpers.small_models import record

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
@pytest.mark.parametrize("name", ["mistral, window", "qwen2", "qwen3", "gemma"])
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


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("stablelm", {}),  # a quarter, where nothing is said
        ("stablelm", {"partial_rotary_factor": 0.25}),
        ("stablelm, tied, biases, fully rotated", {"partial_rotary_factor": 1.0}),
    ],
    ids=["not said", "partly", "fully"],
)
def test_the_share_that_a_stablelm_rotates_in_old_configs(model_folder, name, fields):
    assert_loads_right(without_rope_parameters(model_folder(name), rope_theta=500.0, **fields), name)


def test_a_stablelm_may_rotate_nothing(tmp_path):
    theirs = make("stablelm", rope_parameters={"rope_type": "default", "rope_theta": 9.0, "partial_rotary_factor": 0.1})
    ours = load_model(str(save(theirs, tmp_path / "a-model")))
    assert ours.config.position == "none"
    assert_same(record(ours, IDS), Reference(theirs)(IDS))


@pytest.mark.parametrize(
    "fields", [{"hidden_act": "gelu", "hidden_activation": None}, {"use_bidirectional_attention": False}], ids=str
)
def test_what_the_first_gemmas_say_of_gelu_and_of_their_mask(model_folder, fields):
    assert_loads_right(edit_config(model_folder("gemma"), **fields), "gemma")


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


# ---- the token embedding and the unembedding ----------------------------------------------------------------------

TIED = {  # the name of the table in each family's tied checkpoints
    "gpt2": "transformer.wte.weight",
    "llama, grouped, tied": "model.embed_tokens.weight",
    "mistral, tied": "model.embed_tokens.weight",
    "qwen2": "model.embed_tokens.weight",
    "qwen3, tied, biases, one KV head": "model.embed_tokens.weight",
    "neox, sequential, tied, no attention biases": "gpt_neox.embed_in.weight",
    "stablelm, tied, biases, fully rotated": "model.embed_tokens.weight",
    "gemma": "model.embed_tokens.weight",
}
HEADS = [(name, "lm_head.weight") for name in TIED]
HEADS += [("neox, sequential, tied, no attention biases", "embed_out.weight")]


def assert_as_transformers(folder):
    theirs = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    model = load_model(str(folder))
    assert_same(record(model, IDS), Reference(theirs)(IDS))
    return model


@pytest.mark.parametrize(("name", "head"), HEADS)
def test_a_tied_table_may_be_stored_under_either_name_or_both(model_folder, name, head):
    folder, table = model_folder(name), TIED[name]
    edit_weights(folder, lambda tensors: tensors | {head: tensors[table].clone()})
    assert assert_as_transformers(folder).notes == ()
    edit_weights(folder, lambda tensors: {n: t for n, t in tensors.items() if n != table})
    model = assert_as_transformers(folder)
    assert model.config.tied and model.notes == ()


@pytest.mark.parametrize(("name", "head"), HEADS)
def test_an_unembedding_that_differs_from_the_tied_table_is_used_and_said_to_be(model_folder, name, head):
    folder = model_folder(name)
    tied = load_model(str(folder))
    edit_weights(folder, lambda tensors: tensors | {head: tensors[TIED[name]] + 1e-3})
    model = assert_as_transformers(folder)
    assert not model.config.tied and tied.config.tied and tied.weights.version != model.weights.version
    (note,) = model.notes
    assert note.startswith("The config says that the unembedding is the token embedding, but the checkpoint holds ")


def test_equal_is_what_is_equal_in_the_type_of_number_that_is_asked_for(model_folder):
    folder = model_folder()
    name = "model.embed_tokens.weight"
    coarse = load_file(folder / "model.safetensors")[name].bfloat16().float()
    edit_weights(folder, lambda tensors: tensors | {name: coarse, "lm_head.weight": coarse * (1 + 1e-6)})
    assert not load_model(str(folder)).config.tied and load_model(str(folder), dtype="bfloat16").config.tied


def test_a_tied_checkpoint_with_neither_name_lacks_its_table(model_folder):
    folder = model_folder()
    edit_weights(folder, lambda tensors: {n: t for n, t in tensors.items() if n != "model.embed_tokens.weight"})
    assert "lacks 'embed_tokens.weight'" in refusal(folder)


def test_an_untied_checkpoint_does_not_take_its_table_from_the_unembedding(model_folder):
    folder = model_folder("llama, one KV head for all")
    edit_weights(folder, lambda tensors: {n: t for n, t in tensors.items() if n != "model.embed_tokens.weight"})
    assert "lacks 'embed_tokens.weight'" in refusal(folder)


def test_gpt2_may_be_untied_by_its_config_alone(model_folder):
    assert "lacks 'lm_head.weight'" in refusal(edit_config(model_folder(GPT2), tie_word_embeddings=False))


# ---- heads for other tasks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "heads",
    [
        ["v_head.summary.weight", "v_head.summary.bias"],
        ["score.weight"],
        ["classifier.out_proj.weight"],
        ["reward_head.0.weight"],
        ["value_head.layers.0.norm.weight"],
        ["qa_outputs.bias"],
        ["mtp.layers.0.norm.weight"],
        ["multiple_choice_head.summary.weight"],
        ["medusa_head.0.0.linear.weight", "score.weight"],
    ],
    ids=lambda heads: heads[0],
)
@pytest.mark.parametrize("name", [GPT2, "llama, one KV head for all", NEOX])
def test_a_head_for_another_task_is_left_out_and_said_to_be(model_folder, name, heads):
    folder = model_folder(name)
    edit_weights(folder, lambda tensors: tensors | {head: torch.ones(2, 32) for head in heads})
    (note,) = assert_as_transformers(folder).notes
    assert note.startswith("The checkpoint also holds ") and all(head.split(".")[0] in note for head in heads)
    assert ("a tensor" if len(heads) == 1 else f"{len(heads)} tensors") in note and "left out" in note


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        (GPT2, "transformer.h.3.ln_1.weight"),
        (GPT2, "transformer.h.1.attn.q_norm.weight"),
        (GPT2, "transformer.score.weight"),
        (GPT2, "lm_head.bias"),
        (GPT2, "embed_out.weight"),
        (LLAMA, "model.layers.0.self_attn.q_proj.bias"),
        (LLAMA, "model.layers.0.self_attn.q_norm.weight"),
        (LLAMA, "model.norm.bias"),
        (LLAMA, "model.embed_positions.weight"),
        (LLAMA, "embed_positions.weight"),
        (LLAMA, "project_out.weight"),
        (LLAMA, "layers.0.input_layernorm.weight"),
        (LLAMA, "logit_scale"),
        (LLAMA, "final_logits_bias"),
        (LLAMA, "model.layers.0.self_attn.q_proj.lora_A.weight"),
        (NEOX, "gpt_neox.emb_layer_norm.weight"),
    ],
)
def test_a_tensor_that_could_change_the_logits_is_still_refused(model_folder, name, extra):
    folder = model_folder(name)
    edit_weights(folder, lambda tensors: tensors | {extra: torch.ones(32), "v_head.weight": torch.ones(32)})
    assert re.fullmatch(f"the checkpoint holds a tensor .* no place for, such as '{extra}': .*", refusal(folder))


def test_a_classifier_alone_predicts_no_tokens(model_folder):
    folder = model_folder("llama, one KV head for all")
    change = {"lm_head.weight": "score.weight"}
    edit_weights(folder, lambda tensors: {change.get(n, n): t for n, t in tensors.items()})
    assert refusal(folder) == (
        "the checkpoint lacks 'lm_head.weight', the unembedding, without which no token can be predicted: it is "
        "incomplete, or a model for another task"
    )


# ---- numbers that are none ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [len(IDS), 70], ids=["one block of rows", "two blocks of rows"])
@pytest.mark.parametrize(
    ("name", "tensor", "matrix", "weight"),
    [
        (LLAMA, "model.layers.1.self_attn.v_proj.weight", "layers.1.attention.v", "layers.1.attention.w_v"),
        (LLAMA, "model.layers.2.mlp.up_proj.weight", "layers.2.feedforward.up", "layers.2.feedforward.w_up"),
        (GPT2, "transformer.ln_f.bias", "final_norm", "final_norm.shift"),
        ("llama, one KV head for all", "lm_head.weight", "logits", "unembedding.weight"),
    ],
)
def test_a_checkpoint_with_a_nan_loads_and_a_run_says_where_it_began(model_folder, name, tensor, matrix, weight, count):
    folder = model_folder(name)

    def poison(tensors):
        tensors[tensor].view(-1)[5] = torch.inf if name == GPT2 else torch.nan
        return tensors

    edit_weights(folder, poison)
    model = load_model(str(folder))
    with pytest.raises(ValueError, match=r"^the logits hold NaN or infinity: no token can be drawn") as refused:
        generate(model, (IDS * 7)[:count])
    assert str(refused.value).endswith(f"The first such matrix is {matrix}, and the first such weight is {weight}")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("count", [len(IDS), 70], ids=["short", "long"])
@pytest.mark.parametrize(
    ("name", "tensor", "matrix"),
    [
        (LLAMA, "model.layers.0.self_attn.q_proj.weight", "layers.0.attention.q"),
        (LLAMA, "model.layers.1.self_attn.k_proj.weight", "layers.1.attention.k"),
        (GPT2, "transformer.h.0.attn.c_attn.weight", "layers.0.attention.q"),
    ],
)
def test_a_nan_that_fused_attention_passes_over_is_told_all_the_same(model_folder, name, tensor, matrix, count, dtype):
    folder = model_folder(name)

    def poison(tensors):
        tensors[tensor][3, 3] = torch.nan
        return tensors

    edit_weights(folder, poison)
    model = load_model(str(folder), dtype=dtype)
    assert not model.finite
    with pytest.raises(ValueError, match="hold NaN or infinity") as refused:
        generate(model, (IDS * 7)[:count])
    assert f"The first such matrix is {matrix}, and the first such weight is " in str(refused.value)


def test_a_nan_that_the_text_comes_to_later_ends_the_run_there(model_folder):
    folder = model_folder("llama, one KV head for all")
    sound = load_model(str(folder))
    hot = [Sampling(temperature=5, seed=seed) for seed in range(9)]
    sampling, drawn = next((s, i) for s in hot if (i := generate(sound, IDS, 1, s).new_ids[0]) not in [*IDS, 1])

    def poison(tensors):
        tensors["model.embed_tokens.weight"][drawn] = torch.nan
        return tensors

    edit_weights(folder, poison)
    model = load_model(str(folder))
    assert generate(model, IDS, 1, sampling).new_ids == [drawn]
    with pytest.raises(ValueError, match="The first such matrix is token_embedding"):
        generate(model, IDS, 2, sampling)


@pytest.mark.parametrize("other", [False, True], ids=["equal", "other values"])
def test_a_nan_in_both_tables_of_a_tied_model_does_not_set_them_apart(model_folder, other):
    folder = model_folder()

    def copied(tensors):
        table = tensors["model.embed_tokens.weight"]
        table[7, 0] = torch.nan
        return tensors | {"lm_head.weight": table.clone() + other}

    edit_weights(folder, copied)
    assert load_model(str(folder)).config.tied is not other


def test_a_nan_that_no_token_of_the_text_reads_changes_nothing(model_folder):
    folder = model_folder("llama, one KV head for all")
    sound = load_model(str(folder))

    def poison(tensors):
        tensors["model.embed_tokens.weight"][7] = torch.nan  # a token that the prompt does not have
        return tensors

    edit_weights(folder, poison)
    run = generate(load_model(str(folder)), IDS)
    assert run.new_ids == generate(sound, IDS).new_ids
    assert all(row.sound for row in health(run.steps[0], ["input", "final_norm"]) + health(run.steps[0], ["logits"]))


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
        ("stablelm", {"attention_bias": True, "mlp_bias": True, "norm_eps": 1e-5}),
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
    [
        {"dtype": "float16"},
        {"pretraining_tp": 2},
        {"attention_dropout": 0.3},
        {"initializer_range": 0.5},
        {"architectures": ["Another"]},
        {"use_cache": False},
        {"pad_token_id": 3},
    ],
    ids=str,
)
def test_harmless_fields_change_nothing(model_folder, fields):
    assert_loads_right(edit_config(model_folder(), **fields), LLAMA)


def test_dropout_is_for_training_alone(model_folder):
    dropout = {"attn_pdrop": 0.7, "embd_pdrop": 0.7, "resid_pdrop": 0.7, "summary_first_dropout": 0.7}
    assert_loads_right(edit_config(model_folder(GPT2), **dropout), GPT2)


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
    with pytest.raises(ValueError, match="comes without a tokenizer: give it token ids, as in"):
        generate(model, "hello")


def test_progress_goes_from_0_to_1(saved_model):
    told = []
    load_model(str(saved_model(LLAMA)), progress=lambda doing, share: told.append((doing, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[0] > 0 and shares[-1] == 1
    assert all(doing.startswith("reading weights into memory") for doing, _ in told)


def test_the_version_is_the_weights_and_the_config(saved_model, model_folder):
    first, again = load_model(str(saved_model(LLAMA))), load_model(str(model_folder()))
    assert first.weights.version == again.weights.version and len(first.weights.version) == 64
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
        others.add(load_model(str(folder), dtype=dtype).weights.version)
    assert len(others | {first.weights.version}) == 4

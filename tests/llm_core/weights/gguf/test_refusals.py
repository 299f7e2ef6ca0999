"""GGUF files: what is read from them, and what is refused in words."""

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from llm_core import load_model
from llm_core.families.families import FAMILIES, model_config
from llm_core.proof.transformers_side import read_original
from llm_core.weights import checkpoint
from llm_core.weights.gguf import loading
from llm_core.weights.gguf.header import Header
from llm_core.weights.gguf.tensors import named
from tests.helpers.checkpoints import IDS, Reference, assert_same, make, refusal, write_gguf
from tests.helpers.small_models import record


def test_a_gguf_file_computes_what_transformers_reads_from_it(tiny_gguf, model_cache):
    theirs = AutoModelForCausalLM.from_pretrained(
        tiny_gguf.parent, gguf_file=tiny_gguf.name, dtype=torch.float32, attn_implementation="eager"
    )
    ours = load_model(str(tiny_gguf))
    assert_same(record(ours, IDS), Reference(theirs.eval())(IDS))
    assert ours.name == "tiny, expanded to float32"
    assert ours.config.tied and ours.config.stop_ids == (1,) and ours.config.rope_theta == 700
    assert ours.tokenizer.decode(ours.tokenizer.encode("hello ö")) == "hello ö"


def test_a_gguf_file_is_read_and_proven_without_a_progress_bar_on_standard_error(tiny_gguf, model_cache, capfd):
    model = load_model(str(tiny_gguf))
    read_original(model)
    assert capfd.readouterr().err == ""


def as_llama_cpp_writes(file, theirs) -> None:
    """A GGUF file of transformers' model, without a tokenizer, laid out as llama.cpp's converter has it."""
    config, kind = theirs.config, theirs.config.model_type
    writer = gguf.GGUFWriter(file, kind)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_feed_forward_length(4 * config.n_embd if kind == "gpt2" else config.intermediate_size)
    if kind == "gpt2":
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
    else:
        writer.add_head_count_kv(config.num_key_value_heads)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if kind == "qwen3":
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    family, shape, tensors = FAMILIES[kind], model_config(config), theirs.state_dict()
    for disk, name in named(Header({"general.architecture": kind}, {}), family, shape):
        values = tensors[disk].clone()
        if kind == "gpt2" and name.startswith("blk.") and values.dim() == 2:
            values = values.t()
        heads = {"attn_q.weight": shape.heads, "attn_k.weight": shape.kv_heads}.get(name.split(".", 2)[-1])
        if kind == "llama" and heads:
            values = values.reshape(heads, 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        writer.add_tensor(name, values.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("name", ["gpt2", "gpt2, untied", "llama, grouped, tied", "qwen2", "qwen3"])
def test_each_architecture_computes_from_a_gguf_file_what_it_computed_before(name, model_cache, tmp_path):
    theirs = make(name)
    as_llama_cpp_writes(tmp_path / "a.gguf", theirs)
    for _ in ("made", "kept"):
        ours = load_model(str(tmp_path / "a.gguf"))
        assert_same(record(ours, IDS), Reference(theirs)(IDS))
        assert ours.tokenizer.label(5) == "⟨5⟩"


# ---- what cannot be read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [0, 3, 100, -1, -2000])
def test_a_truncated_gguf_file(tiny_gguf, model_cache, tmp_path, keep):
    part = tmp_path / "part.gguf"
    part.write_bytes(tiny_gguf.read_bytes()[:keep])
    assert refusal(part).startswith("part.gguf is truncated")
    assert not model_cache.exists()


def test_a_gguf_file_that_is_none(model_cache, tmp_path):
    (tmp_path / "page.gguf").write_text("<html>not found</html>" * 100)
    assert refusal(tmp_path / "page.gguf").startswith("page.gguf is truncated")


def test_a_gguf_file_of_another_architecture(model_cache, tmp_path):
    sentence = refusal(write_gguf(tmp_path / "other.gguf", arch="bloom"))
    assert "bloom" in sentence


def test_a_gguf_file_that_lacks_a_weight(model_cache, tmp_path):
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
def test_a_gguf_file_with_a_weight_that_has_no_place(model_cache, tmp_path, more, name):
    sentence = refusal(write_gguf(tmp_path / "more.gguf", more=more))
    assert sentence.startswith("the checkpoint holds a tensor that this architecture has no place for, such as ")
    assert f"'{name}" in sentence
    assert len(sentence) < 300 and not model_cache.exists()


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
def test_a_gguf_file_with_a_setting_that_is_not_read(model_cache, tmp_path, more, says):
    sentence = refusal(write_gguf(tmp_path / "more.gguf", more=more))
    assert sentence.startswith(f"more.gguf sets {says}") and len(sentence) < 300
    assert sentence.endswith(": its results would be wrong; look for the same model as safetensors")
    assert not model_cache.exists()


def test_settings_of_a_gguf_file_that_change_nothing_are_no_refusal(tiny_gguf, model_cache, tmp_path):
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

    model, plain = load_model(str(write_gguf(tmp_path / "more.gguf", more=more))), load_model(str(tiny_gguf))
    assert not model.config.tied and bool((model.unembedding.weight == 1).all())
    weights = dict(model.named_parameters())
    assert all(torch.equal(weights[name], weight) for name, weight in plain.named_parameters())


@pytest.mark.parametrize("name", ["gpt2", "gpt2, untied", "llama, grouped, tied", "qwen2", "qwen3"])
def test_every_weight_has_its_name_in_a_gguf_file(name):
    theirs = make(name).config
    family, config = FAMILIES[theirs.model_type], model_config(theirs)
    header = Header({"general.architecture": theirs.model_type}, {})
    assert len({stored for _, stored in named(header, family, config)}) == len(list(family.stored(config)))


def test_too_little_memory_is_told_before_a_gguf_file_is_expanded(tiny_gguf, model_cache, monkeypatch):
    monkeypatch.setattr(checkpoint.memory, "free", lambda: 1000)
    monkeypatch.setattr(loading.GGUFTensors, "__getitem__", None)
    assert refusal(tiny_gguf).startswith(
        "tiny, expanded to float32 needs 0.1 GB of memory, and at most 0.0 GB of what "
    )

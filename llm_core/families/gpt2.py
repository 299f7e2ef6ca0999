"""GPT-2."""

from collections.abc import Iterator
from typing import Any

from llm_core.config.model_config import ModelConfig
from llm_core.families.config_fields import (
    ACTIVATION_NAMES,
    choice_of,
    common_fields,
)
from llm_core.families.counterparts import Counterpart, of_attention, of_feedforward, of_stream
from llm_core.families.family import Family
from llm_core.families.stored import Stored, embedding_tensor, layernorm_tensors, unembedding_tensor


def _config(c: Any) -> ModelConfig:
    if c.n_embd % c.n_head:
        raise ValueError(
            f"this model's config sets n_embd to {c.n_embd:,} and n_head to {c.n_head:,}: n_embd must be a multiple of "
            "n_head"
        )
    if not c.scale_attn_weights:
        raise ValueError("this model's config sets scale_attn_weights to False, which is not supported")
    return ModelConfig(
        **common_fields(c),
        feedforward_dim=c.n_inner or 4 * c.n_embd,
        feedforward=choice_of(ACTIVATION_NAMES, c.activation_function, "activation_function"),
        position="learned",
        norm="layernorm",
        norm_epsilon=c.layer_norm_epsilon,
        attention_bias=True,
        attention_output_bias=True,
    )


def _tensors(config: ModelConfig) -> Iterator[Stored]:
    yield embedding_tensor(config, "wte.weight", "lm_head.weight")
    yield Stored("wpe.weight", ("embedding.position",))
    for i in range(config.layers):
        ours, theirs = f"layers.{i}", f"h.{i}"
        yield from layernorm_tensors(f"{theirs}.ln_1", f"{ours}.attention_norm")
        for end, b in (("weight", "w"), ("bias", "b")):  # Conv1D: stored (in, out) as we do
            yield Stored(f"{theirs}.attn.c_attn.{end}", tuple(f"{ours}.attention.{b}_{x}" for x in "qkv"), "columns")
            yield Stored(f"{theirs}.attn.c_proj.{end}", (f"{ours}.attention.{b}_o",))
            yield Stored(f"{theirs}.mlp.c_fc.{end}", (f"{ours}.feedforward.{b}_up",))
            yield Stored(f"{theirs}.mlp.c_proj.{end}", (f"{ours}.feedforward.{b}_down",))
        yield from layernorm_tensors(f"{theirs}.ln_2", f"{ours}.feedforward_norm")
    yield from layernorm_tensors("ln_f", "final_norm")
    yield from unembedding_tensor(config, "lm_head.weight")


def _counterparts(config: ModelConfig) -> list[Counterpart]:
    found = [Counterpart("token_embedding", "wte"), Counterpart("position_embedding", "wpe")]
    found += [Counterpart("input", "h.0", "in"), Counterpart("final_norm", "ln_f")]
    for i in range(config.layers):
        at, ff, block = f"layers.{i}.attention", f"layers.{i}.feedforward", f"h.{i}"
        found += [Counterpart(f"{at}.{x}", f"{block}.attn.c_attn", "out", "columns", n) for n, x in enumerate("qkv")]
        found += of_attention(at, f"{block}.attn", f"{block}.attn.c_proj")
        found += of_stream(config, i, block, f"{block}.ln_1", f"{block}.ln_2")
        found += of_feedforward(ff, f"{block}.mlp.c_fc", f"{block}.mlp.c_proj")
    return found


GPT2 = Family(
    _config,
    _tensors,
    frozenset(
        """vocab_size n_positions n_embd n_layer n_head n_inner activation_function layer_norm_epsilon
        scale_attn_weights tie_word_embeddings""".split()  # noqa: SIM905
    ),
    "transformer.",
    _counterparts,
)

"""Llama, Mistral, Qwen2 and Qwen3, which differ in biases, in norms of queries and keys, and in windows."""

from collections.abc import Iterator
from typing import Any

from llm_core.config.model_config import MOST_POSITIONS, ModelConfig
from llm_core.families.config_fields import (
    GATED_NAMES,
    SIZE_FIELDS,
    choice_of,
    common_fields,
    known_field,
    rope_fields,
)
from llm_core.families.counterparts import Counterpart, of_attention, of_feedforward, of_stream
from llm_core.families.family import Family
from llm_core.families.stored import Stored, embedding_tensor, linear_tensors, unembedding_tensor
from llm_core.support.plain_words import one_line


def _config(c: Any) -> ModelConfig:
    qwen2, qwen3 = c.model_type == "qwen2", c.model_type == "qwen3"
    bias = True if qwen2 else known_field(c, "attention_bias", False)
    return ModelConfig(
        **common_fields(c),
        **rope_fields(c),
        feedforward_dim=c.intermediate_size,
        kv_heads=c.num_key_value_heads,
        head_dim=getattr(c, "head_dim", None) or 0,  # Qwen2's class does not know it, but its layers heed it
        feedforward=choice_of(GATED_NAMES, c.hidden_act, "hidden_act"),
        feedforward_bias=known_field(c, "mlp_bias", False),
        norm="rmsnorm",
        norm_epsilon=c.rms_norm_eps,
        attention_bias=bias,
        attention_output_bias=bias and not qwen2,
        qk_norm=qwen3,
        window=_window(c),
    )


def _window(c: Any) -> int | None:
    window = known_field(c, "sliding_window", None)
    if window is not None and (type(window) is not int or not 1 <= window <= MOST_POSITIONS):
        raise ValueError(
            f"this model's config sets sliding_window to {one_line(repr(window), 60)}; it must be a whole number from "
            f"1 to {MOST_POSITIONS:,}, or null"
        )
    kinds = set(known_field(c, "layer_types", None) or [])
    if not kinds:
        return window
    if kinds == {"full_attention"}:
        return None
    if kinds == {"sliding_attention"}:
        return window
    raise ValueError(f"this model mixes layers of types {', '.join(sorted(kinds))}, which is not supported")


def _tensors(config: ModelConfig) -> Iterator[Stored]:
    yield embedding_tensor(config, "embed_tokens.weight", "lm_head.weight")
    for i in range(config.layers):
        at, ff, theirs = f"layers.{i}.attention", f"layers.{i}.feedforward", f"layers.{i}"
        yield Stored(f"{theirs}.input_layernorm.weight", (f"{at}_norm.scale",))
        yield Stored(f"{theirs}.post_attention_layernorm.weight", (f"{ff}_norm.scale",))
        for x in "qkvo":
            has_bias = config.attention_output_bias if x == "o" else config.attention_bias
            yield from linear_tensors(f"{theirs}.self_attn.{x}_proj", f"{at}.w_{x}", has_bias)
        if config.qk_norm:
            yield Stored(f"{theirs}.self_attn.q_norm.weight", (f"{at}.q_norm.scale",))
            yield Stored(f"{theirs}.self_attn.k_norm.weight", (f"{at}.k_norm.scale",))
        for x in ("gate", "up", "down"):
            yield from linear_tensors(f"{theirs}.mlp.{x}_proj", f"{ff}.w_{x}", config.feedforward_bias)
    yield Stored("norm.weight", ("final_norm.scale",))
    yield from unembedding_tensor(config, "lm_head.weight")


def _counterparts(config: ModelConfig) -> list[Counterpart]:
    found = [Counterpart("token_embedding", "embed_tokens"), Counterpart("input", "layers.0", "in")]
    found += [Counterpart("final_norm", "norm")]
    for i in range(config.layers):
        at, ff, block = f"layers.{i}.attention", f"layers.{i}.feedforward", f"layers.{i}"
        found += [Counterpart(f"{at}.{x}", f"{block}.self_attn.{x}_proj", "out", "heads") for x in "qkv"]
        if config.qk_norm:
            found += [Counterpart(f"{at}.{x}_normed", f"{block}.self_attn.{x}_norm", "out", "heads") for x in "qk"]
        found += of_attention(at, f"{block}.self_attn", f"{block}.self_attn.o_proj")
        found += of_stream(config, i, block, f"{block}.input_layernorm", f"{block}.post_attention_layernorm")
        found += [Counterpart(f"{ff}.gate", f"{block}.mlp.gate_proj")]
        found += of_feedforward(ff, f"{block}.mlp.up_proj", f"{block}.mlp.down_proj")
    return found


LLAMA = Family(
    _config,
    _tensors,
    frozenset(
        f"""{SIZE_FIELDS} num_key_value_heads head_dim intermediate_size hidden_act rms_norm_eps rope_parameters
        attention_bias mlp_bias sliding_window use_sliding_window max_window_layers layer_types""".split()
    ),
    "model.",
    _counterparts,
)

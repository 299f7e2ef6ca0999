"""StableLM: the layout of Llama, with LayerNorm and partly rotated heads.

Its larger models, which norm queries and keys head by head or add attention and feed-forward in parallel after one
norm, are refused.
"""

from collections.abc import Iterator
from typing import Any

from llm_core.config.model_config import ModelConfig
from llm_core.families.config_fields import (
    GATED_NAMES,
    SIZE_FIELDS,
    choice_of,
    common_fields,
    rope_fields,
)
from llm_core.families.counterparts import Counterpart, of_attention, of_feedforward, of_stream
from llm_core.families.family import Family
from llm_core.families.stored import Stored, embedding_tensor, layernorm_tensors, linear_tensors, unembedding_tensor


def _config(c: Any) -> ModelConfig:
    config = ModelConfig(
        **common_fields(c),
        **rope_fields(c, partial=True),
        feedforward_dim=c.intermediate_size,
        kv_heads=c.num_key_value_heads,
        feedforward=choice_of(GATED_NAMES, c.hidden_act, "hidden_act"),
        feedforward_bias=False,
        norm="layernorm",
        norm_epsilon=c.layer_norm_eps,
        attention_bias=c.use_qkv_bias,
    )
    if config.position == "rope" and config.rotary_share % 2:
        raise ValueError(
            f"this model's config sets partial_rotary_factor to {config.rope_fraction:g}, which would rotate "
            f"{config.rotary_share} numbers of each head; it must be an even number of them, as RoPE rotates pairs"
        )
    return config


def _tensors(config: ModelConfig) -> Iterator[Stored]:
    yield embedding_tensor(config, "embed_tokens.weight", "lm_head.weight")
    for i in range(config.layers):
        at, ff, theirs = f"layers.{i}.attention", f"layers.{i}.feedforward", f"layers.{i}"
        yield from layernorm_tensors(f"{theirs}.input_layernorm", f"{at}_norm")
        yield from layernorm_tensors(f"{theirs}.post_attention_layernorm", f"{ff}_norm")
        for x in "qkv":
            yield from linear_tensors(f"{theirs}.self_attn.{x}_proj", f"{at}.w_{x}", config.attention_bias)
        yield from linear_tensors(f"{theirs}.self_attn.o_proj", f"{at}.w_o", config.attention_output_bias)
        for x in ("gate", "up", "down"):
            yield from linear_tensors(f"{theirs}.mlp.{x}_proj", f"{ff}.w_{x}", config.feedforward_bias)
    yield from layernorm_tensors("norm", "final_norm")
    yield from unembedding_tensor(config, "lm_head.weight")


def _counterparts(config: ModelConfig) -> list[Counterpart]:
    found = [Counterpart("token_embedding", "embed_tokens"), Counterpart("input", "layers.0", "in")]
    found += [Counterpart("final_norm", "norm")]
    for i in range(config.layers):
        at, ff, block = f"layers.{i}.attention", f"layers.{i}.feedforward", f"layers.{i}"
        found += [Counterpart(f"{at}.{x}", f"{block}.self_attn.{x}_proj", "out", "heads") for x in "qkv"]
        found += of_attention(at, f"{block}.self_attn", f"{block}.self_attn.o_proj")
        found += of_stream(config, i, block, f"{block}.input_layernorm", f"{block}.post_attention_layernorm")
        found += [Counterpart(f"{ff}.gate", f"{block}.mlp.gate_proj")]
        found += of_feedforward(ff, f"{block}.mlp.up_proj", f"{block}.mlp.down_proj")
    return found


STABLELM = Family(
    _config,
    _tensors,
    frozenset(
        f"""{SIZE_FIELDS} num_key_value_heads intermediate_size hidden_act layer_norm_eps rope_parameters
        use_qkv_bias""".split()
    ),
    "model.",
    _counterparts,
)

"""GPT-NeoX, as Pythia has it."""

from collections.abc import Iterator
from typing import Any

from llm_core.config.model_config import ModelConfig
from llm_core.families.config_fields import (
    ACTIVATION_NAMES,
    SIZE_FIELDS,
    choice_of,
    common_fields,
    rope_fields,
)
from llm_core.families.counterparts import Counterpart, of_attention, of_feedforward, of_stream
from llm_core.families.family import Family
from llm_core.families.stored import Stored, embedding_tensor, layernorm_tensors, linear_tensors, unembedding_tensor


def _config(c: Any) -> ModelConfig:
    return ModelConfig(
        **common_fields(c),
        **rope_fields(c, partial=True),
        feedforward_dim=c.intermediate_size,
        feedforward=choice_of(ACTIVATION_NAMES, c.hidden_act, "hidden_act"),
        norm="layernorm",
        norm_epsilon=c.layer_norm_eps,
        attention_bias=c.attention_bias,
        attention_output_bias=c.attention_bias,
        parallel=c.use_parallel_residual,
    )


def _tensors(config: ModelConfig) -> Iterator[Stored]:
    yield embedding_tensor(config, "embed_in.weight", "embed_out.weight", "lm_head.weight")
    for i in range(config.layers):
        at, ff, theirs = f"layers.{i}.attention", f"layers.{i}.feedforward", f"layers.{i}"
        yield from layernorm_tensors(f"{theirs}.input_layernorm", f"{at}_norm")
        yield from layernorm_tensors(f"{theirs}.post_attention_layernorm", f"{ff}_norm")
        yield Stored(f"{theirs}.attention.query_key_value.weight", tuple(f"{at}.w_{x}" for x in "qkv"), "interleaved")
        if config.attention_bias:
            yield Stored(f"{theirs}.attention.query_key_value.bias", tuple(f"{at}.b_{x}" for x in "qkv"), "interleaved")
        yield from linear_tensors(f"{theirs}.attention.dense", f"{at}.w_o", config.attention_output_bias)
        yield from linear_tensors(f"{theirs}.mlp.dense_h_to_4h", f"{ff}.w_up", True)
        yield from linear_tensors(f"{theirs}.mlp.dense_4h_to_h", f"{ff}.w_down", True)
    yield from layernorm_tensors("final_layer_norm", "final_norm")
    yield from unembedding_tensor(config, "embed_out.weight", "lm_head.weight")  # transformers knows both names


def _counterparts(config: ModelConfig) -> list[Counterpart]:
    found = [Counterpart("token_embedding", "embed_in"), Counterpart("input", "layers.0", "in")]
    found += [Counterpart("final_norm", "final_layer_norm")]
    for i in range(config.layers):
        at, ff, block = f"layers.{i}.attention", f"layers.{i}.feedforward", f"layers.{i}"
        qkv = f"{block}.attention.query_key_value"
        found += [Counterpart(f"{at}.{x}", qkv, "out", "interleaved", n) for n, x in enumerate("qkv")]
        found += of_attention(at, f"{block}.attention", f"{block}.attention.dense")
        found += of_stream(config, i, block, f"{block}.input_layernorm", f"{block}.post_attention_layernorm")
        found += of_feedforward(ff, f"{block}.mlp.dense_h_to_4h", f"{block}.mlp.dense_4h_to_h")
    return found


GPT_NEOX = Family(
    _config,
    _tensors,
    frozenset(
        f"""{SIZE_FIELDS} intermediate_size hidden_act layer_norm_eps rope_parameters attention_bias
        use_parallel_residual""".split()
    ),
    "gpt_neox.",
    _counterparts,
)

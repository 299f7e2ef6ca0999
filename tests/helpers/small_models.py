"""Small models of each architecture, their prompts, and how their matrices are held against others."""

import copy

import numpy as np
import torch

from llm_core import ModelConfig, Transformer, random_model
from llm_core.model.tap import Recorder

SMALL = {"vocab_size": 101, "model_dim": 16, "feedforward_dim": 24, "max_positions": 256}

# One small model for each way of building a block; ids below 101 are their whole vocabulary.
CONFIGS = {
    "toy": ModelConfig(
        **{**SMALL, "model_dim": 8, "feedforward_dim": 16},
        attention_output=False,
        residuals=False,
        feedforward_output=False,
        unembedding_bias=True,
    ),
    "pre-norm, learned positions, biases": ModelConfig(
        **SMALL,
        layers=2,
        heads=4,
        attention_bias=True,
        attention_output_bias=True,
        position="learned",
        norm="layernorm",
        final_norm=True,
        feedforward="gelu_tanh",
        tied=True,
    ),
    "post-norm, sinusoidal positions": ModelConfig(
        **SMALL, layers=2, heads=2, position="sinusoidal", norm="layernorm", norm_place="post"
    ),
    "grouped queries, RoPE, SwiGLU": ModelConfig(
        **SMALL,
        layers=2,
        heads=4,
        kv_heads=2,
        position="rope",
        norm="rmsnorm",
        final_norm=True,
        feedforward="swiglu",
        feedforward_bias=False,
    ),
    "parallel, partly rotated": ModelConfig(
        **SMALL,
        layers=2,
        heads=2,
        attention_bias=True,
        position="rope",
        rope_fraction=0.5,
        norm="layernorm",
        final_norm=True,
        parallel=True,
        feedforward="gelu",
    ),
    "normed queries, wide heads, window": ModelConfig(
        **SMALL,
        layers=2,
        heads=4,
        kv_heads=1,
        head_dim=6,
        qk_norm=True,
        window=5,
        position="rope",
        norm="rmsnorm",
        final_norm=True,
        feedforward="swiglu",
        feedforward_bias=False,
    ),
    "scaled embeddings, GEGLU": ModelConfig(
        **SMALL,
        layers=2,
        heads=2,
        kv_heads=1,
        scaled_embedding=True,
        position="rope",
        norm="rmsnorm",
        final_norm=True,
        feedforward="geglu",
        feedforward_bias=False,
        tied=True,
    ),
    "no residuals, no norms": ModelConfig(**SMALL, layers=2, residuals=False),
}

TINY = ModelConfig(vocab_size=11, model_dim=4, feedforward_dim=4, max_positions=8)


def tiny_model(seed: int = 0) -> Transformer:
    """The smallest model: for what is asked of any."""
    return random_model(TINY, seed)


def copied(model: Transformer) -> Transformer:
    """The same model with an embedding of its own: its runs share nothing with what was computed before."""
    other = copy.copy(model)
    other._modules = dict(model._modules)
    other.embedding = copy.deepcopy(model.embedding)
    return other


def ids(count: int, seed: int = 0) -> list[int]:
    """That many token ids below 101, the same each time."""
    return [int(i) for i in np.random.default_rng(seed).integers(0, 101, count)]


def record(model: Transformer, token_ids: list[int], cache=None) -> dict[str, torch.Tensor]:
    """Every matrix of one pass over these ids, recorded in full, without the batch axis."""
    recorder = Recorder()
    with torch.inference_mode():
        model(torch.tensor([token_ids]), cache, recorder)
    return {name: value[0] for name, value in recorder.values.items()}


def assert_close(actual, expected, tolerance: float = 1e-5, what: str = "") -> None:
    """Equal shapes, the same cells infinite, and the rest within tolerance of the expected's largest magnitude."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, what
    finite = np.isfinite(expected)
    assert not np.isnan(actual).any(), what
    assert np.array_equal(actual[~finite], expected[~finite]), what
    assert np.isfinite(actual[finite]).all(), what
    worst = np.abs(actual[finite] - expected[finite]).max(initial=0)
    assert worst <= tolerance * np.abs(expected[finite]).max(initial=0), f"{what}: off by {worst}"

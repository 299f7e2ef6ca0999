"""Models and small helpers that the tests share."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

from llm_core import ModelConfig, Transformer, generate, load_model, random_model, trace
from llm_core.tap import Recorder

os.environ.setdefault("HF_HUB_OFFLINE", "1")

# The same examples each time, and no verdict by the clock.
settings.register_profile("tests", derandomize=True, deadline=None)
settings.load_profile("tests")

torch.set_num_threads(1)  # the matrices are small: threads would only wait for each other

SMALL = {"vocab_size": 101, "model_dim": 16, "feedforward_dim": 24, "max_positions": 256}

# One small model for each way of building a block; ids below 101 are their whole vocabulary.
CONFIGS = {
    "toy": ModelConfig(**{**SMALL, "model_dim": 8, "feedforward_dim": 16}, attention_output=False, residuals=False,
                       feedforward_output=False, unembedding_bias=True),
    "pre-norm, learned positions, biases": ModelConfig(
        **SMALL, layers=2, heads=4, attention_bias=True, attention_output_bias=True, position="learned",
        norm="layernorm", final_norm=True, feedforward="gelu_tanh", tied=True),
    "post-norm, sinusoidal positions": ModelConfig(
        **SMALL, layers=2, heads=2, position="sinusoidal", norm="layernorm", norm_place="post"),
    "grouped queries, RoPE, SwiGLU": ModelConfig(
        **SMALL, layers=2, heads=4, kv_heads=2, position="rope", norm="rmsnorm", final_norm=True,
        feedforward="swiglu", feedforward_bias=False),
    "parallel, partly rotated": ModelConfig(
        **SMALL, layers=2, heads=2, attention_bias=True, position="rope", rope_fraction=0.5, norm="layernorm",
        final_norm=True, parallel=True, feedforward="gelu"),
    "normed queries, wide heads, window": ModelConfig(
        **SMALL, layers=2, heads=4, kv_heads=1, head_dim=6, qk_norm=True, window=5, position="rope", norm="rmsnorm",
        final_norm=True, feedforward="swiglu", feedforward_bias=False),
    "no residuals, no norms": ModelConfig(**SMALL, layers=2, residuals=False),
}  # fmt: skip


@pytest.fixture(scope="session")
def toy() -> Transformer:
    return load_model("toy", seed=0)


@pytest.fixture(scope="session", params=CONFIGS, ids=lambda name: name.replace(" ", "-").replace(",", ""))
def small_model(request) -> Transformer:
    """Each kind of block in turn, its weights random."""
    return random_model(CONFIGS[request.param], seed=3)


@pytest.fixture
def own_model():
    """A small model whose weights the test may change, by the name of its config."""
    return lambda name="toy", seed=3: random_model(CONFIGS[name], seed)


@pytest.fixture
def overflowing() -> Transformer:
    """A model whose last layer overflows in the first row of a text, which no later row reads: its runs go on.

    Elsewhere what is no number reaches the logits, and no token is drawn from such.
    """
    model = random_model(CONFIGS["pre-norm, learned positions, biases"].with_(feedforward="relu"), seed=3)
    last = model.layers[-1].feedforward
    with torch.no_grad():
        model.embedding.position[0, 0] = 100  # tells the first row from all others
        last.w_up[:, 0], last.w_up[0, 0], last.b_up[0] = 0, 10, -30
        last.w_down[0, 0] = 3e38
    return model


@pytest.fixture
def small_blocks(monkeypatch):
    """Layers are derived in blocks of 64 rows, so that a short prompt has several."""
    monkeypatch.setattr(trace, "MOST_ROWS", 64)


@pytest.fixture
def long_run(small_model, small_blocks):
    """A prompt of three 64-row blocks, the last one incomplete, and three new tokens."""
    return generate(small_model, ids(150), max_new_tokens=3)


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


@pytest.fixture(scope="session")
def llama() -> Transformer:
    """A small model with grouped queries, RoPE, RMSNorm and SwiGLU."""
    return load_model("llama-nano", seed=0)


# ---- models on disk -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory):
    """The folder of an architecture's checkpoint, by its name in checkpoints.py: shared, so not to be changed."""
    from checkpoints import make, save  # not above: few tests need transformers

    folders = {}

    def folder_of(name: str) -> Path:
        if name not in folders:
            folders[name] = save(make(name), tmp_path_factory.mktemp("saved") / "model")
        return folders[name]

    return folder_of


@pytest.fixture
def model_folder(saved_model, tmp_path):
    """A copy of an architecture's checkpoint that the test may change."""
    return lambda name="llama, grouped, tied": Path(shutil.copytree(saved_model(name), tmp_path / "a-model"))


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory) -> Path:
    """A GGUF file: shared, so not to be changed."""
    from checkpoints import write_gguf

    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture
def model_cache(tmp_path, monkeypatch) -> Path:
    """Where models are kept in this test: an empty place."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "every-matrix"

"""Models and small helpers that the tests share."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from llm_core import Transformer, generate, load_model, random_model
from llm_core.runs import derivation
from tests.helpers.small_models import CONFIGS, ids

os.environ.setdefault("HF_HUB_OFFLINE", "1")

# The same examples each time, and no verdict by the clock.
settings.register_profile("tests", derandomize=True, deadline=None)
settings.load_profile("tests")

torch.set_num_threads(1)  # the matrices are small: threads would only wait for each other


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
    monkeypatch.setattr(derivation, "MOST_ROWS", 64)


@pytest.fixture
def long_run(small_model, small_blocks):
    """A prompt of three 64-row blocks, the last one incomplete, and three new tokens."""
    return generate(small_model, ids(150), max_new_tokens=3)


@pytest.fixture(scope="session")
def llama() -> Transformer:
    """A small model with grouped queries, RoPE, RMSNorm and SwiGLU."""
    return load_model("llama-nano", seed=0)


# ---- models on disk -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory):
    """The folder of an architecture's checkpoint, by its name in checkpoints.py: shared, so not to be changed."""
    from tests.helpers.checkpoints import make, save  # not above: few tests need transformers

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
    from tests.helpers.checkpoints import write_gguf

    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture
def model_cache(tmp_path, monkeypatch) -> Path:
    """Where models are kept in this test: an empty place."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "every-matrix"

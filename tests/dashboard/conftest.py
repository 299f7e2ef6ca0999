"""What several tests of the page use."""

import pytest

from llm_core import load_model


@pytest.fixture(scope="session")
def llama():
    return load_model("llama-nano", seed=0)

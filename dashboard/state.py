"""Models and runs, kept by the server and shared read-only by all visitors."""

import gc

import streamlit as st

from dashboard.settings import Settings
from llm_core import Run, Sampling, Transformer, generate, load_model


@st.cache_resource(max_entries=16, show_spinner="Loading the model …")
def load(name: str, weights_seed: int) -> Transformer:
    """A model by name; of random weights, those of this seed. Raises ValueError."""
    model = load_model(name, seed=weights_seed)
    _freeze()
    return model


@st.cache_resource(show_spinner=False)
def _freeze() -> bool:
    """Take what is loaded by now out of the garbage collector's sight, once.

    Streamlit collects garbage after every run of a page. With torch's modules loaded that takes about 190 ms each time,
    during which no visitor gets an answer; none of those objects ever becomes garbage.
    """
    gc.collect()
    gc.freeze()
    return True


@st.cache_resource(max_entries=32, show_spinner=False)
def _run(_model: Transformer, fingerprint: str, text: str, sampling: tuple[float, int, float, int], new: int) -> Run:
    return generate(_model, text, new, Sampling(*sampling))


def run_of(settings: Settings) -> Run:
    """The run of these settings. A run is a value: who asks for an equal one gets the same object, so never change it.

    Keep it as long as its steps are looked at. Raises ValueError with the sentence to show.
    """
    model = load(settings.model, settings.weights_seed)
    sampling = settings.sampling
    numbers = (sampling.temperature, sampling.top_k, sampling.top_p, sampling.seed)
    return _run(model, model.fingerprint, settings.text, numbers, settings.new_tokens)


def step_index(settings: Settings, run: Run) -> int:
    """The step that is looked at; the last one where the run has fewer."""
    return min(settings.step, len(run.steps) - 1)


def token_position(settings: Settings, run: Run) -> int:
    """The chosen position; the last token of the prompt by default, and where the run has no such position."""
    last = len(run.prompt_ids) - 1
    return last if settings.token is None or settings.token >= len(run.ids) else settings.token

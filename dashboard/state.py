"""Models and runs, kept by the server and shared read-only by all visitors."""

import gc
import sys

import streamlit as st
import torch
from streamlit import config

from dashboard import memory, models, turns
from dashboard.library import Library, third_of_memory
from dashboard.runs import Runs
from dashboard.settings import Settings, current
from llm_core import Run, Step, Transformer, generate

RUNS = Runs(third_of_memory() // 2)
# a run holds on to its model: without this a model that had to go would stay in memory as long as a run of it
LIBRARY = Library(64, third_of_memory(), on_evict=lambda model: RUNS.forget(model.fingerprint))

if models.hosted():  # many visitors at once: their threads would only wait for each other's
    torch.set_num_threads(1)
    config.set_option("server.maxUploadSize", 0)  # no file is taken, nor from a browser that asks without the page


def model_of(settings: Settings) -> Transformer:
    """The model of these settings; loaded, if it is not there, while the visitor waits. Raises ValueError."""
    key = models.key_of(settings)
    if key.random:
        return LIBRARY.now(key, lambda progress: models.build(key, progress))
    return LIBRARY.get(key) or LIBRARY.start(key, lambda progress: models.build(key, progress)).result()


def freeze_modules() -> None:
    """Take the modules that are loaded by now out of the garbage collector's sight: none of them ever becomes garbage.

    Going over the objects of torch's modules takes about 190 ms, during which no visitor gets an answer. Call it when a
    page is drawn: what real models need besides is loaded later than what random ones need.
    """
    _freeze("transformers" in sys.modules)


@st.cache_resource(show_spinner=False)
def _freeze(real_models: bool) -> bool:
    """Once for each value, however many visitors there are: what they left behind must not be frozen with the rest."""
    gc.collect()
    gc.freeze()
    return True


def run_of(settings: Settings) -> Run:
    """The run of these settings. A run is a value: who asks for an equal one gets the same object, so never change it.

    Keep it as long as its steps are looked at. Raises ValueError with the sentence to show.
    """
    model = model_of(settings)
    sampling = settings.sampling
    numbers = (sampling.temperature, sampling.top_k, sampling.top_p, sampling.seed)
    return RUNS.get(
        (model.fingerprint, settings.text, (*numbers, settings.new_tokens)),
        lambda prefilled: _made(model, settings, _of(model, prefilled)),
    )


def _made(model: Transformer, settings: Settings, prefilled: Run | None) -> Run:
    """A new run. A long text waits for its turn, and must fit into memory: other runs give way to it first."""
    text, new = settings.text, settings.new_tokens
    tokens = memory.long_tokens(model, text)
    if not tokens:
        return generate(model, text, new, settings.sampling, prefilled)
    models.check_length(model, tokens)
    with turns.TURNS.turn():
        if prefilled is not None:
            return generate(model, text, new, settings.sampling, prefilled)
        with memory.kept_for(model, tokens, new, make_room=RUNS.forget_all):
            return generate(model, text, new, settings.sampling)


def _of(model: Transformer, prefilled: Run | None) -> Run | None:
    """The run, if its prefill can be taken over: equal weights that were loaded anew are another object."""
    return prefilled if prefilled is not None and prefilled.model is model else None


def step_index(settings: Settings, run: Run) -> int:
    """The step that is looked at; the last one where the run has fewer."""
    return min(settings.step, len(run.steps) - 1)


def on_screen() -> tuple[Settings, Run, Step]:
    """The visitor's settings, their run, and the step of it that is looked at. Raises ValueError as `run_of` does."""
    chosen = current()
    run = run_of(chosen)
    return chosen, run, run.steps[step_index(chosen, run)]


def token_position(settings: Settings, run: Run) -> int:
    """The chosen position; by default, and where the run has no such position, the last one that the step reads.

    In prefill that is the prompt's last token, in decode the only one: the row that predicts is outlined.
    """
    last = run.steps[step_index(settings, run)].positions[-1]
    return last if settings.token is None or settings.token >= len(run.ids) else settings.token

"""The models and runs that were computed, kept by the server and shared read-only by all visitors."""

import torch
from streamlit import config

from dashboard.link import models
from dashboard.link.hosting import hosted
from dashboard.link.settings import Settings
from dashboard.server import memory, rude_words, turns
from dashboard.server.build import build_model
from dashboard.server.models import Library, third_of_memory
from dashboard.server.runs import Runs
from llm_core import Run, Transformer, generate
from llm_core.runs.node import prefilled
from llm_core.runs.prompts import PromptTooLongError

RUNS = Runs(third_of_memory() // 2)

# a run holds on to its model: without this a model that had to go would stay in memory as long as a run of it
LIBRARY = Library(64, third_of_memory(), on_evict=lambda model: RUNS.forget(model.weights.version))


if hosted():  # many visitors at once: their threads would only wait for each other's
    torch.set_num_threads(1)
    config.set_option("server.maxUploadSize", 0)  # no file is taken, nor from a browser that asks without the page


def model_of(settings: Settings) -> Transformer:
    """The model of these settings; loaded, if it is not there, while the visitor waits. Raises ValueError."""
    key = models.model_key(settings)
    if key.random:
        return LIBRARY.now(key, lambda progress: build_model(key, progress))
    return LIBRARY.get(key) or LIBRARY.start(key, lambda progress: build_model(key, progress)).result()


def run_of(settings: Settings) -> Run:
    """The run of these settings. A run is a value: who asks for an equal one gets the same object, so never change it.

    Keep it as long as its steps are looked at. Raises ValueError with the sentence to show.
    """
    model = model_of(settings)
    return RUNS.get(
        (model.weights.version, settings.text, (models.model_key(settings), settings.sampling, settings.new_tokens)),
        lambda: _in_page_words(model, settings),
    )


def _in_page_words(model: Transformer, settings: Settings) -> Run:
    """A new run. A text that is too long for the model is called what the page calls it."""
    try:
        return _made(model, settings)
    except PromptTooLongError as error:
        raise ValueError(
            f"Your text has {error.tokens:,} tokens. This model can read at most {error.limit:,}. Make the text "
            "shorter, or choose another model."
        ) from error


def _made(model: Transformer, settings: Settings) -> Run:
    """A new run. A long text waits for its turn, and must fit into memory: other runs give way to it first."""
    text, new = settings.text, settings.new_tokens
    model = rude_words.labelled_as_typed(model, text)
    tokens = memory.long_tokens(model, text)
    if not tokens:
        return generate(model, text, new, settings.sampling)
    models.check_length(model, tokens)
    with turns.TURNS.turn():
        held = prefilled(model, model.tokenizer.encode(text))  # until the run that goes on from it is there
        if held is not None:
            return generate(model, text, new, settings.sampling)
        with memory.kept_for(model, tokens, new, make_room=RUNS.forget_all):
            return generate(model, text, new, settings.sampling)

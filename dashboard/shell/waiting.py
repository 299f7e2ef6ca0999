"""What is said while something is computed that takes a while: a long text's run, a layer of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.link.settings import Settings
from dashboard.server.computed import model_of
from dashboard.server.memory import may_be_long
from dashboard.server.turns import LONG
from dashboard.shell.words import COMPUTING_LAYER, READING_TEXT
from llm_core import Step
from llm_core.runs.node import prefilled


def takes_long(chosen: Settings) -> bool:
    """Whether the run of these settings is long and not kept: then `for_run` says so. Raises what `model_of` raises."""
    return _tokens_to_run(chosen) >= LONG


@contextmanager
def for_run(chosen: Settings) -> Iterator[None]:
    """While the run of these settings is made, if it is a long one and not kept. Raises what `model_of` raises."""
    tokens = _tokens_to_run(chosen)
    if tokens < LONG:
        yield
        return
    with st.spinner(READING_TEXT.format(tokens=tokens), show_time=True):
        yield


def _tokens_to_run(chosen: Settings) -> int:
    """How many tokens the model has to go through; 0 for a text that is short or was run before."""
    if not may_be_long(chosen.text):
        return 0
    model = model_of(chosen)
    ids = model.tokenizer.encode(chosen.text)
    return 0 if prefilled(model, ids) is not None else len(ids)


@contextmanager
def for_layer(step: Step, layer: int) -> Iterator[None]:
    """While one layer's matrices are derived, if they are large."""
    rows = len(step.positions)
    if rows < LONG:
        yield
        return
    with st.spinner(COMPUTING_LAYER.format(layer=layer, rows=rows), show_time=True):
        yield

"""What is said while something is computed that takes a while: a long text's run, a layer of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.memory import LONG
from dashboard.settings import Settings
from dashboard.state import model_of
from llm_core import Step


@contextmanager
def for_run(chosen: Settings) -> Iterator[None]:
    """While the run of these settings is made, if it is a long one. Raises what `model_of` raises."""
    tokens = len(model_of(chosen).tokenizer.encode(chosen.text)) if len(chosen.text) > LONG else 0
    if tokens < LONG:
        yield
        return
    with st.spinner(f"Running the model over {tokens:,} tokens. All layers are computed at once.", show_time=True):
        yield


@contextmanager
def for_layer(step: Step, layer: int) -> Iterator[None]:
    """While one layer's matrices are derived, if they are large."""
    rows = len(step.positions)
    if rows < LONG:
        yield
        return
    with st.spinner(f"Deriving layer {layer}: each of its matrices for {rows:,} tokens.", show_time=True):
        yield

"""The choice of a model: the list in the sidebar, names typed by hand, and the way to a shape of one's own."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import models, settings, shape_dialog
from dashboard import shape as shapes
from dashboard.loading import choose
from dashboard.models import CUSTOM, REAL, Unusable
from llm_core import PRESETS

SHAPE, TYPE = "+shape", "+type"
_ACTIONS = {SHAPE: "Shape your own …", TYPE: "A Hub id, folder or GGUF file …"}

NOTICE = "Random weights know no English, but the arithmetic is the real thing."


def chooser() -> DeltaGenerator:
    """Show the list. Returns the place for a line about the model: `facts` fills it once all settings are known."""
    state, chosen = st.session_state, settings.current()
    state["model"] = chosen.model  # what the URL says, also after a choice that opened a dialog
    options = list(dict.fromkeys([*models.listed(), chosen.model, SHAPE, *([] if models.hosted() else [TYPE])]))
    st.selectbox("Model", options, key="model", format_func=_option, on_change=_choose)
    if chosen.model not in options[:-1] or state.get("typing"):
        st.text_input("Hub id, folder or GGUF file", key="typed", placeholder="owner/name, or a path", on_change=_type,
                      max_chars=models.LONGEST_NAME)  # fmt: skip
        if state.get("typed_refusal"):
            st.text(state.typed_refusal)
    place = st.empty()
    if chosen.model == CUSTOM:
        st.button("Change its shape", key="change-shape", on_click=_open, width="stretch")
    return place


def facts(place: DeltaGenerator) -> None:
    """Say what kind of model it is."""
    place.caption(models.facts(settings.current()))


def dialogs() -> None:
    """Show the dialog, from when it is asked for until it is closed. Call it outside the sidebar."""
    if shape_dialog.is_open():
        shape_dialog.shape_dialog()


def notice() -> None:
    """For a random model: what to expect, and the way to a real one."""
    chosen = settings.current()
    if not models.is_random(chosen.model):
        return
    with st.container(key="notice", horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f":material/info: {NOTICE}", width="content")
        if models.is_listed(REAL):
            st.button("Put this text into a real model", key="real-model", type="tertiary", help=models.title(REAL),
                      icon=":material/arrow_forward:", on_click=choose, args=(REAL,))  # fmt: skip


def _option(name: str) -> str:
    return _ACTIONS.get(name) or models.option(name)


def _choose() -> None:
    name = st.session_state["model"]
    st.session_state.typing = name == TYPE
    if name == SHAPE:
        _open()
    elif name != TYPE:
        choose(name)


def _open() -> None:
    """Open the dialog on the shape that is shown, or on the nearest one."""
    chosen = settings.current()
    start = shapes.read(chosen.shape) if chosen.model == CUSTOM else shapes.DEFAULT
    shape_dialog.open_dialog(shapes.of_preset(chosen.model) if chosen.model in PRESETS else start, chosen.weights_seed)


def _type() -> None:
    state = st.session_state
    name = state.typed.strip()
    state.typed_refusal = ""
    if not name:
        return
    try:
        choose(models.checked_name(name))
    except Unusable as error:
        state.typed_refusal = f"{settings.shortened(name)} cannot be loaded: {error}."

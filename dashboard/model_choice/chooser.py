"""The choice of a model: the list in the sidebar, names typed by hand, and the way to a shape of one's own."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.browser.opener import focus_opener
from dashboard.link import models, settings, visit
from dashboard.link import shape as shapes
from dashboard.link.hosting import hosted
from dashboard.link.models import CUSTOM, REAL, Unusable
from dashboard.model_choice import shape_dialog, words
from dashboard.model_choice.loading import choose_model
from dashboard.shell.dialogs import dialog_on_page
from dashboard.shell.fields import choice
from dashboard.shell.glossary import glossary_words, marked_one
from llm_core import PRESETS

SHAPE, TYPE = "+shape", "+type"
_ACTIONS = {SHAPE: words.SHAPE_YOUR_OWN, TYPE: words.NAME_A_MODEL}


def chooser() -> DeltaGenerator:
    """Show the list. Returns the place for a line about the model: `facts` fills it once all settings are known."""
    state, chosen = st.session_state, visit.current()
    options = list(dict.fromkeys([*models.listed_models(), chosen.model, SHAPE, *([] if hosted() else [TYPE])]))
    st.selectbox("Model", format_func=_option, **choice("model", chosen.model, options, _choose))
    focus_opener("model", is_open=dialog_on_page() == shape_dialog.DIALOG, key="pager-opener-of-shape")
    if chosen.model not in options[:-1] or state.get("typing"):
        st.text_input(
            words.TYPED_NAME,
            key="typed",
            placeholder=words.OF_TYPED_NAME,
            on_change=_type,
            max_chars=models.LONGEST_NAME,
            help=" ".join(glossary_words()[key].tip for key in ("hub-id", "gguf")),
        )
        if state.get("typed_refusal"):
            st.text(state.typed_refusal)
    place = st.empty()
    if chosen.model == CUSTOM:
        st.button(words.CHANGE_SHAPE, key="change-shape", on_click=_open, width="stretch")
    return place


def say_facts(place: DeltaGenerator) -> None:
    """Say what kind of model it is."""
    place.caption(marked_one(models.model_facts(visit.current())))


def dialogs() -> None:
    """Show the dialog, from when it is asked for until it is closed. Call it outside the sidebar."""
    if dialog_on_page() == shape_dialog.DIALOG:
        shape_dialog.shape_dialog()


def notice() -> None:
    """For a random model: what to expect, and the way to a real one."""
    chosen = visit.current()
    if not models.is_random(chosen.model):
        return
    with st.container(key="notice", horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f":material/info: {marked_one(words.NOTICE)}", width="content")
        if models.on_this_machine(REAL):
            st.button(
                words.RUN_REAL_MODEL,
                key="real-model",
                type="tertiary",
                help=models.model_title(REAL),
                icon=":material/arrow_forward:",
                on_click=choose_model,
                args=(REAL,),
            )


def _option(name: str) -> str:
    return _ACTIONS.get(name) or models.option(name)


def _choose(name: str) -> None:
    st.session_state.typing = name == TYPE
    if name == SHAPE:
        _open()
    elif name != TYPE:
        choose_model(name)


def _open() -> None:
    """Open the dialog on the shape that is shown, or on the nearest one."""
    chosen = visit.current()
    start = shapes.read_shape(chosen.shape) if chosen.model == CUSTOM else shapes.DEFAULT
    shape_dialog.begin_shaping(
        shapes.of_preset(chosen.model) if chosen.model in PRESETS else start, chosen.weights_seed
    )


def _type() -> None:
    state = st.session_state
    name = state.typed.strip()
    state.typed_refusal = ""
    if not name:
        return
    try:
        choose_model(models.checked_name(name))
    except Unusable as error:
        state.typed_refusal = words.NOT_LOADABLE.format(name=settings.shortened(name), why=error)

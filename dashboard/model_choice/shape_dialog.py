"""The dialog words.SHAPE_TITLE: every choice with one sentence that says what it does and who uses it."""

from collections.abc import Callable
from dataclasses import fields

import streamlit as st

from dashboard.link import models
from dashboard.link import shape as shapes
from dashboard.link.hosting import hosted
from dashboard.link.models import CUSTOM, PRESET_TITLES
from dashboard.link.settings import LARGEST_WEIGHTS_SEED
from dashboard.link.shape import CHOICE_TITLES, OPTION_TITLES, OPTIONS, RANGES, Shape
from dashboard.model_choice import words
from dashboard.model_choice.loading import choose_model
from dashboard.shell.dialogs import close_dialog, open_dialog
from dashboard.shell.glossary import marked

DIALOG = "shape"
_KEY = "shape-"
_STEPS = {"dim": 2, "hidden": 4, "context": 16}


def begin_shaping(shape: Shape, weights_seed: int) -> None:
    """In a callback: fill the dialog's widgets before it is shown."""
    _fill(shape)
    st.session_state[f"{_KEY}seed"] = weights_seed
    st.session_state[f"{_KEY}start"] = None
    open_dialog(DIALOG)


@st.dialog(words.SHAPE_TITLE, width="large", icon=":material/tune:", on_dismiss=close_dialog)
def shape_dialog() -> None:
    """Show the choices; nothing changes on the page until the model is asked for."""
    st.selectbox(
        words.START_FROM,
        list(PRESET_TITLES),
        key=f"{_KEY}start",
        index=None,
        placeholder=words.OF_START_FROM,
        format_func=PRESET_TITLES.__getitem__,
        on_change=_start,
        width=320,
    )
    _fit()
    shape = _shape()
    verdict, possible = _verdict(shape)
    columns = [[name for name in column if _is_offered(name)] for column in _COLUMNS]
    names = [name for column in columns for name in column]
    of_toy = words.OF_TOY if st.session_state[f"{_KEY}start"] == "toy" else ""
    of_toy, *meanings, verdict = marked(of_toy, *map(_meaning, names), verdict)
    if of_toy:
        st.caption(of_toy)
    said = dict(zip(names, meanings, strict=True))
    for place, choices in zip(st.columns(3, gap="large"), columns, strict=True):
        with place:
            for name in choices:
                with st.container(gap="xxsmall", key=f"{_KEY}choice-{name}"):
                    _WIDGETS[name](name)
                    st.caption(said[name])
    _way_out(shape, verdict, possible)


def _verdict(shape: Shape) -> tuple[str, bool]:
    """The live line about the model, or what to change; and whether there is such a model."""
    try:
        config = shapes.config(shape, hosted())
    except ValueError as error:
        line = str(error)
        return f"{line[:1].upper()}{line[1:]}.", False
    return words.THIS_MODEL.format(described=models.described(config)), True


def _way_out(shape: Shape, verdict: str, possible: bool) -> None:
    """What is said of the model, and the button that shows it."""
    with st.container(horizontal=True, vertical_alignment="center", key="shape-verdict"):
        st.markdown(verdict)
        asked = st.button(
            words.SHOW_MODEL,
            type="primary",
            disabled=not possible,
            key=f"{_KEY}apply",
            on_click=_apply,
            args=(shapes.shape_text(shape),),
        )
    if asked:  # also where this very model is shown already: the dialog goes
        st.rerun()


def _apply(text: str) -> None:
    close_dialog()
    choose_model(CUSTOM, text, weights_seed=st.session_state[f"{_KEY}seed"])


# ---- the widgets' state ---------------------------------------------------------------------------------------------


def _shape() -> Shape:
    return Shape(**{field.name: st.session_state[_KEY + field.name] for field in fields(Shape)})


def _fill(shape: Shape) -> None:
    for name, value in vars(shape).items():
        st.session_state[_KEY + name] = value


def _start() -> None:
    name = st.session_state[f"{_KEY}start"]
    if name:
        _fill(shapes.of_preset(name))


def _fit() -> None:
    """Keep to what can be chosen: heads that divide the dimension, KV heads that divide the heads, no norm after a
    sum that is not there."""
    state = st.session_state
    state[f"{_KEY}heads"] = max(h for h in _heads() if h <= max(state[f"{_KEY}heads"], 1))
    state[f"{_KEY}kv"] = max(k for k in _kv_heads() if k <= max(state[f"{_KEY}kv"], 1))
    if not state[f"{_KEY}residuals"]:
        state[f"{_KEY}place"] = "pre"


def _heads() -> tuple[int, ...]:
    return shapes.divisors(st.session_state[f"{_KEY}dim"], RANGES["heads"][1])


def _kv_heads() -> tuple[int, ...]:
    return shapes.divisors(st.session_state[f"{_KEY}heads"])


def _is_offered(name: str) -> bool:
    """Where there is no norm, its place is no choice."""
    return name != "place" or st.session_state[f"{_KEY}norm"] != "none"


def _meaning(name: str) -> str:
    """What the choice of this name does, as it is made now."""
    return words.OF_SEED if name == "seed" else shapes.meaning(name, st.session_state[_KEY + name])


# ---- widgets --------------------------------------------------------------------------------------------------------


def _number(name: str) -> None:
    least, most = RANGES[name]
    st.number_input(
        words.NUMBER_OF.format(title=CHOICE_TITLES[name], least=f"{least:,}", most=f"{most:,}"),
        least,
        most,
        step=_STEPS.get(name, 1),
        key=_KEY + name,
    )


def _layers(name: str) -> None:
    st.slider(CHOICE_TITLES[name], *RANGES[name], key=_KEY + name)


def _divisor(options: Callable[[], tuple[int, ...]]) -> Callable[[str], None]:
    def widget(name: str) -> None:
        st.segmented_control(CHOICE_TITLES[name], options(), key=_KEY + name, required=True)

    return widget


def _option(name: str) -> None:
    st.segmented_control(
        CHOICE_TITLES[name], OPTIONS[name], key=_KEY + name, required=True, format_func=OPTION_TITLES[name].__getitem__
    )


def _place(name: str) -> None:
    options = OPTIONS[name] if st.session_state[f"{_KEY}residuals"] else OPTIONS[name][:1]
    st.segmented_control(
        CHOICE_TITLES[name], options, key=_KEY + name, required=True, format_func=OPTION_TITLES[name].__getitem__
    )


def _switch(name: str) -> None:
    st.toggle(CHOICE_TITLES[name], key=_KEY + name)


def _seed(name: str) -> None:
    st.number_input(words.WEIGHTS_SEED, 0, LARGEST_WEIGHTS_SEED, step=1, key=_KEY + name)


_WIDGETS: dict[str, Callable[[str], None]] = {
    "layers": _layers,
    "dim": _number,
    "heads": _divisor(_heads),
    "kv": _divisor(_kv_heads),
    "hidden": _number,
    "context": _number,
    "kind": _option,
    "position": _option,
    "norm": _option,
    "place": _place,
    "biases": _option,
    "residuals": _switch,
    "tied": _switch,
    "seed": _seed,
}
_COLUMNS = (
    ("layers", "dim", "context", "seed"),
    ("heads", "kv", "kind", "hidden"),
    ("position", "norm", "place", "residuals", "biases", "tied"),
)

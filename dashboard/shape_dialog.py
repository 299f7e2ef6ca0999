"""The dialog "Shape your own model": every choice with one sentence that says what it does and who uses it."""

from collections.abc import Callable
from dataclasses import fields

import streamlit as st

from dashboard import models
from dashboard import shape as shapes
from dashboard.loading import choose
from dashboard.models import CUSTOM, PRESET_TITLES
from dashboard.settings import LARGEST_WEIGHTS_SEED, change
from dashboard.shape import OPTION_TITLES, OPTIONS, RANGES, TITLES, Shape

_KEY = "shape-"
_STEPS = {"dim": 2, "hidden": 4, "context": 16}


def open_dialog(shape: Shape, weights_seed: int) -> None:
    """In a callback: fill the dialog's widgets before it is shown."""
    _fill(shape)
    st.session_state[f"{_KEY}seed"] = weights_seed
    st.session_state[f"{_KEY}start"] = None
    st.session_state.shaping = True


def is_open() -> bool:
    """Whether the dialog is on the page, which holds one at a time."""
    return bool(st.session_state.get("shaping"))


def _close() -> None:
    st.session_state.shaping = False


@st.dialog("Shape your own model", width="large", icon=":material/tune:", on_dismiss=_close)
def shape_dialog() -> None:
    """Show the choices; nothing changes on the page until the model is asked for."""
    st.selectbox("Start from", list(PRESET_TITLES), key=f"{_KEY}start", index=None, placeholder="a built-in model",
                 format_func=PRESET_TITLES.get, on_change=_start, width=320)  # fmt: skip
    if st.session_state[f"{_KEY}start"] == "toy":
        st.caption("The toy's block ends at its hidden layer. A shaped model goes on, with an output projection W_o "
                   "after the heads and a second feed-forward matrix, so that layers can be stacked.")  # fmt: skip
    _fit()
    for column, names in zip(st.columns(3, gap="large"), _COLUMNS, strict=True):
        with column:
            for name in names:
                with st.container(gap="xxsmall", key=f"{_KEY}choice-{name}"):
                    _WIDGETS[name](name)
    _verdict()


def _verdict() -> None:
    """The live line about the model, or what to change, and the way out."""
    shape = _shape()
    try:
        config = shapes.config(shape, models.hosted())
    except ValueError as error:
        line, possible = str(error), False
    else:
        line, possible = f"This model has {models.described(config)}", True
    with st.container(horizontal=True, vertical_alignment="center", key="shape-verdict"):
        st.text(line[:1].upper() + line[1:] + ("" if possible else "."))
        asked = st.button("Show this model", type="primary", disabled=not possible, key=f"{_KEY}apply", on_click=_apply,
                          args=(shapes.written(shape),))  # fmt: skip
    if asked:
        st.rerun()


def _apply(text: str) -> None:
    _close()
    choose(CUSTOM, text)
    change("weights_seed", st.session_state[f"{_KEY}seed"])


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


# ---- widgets --------------------------------------------------------------------------------------------------------


def _number(name: str) -> None:
    least, most = RANGES[name]
    st.number_input(f"{TITLES[name]} ({least:,} to {most:,})", least, most, step=_STEPS.get(name, 1), key=_KEY + name)
    _say(name)


def _layers(name: str) -> None:
    st.slider(TITLES[name], *RANGES[name], key=_KEY + name)
    _say(name)


def _divisor(options: Callable[[], tuple[int, ...]]) -> Callable[[str], None]:
    def widget(name: str) -> None:
        st.segmented_control(TITLES[name], options(), key=_KEY + name, required=True)
        _say(name)

    return widget


def _option(name: str) -> None:
    st.segmented_control(TITLES[name], OPTIONS[name], key=_KEY + name, required=True,
                         format_func=OPTION_TITLES[name].__getitem__)  # fmt: skip
    _say(name)


def _place(name: str) -> None:
    state = st.session_state
    if state[f"{_KEY}norm"] == "none":
        return
    options = OPTIONS[name] if state[f"{_KEY}residuals"] else OPTIONS[name][:1]
    st.segmented_control(TITLES[name], options, key=_KEY + name, required=True,
                         format_func=OPTION_TITLES[name].__getitem__)  # fmt: skip
    _say(name)


def _switch(name: str) -> None:
    st.toggle(TITLES[name], key=_KEY + name)
    _say(name)


def _seed(name: str) -> None:
    st.number_input("Weights seed", 0, LARGEST_WEIGHTS_SEED, step=1, key=_KEY + name)
    st.caption("Decides the random weights; it has nothing to do with the dice.")


def _say(name: str) -> None:
    st.caption(shapes.meaning(name, st.session_state[_KEY + name]))


_WIDGETS: dict[str, Callable[[str], None]] = {
    "layers": _layers, "dim": _number, "heads": _divisor(_heads), "kv": _divisor(_kv_heads), "hidden": _number,
    "context": _number, "kind": _option, "position": _option, "norm": _option, "place": _place, "biases": _option,
    "residuals": _switch, "tied": _switch, "seed": _seed,
}  # fmt: skip
_COLUMNS = (
    ("layers", "dim", "context", "seed"),
    ("heads", "kv", "position", "kind", "hidden"),
    ("norm", "place", "residuals", "biases", "tied"),
)

"""The sidebar: the settings that every page shares, as widgets bound to the URL."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.browser.text_guard import text_guard, whole_text
from dashboard.figures.picture import POOLINGS
from dashboard.figures.scale import SCALES
from dashboard.link import models, settings, visit
from dashboard.model_choice import words
from dashboard.model_choice.chooser import chooser, say_facts
from dashboard.shell.fields import choice, field
from dashboard.shell.fragments import change, fragment
from dashboard.shell.glossary import marked_one
from llm_core.runs.stages import STAGES, TEMPERATURE, StageKind
from llm_core.support.plain_words import as_sentence


def sidebar() -> None:
    """Show the settings."""
    with st.sidebar:
        st.html("<div class='brand'>Every matrix</div>")
        about_model = chooser()
        _text()
        text_guard(field="text-field", key=settings.GUARD)
        with st.container(gap="xsmall", key="run-text"):
            st.button("Run", key="run", width="stretch")  # leaving the field has told its text already
            st.caption(words.KEYS)
        with st.container(horizontal=True, gap="xsmall", key="examples"):
            random = models.is_random(visit.current().model)
            for name, text in (words.EXAMPLES if random else words.REAL_EXAMPLES).items():
                st.button(name, key=f"example-{name}", on_click=_take_text, args=(text,), width="stretch")
        _sampling()
        with st.expander(words.MORE_SETTINGS):
            _more()
        say_facts(about_model)


@fragment("typed-text", reads={"text"})
def _text() -> None:
    with st.container(key="text-field"):
        st.text_area(
            "Text",
            height=96,
            max_chars=settings.longest_text(),
            **field("text", settings.whole_characters(visit.current().text), _type),
        )


@fragment("dice", reads={TEMPERATURE.name, "dice_seed"})
def _sampling() -> None:
    chosen = visit.current()
    _stage(TEMPERATURE)
    with (
        _limited("dice seed", settings.LARGEST_DICE_SEED, chosen.dice_seed),
        st.container(horizontal=True, vertical_alignment="bottom", gap="small"),
    ):
        st.number_input(
            words.DICE_SEED,
            0,
            settings.LARGEST_DICE_SEED,
            step=1,
            help=words.OF_DICE_SEED,
            **field("dice_seed", chosen.dice_seed, _take, "dice_seed"),
        )
        st.button(
            "Roll",
            icon=":material/casino:",
            key="roll",
            help=words.OF_ROLL,
            on_click=_roll,
        )
    if chosen.greedy:
        st.caption(marked_one(words.GREEDY))


def _more() -> None:
    """Three parts, so that a value draws few fields again: for each one Streamlit goes through the whole state."""
    _drawing()
    _weights()
    _looks()


@fragment("drawing", reads={"new_tokens", *(stage.name for stage in STAGES if stage is not TEMPERATURE)})
def _drawing() -> None:
    for stage in STAGES:
        if stage is not TEMPERATURE:  # it stands above, beside the dice
            _stage(stage)
    st.number_input(
        words.NEW_TOKENS_UP_TO.format(most=settings.MOST_NEW_TOKENS),
        1,
        settings.MOST_NEW_TOKENS,
        step=1,
        **field("new_tokens", visit.current().new_tokens, _take, "new_tokens"),
    )


@fragment("weights", reads={"weights_seed"})
def _weights() -> None:
    chosen = visit.current()
    with _limited("weights seed", settings.LARGEST_WEIGHTS_SEED, chosen.weights_seed):
        st.number_input(
            words.WEIGHTS_SEED,
            0,
            settings.LARGEST_WEIGHTS_SEED,
            step=1,
            disabled=not models.is_random(chosen.model),
            help=words.OF_WEIGHTS_SEED,
            **field("weights_seed", chosen.weights_seed, _take, "weights_seed"),
        )


@fragment("looks", reads={"dtype", "pooling", "scale"})
def _looks() -> None:
    chosen = visit.current()
    st.selectbox(
        words.NUMBER_TYPE,
        disabled=models.is_random(chosen.model),
        help=words.OF_NUMBER_TYPE,
        **choice("dtype", chosen.dtype, models.OFFERED_DTYPES, _take, "dtype"),
    )
    st.selectbox(
        words.CELLS_OF_LARGE,
        help=words.OF_CELLS_OF_LARGE,
        **choice("pooling", chosen.pooling, POOLINGS, _take, "pooling"),
    )
    st.selectbox(
        words.COLOUR_SCALE,
        help=words.OF_COLOUR_SCALE,
        **choice("scale", chosen.scale, SCALES, _take, "scale"),
    )


def _stage(stage: StageKind) -> None:
    """The control of one stage's setting."""
    (least, most), value = stage.offered, getattr(visit.current(), stage.name)
    meaning = as_sentence(stage.meaning)
    if stage.whole:
        shown = field(stage.name, value, _take, stage.name)
        with _limited(stage.title, int(most), value):
            st.number_input(stage.label, int(least), int(most), step=1, help=meaning, **shown)
    else:
        shown = field(stage.name, value, _take_decimal, stage.name)
        st.slider(stage.label, float(least), float(most), step=0.01, format="%.2f", help=meaning, **shown)


@contextmanager
def _limited(name: str, most: int, now: int) -> Iterator[None]:
    """Draw a number field within: below it stands what it takes, while something else is in it (see shell/style.css).

    A browser does not tell us of a number that its field refuses.
    """
    with st.container(key=f"limited-{name.replace(' ', '-')}", gap="xsmall"):
        yield
        st.caption(words.WHOLE_NUMBER.format(name=name, most=f"{most:,}", now=now))


def _take(value: object, name: str) -> None:
    change(**{name: value})


def _take_decimal(value: float, name: str) -> None:
    _take(round(value, 2), name)  # a slider's steps are not exact


def _type(text: str) -> None:
    _take_text(whole_text(text, settings.GUARD))


def _take_text(text: str) -> None:
    change(text=text, token=None, lens_until=None)  # of another text a chosen position would be any token


def _roll() -> None:
    _take(random.randrange(10_000), "dice_seed")

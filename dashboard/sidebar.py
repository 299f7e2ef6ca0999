"""The sidebar: the settings that every page shares, as widgets bound to the URL."""

import random
from collections.abc import Callable

import streamlit as st

from dashboard import models, settings
from dashboard.chooser import chooser, facts
from dashboard.components.text_guard import text_guard
from dashboard.figures.picture import POOLINGS
from dashboard.figures.scale import SCALES
from dashboard.settings import DEFAULTS

EXAMPLES = {
    "Greeting": "hello how are you?",
    "Echo": "again and again and again",
    "Emoji": "naïve café 🦜",
}
REAL_EXAMPLES = {
    "Capital": "The capital of France is",  # a fact: " Paris"
    "Echo": "Romeo and Juliet. Romeo and",  # heads that look at what followed last time
    "Sums": "2 + 2 = 4, 3 + 3 = 6, 4 + 4 =",  # a pattern to go on with
}
GREEDY = "At temperature 0 the likeliest token is taken: the dice are not thrown."
_BOUND = {"bind": "query-params"}


def sidebar(on_sampling: Callable[[], None]) -> None:
    """Show the settings. on_sampling: called when nothing but the sampling has changed."""
    with st.sidebar:
        st.html("<div class='brand'>Every matrix</div>")
        about_model = chooser()
        st.text_area("Text", DEFAULTS.text, key="text", height=96, max_chars=settings.longest_text(),
                     on_change=settings.forget_token, **_BOUND)  # fmt: skip
        text_guard(field="text", key=settings.GUARD)
        with st.container(horizontal=True, gap="xsmall", key="examples"):
            random = models.is_random(settings.current().model)
            for name, text in (EXAMPLES if random else REAL_EXAMPLES).items():
                st.button(name, key=f"example-{name}", on_click=_take, args=(text,), width="stretch")
        _sampling(on_sampling)
        with st.expander("More settings"):
            _more(on_sampling)
        facts(about_model)


@st.fragment(key="dice")  # so that a roll shows its seed although the rest of the page stands still
def _sampling(on_change: Callable[[], None]) -> None:
    settings.apply_changes()
    st.slider("Temperature (0 = greedy)", 0.0, 2.0, DEFAULTS.temperature, 0.01, format="%.2f", key="temperature",
              help="0 is greedy: always the most likely token, whatever the dice say.", on_change=on_change,
              **_BOUND)  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.number_input("Dice seed", 0, settings.LARGEST_DICE_SEED, DEFAULTS.dice_seed, 1, key="dice_seed",
                        help="Decides which token is drawn; the same seed draws the same tokens.",
                        on_change=on_change, **_BOUND)  # fmt: skip
        st.button(
            "Roll",
            icon=":material/casino:",
            key="roll",
            help="Roll the dice: another dice seed",
            on_click=_roll,
            args=(on_change,),
        )
    if settings.current().temperature == 0:
        st.caption(GREEDY)


def _more(on_sampling: Callable[[], None]) -> None:
    st.number_input("Top-k", 0, settings.LARGEST_TOP_K, DEFAULTS.top_k, 1, key="top_k", on_change=on_sampling,
                    help="Keep the k most likely tokens only; 0 keeps all.", **_BOUND)  # fmt: skip
    st.slider("Top-p", 0.01, 1.0, DEFAULTS.top_p, 0.01, format="%.2f", key="top_p", on_change=on_sampling,
              help="Keep the most likely tokens that together reach this probability; 1 keeps all.",
              **_BOUND)  # fmt: skip
    st.number_input("New tokens", 1, settings.MOST_NEW_TOKENS, DEFAULTS.new_tokens, 1, key="new_tokens", **_BOUND)
    random = models.is_random(settings.current().model)
    st.number_input("Weights seed", 0, settings.LARGEST_WEIGHTS_SEED, DEFAULTS.weights_seed, 1, key="weights_seed",
                    help="Decides a random model's weights; it has nothing to do with the dice.", disabled=not random,
                    **_BOUND)  # fmt: skip
    st.selectbox("Number type", models.DTYPES, key="dtype", disabled=random, **_BOUND,
                 help="Of real weights: bfloat16 takes half the memory and keeps three digits.")  # fmt: skip
    st.selectbox("Cells of large matrices", POOLINGS, key="pooling", **_BOUND,
                 help="What a cell says of the numbers that it stands for: the one of largest magnitude, their mean, "
                 "or their maximum.")  # fmt: skip
    st.selectbox("Colour scale", SCALES, key="scale", **_BOUND,
                 help="Robust: few cells that tower do not set it. Matrix: up to the largest cell. Heads: one for all "
                 "heads of a matrix, so that they can be compared.")  # fmt: skip


def _take(text: str) -> None:
    settings.change("text", text)
    settings.forget_token()


def _roll(on_change: Callable[[], None]) -> None:
    settings.change("dice_seed", random.randrange(10_000))
    on_change()

"""The logit lens: what the model would say if it stopped after each layer."""

import numpy as np
import streamlit as st

from dashboard import models, settings
from dashboard.figures.alternative import grid_in_words, line_in_words
from dashboard.figures.equation import escape
from dashboard.figures.lens import lens_figure
from dashboard.figures.lines import Line, Panel, lines_figure
from dashboard.figures.picture import percent
from dashboard.redraw import callback, guarded, redraw
from dashboard.settings import LENS_WINDOWS, Settings
from dashboard.state import on_screen, run_of, step_index
from dashboard.whole_model.stream import at, doors_in_short, doors_in_words
from dashboard.whole_model.survey import key_of
from llm_core import Run, Step
from llm_core.lens import Lens, lens
from llm_core.tokenizer import Tokenizer

TITLE = "What the model would say after each layer"
MEANING = (
    "The logit lens: the final norm and the unembedding, applied to the stream at every door. Each cell is the "
    "likeliest next token; one sees in which layer an answer appears and where it is made sure."
)
RANDOM = "With random weights the guesses are noise: nothing is found, from the first layer to the last."
TOP, RUNNERS = 3, 5
LONGEST = 100  # characters that may be typed for a token


def has_lens(step: Step) -> bool:
    """True where the unembedding can read the stream at more than the last door."""
    config = step.run.model.config
    return config.stream_out_dim == config.model_dim


def no_lens(step: Step) -> str:
    """Why there is none."""
    config = step.run.model.config
    return (
        f"This model has no logit lens: its unembedding reads the hidden layer, {config.stream_out_dim} wide, and the "
        f"stream that enters the layer is {config.model_dim} wide; there is no earlier place to read a guess from."
    )


@st.fragment(key="whole-lens")
@guarded
def logit_lens() -> None:
    """The grid of the likeliest tokens, and one token through the layers."""
    chosen, _, step = on_screen()
    st.subheader(TITLE, anchor=False)
    if not has_lens(step):
        st.text(no_lens(step))
        return
    st.caption(f"{MEANING} {RANDOM if models.is_random(chosen.model) else ''}")
    _grid(step, chosen)
    _line(step, chosen)


# ---- which positions ------------------------------------------------------------------------------------------------


def window(step: Step, chosen: Settings) -> range:
    """The rows that are shown (0 is the step's first): as many as are asked for, up to the position that is chosen."""
    count, size = len(step.positions), chosen.lens_window
    if count <= size:
        return range(count)
    end = count if chosen.lens_until is None else chosen.lens_until - step.positions.start + 1
    end = min(max(end, 1), count)
    return range(max(0, end - size), end)


def refuse_unseen(run: Run) -> None:
    """Take the end of the window out of the link where there is nothing to choose, or the step has no such position."""
    chosen = settings.current()
    positions = run.steps[step_index(chosen, run)].positions
    if chosen.lens_until is None:
        return
    if len(positions) <= chosen.lens_window:
        shown = "positions are all" if len(positions) > 1 else "position is"
        settings.refuse("lens_until", f"this step's {len(positions):,} {shown} shown")
    elif chosen.lens_until not in positions:
        settings.refuse("lens_until", f"this step reads the positions {positions[0]:,} to {positions[-1]:,}")


def _choice_of_window(step: Step, chosen: Settings) -> None:
    """How many positions, and up to which one; with few of them there is nothing to choose."""
    count = len(step.positions)
    if count <= min(LENS_WINDOWS):
        return
    with st.container(horizontal=True, vertical_alignment="top", gap="medium", key="lens-window"):
        options = [*(size for size in LENS_WINDOWS if size < count), *[s for s in LENS_WINDOWS if s >= count][:1]]
        st.session_state["choice-lens-window"] = min(options, key=lambda size: abs(size - chosen.lens_window))
        st.segmented_control(f"Positions shown, of {count:,}", options, key="choice-lens-window", required=True,
                             format_func=lambda size: f"all {count}" if size >= count else str(size),
                             on_change=_choose_window, width="content")  # fmt: skip
        if count > chosen.lens_window:
            first, last = step.positions[0], step.positions[-1]
            st.session_state["choice-lens-until"] = first + window(step, chosen)[-1]
            st.slider("Up to position", first, last, key="choice-lens-until", on_change=_choose_until, width=360)


@callback
def _choose_window() -> None:
    settings.look_at("lens_window", st.session_state["choice-lens-window"])
    chosen, _, step = on_screen()
    if len(step.positions) <= chosen.lens_window:
        settings.look_at("lens_until", None)
    redraw(["whole-lens"])


@callback
def _choose_until() -> None:
    _, _, step = on_screen()
    until = st.session_state["choice-lens-until"]
    settings.look_at("lens_until", None if until == step.positions[-1] else until)
    redraw(["whole-lens"])


# 0.2 MB each of 30 layers: as many positions as the widest window has
@st.cache_resource(max_entries=48, show_spinner="Reading the stream at every door …")
def _lens(
    fingerprint: str, ids: tuple[int, ...], index: int, rows: range, token: int | None, _step: Step
) -> Lens:  # fmt: skip
    return lens(_step, RUNNERS + 1, rows, token)


# ---- the grid -------------------------------------------------------------------------------------------------------


def guesses_in_words(step: Step, found: Lens) -> str:
    """The grid for those who cannot see it: its range and its surest cells, and the guesses at the last position."""
    label = step.run.model.tokenizer.label
    doors, positions = doors_in_words(len(found.doors)), [f"position {position}" for position in found.positions]
    guesses = np.array([[label(token) for token in row] for row in found.ids[..., 0].tolist()])
    shares = found.probabilities[..., 0].numpy()
    grid = grid_in_words(
        "The likeliest token at each door and position, and its probability", shares,
        ([door.replace("after", "after layer") for door in doors], positions), share=True, written=guesses,
    )  # fmt: skip
    last = zip(doors, guesses[:, -1], shares[:, -1].tolist(), strict=True)
    said = "; ".join(f"{door}: {guess} {percent(share)}" for door, guess, share in last)
    return f"{grid} At position {found.positions[-1]}: {said}."


def _grid(step: Step, chosen: Settings) -> None:
    found = _lens(*key_of(step), window(step, chosen), None, step)
    label = step.run.model.tokenizer.label
    ids = found.ids[..., :TOP].numpy()
    tokens = [f"{position} {label(step.run.ids[position])}" for position in found.positions]
    figure = lens_figure(ids, found.probabilities[..., :TOP].numpy(), {i: label(i) for i in np.unique(ids).tolist()},
                         doors_in_short(len(found.doors)), tokens)  # fmt: skip
    with st.container(key="equation-whole-lens", gap="xsmall"):
        st.plotly_chart(figure, width="content", key="chart-whole-lens", theme=None,
                        config={"displayModeBar": False},
                        alt=guesses_in_words(step, found))  # fmt: skip
        st.caption("Scale: 0 … 100 %, the probability of the token in the cell. Point at a cell for the next ones.")
    _choice_of_window(step, chosen)


# ---- one token ------------------------------------------------------------------------------------------------------


def _line(step: Step, chosen: Settings) -> None:
    """One token through the layers, as the last of the shown positions sees it."""
    row = window(step, chosen)[-1]
    position, token = step.positions[row], followed(step, chosen, row)
    found, known = (_lens(*key_of(step), range(row, row + 1), i, step) for i in (token, came_next(step, row)))
    probability, rank = found.probability[:, 0].tolist(), found.rank[:, 0].tolist()
    label = step.run.model.tokenizer.label
    where = f"position {position} {label(step.run.ids[position])}"
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="lens-token"):
        _choice(step, token, candidates(known, "sampled" if position == step.positions[-1] else "came next"))
    about, sentence = st.session_state.get("lens-remark", (None, ""))
    if sentence and about == token:
        st.text(sentence)
    panels = [
        Panel(f"Probability of {escape(label(token))}", [Line("probability", probability)], percent=True),
        Panel(f"Rank of {escape(label(token))} (1 is the likeliest)", [Line("rank", rank)], log=True, falling=True),
    ]  # fmt: skip
    st.plotly_chart(lines_figure(doors_in_short(len(found.doors)), panels), key="chart-whole-token", theme=None,
                    config={"displayModeBar": False},
                    alt=lines_in_words(label(token), where, probability, rank))  # fmt: skip
    st.text(in_words(label(token), where, probability, rank))


def lines_in_words(label: str, where: str, probability: list[float], rank: list[int]) -> str:
    """The lines for those who cannot see them. where: the position that they are seen from."""
    doors = [at(door) for door in doors_in_words(len(rank))]
    return " ".join([
        f"Seen from {where}:",
        line_in_words(f"Probability of {label}", probability, doors, percent),
        line_in_words(f"Its rank, of which 1 is the likeliest token's, of {label}", rank, doors, "{:,}".format),
    ])  # fmt: skip


def came_next(step: Step, row: int) -> int:
    """The id of the token after this row's: the prompt's own one, or of the last row the sampled one."""
    return step.run.ids[step.positions[row] + 1]


def followed(step: Step, chosen: Settings, row: int) -> int:
    """The id of the token that the lines follow: the one in the link, or else the one that came next."""
    wanted, size = chosen.lens_token, step.run.model.config.vocab_size
    return came_next(step, row) if wanted is None or wanted >= size else wanted


def in_words(label: str, where: str, probability: list[float], rank: list[int]) -> str:
    """When the token comes first and stays there, in a sentence. where: the position whose guesses these are."""
    doors = doors_in_words(len(rank))
    end = f"at the end it has {percent(probability[-1])}, rank {rank[-1]:,}"
    if rank[-1] != 1:
        best = min(range(len(rank)), key=rank.__getitem__)
        return f"Seen from {where}: the best rank of {label} is {rank[best]:,}, {at(doors[best])}; {end}."
    first = len(rank) - next((i for i, r in enumerate(reversed(rank)) if r != 1), len(rank))
    if first == len(rank) - 1:
        return f"Seen from {where}: {label} is the likeliest token only after the last layer; {end}."
    return f"Seen from {where}: {label} is the likeliest token {at(doors[first])} and from there on; {end}."


def _choice(step: Step, token: int, words: dict[int, str]) -> None:
    """The token that came next, its runners-up, and a field for any other. words: what is known of each."""
    options = list(dict.fromkeys([*words, token]))
    label = step.run.model.tokenizer.label
    st.session_state["choice-lens-token"] = token
    st.selectbox("Token to follow", options, key="choice-lens-token", on_change=_choose_token,
                 format_func=lambda i: f"{label(i)}{words.get(i, '')}")  # fmt: skip
    st.text_input("or type one", key="typed-lens-token", max_chars=LONGEST, on_change=_type_token,
                  placeholder="a word; a space in front matters")  # fmt: skip


def candidates(known: Lens, word: str) -> dict[int, str]:
    """The token that came next and the likeliest others, each with what the model gave it at the end.

    known: the lens at one position, with the token that came next; word: how that one came.
    """
    ids, probabilities = known.ids[-1, 0].tolist(), known.probabilities[-1, 0].tolist()
    others = {i: f" · {percent(p)}" for i, p in zip(ids, probabilities, strict=True) if i != known.token}
    first = f" · {word}, {percent(float(known.probability[-1, 0]))}"
    return {known.token: first} | dict(list(others.items())[:RUNNERS])


@callback
def _choose_token() -> None:
    token = st.session_state["choice-lens-token"]
    if isinstance(token, int):  # of other options than these, as after two quick moves, a browser sends a label
        _follow(token)


@callback
def _type_token() -> None:
    """The first token of what was typed; where there are more, the page says which one it follows."""
    text = st.session_state["typed-lens-token"]
    tokenizer = run_of(settings.current()).model.tokenizer
    ids = tokens_of(tokenizer, text)
    st.session_state["typed-lens-token"] = ""
    if ids:
        st.session_state["lens-remark"] = (ids[0], split_in_words(text, [tokenizer.label(i) for i in ids]))
        _follow(ids[0])


def tokens_of(tokenizer: Tokenizer, text: str) -> list[int]:
    """The ids of a text's tokens, without the BOS that some tokenizers put in front."""
    ids, prefix = tokenizer.encode(text) if text else [], list(tokenizer.prefix_ids)
    return ids[len(prefix) :] if ids[: len(prefix)] == prefix else ids


def split_in_words(text: str, labels: list[str]) -> str:
    """Which token of a typed text is followed, where the model has no single one for it; else nothing."""
    if len(labels) < 2:
        return ""
    shown = " + ".join(labels[:6]) + (" + …" if len(labels) > 6 else "")
    return f"This model writes “{text}” as {len(labels)} tokens ({shown}): the first one, {labels[0]}, is followed."


def _follow(token: int) -> None:
    chosen, _, step = on_screen()
    usual = came_next(step, window(step, chosen)[-1])
    settings.look_at("lens_token", None if token == usual else token)
    redraw(["whole-lens"])

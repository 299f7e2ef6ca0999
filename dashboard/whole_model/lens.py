"""The logit lens: what the model would say if it stopped after each layer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from dashboard.figures.alternative import grid_in_words, line_in_words
from dashboard.figures.equation import escape
from dashboard.figures.lens import lens_figure
from dashboard.figures.lines import Line, Panel, lines_figure
from dashboard.figures.picture import percent
from dashboard.link import models, visit
from dashboard.link.settings import LENS_WINDOWS, Settings, quoted
from dashboard.server import rude_words
from dashboard.server.computed import run_of
from dashboard.server.on_screen import on_screen, step_index
from dashboard.shell.fields import choice, field, segments
from dashboard.shell.fragments import callback, change, fragment
from dashboard.shell.glossary import marked_one
from dashboard.shell.pictures import draw_figure
from dashboard.shell.reads import looks_at
from dashboard.whole_model import words
from dashboard.whole_model.stream import at, doors_in_short, doors_in_words
from dashboard.whole_model.survey import survey_key
from llm_core import Run, Step
from llm_core.measures.logit_lens import Lens, lens
from llm_core.model.tokenizer import Tokenizer

_TOP, _RUNNERS = 3, 5
_LONGEST = 100  # characters that may be typed for a token


def has_lens(step: Step) -> bool:
    """True where the unembedding can read the stream at more than the last door."""
    config = step.run.model.config
    return config.stream_out_dim == config.model_dim


def no_lens(step: Step) -> str:
    """Why there is none."""
    config = step.run.model.config
    return words.NO_LENS.format(read=config.stream_out_dim, width=config.model_dim)


@fragment(
    "whole-lens",
    reads={"rows", "tokens", "lens_token", "lens_until", "lens_window", "lens-typed", "lens-remark"},
)
def logit_lens() -> None:
    """The grid of the likeliest tokens, and one token through the layers."""
    chosen, _, step = on_screen()
    st.subheader(words.LENS_TITLE, anchor=False)
    if not has_lens(step):
        st.text(no_lens(step))
        return
    st.caption(marked_one(f"{words.LENS_MEANING} {words.RANDOM if models.is_random(chosen.model) else ''}"))
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
    why = _why_no_end(visit.current(), run)
    if why is not None:
        visit.refuse("lens_until", why)


def _why_no_end(chosen: Settings, run: Run) -> str | None:
    """Why the window cannot end where the link says, in words; None where it can."""
    positions = run.steps[step_index(chosen, run)].positions
    if chosen.lens_until is None:
        return None
    if len(positions) <= chosen.lens_window:
        shown = "positions are all" if len(positions) > 1 else "position is"
        return f"this step's {len(positions):,} {shown} shown"
    if chosen.lens_until not in positions:
        return f"this step reads the positions {positions[0]:,} to {positions[-1]:,}"
    return None


@looks_at("lens_until")
def _has_end(chosen: Settings, run: Run) -> bool:
    return _why_no_end(chosen, run) is None


def _choice_of_window(step: Step, chosen: Settings) -> None:
    """How many positions, and up to which one; with few of them there is nothing to choose."""
    count = len(step.positions)
    if count <= min(LENS_WINDOWS):
        return
    with st.container(horizontal=True, vertical_alignment="top", gap="medium", key="lens-window"):
        options = [*(size for size in LENS_WINDOWS if size < count), *[s for s in LENS_WINDOWS if s >= count][:1]]
        nearest = min(options, key=lambda size: abs(size - chosen.lens_window))
        st.segmented_control(
            words.POSITIONS_SHOWN.format(count=count),
            required=True,
            width="content",
            format_func=lambda size: words.ALL_POSITIONS.format(count=count) if size >= count else str(size),
            **segments("choice-lens-window", nearest, options, _choose_window),
        )
        if count > chosen.lens_window:
            first, last = step.positions[0], step.positions[-1]
            until = first + window(step, chosen)[-1]
            st.slider(words.UP_TO_POSITION, first, last, width=360, **field("choice-lens-until", until, _choose_until))


@callback
def _choose_window(size: int) -> None:
    chosen, _, step = on_screen()
    change(lens_window=size, lens_until=None if len(step.positions) <= size else chosen.lens_until)


@callback
def _choose_until(until: int) -> None:
    _, _, step = on_screen()
    change(lens_until=None if until == step.positions[-1] else until)


# 0.2 MB each of 30 layers: as many positions as the widest window has
@st.cache_resource(max_entries=48, show_spinner="Computing the logit lens …")
def _lens(version: str, ids: tuple[int, ...], index: int, rows: range, token: int | None, _step: Step) -> Lens:
    return lens(_step, _RUNNERS + 1, rows, token)


# ---- the grid -------------------------------------------------------------------------------------------------------


def guesses_in_words(step: Step, found: Lens) -> str:
    """The grid for those who cannot see it: its range and its surest cells, and the guesses at the last position."""
    label = step.run.model.tokenizer.label
    doors, positions = doors_in_words(len(found.doors)), [f"position {position}" for position in found.positions]
    guesses = np.array([[quoted(label(token)) for token in row] for row in found.ids[..., 0].tolist()])
    shares = found.probabilities[..., 0].numpy()
    grid = grid_in_words(
        "The most likely token after every layer and at every position, and its probability",
        shares,
        ([door.replace("after", "after layer") for door in doors], positions),
        share=True,
        written=guesses,
    )
    last = zip(doors, guesses[:, -1], shares[:, -1].tolist(), strict=True)
    said = "; ".join(f"{door}: {guess} {percent(share)}" for door, guess, share in last)
    return f"{grid} At position {found.positions[-1]}: {said}."


def _grid(step: Step, chosen: Settings) -> None:
    found = _lens(*survey_key(step), window(step, chosen), None, step)
    label = step.run.model.tokenizer.label
    ids = found.ids[..., :_TOP].numpy()
    tokens = [f"{position} {label(step.run.ids[position])}" for position in found.positions]
    figure = lens_figure(
        ids,
        found.probabilities[..., :_TOP].numpy(),
        {i: label(i) for i in np.unique(ids).tolist()},
        doors_in_short(len(found.doors)),
        tokens,
    )
    with st.container(gap="xsmall"):
        draw_figure(figure, key="chart-whole-lens", alt=guesses_in_words(step, found), step=step.index)
        st.caption(words.LENS_SCALE + rude_words.mask_remark(step.run.model.tokenizer, np.unique(ids[..., 0]).tolist()))
    _choice_of_window(step, chosen)


# ---- one token ------------------------------------------------------------------------------------------------------


def _line(step: Step, chosen: Settings) -> None:
    """One token through the layers, as the last of the shown positions sees it."""
    row = window(step, chosen)[-1]
    position, token = step.positions[row], followed(step, chosen, row)
    found, known = (_lens(*survey_key(step), range(row, row + 1), i, step) for i in (token, came_next(step, row)))
    _, ranks, probabilities = found.followed
    probability, rank = probabilities[:, 0].tolist(), ranks[:, 0].tolist()
    label = _labels(step)
    where = f"position {position} {quoted(label(step.run.ids[position]))}"
    options = candidates(known, "sampled" if position == step.positions[-1] else "came next")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="lens-token"):
        _choice(step, token, options)
    about, sentence = st.session_state.get("lens-remark", (None, ""))
    if sentence and about == token:
        st.text(sentence)
    followed_token = escape(quoted(label(token)))
    panels = [
        Panel(f"Probability of {followed_token}", [Line("probability", probability)], percent=True),
        Panel(
            f"Rank of {followed_token} (1 is the most likely)",
            [Line("rank", rank)],
            log=True,
            falling=True,
        ),
    ]
    figure = lines_figure(doors_in_short(len(found.doors)), panels)
    said = _lines_in_words(label(token), where, probability, rank)
    draw_figure(figure, key="chart-whole-token", alt=said, step=step.index)
    st.text(lens_in_words(label(token), where, probability, rank))
    if remark := rude_words.mask_remark(step.run.model.tokenizer, {token, *options} - _typed()):
        st.caption(remark)


def _typed() -> frozenset[int]:
    """The tokens that this visitor has typed here."""
    typed: frozenset[int] = st.session_state.get("lens-typed", frozenset())
    return typed


def _labels(step: Step) -> Callable[[int], str]:
    """How tokens are labelled here: those that the visitor has typed as they were typed."""
    tokenizer, typed = step.run.model.tokenizer, _typed()
    real = rude_words.unmasking(tokenizer)
    return lambda i: (real if i in typed else tokenizer).label(i)


def _lines_in_words(label: str, where: str, probability: list[float], rank: list[int]) -> str:
    """The lines for those who cannot see them. where: the position that they are seen from."""
    doors = [at(door) for door in doors_in_words(len(rank))]
    return " ".join(
        [
            f"At {where}:",
            line_in_words(f"Probability of {quoted(label)}", probability, doors, percent),
            line_in_words(f"Rank of {quoted(label)} (1 is the most likely)", rank, doors, "{:,}".format),
        ]
    )


def came_next(step: Step, row: int) -> int:
    """The id of the token after this row's: the prompt's own one, or of the last row the sampled one."""
    return step.run.ids[step.positions[row] + 1]


def followed(step: Step, chosen: Settings, row: int) -> int:
    """The id of the token that the lines follow: the one in the link, or else the one that came next."""
    wanted, size = chosen.lens_token, step.run.model.config.vocab_size
    return came_next(step, row) if wanted is None or wanted >= size else wanted


def lens_in_words(label: str, where: str, probability: list[float], rank: list[int]) -> str:
    """When the token comes first and stays there, in a sentence. where: the position whose guesses these are."""
    doors = doors_in_words(len(rank))
    end = f"After the last layer it has probability {percent(probability[-1])} and rank {rank[-1]:,}"
    if rank[-1] != 1:
        best = min(range(len(rank)), key=rank.__getitem__)
        return f"At {where}, the best rank of {quoted(label)} is {rank[best]:,}, {at(doors[best])}. {end}."
    first = len(rank) - next((i for i, r in enumerate(reversed(rank)) if r != 1), len(rank))
    if first == len(rank) - 1:
        return f"At {where}, {quoted(label)} is the most likely token only after the last layer. {end}."
    return f"At {where}, {quoted(label)} is the most likely token {at(doors[first])} and from there on. {end}."


def _choice(step: Step, token: int, known: dict[int, str]) -> None:
    """The token that came next, its runners-up, and a field for any other. known: what is said of each."""
    options = list(dict.fromkeys([*known, token]))
    label = _labels(step)
    st.selectbox(
        words.TOKEN_TO_FOLLOW,
        format_func=lambda i: f"{label(i)}{known.get(i, '')}",
        **choice("choice-lens-token", token, options, _choose_token),
    )
    st.text_input(
        words.TYPE_TOKEN,
        max_chars=_LONGEST,
        placeholder=words.OF_TYPE_TOKEN,
        **field("typed-lens-token", "", _type_token),
    )


def candidates(known: Lens, word: str) -> dict[int, str]:
    """The token that came next and the likeliest others, each with what the model gave it at the end.

    known: the lens at one position, with the token that came next; word: how that one came.
    """
    ids, probabilities = known.ids[-1, 0].tolist(), known.probabilities[-1, 0].tolist()
    token, _, probability = known.followed
    others = {i: f" · {percent(p)}" for i, p in zip(ids, probabilities, strict=True) if i != token}
    first = f" · {word}, {percent(float(probability[-1, 0]))}"
    return {token: first} | dict(list(others.items())[:_RUNNERS])


@callback
def _choose_token(token: object) -> None:
    if isinstance(token, int):  # of other options than these, as after two quick moves, a browser sends a label
        _follow(token)


@callback
def _type_token(text: str) -> None:
    """The first token of what was typed; where there are more, the page says which one it follows."""
    tokenizer = rude_words.unmasking(run_of(visit.current()).model.tokenizer)
    ids = tokens_of(tokenizer, text)
    if ids:
        remark = ids[0], split_in_words(text, [tokenizer.label(i) for i in ids])
        _follow(ids[0], {"lens-typed": _typed() | set(ids), "lens-remark": remark})


def tokens_of(tokenizer: Tokenizer, text: str) -> list[int]:
    """The ids of a text's tokens, without the BOS that some tokenizers put in front."""
    ids, prefix = tokenizer.encode(text) if text else [], list(tokenizer.prefix_ids)
    return ids[len(prefix) :] if ids[: len(prefix)] == prefix else ids


def split_in_words(text: str, labels: list[str]) -> str:
    """Which token of a typed text is followed, where the model has no single one for it; else nothing."""
    if len(labels) < 2:
        return ""
    shown = " + ".join(map(quoted, labels[:6])) + (" + …" if len(labels) > 6 else "")
    followed_one = f"The page follows the first one, {quoted(labels[0])}."
    return f"This model writes {quoted(text)} as {len(labels)} tokens ({shown}). {followed_one}"


def _follow(token: int, noted: dict[str, Any] | None = None) -> None:
    chosen, _, step = on_screen()
    usual = came_next(step, window(step, chosen)[-1])
    change(noted, lens_token=None if token == usual else token)

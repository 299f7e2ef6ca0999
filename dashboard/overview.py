"""What a visitor sees first: tokens, steps, stations, and the sampled token."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from dashboard import settings, waiting
from dashboard.components import Chip, Phase, Station, Thumbnail, ribbon, stations, timeline
from dashboard.components.next_token import Runner, next_token
from dashboard.depth import look_of
from dashboard.explainer import forget_cell_elsewhere, open_button
from dashboard.figures.equation import MOST_NUMBERS
from dashboard.figures.picture import number, percent, pool
from dashboard.pictures import Look, shape_in_words
from dashboard.readings import Reading, read
from dashboard.redraw import SAMPLER_PARTS, callback, guarded, redraw, remember_rows
from dashboard.sections import TITLES, shows_all
from dashboard.state import on_screen, run_of, step_index, token_position
from dashboard.take_away import take_away
from llm_core import Run, Step

RULE = "One row = one token; in attention, rows ask and columns answer."
UNCHANGED = "Unchanged: the sampler comes after the model."
SMALL = (
    "Cells are small in a run of {tokens:,} tokens: point at one to read its number, rounded where a matrix is large; "
    "click it for all of its digits."
)
RUNNERS = 5
_FIRST = "<style>.st-key-section-{station} {{ order: -2; }}</style>"
_PICTURE = 64  # cells of a thumbnail, in each direction


@st.fragment(key="tokens")
@guarded
def tokens() -> None:
    """The ribbon of tokens and the timeline of steps."""
    chosen = settings.current()
    run = run_of(chosen)
    index = step_index(chosen, run)
    known = run.steps[index].positions.stop
    chips = [Chip(p, run.model.tokenizer.label(i), p >= len(run.prompt_ids), p < known) for p, i in enumerate(run.ids)]
    ribbon(chips, selected=token_position(chosen, run), key="ribbon", on_choose=_choose_token)
    timeline(phases_of(run), chosen=index, key="timeline", on_choose=_choose_step)


def phases_of(run: Run) -> list[Phase]:
    """The steps of a run: what goes in, what comes out."""
    return phases(len(run.prompt_ids), [step.sampled.label for step in run.steps])


def phases(count: int, labels: Sequence[str]) -> list[Phase]:
    """The same of a prompt of so many tokens, and the label of the token that each step has drawn."""
    first = Phase("Prefill", "1 token" if count == 1 else f"{count:,} tokens", labels[0], counted=True)
    return [first, *(Phase(f"Decode {i}", labels[i - 1], labels[i]) for i in range(1, len(labels)))]


@callback
def _choose_step(index: int) -> None:
    settings.look_at("step", index)
    forget_cell_elsewhere()
    chosen = settings.current()
    remember_rows(chosen, run_of(chosen))
    st.session_state.stand_still = False
    redraw([*SAMPLER_PARTS[1:], "layer", "matrices"])


@callback
def _choose_station(name: str) -> None:
    """Of a deep model only the chosen station's matrices are on the page."""
    settings.look_at("station", name)
    settings.look_at("exact", "")  # the part that is shown exactly is one of this station's matrix
    if not shows_all(run_of(settings.current()).model.config):
        redraw(["stations", "layer", "matrices", "sample", "explainer"])


def _choose_token(position: int) -> None:
    """The outlines move in the browser; the stream through the layers is another token's."""
    settings.look_at("token", position)
    if settings.current().panel in ("stream", "exact"):
        redraw(["tokens", "layer"])


@st.fragment(key="stations")
@guarded
def stations_strip() -> None:
    """The stations; the chosen one's section comes first, by style alone: no figure is drawn again for it."""
    chosen = settings.current()
    run = run_of(chosen)
    step, look = run.steps[step_index(chosen, run)], look_of(chosen, run.model.config)
    with waiting.for_layer(step, look.layer):
        cards = station_cards(step, run, look)
    station = stations(cards, chosen=chosen.station, key="stations", on_choose=_choose_station)
    st.html(_FIRST.format(station=station))
    small = SMALL.format(tokens=len(run.ids)) if len(run.ids) > MOST_NUMBERS else ""
    with st.container(horizontal=True, vertical_alignment="center", key="reading-rule"):
        st.caption(" ".join((RULE, small, UNCHANGED if st.session_state.get("stand_still") else "")))
        open_button()
        take_away()


def station_cards(step: Step, run: Run, look: Look) -> list[Station]:
    """The six stations with small pictures of their matrices, of the chosen layer and head."""
    names = ["input", f"layers.{look.layer}.attention.weights", f"layers.{look.layer}.feedforward.hidden"]
    x, weights, hidden = read(step, names).values()
    drawn_from = step.sampled.stages[-1].probabilities
    label = run.model.tokenizer.label
    pictures = {
        "text": (
            f"{len(step.ids)} in",
            [Thumbnail(np.array([[len(label(i)) for i in step.ids[:_PICTURE]]]), "tokens")],
        ),
        "embedding": (shape_in_words(x.shape), [_thumbnail(x)]),
        "attention": (shape_in_words(weights.shape), [_thumbnail(weights, look.head, "probability")]),
        "feedforward": (shape_in_words(hidden.shape), [_thumbnail(hidden)]),
        "logits": (
            f"1×{step.logits.shape[-1]:,}",
            [Thumbnail(_spread(step.logits[0]))],
        ),
        "sample": (step.sampled.label, [Thumbnail(drawn_from.topk(8).values.numpy()[None], "bars")]),
    }
    return [Station(name, TITLES[name][0], *pictures[name]) for name in settings.STATIONS]


def _spread(logits: Tensor, rows: int = 8, columns: int = 12) -> np.ndarray:
    """A few of a vocabulary's logits (v), evenly spaced, as a small matrix."""
    ids = torch.linspace(0, len(logits) - 1, rows * columns).long()
    return logits[ids].float().reshape(rows, columns).numpy()


def _thumbnail(reading: Reading, head: int = 0, kind: str = "signed") -> Thumbnail:
    grid, _ = pool(reading.values[head], _PICTURE)
    hidden = None if reading.hidden is None else pool(reading.hidden - np.float32(1), _PICTURE)[0] == 0
    return Thumbnail(grid, kind, hidden, reading.scale(head)[0])


@st.fragment(key="next-token")
@guarded
def rail() -> None:
    """The sampled token of the chosen step, and the most likely others."""
    _, run, step = on_screen()
    sampled, p = step.sampled, step.sampled.stages[0].probabilities
    facts = [(percent(sampled.probability), "probability"), (f"{number(sampled.probability * len(p))} ×", "chance")]
    facts.append((percent(sampled.drawn_probability), "drawn with"))  # always: the card must not grow and shrink
    best = [i for i in p.topk(RUNNERS + 1).indices.tolist() if i != sampled.id][:RUNNERS]
    most = float(p.max())
    runners = [Runner(run.model.tokenizer.label(i), percent(float(p[i])), float(p[i]) / most) for i in best]
    next_token(sampled.label, facts, runners, after=run.model.tokenizer.label(step.ids[-1]), key="next-token-card")

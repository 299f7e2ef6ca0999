"""What a visitor sees first: tokens, steps, stations, and the sampled token."""

import numpy as np
import streamlit as st

from dashboard import settings
from dashboard.components import Chip, Phase, Station, Thumbnail, ribbon, stations, timeline
from dashboard.components.next_token import Runner, next_token
from dashboard.figures.equation import MOST_NUMBERS
from dashboard.figures.picture import number, percent, pool
from dashboard.redraw import SAMPLER_PARTS, guarded, redraw, remember_rows
from dashboard.sections import TITLES
from dashboard.state import run_of, step_index, token_position
from llm_core import Run, Step

RULE = "One row = one token; in attention, rows ask and columns answer."
UNCHANGED = "Unchanged: the sampler comes after the model."
SMALL = "Cells are small for {tokens} tokens: point at one to read its number."
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
    ribbon(chips, selected=token_position(chosen, run), key="ribbon", on_choose=lambda p: settings.look_at("token", p))
    timeline(phases(run), chosen=index, key="timeline", on_choose=_choose_step)


def phases(run: Run) -> list[Phase]:
    """The steps of a run: what goes in, what comes out."""
    count = len(run.prompt_ids)
    first = Phase("Prefill", "1 token" if count == 1 else f"{count} tokens", run.steps[0].sampled.label, counted=True)
    labels = [step.sampled.label for step in run.steps]
    return [first, *(Phase(f"Decode {i}", labels[i - 1], labels[i]) for i in range(1, len(labels)))]


def _choose_step(index: int) -> None:
    settings.look_at("step", index)
    chosen = settings.current()
    remember_rows(chosen, run_of(chosen))
    st.session_state.stand_still = False
    redraw([*SAMPLER_PARTS[1:], "matrices"])


@st.fragment(key="stations")
@guarded
def stations_strip() -> None:
    """The stations; the chosen one's section comes first, by style alone: no figure is drawn again for it."""
    chosen = settings.current()
    run = run_of(chosen)
    station = stations(station_cards(run.steps[step_index(chosen, run)], run), chosen=chosen.station, key="stations",
                       on_choose=lambda name: settings.look_at("station", name))  # fmt: skip
    st.html(_FIRST.format(station=station))
    small = SMALL.format(tokens=len(run.ids)) if len(run.ids) > MOST_NUMBERS else ""
    st.caption(" ".join((RULE, small, UNCHANGED if st.session_state.get("stand_still") else "")))


def station_cards(step: Step, run: Run) -> list[Station]:
    """The six stations with small pictures of their matrices."""
    names = ["input", "layers.0.attention.weights", "layers.0.feedforward.hidden"]
    x, weights, hidden = step.matrices(names)
    drawn_from = step.sampled.stages[-1].probabilities
    label = run.model.tokenizer.label
    pictures = {
        "text": (
            f"{len(step.ids)} in",
            [Thumbnail(np.array([[len(label(i)) for i in step.ids[:_PICTURE]]]), "tokens")],
        ),
        "embedding": (_shape(x.values), [_thumbnail(x.values)]),
        "attention": (_shape(weights.values[0]), [_thumbnail(weights.values[0], "probability", weights.mask)]),
        "feedforward": (_shape(hidden.values), [_thumbnail(hidden.values)]),
        "logits": (f"1×{step.logits.shape[-1]:,}", [_thumbnail(step.logits[0].topk(24).values.reshape(4, 6))]),
        "sample": (step.sampled.label, [Thumbnail(drawn_from.topk(8).values.numpy()[None], "bars")]),
    }
    return [Station(name, TITLES[name][0], *pictures[name]) for name in settings.STATIONS]


def _shape(values: object) -> str:
    return "×".join(str(size) for size in values.shape)


def _thumbnail(values: object, kind: str = "signed", mask: object = None) -> Thumbnail:
    grid, _ = pool(values.float().numpy(), _PICTURE)
    hidden = None if mask is None else pool(mask.float().numpy(), _PICTURE)[0] > 0
    return Thumbnail(grid, kind, hidden)


@st.fragment(key="next-token")
@guarded
def rail() -> None:
    """The sampled token of the chosen step, and the most likely others."""
    chosen = settings.current()
    run = run_of(chosen)
    step = run.steps[step_index(chosen, run)]
    sampled, p = step.sampled, step.sampled.stages[0].probabilities
    facts = [(percent(sampled.probability), "probability"), (f"{number(sampled.probability * len(p))} ×", "chance")]
    if abs(sampled.drawn_probability - sampled.probability) > 1e-9 * sampled.probability:
        facts.append((percent(sampled.drawn_probability), "drawn with"))
    best = [i for i in p.topk(RUNNERS + 1).indices.tolist() if i != sampled.id][:RUNNERS]
    most = float(p.max())
    runners = [Runner(run.model.tokenizer.label(i), percent(float(p[i])), float(p[i]) / most) for i in best]
    next_token(sampled.label, facts, runners, after=run.model.tokenizer.label(step.ids[-1]), key="next-token-card")

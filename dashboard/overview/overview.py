"""What a visitor sees first: tokens, steps, stations, and the sampled token."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from dashboard.browser import Chip, Phase, Station, Thumbnail, ribbon, stations, timeline
from dashboard.browser.next_token import DRAWN, SAME_CHANCE, Runner, choice_in_words, next_token
from dashboard.browser.ribbon import bytes_remark
from dashboard.browser.thumbnail import ThumbnailKind
from dashboard.downloads.menu import take_away
from dashboard.explainer.panel import cell_at, open_button
from dashboard.figures.equation import MOST_NUMBERS_IN_CELLS
from dashboard.figures.picture import number, percent, pool
from dashboard.link import settings, visit
from dashboard.matrices.equations import tokens_of_logits
from dashboard.matrices.look import look_of
from dashboard.matrices.pictures import Look, shape_in_words
from dashboard.matrices.readings import Reading, read_matrices
from dashboard.matrices.sections import SECTION_TITLES, SHOWN, shows_all
from dashboard.server import rude_words
from dashboard.server.computed import run_of
from dashboard.server.on_screen import on_screen, stages_of, step_index, token_position
from dashboard.shell import waiting
from dashboard.shell.fragments import callback, change, fragment
from dashboard.shell.glossary import glossary_key, marked_one
from llm_core import Run, Step
from llm_core.support.plain_words import counted

RULE = "Each row is a token. In attention, the row's token looks at the columns' tokens."
UNCHANGED = "These matrices have not changed: the new settings act after the model, when a token is drawn."
SMALL = (
    "The cells are small because the run has {tokens:,} tokens. Point at a cell to read its number. In large "
    "matrices this number is rounded. Click the cell to see all digits."
)
RUNNERS = 5
_FIRST = "<style>.st-key-section-{station} {{ order: -2; }}</style>"
_PICTURE = 64  # cells of a thumbnail, in each direction


@fragment("tokens", reads={"tokens", "step", "token"})
def tokens() -> None:
    """The ribbon of tokens and the timeline of steps."""
    chosen = visit.current()
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
    first = Phase("Prefill", counted(count, "token"), labels[0], counted=True)
    return [first, *(Phase(f"Decode {i}", labels[i - 1], labels[i]) for i in range(1, len(labels)))]


@callback
def _choose_step(index: int) -> None:
    change(step=index, cell=cell_at(index))


def _choose_station(name: str) -> None:
    change(station=name, exact="")  # the part that is shown exactly is one of this station's matrix


def _choose_token(position: int) -> None:
    """The outlines move in the browser."""
    change(token=position)


@fragment("stations", reads={"tokens", "rows", "sampled", "station", "layer", "head"})
def stations_strip() -> None:
    """The stations; the chosen one's section comes first, by style alone: no figure is drawn again for it."""
    chosen = visit.current()
    run = run_of(chosen)
    step, look = run.steps[step_index(chosen, run)], look_of(chosen, run.model.config)
    with waiting.for_layer(step, look.layer):
        cards = station_cards(step, run, look)
    stations(cards, chosen=chosen.station, key="stations", on_choose=_choose_station)
    st.html(_FIRST.format(station=chosen.station))
    small = SMALL.format(tokens=len(run.ids)) if len(run.ids) > MOST_NUMBERS_IN_CELLS else ""
    with st.container(horizontal=True, vertical_alignment="center", key="reading-rule"):
        unchanged = UNCHANGED if st.session_state.get("stand_still") else ""
        masked = rude_words.mask_remark(run.model.tokenizer, tokens_in_view(step, chosen.station))
        in_bytes = bytes_remark(map(run.model.tokenizer.label, run.ids))
        st.caption(marked_one(" ".join(filter(None, (RULE, small, unchanged, masked, in_bytes)))))
        open_button()
        take_away()


def tokens_in_view(step: Step, station: str) -> set[int]:
    """The ids of all tokens that this station's page writes out, the table of the vocabulary apart."""
    run, p = step.run, stages_of(step)[0].probabilities
    every = shows_all(run.model.config)
    found = {*run.ids, *p.topk(RUNNERS).indices.tolist()}
    if every or station == "logits":
        found.update(tokens_of_logits(step).ids)
    if every or station == "sample":
        found.update(p.topk(SHOWN).indices.tolist())
    return found


def station_cards(step: Step, run: Run, look: Look) -> list[Station]:
    """The six stations with small pictures of their matrices, of the chosen layer and head."""
    names = ["input", f"layers.{look.layer}.attention.weights", f"layers.{look.layer}.feedforward.hidden"]
    x, weights, hidden = read_matrices(step, names).values()
    drawn_from = stages_of(step)[-1].probabilities
    label = run.model.tokenizer.label
    pictures = {
        "text": (
            counted(len(step.ids), "token"),
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
    titles = {name: SECTION_TITLES[name][0] for name in settings.STATIONS}
    return [
        Station(name, title, *pictures[name], word=glossary_key().get(title.lower(), ""))
        for name, title in titles.items()
    ]


def _spread(logits: Tensor, rows: int = 8, columns: int = 12) -> np.ndarray:
    """A few of a vocabulary's logits (v), evenly spaced, as a small matrix."""
    ids = torch.linspace(0, len(logits) - 1, rows * columns).long()
    return logits[ids].float().reshape(rows, columns).numpy()


def _thumbnail(reading: Reading, head: int = 0, kind: ThumbnailKind = "signed") -> Thumbnail:
    grid, _ = pool(reading.values[head], _PICTURE)
    hidden = None if reading.hidden is None else pool(reading.hidden - np.float32(1), _PICTURE)[0] == 0
    return Thumbnail(grid, kind, hidden, reading.scale(head)[0])


@fragment("next-token", reads={"rows", "sampled"})
def rail() -> None:
    """The sampled token of the chosen step, and the most likely ones."""
    _, run, step = on_screen()
    sampled, p = step.sampled, stages_of(step)[0].probabilities
    facts = [(percent(sampled.probability), "probability"), (f"{number(sampled.probability * len(p))} ×", SAME_CHANCE)]
    facts.append((percent(sampled.drawn_probability), DRAWN))  # always: the card must not grow and shrink
    best, label = p.topk(RUNNERS).indices.tolist(), run.model.tokenizer.label
    most = float(p.max())
    runners = [Runner(label(i), percent(float(p[i])), float(p[i]) / most) for i in best]
    is_likeliest = float(p[sampled.id]) == most
    choice = choice_in_words(label(best[0]), is_likeliest, greedy=run.sampling.greedy)
    next_token(sampled.label, facts, runners, choice=choice, after=label(step.ids[-1]), key="next-token-card")

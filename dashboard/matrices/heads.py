"""All heads of a layer at once, and where their attention goes."""

from typing import Any

import numpy as np
import streamlit as st
import torch

from dashboard.figures.heads import chosen_style, heads_figure, shared_caption
from dashboard.figures.made import Made
from dashboard.figures.picture import masks_of, percent, pool, span_in_words, spans
from dashboard.figures.scale import Scale
from dashboard.link import visit
from dashboard.matrices.look import look_of
from dashboard.matrices.pictures import Look, pooled_sentence
from dashboard.matrices.readings import Reading, read_matrices
from dashboard.matrices.words import LEAVE_FIRST_OUT
from dashboard.server.computed import run_of
from dashboard.shell.fields import field
from dashboard.shell.fragments import change, fragment
from dashboard.shell.glossary import marked_one
from dashboard.shell.pictures import draw_figure
from llm_core import Matrix, Step
from llm_core.support.plain_words import counted

_SMALL = 96  # cells of a small multiple, in each direction

SINK = 0.5  # of a row's attention on the first token
SINKS = "Such a token is called an attention sink. A head often does this when no other token is useful."


def all_heads(step: Step, look: Look) -> None:
    """The attention weights of all heads of the layer, and the sinks among them in a sentence."""
    name = _weights(look.layer)
    reading, row = read_matrices(step, [name])[name], last_row(step, look.layer)
    scale = reading.scale(0, look.skip_first, "heads")  # heads are compared here: they share one, whatever is chosen
    figure = _heads_figure(step, reading, scale)
    draw_figure(figure, key="chart-heads", alt=heads_in_words(step, reading, row), step=step.index)
    notes = [shared_caption(scale), *pooled_sentence(reading.tile)]
    notes += ["Click a head to choose it. Click a cell of the chosen head to explain it. Drag over cells to zoom in."]
    st.caption(marked_one(" ".join([*notes, sink_sentence(row.values[:, 0, 0].float())])))
    st.toggle(
        LEAVE_FIRST_OUT,
        **field("choice-skip", bool(look.skip_first), _skip),
    )


def choose_head(pick: Any, step: Step) -> bool:
    """Choose the head whose small picture was clicked; False where a cell was clicked that is to be explained.

    pick: the clicked cell's matrix and head, from a browser. Only the small pictures show other heads than the chosen.
    """
    chosen, config = visit.current(), step.run.model.config
    look = look_of(chosen, config)
    if chosen.panel != "heads" or not isinstance(pick, dict) or pick.get("matrix") != _weights(look.layer):
        return False
    head = pick.get("head")
    if type(head) is not int or not 0 <= head < config.heads or head == look.head:
        return False
    change(head=head)
    return True


def _weights(layer: int) -> str:
    return f"layers.{layer}.attention.weights"


@fragment("head-frame", reads={"head"})
def head_frame() -> None:
    """The bold frame of the chosen head, a style of its own: the figure stays as it is."""
    chosen = visit.current()
    head = look_of(chosen, run_of(chosen).model.config).head
    st.html(f"<style>{chosen_style(head, '.st-key-chart-heads')}</style>")


def _skip(skip: bool) -> None:
    change(skip_first=int(skip))


def _heads_figure(step: Step, reading: Reading, scale: Scale) -> Made:
    small = [pool(values, _SMALL) for values in reading.values]
    tile = reading.tile[0] * small[0][1][0], reading.tile[1] * small[0][1][1]
    pooled = np.stack([values for values, _ in small])
    hidden = None if reading.hidden is None else pool(reading.hidden.astype(np.float32) - 1, _SMALL)[0] == 0
    masks = masks_of(hidden, step.run.model.config.window, (step.positions.start, 0), tile)
    origin = {"matrix": reading.entry.name, "size": list(reading.shape), "tile": list(tile)}
    queries, keys = (
        [] if (each, start) == (1, 0) else [span_in_words(span) for span in spans(size, each, start)]
        for size, each, start in zip(reading.shape, tile, (step.positions.start, 0), strict=True)
    )
    return heads_figure(pooled, masks, scale, origin, (queries, keys))


def last_row(step: Step, layer: int) -> Matrix:
    """Of each head the attention weights of the last token, exactly: a picture may have a cell for several rows."""
    last = len(step.positions) - 1
    return step.matrix(_weights(layer), range(last, last + 1))


def sink_sentence(shares: torch.Tensor) -> str:
    """What an attention sink is, where there is one. shares: of each head, what the first token gets of the last row's
    attention."""
    heads = int((shares > SINK).sum())
    if not heads:
        return ""
    most = percent(float(shares.max()))
    return (
        f"{heads} of {counted(len(shares), 'head')} {'gives' if heads == 1 else 'give'} the first token more than half "
        f"of the last token's attention, up to {most}. {SINKS}"
    )


def heads_in_words(step: Step, reading: Reading, row: Matrix) -> str:
    """The picture of all heads for those who cannot see it: its range, and what the last token attends to most, in each
    head. row: the last token's own weights.
    """
    seen = reading.values if reading.hidden is None else reading.values[:, ~reading.hidden]
    keys, found = row.labels[-1], []
    for head, (weights,) in enumerate(row.values.float().numpy()):
        key = int(weights.argmax())
        found.append(f"head {head}: {percent(float(weights[key]))} on token {key} {keys[key]}")
    return (
        f"Attention weights of all heads of layer {reading.entry.layer}: from {percent(float(seen.min()))} to "
        f"{percent(float(seen.max()))}. {''.join(f'{s} ' for s in pooled_sentence(reading.tile))}"
        f"The largest part of the attention of token {step.positions[-1]} {row.labels[-2][-1]} in each head: "
        f"{'; '.join(found)}."
    )

"""Of a deep model: which layer and head are looked at, all heads at once, and the stream through the layers."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import torch

from dashboard import settings
from dashboard.figures.alternative import grid_in_words
from dashboard.figures.heads import chosen_style, heads_figure, shared_caption
from dashboard.figures.picture import MOST_CELLS, masks_of, number, off_in_words, percent, pool, span_in_words, spans
from dashboard.figures.scale import Scale
from dashboard.figures.stream import stream_figure
from dashboard.pictures import Look, pooled_in_words
from dashboard.presenter import sized
from dashboard.readings import Reading, read
from dashboard.redraw import guarded, redraw
from dashboard.settings import Settings
from dashboard.state import run_of
from dashboard.tile import tile
from llm_core import Matrix, ModelConfig, Run, Step, catalogue

LAYER_PARTS = ["stations", "layer", "matrices", "explainer"]
HEAD_PARTS = ["stations", "of-head", "head-frame", "explainer"]
_SMALL = 96  # cells of a small multiple, in each direction
PANELS = {"heads": "All heads", "stream": "The stream", "exact": "Any part, exactly"}
SINK = 0.5  # of a row's attention on the first token


def look_of(chosen: Settings, config: ModelConfig) -> Look:
    """What the settings look at, within what this model has."""
    return Look(
        min(chosen.layer, config.layers - 1), min(chosen.head, config.heads - 1), bool(chosen.skip_first),
        chosen.pooling, chosen.scale,
    )  # fmt: skip


def has_choice(config: ModelConfig) -> bool:
    """True where there is something to choose from: layers, heads, or the parts of a matrix that is larger than a
    picture. Where there is not, as in the toy, every cell is on screen."""
    largest = max(config.max_positions, config.model_dim, config.feedforward_dim)
    return config.layers > 1 or config.heads > 1 or largest > MOST_CELLS


def selectors(config: ModelConfig, look: Look, panel: str) -> None:
    """The choice of a layer and of a head, and of what else is shown; with one of them there is nothing to choose."""
    with st.container(horizontal=True, gap="medium", key="depth-choice"):
        if config.layers > 1:
            _slider("layer", "Layer", look.layer, config.layers, LAYER_PARTS)
        if config.heads > 1:
            _slider("head", "Head", look.head, config.heads, HEAD_PARTS)
        panels = panels_of(config)
        st.session_state["choice-panel"] = panel or None
        st.segmented_control("Show as well", panels, key="choice-panel", format_func=PANELS.get, width="content",
                             on_change=_choose_panel)  # fmt: skip


def panels_of(config: ModelConfig) -> list[str]:
    """What can be shown as well: there must be several heads, or layers, to show them side by side."""
    return [p for p in PANELS if {"heads": config.heads > 1, "stream": config.layers > 1}.get(p, True)]


def _slider(name: str, label: str, value: int, count: int, parts: list[str]) -> None:
    key = f"choice-{name}"
    st.session_state[key] = value  # what the URL says
    st.slider(label, 0, count - 1, key=key, on_change=_choose, args=(name, parts))


def _choose(name: str, parts: list[str]) -> None:
    settings.look_at(name, st.session_state[f"choice-{name}"])
    redraw([*parts, "layer"] if settings.current().panel == "exact" else parts)


def _choose_panel() -> None:
    settings.look_at("panel", st.session_state["choice-panel"] or "")
    redraw(["layer"])


def overview(run: Run, step: Step, look: Look, chosen: Settings, position: int) -> None:
    """The selectors, and where it is asked for one figure of several heads or layers, or of any part of a matrix."""
    panel = chosen.panel if chosen.panel in panels_of(run.model.config) else ""
    selectors(run.model.config, look, panel)
    head_frame()  # also where no heads are shown: another head asks for it
    if not panel:
        return
    with st.container(key="depth", border=True, gap="small"), st.container(key=f"equation-{panel}", gap="xsmall"):
        if panel == "heads":
            all_heads(step, look)
        elif panel == "stream":
            stream(step, position, look)
        else:
            tile(step, look, chosen, position)


# ---- all heads ------------------------------------------------------------------------------------------------------


def all_heads(step: Step, look: Look) -> None:
    """The attention weights of all heads of the layer, and the sinks among them in a sentence."""
    name = _weights(look.layer)
    reading, row = read(step, [name])[name], last_row(step, look.layer)
    scale = reading.scale(0, look.skip_first, "heads")  # heads are compared here: they share one, whatever is chosen
    figure = _heads_figure(step, reading, scale)
    st.plotly_chart(sized(figure), width="content", key="chart-heads", theme=None, config={"displayModeBar": False},
                    alt=heads_in_words(step, reading, row))  # fmt: skip
    notes = [shared_caption(scale), *(f"A cell is the {n}." for n in pooled_in_words(reading.tile))]
    notes += ["Click a head to choose it, a cell of the chosen one to explain it; drag over cells for the exact ones."]
    st.caption(" ".join([*notes, sink_sentence(row.values[:, 0, 0].float())]))
    st.session_state["choice-skip"] = bool(look.skip_first)
    st.toggle("Leave the first token out of the scale (values stay)", key="choice-skip", on_change=_skip)


def choose_head(pick: Any, step: Step) -> bool:
    """Choose the head whose small picture was clicked; False where a cell was clicked that is to be explained.

    pick: the clicked cell's matrix and head, from a browser. Only the small pictures show other heads than the chosen.
    """
    chosen, config = settings.current(), step.run.model.config
    look = look_of(chosen, config)
    if chosen.panel != "heads" or not isinstance(pick, dict) or pick.get("matrix") != _weights(look.layer):
        return False
    head = pick.get("head")
    if type(head) is not int or not 0 <= head < config.heads or head == look.head:
        return False
    settings.look_at("head", head)
    redraw(["layer", *HEAD_PARTS])
    return True


def _weights(layer: int) -> str:
    return f"layers.{layer}.attention.weights"


@st.fragment(key="head-frame")
@guarded
def head_frame() -> None:
    """The bold frame of the chosen head, a style of its own: the figure stays as it is."""
    chosen = settings.current()
    head = look_of(chosen, run_of(chosen).model.config).head
    st.html(f"<style>{chosen_style(head, '.st-key-chart-heads')}</style>")


def _skip() -> None:
    settings.look_at("skip_first", int(st.session_state["choice-skip"]))
    redraw(["layer", "matrices"])


def _heads_figure(step: Step, reading: Reading, scale: Scale) -> go.Figure:
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
        f"An attention sink: {heads} of {len(shares)} heads put over half of the last row's attention on the first "
        f"token, up to {most}; it is where a head leaves the attention that it has no use for."
    )


def heads_in_words(step: Step, reading: Reading, row: Matrix) -> str:
    """The picture of all heads for those who cannot see it: its range, and what the last token attends to most, in each
    head. row: the last token's own weights.
    """
    seen = reading.values if reading.hidden is None else reading.values[:, ~reading.hidden]
    cells = "".join(f", each cell the {note}" for note in pooled_in_words(reading.tile))
    keys, found = row.labels[-1], []
    for head, (weights,) in enumerate(row.values.float().numpy()):
        key = int(weights.argmax())
        found.append(f"head {head}: {percent(float(weights[key]))} on token {key} {keys[key]}")
    return (
        f"Attention weights of all heads of layer {reading.entry.layer}{cells}: from {percent(float(seen.min()))} to "
        f"{percent(float(seen.max()))}. Most of the attention of token {step.positions[-1]} {row.labels[-2][-1]}: "
        f"{'; '.join(found)}."
    )


# ---- the stream -----------------------------------------------------------------------------------------------------


def stream_in_words(token: str, values: np.ndarray) -> str:
    """The stream (doors, columns) for those who cannot see it."""
    norms = np.linalg.norm(values, axis=1)
    doors = ["input", *(f"after layer {i}" for i in range(len(values) - 1))]
    columns = [f"column {i}" for i in range(values.shape[1])]
    said = grid_in_words(f"The residual stream of token {token} through the layers", values, (doors, columns))
    return f"{said} Its length goes from {number(float(norms[0]))} to {number(float(norms[-1]))}."


def stream(step: Step, position: int, look: Look) -> None:
    """The stream of one token at each layer's door."""
    config = step.run.model.config
    row = min(max(position - step.positions.start, 0), len(step.positions) - 1)
    doors = [door[row].float() for door in step.doors if door.shape[-1] == config.model_dim]
    values = torch.stack(doors).numpy()
    pooled, tile = pool(values, how=look.pooling)
    magnitudes = np.abs(values[np.isfinite(values)])
    scale = float(np.percentile(magnitudes, 99)) or 1.0  # it grows with the layers: always a robust one
    count, largest = int((magnitudes > scale).sum()), float(magnitudes.max(initial=0))
    token = f"{step.positions[row]} · {step.run.model.tokenizer.label(step.ids[row])}"
    doors_shown = [catalogue.door(config, i) for i in range(len(doors))]
    origin = {"matrices": doors_shown, "rows": row, "size": list(values.shape), "tile": list(tile)}
    figure = stream_figure(pooled, np.linalg.norm(values, axis=1), scale, token, look.layer + 1, tile[1], origin)
    st.plotly_chart(sized(figure), width="content", key="chart-stream", theme=None, config={"displayModeBar": False},
                    alt=stream_in_words(token, values))  # fmt: skip
    off = [off_in_words(count, largest)] if count else []
    said = " · ".join([f"scale ±{number(scale)}", *off, *pooled_in_words(tile, look.pooling)])
    st.caption(f"Layers down, the model's {config.model_dim} columns across. {said[:1].upper()}{said[1:]}.")

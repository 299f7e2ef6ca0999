"""The residual stream of one token through the layers."""

import numpy as np
import streamlit as st
import torch

from dashboard.figures.alternative import grid_in_words
from dashboard.figures.picture import number, off_in_words, pool
from dashboard.figures.stream import stream_figure
from dashboard.matrices.pictures import Look, pooled_in_words
from dashboard.shell.glossary import marked_one
from dashboard.shell.pictures import draw_figure
from llm_core import Step, catalogue


def stream_in_words(token: str, values: np.ndarray) -> str:
    """The stream (doors, columns) for those who cannot see it."""
    norms = np.linalg.norm(values, axis=1)
    doors = ["input", *(f"after layer {i}" for i in range(len(values) - 1))]
    columns = [f"column {i}" for i in range(values.shape[1])]
    said = grid_in_words(f"The residual stream of token {token} through the layers", values, (doors, columns))
    return f"{said} Its length goes from {number(float(norms[0]))} to {number(float(norms[-1]))}."


def stream_of_token(step: Step, position: int, look: Look) -> None:
    """The stream of one token at each layer's door."""
    config = step.run.model.config
    row = min(max(position - step.positions.start, 0), len(step.positions) - 1)
    doors = [door[row].float() for door in step.node.doors if door.shape[-1] == config.model_dim]
    values = torch.stack(doors).numpy()
    pooled, tile = pool(values, how=look.pooling)
    magnitudes = np.abs(values[np.isfinite(values)])
    scale = float(np.percentile(magnitudes, 99)) or 1.0  # it grows with the layers: always a robust one
    count, largest = int((magnitudes > scale).sum()), float(magnitudes.max(initial=0))
    token = f"{step.positions[row]} · {step.run.model.tokenizer.label(step.ids[row])}"
    doors_shown = [catalogue.door(config, i) for i in range(len(doors))]
    origin = {"matrices": doors_shown, "rows": row, "size": list(values.shape), "tile": list(tile)}
    figure = stream_figure(pooled, np.linalg.norm(values, axis=1), scale, token, look.layer + 1, tile[1], origin)
    draw_figure(figure, key="chart-stream", alt=stream_in_words(token, values), step=step.index)
    off = [off_in_words(count, largest)] if count else []
    said = " · ".join([f"scale ±{number(scale)}", *off, *pooled_in_words(tile, look.pooling)])
    text = (
        f"Each row is the residual stream after one layer: {config.model_dim:,} numbers. {said[:1].upper()}{said[1:]}."
    )
    st.caption(marked_one(text))

"""The logit lens as a grid: doors down, positions across, in each cell the likeliest token."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboard.figures.colours import FRAME, MONO, MUTED, PROBABILITY
from dashboard.figures.equation import PADDED, blank_layout, escape, figure_of
from dashboard.figures.made import Made

_LEFT, _WIDE, _LETTER = 44, 1000, 6.7
_NARROWEST, _WIDEST = 14, 120
LEGIBLE = 30  # pixels of width from which tokens are written into their cells
_LONGEST_LABEL = 11  # letters


def lens_figure(
    ids: np.ndarray, probabilities: np.ndarray, labels: dict[int, str], doors: Sequence[str], tokens: Sequence[str]
) -> Made:
    """ids and probabilities (doors, positions, k), the likeliest first; labels: of every id among them.

    tokens: the text at each position, as it is read; doors: the layer after which each is, "in" for the first.
    """
    rows, columns, _ = ids.shape
    width = max(_NARROWEST, min(_WIDEST, _WIDE // columns))
    height = 22 if rows <= 32 else 16
    top = 10 + 7.3 * max(min(len(token), _LONGEST_LABEL) for token in tokens) if columns else 0
    whole = _LEFT + width * columns + 4, top + height * rows + 4
    layout = blank_layout(*whole)
    layout["xaxis"] = _axis([_LEFT / whole[0], 1 - 4 / whole[0]], "y", tokens) | {
        "side": "top",
        "tickangle": -90,
        "range": [-0.5, columns - 0.5],
    }
    layout["yaxis"] = _axis([4 / whole[1], 1 - top / whole[1]], "x", doors) | {"range": [rows - 0.5, -0.5]}
    layout["shapes"].append(
        {
            "type": "rect",
            "xref": "x",
            "yref": "y",
            "x0": -0.5,
            "x1": columns - 0.5,
            "y0": -0.5,
            "y1": rows - 0.5,
            "line": {"color": FRAME, "width": 1.4},
            "fillcolor": "rgba(0,0,0,0)",
        }
    )
    layout["annotations"].append(
        {
            "text": "layer",
            "x": 0,
            "y": 1 - top / whole[1],
            "xref": "paper",
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "bottom",
            "showarrow": False,
            "borderpad": 2,
            "font": {"size": 11, "color": MUTED},
        }
    )
    traces = [_cells(ids, probabilities, labels)]
    if width >= LEGIBLE:
        traces.append(_words(ids[..., 0], labels, int(width / _LETTER)))
    return figure_of(traces, layout)


def _cells(ids: np.ndarray, probabilities: np.ndarray, labels: dict[int, str]) -> dict[str, Any]:
    best = [[_guesses(i, p, labels) for i, p in zip(*row, strict=True)] for row in zip(ids, probabilities, strict=True)]
    return {
        "type": "heatmap",
        "z": np.ascontiguousarray(probabilities[..., 0], np.float32),
        "zmin": 0,
        "zmax": 1,
        "zauto": False,
        "colorscale": PROBABILITY,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "customdata": best,
        "hovertemplate": "layer %{y}, at %{x}<br>%{customdata}<extra></extra>",
    }


def _guesses(ids: np.ndarray, probabilities: np.ndarray, labels: dict[int, str]) -> str:
    pairs = zip(ids.tolist(), probabilities.tolist(), strict=True)
    return "<br>".join(f"<b>{escape(labels[i])}</b> {p:.2%}" for i, p in pairs)


def _words(ids: np.ndarray, labels: dict[int, str], most: int) -> dict[str, Any]:
    """The tokens as a layer of text: unlike a heatmap's own, it takes the page's text colour."""
    rows, columns = np.indices(ids.shape).reshape(2, -1)
    texts = [_fitting(labels[i], most) for i in ids.ravel().tolist()]
    return {
        "type": "scatter",
        "mode": "text",
        "x": columns.tolist(),
        "y": rows.tolist(),
        "text": texts,
        "textfont": {"family": MONO, "size": 11},
        "hoverinfo": "skip",
    }


def _fitting(label: str, most: int) -> str:
    return escape(label if len(label) <= most else label[: max(1, most - 1)] + "…")


def _axis(domain: list[float], anchor: str, labels: Sequence[str]) -> dict[str, Any]:
    texts = [_fitting(label, _LONGEST_LABEL) for label in labels]
    return {
        "domain": domain,
        "anchor": anchor,
        "fixedrange": True,
        "zeroline": False,
        "showgrid": False,
        "tickmode": "array",
        "tickvals": list(range(len(labels))),
        "ticktext": texts,
        "tickfont": {"family": MONO, "size": 11},
        **PADDED,
    }

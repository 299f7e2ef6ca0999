"""The residual stream of one token through the layers: layers down, the model's columns across, and its length."""

from typing import Any

import numpy as np

from dashboard.figures.colours import BAR, FRAME, MONO, MUTED, SIGNED
from dashboard.figures.equation import blank_layout, escape, figure_of
from dashboard.figures.geometry import shorten
from dashboard.figures.made import Made
from dashboard.figures.picture import span_in_words, spans

_LABELS, LINE, _GAP, _TOP, _WIDE = 92, 170, 28, 22, 520


def stream_figure(
    values: np.ndarray,
    norms: np.ndarray,
    scale: float,
    token: str,
    chosen: int,
    each: int = 1,
    origin: dict[str, Any] | None = None,
) -> Made:
    """values: (doors, columns), pooled; norms: of each door, over all of its columns; chosen: the door to mark.

    token: whose stream it is; each: how many columns a cell stands for. origin: what the heatmap's `meta` says, of
    which cells of which matrices its own are.
    """
    rows, columns = values.shape
    labels = ["input", *(f"after layer {i}" for i in range(rows - 1))]
    row = 16 if rows <= 16 else 12 if rows <= 40 else 7
    cell = max(1, min(20, _WIDE // columns))
    width, height = _LABELS + cell * columns + _GAP + LINE, _TOP + row * rows + 20
    layout = blank_layout(width, height)
    bottom, top = 20 / height, 1 - _TOP / height
    right = (_LABELS + cell * columns) / width
    every = 1 if row >= 14 else 2 if row >= 10 else 5
    size = origin["size"][1] if origin else each * columns
    layout["xaxis"] = _axis([_LABELS / width, right], "y") | {
        "tickmode": "array",
        "tickvals": list(range(columns)),
        "ticktext": [span_in_words(span) for span in spans(size, each)],
    }
    layout["yaxis"] = _axis([bottom, top], "x") | {
        "range": [rows - 0.5, -0.5],
        "showticklabels": True,
        "tickmode": "array",
        "tickfont": {"size": 11},
        "tickvals": list(range(0, rows, every)),
        "ticktext": labels[::every],
    }
    layout["xaxis2"] = _axis([right + _GAP / width, 1], "y2") | {
        "type": "log",
        "showticklabels": True,
        "dtick": 1,
        "exponentformat": "none",
        "tickfont": {"family": MONO, "size": 11},
    }
    layout["yaxis2"] = _axis([bottom, top], "x2") | {"range": [rows - 0.5, -0.5]}
    layout["shapes"].append(
        {
            "type": "rect",
            "xref": "paper",
            "yref": "y",
            "x0": _LABELS / width,
            "x1": right,
            "y0": chosen - 0.5,
            "y1": chosen + 0.5,
            "line": {"color": FRAME, "width": 2},
            "fillcolor": "rgba(0,0,0,0)",
        }
    )
    titles = {
        f"residual stream of {escape(shorten(token))}": _LABELS / width,
        "its length (norm) on a log scale": right + _GAP / width,
    }
    for text, x in titles.items():
        layout["annotations"].append(
            {
                "text": text,
                "x": x,
                "y": 1,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "top",
                "showarrow": False,
                "borderpad": 0,
                "font": {"size": 12, "color": MUTED},
            }
        )
    cells = _cells(values, scale, labels) | ({"meta": {"origin": origin}} if origin else {})
    return figure_of([cells, _line(norms, labels)], layout)


def _cells(values: np.ndarray, scale: float, labels: list[str]) -> dict[str, object]:
    return {
        "type": "heatmap",
        "z": np.ascontiguousarray(values, np.float32),
        "zmin": -scale,
        "zmax": scale,
        "zauto": False,
        "colorscale": SIGNED,
        "showscale": False,
        "customdata": [[label] * values.shape[1] for label in labels],
        "hovertemplate": "%{customdata}<br>column %{x}<br><b>%{z:.9g}</b><extra></extra>",
    }


def _line(norms: np.ndarray, labels: list[str]) -> dict[str, object]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": norms.tolist(),
        "y": list(range(len(norms))),
        "xaxis": "x2",
        "yaxis": "y2",
        "line": {"color": BAR, "width": 2},
        "marker": {"size": 5, "color": BAR},
        "text": labels,
        "hovertemplate": "%{text}<br>norm <b>%{x:.6g}</b><extra></extra>",
    }


def _axis(domain: list[float], anchor: str) -> dict[str, object]:
    return {
        "domain": domain,
        "anchor": anchor,
        "fixedrange": True,
        "zeroline": False,
        "showgrid": False,
        "showticklabels": False,
        "ticks": "",
    }

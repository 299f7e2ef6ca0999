"""All heads of a layer as small multiples: one figure, one scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.colours import FRAME, MASKED, PROBABILITY
from dashboard.figures.equation import blank_layout, figure_of
from dashboard.figures.picture import percent

WIDE, GAP, TITLE = 736, 16, 20
_SMALLEST, _LARGEST, _THIN = 88, 150, 20


def heads_figure(
    weights: np.ndarray, hidden: np.ndarray | None, scale: float, chosen: int, origin: dict[str, Any] | None = None
) -> go.Figure:
    """The attention weights (heads, queries, keys) of all heads side by side; the chosen one's frame is bold.

    origin: what the heatmaps' `meta` say, of which cells of which matrix theirs are, the head apart.
    """
    count, rows, _ = weights.shape
    across = min(count, max(1, (WIDE + GAP) // (_size(count) + GAP)))
    width = _size(count)
    height = width if rows > 1 else _THIN
    down = -(-count // across)
    total = across * (width + GAP), down * (height + TITLE + GAP)
    layout = blank_layout(*total)
    traces: list[dict[str, Any]] = []
    for head in range(count):
        left, top = (head % across) * (width + GAP) + 2, (head // across) * (height + TITLE + GAP) + TITLE
        suffix = "" if head == 0 else str(head + 1)
        box = left / total[0], (left + width) / total[0], 1 - (top + height) / total[1], 1 - top / total[1]
        layout[f"xaxis{suffix}"] = _bare(box[:2], f"y{suffix}")
        layout[f"yaxis{suffix}"] = _bare(box[2:], f"x{suffix}") | {"autorange": "reversed"}
        layout["shapes"].append(_frame(box, head == chosen))
        layout["annotations"].append(_title(f"<b>head {head}</b>" if head == chosen else f"head {head}", box))
        traces += [t | {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
                   for t in _traces(weights[head], hidden, scale, head)]  # fmt: skip
        if origin:
            traces[-1 if hidden is None or not hidden.any() else -2]["meta"] = {"origin": origin | {"head": head}}
    return figure_of(traces, layout)


def shared_caption(scale: float) -> str:
    return f"All heads share one scale: 0 … {percent(scale)}."


def _size(count: int) -> int:
    return _LARGEST if count <= 5 else 120 if count <= 12 else _SMALLEST


def _traces(values: np.ndarray, hidden: np.ndarray | None, scale: float, head: int) -> list[dict[str, Any]]:
    shown = values if hidden is None else np.where(hidden, np.nan, values)
    weights = {
        "type": "heatmap", "z": np.ascontiguousarray(shown, np.float32), "zmin": 0, "zmax": scale, "zauto": False,
        "colorscale": PROBABILITY, "showscale": False, "hoverongaps": False, "name": f"head {head}",
        "hovertemplate": f"head {head}<br>query %{{y}}<br>key %{{x}}<br><b>%{{z:.9g}}</b><extra></extra>",
    }  # fmt: skip
    if hidden is None or not hidden.any():
        return [weights]
    masked = np.where(hidden, np.float32(1), np.float32(np.nan))
    said = f"head {head}<br>query %{{y}}<br>key %{{x}}<br><b>in the future</b><extra></extra>"
    return [weights, {"type": "heatmap", "z": masked, "zmin": 0, "zmax": 1, "colorscale": MASKED, "showscale": False,
                      "hovertemplate": said, "hoverongaps": False}]  # fmt: skip


def _bare(domain: Sequence[float], anchor: str) -> dict[str, Any]:
    return {"domain": [max(0, domain[0]), min(1, domain[1])], "anchor": anchor, "fixedrange": True, "zeroline": False,
            "showgrid": False, "showticklabels": False, "ticks": ""}  # fmt: skip


def _frame(box: Sequence[float], chosen: bool) -> dict[str, Any]:
    return {"type": "rect", "xref": "paper", "yref": "paper", "x0": box[0], "x1": box[1], "y0": box[2], "y1": box[3],
            "line": {"color": FRAME, "width": 3 if chosen else 1}, "fillcolor": "rgba(0,0,0,0)"}  # fmt: skip


def _title(text: str, box: Sequence[float]) -> dict[str, Any]:
    return {"text": text, "x": box[0], "y": box[3], "xref": "paper", "yref": "paper", "xanchor": "left",
            "yanchor": "bottom", "showarrow": False, "borderpad": 0, "font": {"size": 13}}  # fmt: skip

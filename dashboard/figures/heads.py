"""All heads of a layer as small multiples: one figure, one scale."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dashboard.figures.codes import coarse, coded
from dashboard.figures.colours import FRAME, MASKED, PROBABILITY
from dashboard.figures.equation import blank_layout, figure_of
from dashboard.figures.made import Made
from dashboard.figures.picture import off_in_words, percent
from dashboard.figures.scale import Scale

Masks = Mapping[str, np.ndarray]
_WIDE, _GAP, _TITLE = 736, 16, 20
_SMALLEST, _LARGEST, _THIN = 88, 150, 20


def heads_figure(
    weights: np.ndarray,
    masks: Masks,
    scale: Scale,
    origin: dict[str, Any] | None = None,
    names: tuple[Sequence[str], Sequence[str]] = ((), ()),
) -> Made:
    """The attention weights (heads, queries, keys) of all heads side by side.

    masks: in words why cells are masked, and True at each of them (queries, keys). origin: what the heatmaps' `meta`
    say, of which cells of which matrix theirs are, the head apart. names: which queries and which keys each cell stands
    for, where these are not its row and its column. Which head is chosen is left to the page
    (`chosen_style`), so that another one needs no other figure.
    """
    count, rows, _ = weights.shape
    width = _size(count)
    height = width if rows > 1 else _THIN
    across = min(count, max(1, (_WIDE + _GAP) // (width + _GAP)))
    down = -(-count // across)
    total = across * (width + _GAP), down * (height + _TITLE + _GAP)
    layout = blank_layout(*total)
    traces: list[dict[str, Any]] = []
    for head in range(count):
        left, top = (head % across) * (width + _GAP) + 2, (head // across) * (height + _TITLE + _GAP) + _TITLE
        suffix = "" if head == 0 else str(head + 1)
        box = left / total[0], (left + width) / total[0], 1 - (top + height) / total[1], 1 - top / total[1]
        layout[f"xaxis{suffix}"] = _bare(box[:2], f"y{suffix}", names[1])
        layout[f"yaxis{suffix}"] = _bare(box[2:], f"x{suffix}", names[0]) | {"autorange": "reversed"}
        layout["shapes"].append(_frame(box))
        layout["annotations"].append(_title(f"head {head}", box))
        cells = (_coded if coarse(weights) else _plain)(weights[head], masks, scale, f"head {head}")
        if origin:
            cells[0].setdefault("meta", {})["origin"] = origin | {"head": head}
        traces += [
            t
            | {
                "type": "heatmap",
                "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}",
                "showscale": False,
                "hoverongaps": False,
            }
            for t in cells
        ]
    return figure_of(traces, layout)


def chosen_style(head: int, within: str) -> str:
    """The style that makes one head's frame and title bold; within: a CSS selector of the figure's place."""
    frame, title = f'.shapelayer [data-index="{head}"] path', f'.annotation[data-index="{head}"] text'
    return f"{within} {frame} {{ stroke-width: 3px !important; }} {within} {title} {{ font-weight: 700 !important; }}"


def shared_caption(scale: Scale) -> str:
    """The scale in words, and how much is off it."""
    count, largest = scale[1]
    off = f", the 99th percentile: {off_in_words(count, largest, 'probability')}" if count else ""
    return f"All heads share one scale: 0 … {percent(scale[0])}{off}."


def _size(count: int) -> int:
    return _LARGEST if count <= 5 else 120 if count <= 12 else _SMALLEST


def _plain(values: np.ndarray, masks: Masks, scale: Scale, name: str) -> list[dict[str, Any]]:
    """One head's heatmap, and one for each reason to mask cells."""
    hidden = np.any([*masks.values(), np.zeros(values.shape, bool)], 0)
    shown = np.ascontiguousarray(np.where(hidden, np.nan, values), np.float32)
    weights = {
        "z": shown,
        "zmin": 0,
        "zmax": scale[0],
        "zauto": False,
        "colorscale": PROBABILITY,
        "hovertemplate": _told(name, "%{z:.9g}"),
    }
    return [
        weights,
        *(
            {
                "z": np.where(cells, np.float32(1), np.float32(np.nan)),
                "zmin": 0,
                "zmax": 1,
                "colorscale": MASKED,
                "hovertemplate": _told(name, why),
            }
            for why, cells in masks.items()
        ),
    ]


def _coded(values: np.ndarray, masks: Masks, scale: Scale, name: str) -> list[dict[str, Any]]:
    """One head's heatmap in codes."""
    cells, codes = coded(values, scale[0], "probability", masks, beyond=scale[1][0] != 0)
    return [cells | {"hovertemplate": _told(name, "%{customdata}"), "meta": {"codes": codes}}]


def _told(name: str, value: str) -> str:
    return f"{name}<br>query %{{y}}<br>key %{{x}}<br><b>{value}</b><extra></extra>"


def _bare(domain: Sequence[float], anchor: str, names: Sequence[str]) -> dict[str, Any]:
    """An axis without ticks; what a cell is called there is told by what the pointer is on."""
    told = {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": list(names)} if names else {}
    return {
        "domain": [max(0, domain[0]), min(1, domain[1])],
        "anchor": anchor,
        "fixedrange": True,
        "zeroline": False,
        "showgrid": False,
        "showticklabels": False,
        "ticks": "",
        **told,
    }


def _frame(box: Sequence[float]) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "paper",
        "yref": "paper",
        "x0": box[0],
        "x1": box[1],
        "y0": box[2],
        "y1": box[3],
        "line": {"color": FRAME, "width": 1},
        "fillcolor": "rgba(0,0,0,0)",
    }


def _title(text: str, box: Sequence[float]) -> dict[str, Any]:
    return {
        "text": text,
        "x": box[0],
        "y": box[3],
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "borderpad": 0,
        "font": {"size": 13},
    }

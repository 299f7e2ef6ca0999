"""Lines over the doors of a model: numbers that change from layer to layer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboard.figures.colours import FRAME, GREY, LINES, MONO, MUTED
from dashboard.figures.equation import blank_layout, figure_of
from dashboard.figures.made import Made
from dashboard.figures.picture import number, percent

HEIGHT, _GAP, _LEFT, BOTTOM, _TITLE = 190, 34, 76, 44, 22


@dataclass(frozen=True)
class Line:
    """One number for each door. word: what it is; texts: written into the hover label behind it."""

    word: str
    values: Sequence[float]
    texts: Sequence[str] = field(default=())


@dataclass(frozen=True)
class Panel:
    """Lines that share an axis. log: its scale is logarithmic; falling: the smallest number is at the top."""

    title: str
    lines: Sequence[Line]
    log: bool = False
    falling: bool = False
    percent: bool = False


def lines_figure(doors: Sequence[str], panels: Sequence[Panel]) -> Made:
    """Panels above each other over the same doors, as wide as the page lets them be.

    doors: the layer after which each is, in few letters: on a phone there is room for two each.
    """
    height = len(panels) * (HEIGHT + _GAP) + BOTTOM
    layout = blank_layout(0, height) | {"autosize": True, "hovermode": "x", "showlegend": False}
    del layout["width"]
    layout["margin"] = {"l": _LEFT, "r": 12, "t": 0, "b": BOTTOM}
    traces: list[dict[str, Any]] = []
    inner = height - BOTTOM
    for place, panel in enumerate(panels):
        suffix = "" if place == 0 else str(place + 1)
        top, bottom = place * (HEIGHT + _GAP) + _TITLE, (place + 1) * (HEIGHT + _GAP) - _GAP + _TITLE
        layout[f"yaxis{suffix}"] = _values_axis(panel, [1 - bottom / inner, 1 - top / inner])
        traces += [_trace(line, doors, panel, suffix, LINES[i]) for i, line in enumerate(panel.lines)]
        layout["annotations"].append(
            {
                "text": _legend(panel),
                "x": 0,
                "y": 1 - (top - _TITLE) / inner,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "top",
                "xshift": 8 - _LEFT,
                "showarrow": False,
                "borderpad": 0,
                "font": {"size": 13},
            }
        )
    layout["xaxis"] = _doors_axis(doors, "y" if len(panels) == 1 else f"y{len(panels)}")
    return figure_of(traces, layout)


def _trace(line: Line, doors: Sequence[str], panel: Panel, suffix: str, colour: str) -> dict[str, Any]:
    said = [
        f"{value:,}" if isinstance(value, int) else percent(value) if panel.percent else number(value)
        for value in line.values
    ]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(doors),
        "y": list(line.values),
        "yaxis": f"y{suffix}",
        "line": {"color": colour, "width": 2},
        "marker": {"size": 5, "color": colour},
        "name": line.word,
        "text": list(line.texts) or [""] * len(doors),
        "customdata": said,
        "hovertemplate": f"{line.word} <b>%{{customdata}}</b> %{{text}}<extra></extra>",
    }


def _legend(panel: Panel) -> str:
    """The title, and which line is which where there are several."""
    words = [f'<span style="color:{c}">●</span> {line.word}' for line, c in zip(panel.lines, LINES, strict=False)]
    return "  ".join([f"<b>{panel.title}</b>", *(words if len(words) > 1 else [])])


def _values_axis(panel: Panel, domain: list[float]) -> dict[str, Any]:
    axis = {
        "domain": [max(0, domain[0]), min(1, domain[1])],
        "fixedrange": True,
        "zeroline": False,
        "showgrid": True,
        "gridcolor": f"rgba({GREY}, 0.25)",
        "tickfont": {"family": MONO, "size": 11},
        "nticks": 6,
    }
    if panel.percent:
        ticks = round_shares(max((value for line in panel.lines for value in line.values), default=0.0))
        axis |= {"tickvals": ticks, "ticktext": [percent(tick) for tick in ticks], "rangemode": "tozero"}
    if panel.log:
        axis |= {"type": "log", "exponentformat": "none", "tickformat": ",~g"}
        del axis["nticks"]  # Plotly's own labels of a logarithmic axis lie on each other
        span = _decades(panel)
        axis["dtick"] = 1 if span > 1.5 else "D2" if span > 0.5 else "D1"  # powers of ten; 1, 2, 5; all digits
    return axis | ({"autorange": "reversed"} if panel.falling else {})


def round_shares(most: float) -> list[float]:
    """At most six round shares with the same distance, from 0 up to `most`."""
    if most <= 0:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(most / 5))
    step = next(digit * power for digit in (1, 2, 5, 10) if most <= 5 * digit * power * (1 + 1e-9))
    return [index * step for index in range(math.floor(most / step + 1e-9) + 1)]


def _decades(panel: Panel) -> float:
    values = [value for line in panel.lines for value in line.values if value > 0]
    return math.log10(max(values) / min(values)) if values else 0.0


def _doors_axis(doors: Sequence[str], anchor: str) -> dict[str, Any]:
    return {
        "type": "category",
        "anchor": anchor,
        "fixedrange": True,
        "zeroline": False,
        "showgrid": False,
        "showline": True,
        "linecolor": FRAME,
        "tickmode": "linear",
        "tick0": 0,
        "dtick": -(-len(doors) // 16),
        "tickfont": {"size": 12},
        "tickangle": 0,
        "title": {"text": "layer", "font": {"size": 11, "color": MUTED}, "standoff": 4},
        "range": [-0.5, len(doors) - 0.5],
    }

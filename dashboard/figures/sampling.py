"""The way from the model's probabilities to the token that was drawn, as bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.figures.colours import BAR, BAR_CHOSEN, BAR_FAINT, FRAME, MONO, SANS
from dashboard.figures.equation import NO_TEMPLATE, PADDED, escape, figure_of
from dashboard.figures.geometry import shorten
from dashboard.figures.made import Made
from dashboard.figures.picture import percent

BAR_HEIGHT, PANEL, PANEL_GAP, _LABELS, _TOP = 20, 150, 14, 112, 34


@dataclass(frozen=True)
class StageBars:
    """One stage: its name, and the probability of each token that is shown."""

    title: str
    probabilities: Sequence[float]


def stage_bars(stages: Sequence[StageBars], labels: Sequence[str], chosen: int) -> Made:
    """Each stage as a panel of bars, one for each token, in the same order; `chosen` is the row of the drawn token.

    All bars share one scale, so that what a stage changes is seen.
    """
    rows = len(labels)
    width, height = _LABELS + len(stages) * (PANEL + PANEL_GAP), _TOP + rows * BAR_HEIGHT + 4
    colours = [BAR_CHOSEN if row == chosen else BAR for row in range(rows)]
    layout: dict[str, Any] = {
        "template": NO_TEMPLATE,
        "width": width,
        "height": height,
        "autosize": False,
        "showlegend": False,
        "bargap": 0.25,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": False,
        "hoverlabel": {"font": {"family": MONO, "size": 13}},
        "annotations": [],
        "shapes": [],
        "font": {"family": SANS},
    }
    longest = max((p for stage in stages for p in stage.probabilities), default=0) or 1
    traces = []
    for index, stage in enumerate(stages):
        suffix = "" if index == 0 else str(index + 1)
        left = _LABELS + index * (PANEL + PANEL_GAP)
        place = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "meta": {"drawn": chosen}}
        traces.append(_bars(stage, colours) | place)
        layout[f"xaxis{suffix}"] = {
            "domain": [left / width, (left + PANEL) / width],
            "anchor": f"y{suffix}",
            "visible": False,
            "range": [0, 1.65 * longest],
            "fixedrange": True,
        }
        layout[f"yaxis{suffix}"] = {
            "domain": [0, 1 - _TOP / height],
            "anchor": f"x{suffix}",
            "range": [rows - 0.5, -0.5],
            "fixedrange": True,
            "showticklabels": index == 0,
            "showgrid": False,
            "zeroline": False,
            "tickmode": "array",
            "tickvals": list(range(rows)),
            "ticktext": [escape(shorten(label)) for label in labels],
            "tickfont": {"family": MONO, "size": 12},
            **PADDED,
        }
        layout["annotations"].append(
            {
                "text": stage.title,
                "x": left / width,
                "y": 1,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "top",
                "showarrow": False,
                "font": {"size": 14},
            }
        )
        layout["shapes"].append(
            {
                "type": "line",
                "xref": "paper",
                "yref": "paper",
                "x0": left / width,
                "x1": left / width,
                "y0": 0,
                "y1": 1 - _TOP / height,
                "line": {"color": FRAME, "width": 1},
            }
        )
    return figure_of(traces, layout)


def _bars(stage: StageBars, colours: Sequence[str]) -> dict[str, object]:
    texts = [percent(p) if p else "out" for p in stage.probabilities]
    colours = [colour if p else BAR_FAINT for colour, p in zip(colours, stage.probabilities, strict=True)]
    return {
        "type": "bar",
        "orientation": "h",
        "x": list(stage.probabilities),
        "y": list(range(len(texts))),
        "text": texts,
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": colours},
        "textfont": {"family": MONO, "size": 11},
        "hovertemplate": "%{y}<br><b>%{x:.9g}</b><extra></extra>",
    }

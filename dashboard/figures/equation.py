"""An operation as one row of an equation: `input × weights = output`, drawn as one Plotly figure.

Each matrix is a heatmap on axes of its own, placed to the pixel, so that cells keep their size from step to step. A
heatmap's `meta` says which token positions its rows and columns are, for the page's highlighter, and which cells of
which matrix it shows, for the explainer.
"""

import html
import itertools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboard.figures import geometry
from dashboard.figures.codes import coarse, coded
from dashboard.figures.colours import FRAME, LETTERS, MASKED, MONO, MUTED, PROBABILITY, SANS, SIGNED
from dashboard.figures.geometry import INLINE_TITLE, TITLE, WORD, Cell, EquationPart, FigurePlan, Placed, Word
from dashboard.figures.made import Made
from dashboard.figures.picture import Picture, span_in_words

MOST_NUMBERS_IN_CELLS = 16  # rows and columns up to which the numbers are written into the cells
NO_TEMPLATE: dict[str, Any] = {
    "layout": {letter: {"ticklabeloverflow": "allow"} for letter in ("xaxis", "yaxis")}
}  # None would bring Plotly's own, 7 kB a figure; labels that are not measured take half the time
PADDED = {"ticks": "outside", "ticklen": 5, "tickcolor": "rgba(0,0,0,0)"}  # a little room between labels and cells
TIGHT = 24  # width of a column in which digits of neighbours would touch
_DIGITS = ((70, 6), (38, 3))  # from which width of a cell on how many digits are written into it
FROM_CACHE = 0.4  # the strength of rows that an earlier step computed


def equation(parts: Sequence[EquationPart], tokens: int, room: int = geometry.ROOM, cell: Cell | None = None) -> Made:
    """Draw one equation. tokens: how many the run has, so that all of its steps get cells of one size.

    room: pixels of width for all columns that are not tokens. cell: the size of cells, if it is decided already.
    """
    columns = sum(p.columns for p in parts if isinstance(p, Picture) and p.column_start is None)
    if cell is None:
        cell, plan = geometry.fitted_plan(parts, geometry.cell_for(tokens, columns, room))
    else:
        plan = geometry.plan(parts, cell)
    traces: list[dict[str, Any]] = []
    layout = blank_layout(plan.width, plan.height)
    for index, placed in enumerate(plan.placed, start=1):
        suffix = "" if index == 1 else str(index)
        traces += [trace | {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"} for trace in _traces(placed, cell)]
        layout[f"xaxis{suffix}"] = _column_axis(placed, plan, f"y{suffix}", cell)
        layout[f"yaxis{suffix}"] = _row_axis(placed, plan, f"x{suffix}", cell)
        layout["annotations"] += _texts(placed, plan, cell)
        layout["shapes"] += _frames(placed, plan)
    layout["annotations"] += [_text(_operator(w), w.x, w.y, plan, size=17, xanchor="center") for w in plan.words]
    return figure_of(traces, layout)


def figure_of(traces: list[dict[str, Any]], layout: dict[str, Any]) -> Made:
    """The figure as it is: Plotly's check of each property would take most of the time of drawing a page."""
    return Made(traces, layout)


def escape(label: str) -> str:
    """A token for Plotly, which reads some HTML in its labels."""
    return html.escape(label, quote=False)


def blank_layout(width: float, height: float) -> dict[str, Any]:
    """A figure of this size with nothing in it but its fonts."""
    return {
        "template": NO_TEMPLATE,
        "width": round(width),
        "height": round(height),
        "autosize": False,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "annotations": [],
        "shapes": [],
        "font": {"family": SANS},
        "hoverlabel": {"font": {"family": MONO, "size": 13}},
    }


# ---- cells ----------------------------------------------------------------------------------------------------------


def _traces(placed: Placed, cell: Cell) -> list[dict[str, Any]]:
    """The heatmaps of one picture (rows from the cache apart), the masked cells, and the numbers."""
    picture = placed.picture
    values = picture.values if picture.hidden is None else np.where(picture.hidden, np.nan, picture.values)
    traces = []
    codes = not picture.exact and coarse(picture.values, picture.hidden)
    roomy = _holds_numbers(picture, cell)
    numbers = _numbers(picture, values, geometry.column_width(picture, cell)) if roomy else {}
    for start, stop in ((0, picture.cached), (picture.cached, picture.rows)):
        if start < stop:
            heatmap = _heatmap(picture, values, start, stop) | _gaps(picture, cell)
            if roomy:
                heatmap["meta"]["numbers"] = numbers | {"texts": numbers["texts"][start:stop]}
            traces.append(_in_codes(heatmap, picture, start, stop) if codes else heatmap)
    if not codes:
        traces += [_masked(picture, why, cells) for why, cells in picture.masks.items()]
    return traces


def _holds_numbers(picture: Picture, cell: Cell) -> bool:
    """Whether the cells are large enough for their numbers, and few enough."""
    roomy = geometry.column_width(picture, cell) >= geometry.NUMBERED and geometry.row_height(picture, cell) >= 16
    return roomy and max(picture.rows, picture.columns) <= MOST_NUMBERS_IN_CELLS


def _heatmap(picture: Picture, values: np.ndarray, start: int, stop: int) -> dict[str, Any]:
    signed = picture.quantity == "signed"
    cached = stop <= picture.cached
    kind = "<br>from cache" if cached else f"<br>{picture.source}" if picture.kind == "weight" else ""
    return {
        "type": "heatmap",
        "z": np.ascontiguousarray(values[start:stop], dtype=np.float32),
        "y0": start,
        "dy": 1,
        "x0": 0,
        "dx": 1,
        "opacity": FROM_CACHE if cached else 1,
        "zmin": -picture.scale if signed else 0,
        "zmax": picture.scale,
        "zauto": False,
        "colorscale": SIGNED if signed else PROBABILITY,
        "showscale": False,
        "hoverongaps": False,
        "hovertemplate": f"{_pointed(picture, 0)}<br>{_pointed(picture, 1)}<br><b>%{{z:.9g}}</b>{kind}<extra></extra>",
        "meta": {
            "matrix": picture.name,
            "label": picture.symbol,
            "row_count": stop - start,
            "row_start": _after(picture.row_start, start) if picture.tile[0] == 1 else None,
            "column_start": picture.column_start if picture.tile[1] == 1 else None,
            "column_count": picture.columns,
            "word": picture.column_word,
            "tile": list(picture.tile),
            **({"origin": picture.origin.said()} if picture.origin else {}),
        },
    }


def _in_codes(heatmap: dict[str, Any], picture: Picture, start: int, stop: int) -> dict[str, Any]:
    """The same heatmap with codes for its cells, masked ones too, and the words that the browser makes of them."""
    masks = {why: cells[start:stop] for why, cells in picture.masks.items()}
    beyond = picture.off_scale[0] != 0
    cells, codes = coded(picture.values[start:stop], picture.scale, picture.quantity, masks, beyond)
    told = heatmap["hovertemplate"].replace("%{z:.9g}", "%{customdata}")
    return heatmap | cells | {"hovertemplate": told, "meta": heatmap["meta"] | {"codes": codes}}


def _gaps(picture: Picture, cell: Cell) -> dict[str, int]:
    """A hair between cells that are large enough for it."""
    roomy = min(geometry.row_height(picture, cell), geometry.column_width(picture, cell)) >= 14
    return {"xgap": 1, "ygap": 1} if roomy else {}


def _after(start: int | None, rows: int) -> int | None:
    return None if start is None else start + rows


def _pointed(picture: Picture, axis: int) -> str:
    """What is told of the row or column that the pointer is on: of a token its position and its text."""
    letter = "yx"[axis]
    word = (picture.row_word, picture.column_word)[axis] or ("row", "column")[axis]
    return " ".join(filter(None, (word, _position(picture, axis, letter), f"%{{{letter}}}")))


def _position(picture: Picture, axis: int, letter: str) -> str:
    """The position of the token that the pointer is on, where the axis' labels are tokens alone."""
    start = (picture.row_start, picture.column_start)[axis]
    if start is None or picture.exact or picture.tile[axis] > 1 or not picture.names(axis):
        return ""
    return str(start) if (picture.rows, picture.columns)[axis] == 1 else f"%{{{letter}:d}}" if start == 0 else ""


def _masked(picture: Picture, why: str, cells: np.ndarray) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "z": np.where(cells, 1, np.nan).astype(np.float32),
        "zmin": 0,
        "zmax": 1,
        "colorscale": MASKED,
        "showscale": False,
        "hoverongaps": False,
        "hovertemplate": f"{_pointed(picture, 0)}<br>{_pointed(picture, 1)}<br><b>{why}</b><extra></extra>",
    }


def _numbers(picture: Picture, values: np.ndarray, width: float) -> dict[str, Any]:
    """The numbers in the cells, for the browser to write there (browser/board): as a trace of texts they
    would take Plotly as long as all that it draws besides."""
    finite = np.isfinite(values)
    share = picture.quantity == "probability" and not picture.power
    values = values / 10.0**picture.power
    largest = 0.5 if share else float(np.abs(values[finite]).max(initial=0))
    digits = next((digits for wide, digits in _DIGITS if width >= wide), None)
    tight = width < TIGHT

    def written(value: float) -> str:
        return short(value, largest, tight) if digits is None else precise(value, digits)

    rows = zip(values.tolist(), finite.tolist(), strict=True)
    texts = [[written(value) if shown else "" for value, shown in zip(*row, strict=True)] for row in rows]
    longest = max(map(len, itertools.chain(*texts)), default=0)
    size: float = 8 if longest > 4 else 9 if longest == 4 else 10  # digits of neighbours must not touch
    if tight:
        size = 7.5 if longest > 3 else 8
    if digits is not None:
        size = 10 if digits > 3 else 9
    return {"texts": texts, "size": size}


def precise(value: float, digits: int) -> str:
    """A number with so many significant digits: −0.0123, 1.23e−5."""
    return re.sub(r"e([+-])0*", r"e\1", f"{value:.{digits}g}").replace("-", "−")


def short(value: float, largest: float, tight: bool = False) -> str:
    """A number of at most four characters or so, as precise as all numbers of its matrix can be: −1.2, .35, 104.

    tight: no zero in front of the point where one digit follows it either: −.7.
    """
    digits = 2 if largest < 0.995 else 1 if largest < 99.95 else 0
    text = f"{abs(value):.{digits}f}"
    if digits == 2:
        text = text[1:] if abs(value) < 0.995 else f"{abs(value):.0f}"
    elif digits == 1 and tight:
        text = text.removeprefix("0")
    return f"−{text}" if value < 0 and float(f"0{text}") != 0 else text


# ---- axes -----------------------------------------------------------------------------------------------------------


def _row_axis(placed: Placed, plan: FigurePlan, anchor: str, cell: Cell) -> dict[str, Any]:
    picture = placed.picture
    pooled = picture.tile[0] > 1
    shown = bool(picture.row_labels) and not pooled and (cell.labelled or picture.row_start is None)
    labels = [span_in_words(span) for span in picture.spans(0)] if pooled else picture.names(0)
    if labels and not pooled and not shown and picture.row_start is not None and not _position(picture, 0, "y"):
        labels = [f"{position} {name}" for position, name in enumerate(labels, picture.row_start)]
    domain = [1 - placed.bottom / plan.height, 1 - placed.top / plan.height]
    return _axis(domain, anchor, picture.rows, labels, shown) | {"range": [picture.rows - 0.5, -0.5]}


def _column_axis(placed: Placed, plan: FigurePlan, anchor: str, cell: Cell) -> dict[str, Any]:
    picture = placed.picture
    domain = [placed.left / plan.width, placed.right / plan.width]
    shown = geometry.column_label_height(picture, cell) > 0
    labels = [span_in_words(span) for span in picture.spans(1)] if picture.tile[1] > 1 else picture.names(1)
    axis = _axis(domain, anchor, picture.columns, labels, shown)
    return axis | {"range": [-0.5, picture.columns - 0.5], "side": "top", "tickangle": -90}


def _axis(domain: list[float], anchor: str, size: int, labels: Sequence[str] | None, shown: bool) -> dict[str, Any]:
    """Ticks name every row or column, seen or not: the hover text reads them. Marks are drawn beside labels only: they
    are invisible, and thousands of them would take longer than all cells."""
    shorten = geometry.shorten if shown else str
    texts = [escape(shorten(label)) for label in labels] if labels else [str(i) for i in range(size)]
    return {
        "domain": [max(0, domain[0]), min(1, domain[1])],
        "anchor": anchor,
        "fixedrange": True,
        "zeroline": False,
        "showgrid": False,
        "showticklabels": shown,
        "tickmode": "array",
        "tickvals": list(range(size)),
        "ticktext": texts,
        "tickfont": {"family": MONO, "size": 12},
        **(PADDED if shown else {"ticks": ""}),
    }


# ---- texts and frames -----------------------------------------------------------------------------------------------


def _operator(word: Word) -> str:
    """A sign as it is; the name of an operation above an arrow; the symbol of a matrix that is shown elsewhere."""
    text = word.text
    if word.symbol:
        return f"<b>{pretty(text)}</b><br><span style='font-size:11px;color:{MUTED}'>as above</span>"
    if not geometry.is_named(text):
        return text
    return f"<span style='font-size:13px'>{text}{' ↓</span>' if word.down else '</span><br>→'}"


def pretty(symbol: str) -> str:
    """A symbol for Plotly: W_q with a small q."""
    colour = LETTERS.get(symbol)
    text = re.sub(r"_(\w+)", r"<sub>\1</sub>", symbol)
    return f'<span style="color:{colour}">{text}</span>' if colour else text


def _texts(placed: Placed, plan: FigurePlan, cell: Cell) -> list[dict[str, Any]]:
    """Title and shape above a picture, its axis word and caption below, its row word at the left."""
    picture = placed.picture
    title = placed.top - geometry.column_label_height(picture, cell) - TITLE / 2
    symbol = f"<b>{pretty(picture.symbol)}</b>  <span style='font-size:12px'>{picture.shape}</span>"
    if placed.inline:
        symbol += f"  <span style='font-size:11px;color:{MUTED}'>{' · '.join(geometry.caption(placed))}</span>"
        return [_text(symbol, placed.left, placed.top - INLINE_TITLE / 2, plan, size=15), *_arrow(placed, plan)]
    texts = [_text(symbol, placed.left, title, plan, size=15)]
    texts.append(_text(picture.column_word, placed.left, placed.bottom + WORD / 2 + 1, plan, size=12))
    lines = "<br>".join(geometry.caption(placed))
    texts.append(
        _text(lines, placed.left, placed.bottom + WORD + 1, plan, size=11, color=MUTED, yanchor="top", align="left")
    )
    if picture.row_word and not picture.row_labels and picture.row_start is None:
        middle = (placed.top + placed.bottom) / 2
        texts.append(_text(picture.row_word, placed.left - 9, middle, plan, size=12, textangle=-90, xanchor="center"))
    if picture.row_labels and not cell.labelled and picture.row_start is not None:
        texts += _positions(placed, plan)
    if picture.transposed:
        texts.append(_text("<b>T</b>", placed.right + 5, placed.top + 2, plan, size=15))
    return texts + _arrow(placed, plan)


def _arrow(placed: Placed, plan: FigurePlan) -> list[dict[str, Any]]:
    """At the row that leads to the next token."""
    if not placed.picture.predicts:
        return []
    last = placed.bottom - placed.height / placed.picture.rows / 2
    return [_text("◀", placed.right + 3, last, plan, size=11)]


def _positions(placed: Placed, plan: FigurePlan) -> list[dict[str, Any]]:
    """Rows too low for a label each: their positions, now and then."""
    picture = placed.picture
    height = placed.height / picture.rows
    every = next(n for n in (2, 4, 8, 16, 32, 64, 128) if n * height >= 20)
    start = picture.row_start or 0
    return [
        _text(
            str(start + row * picture.tile[0]),
            placed.left - 6,
            placed.top + (row + 0.5) * height,
            plan,
            size=11,
            color=MUTED,
            xanchor="right",
        )
        for row in range(0, picture.rows, every)
    ]


def _text(text: str, x: float, y: float, plan: FigurePlan, size: int, **more: Any) -> dict[str, Any]:
    color = more.pop("color", None)
    return {
        "text": text,
        "x": x / plan.width,
        "y": 1 - y / plan.height,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "middle",
        "showarrow": False,
        "borderpad": 0,
        "font": {"size": size} | ({"color": color} if color else {}),
        **more,
    }


def _frames(placed: Placed, plan: FigurePlan) -> list[dict[str, Any]]:
    """Dashed: a weight. Solid: computed. Double: the cache."""
    picture = placed.picture
    style = {"color": FRAME, "width": 1.4, "dash": "dash" if picture.kind == "weight" else "solid"}
    frames = [_box(placed, plan, 0.5, style)]
    if picture.kind == "cache":
        frames.append(_box(placed, plan, 3.5, style))
    return frames


def _box(placed: Placed, plan: FigurePlan, outside: float, line: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "paper",
        "yref": "paper",
        "line": line,
        "fillcolor": "rgba(0,0,0,0)",
        "x0": (placed.left - outside) / plan.width,
        "x1": (placed.right + outside) / plan.width,
        "y0": 1 - (placed.top - outside) / plan.height,
        "y1": 1 - (placed.bottom + outside) / plan.height,
    }

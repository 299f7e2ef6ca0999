"""Any part of any matrix or weight, exactly: a range of rows and columns, of which just these rows are derived."""

import streamlit as st
from torch import Tensor

from dashboard.figures.equation import equation
from dashboard.figures.picture import MOST_CELLS, Origin, Picture
from dashboard.figures.scale import finite, scale_of
from dashboard.pictures import Look, shape_in_words
from dashboard.readings import HEADS, share_of
from dashboard.sharing import kv_head_of
from llm_core import ModelConfig, Step, catalogue
from llm_core.catalogue import Entry

FIRST = 16  # rows and columns that are shown at first: as many as have their numbers written in


def entries(config: ModelConfig, layer: int) -> dict[str, Entry]:
    """The matrices and weights of one layer and those outside of layers, by their names without the layer."""
    found = [*catalogue.matrices(config), *catalogue.weights(config)]
    return {e.name.replace(f"layers.{layer}.", ""): e for e in found if e.layer in (None, layer)}


def shape_of(step: Step, entry: Entry) -> tuple[int, int]:
    """Rows and columns of one matrix (of one head) or weight; nothing is derived."""
    config = step.run.model.config
    if entry.learned:
        return entry.shape if len(entry.shape) == 2 else (1, entry.shape[0])
    sizes = {"position": len(step.positions), "query": len(step.positions), "key": step.positions.stop,
             "head_dim": config.head_dim, "model": config.model_dim, "hidden": config.feedforward_dim,
             "vocab": config.vocab_size}  # fmt: skip
    rows, columns = entry.axes[-2:]
    return (1 if columns == "vocab" else sizes[rows]), sizes[columns]


def tile_picture(step: Step, look: Look, entry: Entry, rows: range, columns: range) -> Picture:
    """These rows and columns, as they are. Raises ValueError for a part that the matrix lacks or that is too large."""
    height, width = shape_of(step, entry)
    for word, part, size in (("rows", rows, height), ("columns", columns, width)):
        if not 0 <= part.start < part.stop <= size:
            raise ValueError(f"{word} {part.start} to {part.stop - 1} are not among this matrix's {size:,} {word}")
        if len(part) > MOST_CELLS:
            raise ValueError(f"{len(part):,} {word} were asked for; a picture shows at most {MOST_CELLS}")
    values, labels, hidden = _cells(step, look, entry, rows)
    part = slice(columns.start, columns.stop)
    whole = values[:, part].float().numpy()
    hidden = None if hidden is None else hidden[:, part].numpy()
    scale, off_scale = scale_of(finite(whole, hidden), share_of(entry, width))
    row_word, column_word = ("", *entry.axes)[-2:]
    return Picture(
        entry.name, entry.symbol, shape_in_words((height, width)), whole, quantity=entry.quantity,
        kind="weight" if entry.learned else "activation", row_word=row_word, column_word=column_word, hidden=hidden,
        row_labels=[f"{i} {label}".strip() for i, label in zip(rows, labels, strict=True)],
        column_labels=[str(i) for i in columns], scale=scale, off_scale=off_scale,
        notes=(f"rows {rows[0]:,} to {rows[-1]:,}, columns {columns[0]:,} to {columns[-1]:,}",),
        origin=Origin(whole.shape, _head(step.run.model.config, look, entry), rows.start, columns.start),
    )  # fmt: skip


def _cells(step: Step, look: Look, entry: Entry, rows: range) -> tuple[Tensor, list[str], Tensor | None]:
    """The asked rows of all columns, with the rows' labels and what of them the mask hides."""
    if entry.learned:
        weight = step.run.model.get_parameter(entry.name).detach()
        weight = weight if weight.ndim == 2 else weight[None]
        return weight[rows.start : rows.stop], [""] * len(rows), None
    grows = entry.axes[-2] in ("position", "query") and entry.axes[-1] != "vocab"
    matrix = step.matrix(entry.name, rows if grows else None)
    values = matrix.values
    if entry.axes[0] in HEADS:
        values = values[_head(step.run.model.config, look, entry)]
    if grows:
        return values, list(matrix.labels[-2]), matrix.mask
    part = slice(rows.start, rows.stop)
    return values[part], list(matrix.labels[-2])[part], None


def _head(config: ModelConfig, look: Look, entry: Entry) -> int | None:
    """Which head of this matrix is looked at; None where it has no axis of heads."""
    if entry.axes[0] not in HEADS:
        return None
    return look.head if entry.axes[0] == "head" else kv_head_of(config, look.head)


def tile(step: Step, look: Look) -> None:
    """The choice of a matrix and of a part of it, and the part."""
    options = entries(step.run.model.config, look.layer)
    name = st.selectbox("Matrix", options, key="tile-matrix", format_func=lambda n: f"{options[n].title} · {n}")
    entry = options[name]
    height, width = shape_of(step, entry)
    with st.container(horizontal=True, gap="small"):
        rows = _range("row", name, height)
        columns = _range("column", name, width)
    try:
        figure = equation([tile_picture(step, look, entry, rows, columns)], max(len(rows), len(columns)))
    except ValueError as error:
        st.text(f"{str(error).capitalize()}.")
        return
    st.plotly_chart(figure, width="content", key="chart-tile", theme=None, config={"displayModeBar": False},
                    alt=f"{entry.title}, a part of it")  # fmt: skip


def _range(word: str, name: str, size: int) -> range:
    """Two numbers to type: the first and the last row or column."""
    first = st.number_input(f"First {word}", 0, size - 1, 0, 1, key=f"tile-{name}-{word}-first-{size}")
    last = st.number_input(f"Last {word} (of {size:,})", 0, size - 1, min(FIRST, size) - 1, 1,
                           key=f"tile-{name}-{word}-last-{size}")  # fmt: skip
    return range(int(first), int(last) + 1)

"""The matrices of a run file as pictures, and which of them are drawn beside each other."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboard.figures.picture import Picture, axis_word, pool
from dashboard.figures.scale import finite, scale_of
from dashboard.matrices.pictures import TOP, pooled_in_words, shape_in_words
from dashboard.matrices.readings import share_of
from dashboard.matrices.shared_heads import own_head
from llm_core import Matrix
from llm_core.files.opened_run import FiledStep

TOGETHER, _COLUMNS = 4, 40  # pictures, and columns, that are drawn in one figure


def picture_of(step: FiledStep, name: str, head: int) -> Picture:
    """One matrix of the file as the page draws matrices: this head of it, of the vocabulary the largest columns."""
    matrix = step.matrix(name)
    entry, labels = matrix.entry, list(matrix.labels[-2])
    values = _grid(matrix, step, head)
    hidden = None if matrix.mask is None else matrix.mask.numpy()
    columns: dict[str, Any] = {}
    notes: tuple[str, ...] = () if matrix.arrives else ("this layer was computed again and differs from the run",)
    shape = values.shape
    if entry.axes[-1] == "vocab":
        largest = np.argsort(-values[0], kind="stable")[:TOP]
        values = values[:, largest]
        columns["column_labels"] = _tokens(step, largest.tolist())
        notes = (f"{len(largest)} of {shape[1]:,} columns", *notes)
    elif entry.axes[-1] == "key":
        columns = {"column_start": 0, "column_labels": list(matrix.labels[-1])}
    seen = finite(values, hidden)
    wrong = values.size - seen.size - (0 if hidden is None else int(hidden.sum()))
    if wrong:
        notes = (*notes, f"{wrong:,} of {values.size:,} cells NaN or infinite")
    pooled, tile = pool(values if hidden is None else np.where(hidden, np.float32(0), values))
    scale, off_scale = scale_of(seen, share_of(entry, shape[1]))
    cached = entry.axes[-2] == "key"
    return Picture(
        name,
        entry.symbol,
        shape_in_words(shape),
        pooled,
        quantity=entry.quantity,
        kind="cache" if cached else "activation",
        row_word=axis_word(entry.axes[-2]),
        column_word=axis_word(entry.axes[-1]),
        row_labels=labels,
        row_names=labels,
        tile=tile,
        size=values.shape,
        scale=scale,
        off_scale=off_scale,
        row_start=0 if cached else (step.positions[-1] if entry.axes[-1] == "vocab" else step.positions.start),
        hidden=None if hidden is None else pool(hidden - np.float32(1))[0] == 0,
        window=step.run.config.window,
        cached=step.positions.start // tile[0] if cached else 0,
        notes=(*notes, *pooled_in_words(tile)),
        **columns,
    )


def _grid(matrix: Matrix, step: FiledStep, head: int) -> np.ndarray:
    values = matrix.values.float().numpy()
    own = own_head(step.run.config, matrix.entry, head)
    return values if own is None else values[own]


def _tokens(step: FiledStep, ids: Sequence[int]) -> list[str]:
    """The texts of tokens where the file tells them, else their ids."""
    known = step.run.named | {c.id: c.label for c in step.sampled.most_likely} | {step.sampled.id: step.sampled.label}
    known |= dict(zip(step.run.ids, step.run.labels, strict=True))
    return [known.get(i, f"id {i}") for i in ids]


def side_by_side(pictures: Sequence[Picture]) -> list[list[Picture]]:
    """Neighbours in the order of computation that have room in one figure."""
    rows: list[list[Picture]] = []
    for picture in pictures:
        if rows and len(rows[-1]) < TOGETHER and sum(p.columns for p in rows[-1]) + picture.columns <= _COLUMNS:
            rows[-1].append(picture)
        else:
            rows.append([picture])
    return rows

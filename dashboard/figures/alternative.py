"""What a figure shows, in words: for those who cannot see it."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from dashboard.figures.geometry import EquationPart
from dashboard.figures.picture import Picture, number, percent, span_in_words

MOST_NAMED = 3  # cells


def equation_in_words(parts: Sequence[EquationPart]) -> str:
    """Every matrix of an equation, those below others too: its shape, its range, and its largest cells."""
    return " ".join(picture_in_words(p) for part in parts if isinstance(part, Picture) for p in _all_of(part))


def _all_of(picture: Picture) -> list[Picture]:
    return [picture, *(under for _, under in picture.below)]


def picture_in_words(picture: Picture) -> str:
    """One picture: its symbol and shape, its range, and its largest cells by row and column."""
    return grid_in_words(
        f"{picture.symbol}, {picture.shape}",
        picture.values,
        (_names(picture, 0), _names(picture, 1)),
        hidden=picture.hidden,
        share=picture.quantity == "probability",
    )


def grid_in_words(
    what: str,
    values: np.ndarray,
    names: tuple[Sequence[str], Sequence[str]],
    hidden: np.ndarray | None = None,
    share: bool = False,
    written: np.ndarray | None = None,
) -> str:
    """A heatmap of values (rows, columns), whose rows and columns have these names; hidden: True where masked.

    share: the values are shares of 1, said in percent. written: the word in each cell, where there is one.
    """
    seen = np.isfinite(values) if hidden is None else np.isfinite(values) & ~hidden
    wrong = values.size - int(seen.sum()) - (0 if hidden is None else int(hidden.sum()))
    if not seen.any():
        return f"{what}: all {'NaN or infinite' if wrong else 'masked'}."
    said = percent if share else number
    least, most = values[seen].min(), values[seen].max()
    order = np.argsort(np.where(seen, np.abs(values), -1), axis=None)[::-1][: min(MOST_NAMED, int(seen.sum()))]
    cells = [
        f"{names[0][row]}, {names[1][column]}: "
        + ("" if written is None else f"{written[row, column]} ")
        + said(float(values[row, column]))
        for row, column in zip(*np.unravel_index(order, values.shape), strict=True)
    ]
    broken = f"; NaN or infinite cells: {wrong:,}" if wrong else ""
    return f"{what}: from {said(float(least))} to {said(float(most))}; largest at {'; '.join(cells)}{broken}."


def line_in_words(
    what: str, values: Sequence[float], names: Sequence[str], said: Callable[[float], str] = number
) -> str:
    """A line through values at points of these names: its range, and where its ends are. said: how a value is told."""
    finite = [i for i, value in enumerate(values) if math.isfinite(value)]
    if not finite:
        return f"{what}: no numbers."
    least, most = (pick(finite, key=values.__getitem__) for pick in (min, max))
    return (
        f"{what}: from {said(values[least])} to {said(values[most])}; "
        f"smallest {names[least]}, largest {names[most]}; {said(values[finite[-1]])} {names[finite[-1]]}."
    )


def _names(picture: Picture, axis: int) -> list[str]:
    """What each row or column is called: its token where it is one, else its number or span of numbers."""
    count = (picture.rows, picture.columns)[axis]
    word = (picture.row_word, picture.column_word)[axis] or ("row", "column")[axis]
    labels = (picture.row_names or picture.row_labels, picture.column_labels or picture.column_names)[axis]
    start = (picture.row_start, picture.column_start)[axis]
    if picture.tile[axis] > 1:
        return [f"{word} {span_in_words(span, ' to ')}" for span in picture.spans(axis)]
    if labels is not None and len(labels) == count:
        return [f"{word} {labels[i]}" if start is None else f"{word} {start + i} {labels[i]}" for i in range(count)]
    return [f"{word} {(start or 0) + i}" for i in range(count)]

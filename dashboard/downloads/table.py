"""A matrix as CSV: rows and columns are named, numbers are exact, and no text is taken for a formula."""

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np

from dashboard.downloads.matrix import Taken

MOST_NUMBERS_CSV = 4_200_000  # a 2,048 × 2,048 matrix, 50 MB of text
MOST_COLUMNS = 16_384  # that a spreadsheet has
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_TOKENS = ("position", "query", "key", "vocab")


def as_csv(taken: Taken) -> bytes:
    """The matrix, of heads the chosen one, in UTF-8 with a byte order mark, so that spreadsheets read its tokens.

    The first columns number and name the rows. A matrix of more columns than a spreadsheet has, and fewer rows, is
    turned, and its first cell says so. Nine digits bring back each float32 exactly; what the mask hides is "masked".
    """
    matrix = taken.matrix()
    grid = (matrix.values if taken.head is None else matrix.values[taken.head]).float().numpy()
    grid = grid if grid.ndim == 2 else grid[None]
    axes = ("", *matrix.axes)[-2:]
    labels = ([""], *matrix.labels)[-2:]
    turned = grid.shape[1] > MOST_COLUMNS >= grid.shape[0]
    if turned:
        grid, axes, labels = grid.T, axes[::-1], labels[::-1]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    starts = taken.starts()
    rows, columns = ([*_named(axis, names, starts.get(axis, 0))] for axis, names in zip(axes, labels, strict=True))
    corner = f"{axes[0] or 'row'}{' (turned)' if turned else ''}"
    writer.writerow([corner, *(["token"] if axes[0] in _TOKENS else []), *(" ".join(column) for column in columns)])
    writer.writerows([*row, *_numbers(values)] for row, values in zip(rows, grid, strict=True))
    return file.getvalue().encode("utf-8-sig")


def _named(axis: str, labels: Sequence[str], start: int) -> Iterator[list[str]]:
    """Of each row or column its number and, where it is a token, its text."""
    for i, label in enumerate(labels, start):
        yield [str(i), harmless(label)] if axis in _TOKENS else [str(i)]


def harmless(text: str) -> str:
    """The text with an apostrophe in front where a spreadsheet would take it for a formula and compute it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _numbers(values: np.ndarray) -> list[str]:
    return ["masked" if value == -np.inf else f"{value:.9g}" for value in values.tolist()]

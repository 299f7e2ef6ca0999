"""What cells.js and tour_outlines.js outline in the pictures of matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Span = tuple[int, int]
"""From the first number to the one after the last."""


@dataclass(frozen=True)
class CellMark:
    """Cells of one matrix that are outlined, wherever it is on the page.

    Attributes:
        kind: "cell" for what is explained, "operand" for what it was made from.
        matrix: its name.
        head: which heads; None where the matrix has none.
        rows: which rows, of one head.
        columns: which columns.
        label: what is written at the outline; empty for nothing.
    """

    kind: Literal["cell", "operand"]
    matrix: str
    head: Span | None
    rows: Span
    columns: Span
    label: str = ""

"""Which part of which matrix is shown exactly, as a link says it: `attention.weights:0-15:8-15`, rows first."""

import re
from dataclasses import dataclass

_WRITTEN = re.compile(r"([a-z_]+(?:\.[a-z_]+)*):(\d{1,7})-(\d{1,7}):(\d{1,7})-(\d{1,7})", re.ASCII)
_LONGEST = 120  # characters


@dataclass(frozen=True)
class Region:
    """Rows and columns of a matrix or weight, which is named without its layer: the page's layer is meant."""

    name: str
    rows: range
    columns: range

    def __str__(self) -> str:
        spans = (f"{part.start}-{part.stop - 1}" for part in (self.rows, self.columns))
        return ":".join([self.name, *spans])


def read_region(text: str) -> Region:
    """The part that is written so. Raises ValueError with what is expected instead."""
    found = _WRITTEN.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise ValueError("it must name a matrix, rows and columns, such as attention.weights:0-15:0-15")
    first_row, last_row, first_column, last_column = map(int, found.groups()[1:])
    return Region(found[1], range(first_row, last_row + 1), range(first_column, last_column + 1))

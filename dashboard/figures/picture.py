"""What a figure shows of one matrix or weight: its cells, its labels and what they mean."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from dashboard.figures.scale import SOME, finite

MOST_CELLS = 256  # in each direction, that a picture shows one by one
POOLED_CELLS = 128  # at most, of what is larger: pooled anyway, it is drawn no finer than eyes can tell apart

Kind = Literal["activation", "weight", "cache"]
WeightSource = Literal["learned", "random", "untrained"]


_AXIS_WORDS = {"model": "feature", "head_dim": "head feature", "kv_head": "KV head"}


def axis_word(axis: str) -> str:
    """What the page calls an axis of the catalogue."""
    return _AXIS_WORDS.get(axis, axis)


Pooling = Literal["largest", "mean", "maximum"]
POOLINGS: tuple[Pooling, ...] = ("largest", "mean", "maximum")
"""What a cell says of the numbers that it stands for: the one of largest magnitude, their mean, their maximum."""


@dataclass(frozen=True)
class Origin:
    """Which cells of its matrix a picture shows, so that a click on one finds the number behind it.

    size: rows and columns that are shown, before they were pooled. head: where the matrix has an axis of heads. rows,
    columns: the number of the first one, or of each. turned: the picture's rows are the matrix's columns.
    """

    size: tuple[int, int]
    head: int | None = None
    rows: int | Sequence[int] = 0
    columns: int | Sequence[int] = 0
    turned: bool = False

    def said(self) -> dict[str, Any]:
        """As a heatmap's `meta` says it; what is usual is left out."""
        usual = {"head": None, "rows": 0, "columns": 0, "turned": False}
        ends = {"rows": self.rows, "columns": self.columns}
        found = {"size": list(self.size), "head": self.head, "turned": self.turned}
        found |= {name: end if isinstance(end, int) else list(end) for name, end in ends.items()}
        return {name: value for name, value in found.items() if name not in usual or value != usual[name]}


@dataclass(frozen=True)
class Picture:
    """One matrix as a figure draws it.

    values: (rows, columns) float32. row_labels and column_labels are written beside the cells, row_names and
    column_names are for pointing at them.
    row_start and column_start: the token position of the first row and column, None where that axis is not tokens.
    hidden: True where the mask hides a cell. cached: how many of the first rows come from the cache. tile: how many
    rows and columns of the matrix each cell stands for. size: how many of them there are, before they were pooled;
    None: as many as fill the tiles. window: how many of the latest keys a query meets, where the mask is one of
    attention and has a window. source: where a weight's numbers come from. below: pictures under this one, sharing its
    columns, each with the operator in front of it.
    """

    name: str
    symbol: str
    shape: str
    values: np.ndarray
    quantity: Literal["signed", "probability"] = "signed"
    kind: Kind = "activation"
    row_word: str = ""
    column_word: str = ""
    row_labels: Sequence[str] | None = None
    column_labels: Sequence[str] | None = None
    row_names: Sequence[str] | None = None
    column_names: Sequence[str] | None = None
    row_start: int | None = None
    column_start: int | None = None
    tile: tuple[int, int] = (1, 1)
    size: tuple[int, int] | None = None
    hidden: np.ndarray | None = None
    window: int | None = None
    cached: int = 0
    scale: float = 1.0
    off_scale: tuple[int, float] = (0, 0.0)
    scale_from: str = ""  # where the scale comes from, in words, if not from these cells
    notes: tuple[str, ...] = ()
    transposed: bool = False  # the equation reads it transposed; it is drawn as it is
    predicts: bool = False  # its last row leads to the next token
    source: WeightSource = "learned"
    power: int = 0  # of ten: in its units the numbers are written into the cells
    exact: bool = False  # each cell is told with all of its digits, however many there are
    below: tuple[tuple[str, "Picture"], ...] = field(default=())
    origin: Origin | None = None  # None: its cells lead nowhere

    @property
    def rows(self) -> int:
        return self.values.shape[0]

    @property
    def columns(self) -> int:
        return self.values.shape[1]

    def spans(self, axis: int) -> list[range]:
        """Which rows (axis 0) or columns each cell stands for: token positions, where they are tokens."""
        cells, each = (self.rows, self.columns)[axis], self.tile[axis]
        size = self.size[axis] if self.size else cells * each
        return spans(size, each, (self.row_start, self.column_start)[axis] or 0)

    def names(self, axis: int) -> Sequence[str] | None:
        """What the rows (axis 0) or columns are called: as written beside them, or for pointing at them."""
        return (self.row_labels or self.row_names, self.column_labels or self.column_names)[axis]

    @property
    def masks(self) -> dict[str, np.ndarray]:
        """Why cells are masked, in words, and which ones: True at each of them."""
        return masks_of(self.hidden, self.window, (self.row_start or 0, self.column_start or 0), self.tile)

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """The scale in words, and what else is to be said under the picture."""
        shown = number(self.scale)
        scale = f"±{shown}" if self.quantity == "signed" else f"0 … {percent(self.scale)}"
        count, largest = self.off_scale
        off = (off_in_words(count, largest, self.quantity),) if count else ()
        kind = {"weight": (self.source,), "cache": (self._cache,), "activation": ()}[self.kind]
        return f"scale {scale} {self.scale_from}".rstrip(), *kind, *off, *self.notes

    @property
    def _cache(self) -> str:
        rows = self.cached * self.tile[0]
        return f"{rows:,} row{'' if rows == 1 else 's'} from the cache" if rows else "into the cache"

    def in_powers_of_ten(self) -> "Picture":
        """The same cells, small probabilities to be written without the zeros that all of them begin with."""
        power = math.floor(math.log10(self.scale)) if 0 < self.scale < 0.01 else 0
        note = (f"numbers × 10{str(power).translate(_RAISED)}",) if power else ()
        return replace(self, power=power, notes=(*self.notes, *note))

    def with_scale_of(self, other: "Picture", scale_from: str | None = None) -> "Picture":
        """The same cells on another picture's scale, with those that it does not reach. scale_from: whose it is."""
        seen = np.abs(finite(self.values, self.hidden))
        beyond = seen[seen > other.scale]
        off = len(beyond), float(beyond.max(initial=0))
        source = other.scale_from if scale_from is None else scale_from
        return replace(self, scale=other.scale, off_scale=off, scale_from=source)


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def masks_of(
    hidden: np.ndarray | None, window: int | None, start: tuple[int, int], tile: tuple[int, int]
) -> dict[str, np.ndarray]:
    """Why cells of attention are masked, in words, and which: True at each of them.

    hidden: (queries, keys), each cell standing for `tile` of them; start: the position of the first query and key;
    window: how many of the latest keys a query meets.
    """
    if hidden is None or not hidden.any():
        return {}
    rows, columns = hidden.shape
    last_query = start[0] + np.arange(1, rows + 1)[:, None] * tile[0] - 1
    first_key = start[1] + np.arange(columns)[None] * tile[1]
    future = hidden & ((window is None) | (first_key > last_query))
    cells = {"in the future": future, f"outside the window of {window}": hidden & ~future}
    return {why: there for why, there in cells.items() if there.any()}


def tile_size(size: int, most: int = MOST_CELLS) -> int:
    """How many of `size` rows or columns each cell stands for: one where `most` are enough."""
    return 1 if size <= most else math.ceil(size / min(most, POOLED_CELLS))


def spans(size: int, each: int, start: int = 0) -> list[range]:
    """Which of `size` rows or columns, the first of them `start`, each cell stands for: the last one may have fewer."""
    return [range(first, min(first + each, start + size)) for first in range(start, start + size, each)]


def span_in_words(span: range, to: str = "–") -> str:
    """The first and the last of some numbers, or the only one."""
    return str(span[0]) if len(span) == 1 else f"{span[0]}{to}{span[-1]}"


def pool(values: np.ndarray, most: int = MOST_CELLS, how: Pooling = "largest") -> tuple[np.ndarray, tuple[int, int]]:
    """At most `most` × `most` cells, each for a tile of values: the one of largest magnitude, their mean, or their
    maximum. Also the tile's size.
    """
    tile = tuple(tile_size(size, most) for size in values.shape)
    if tile == (1, 1):
        return values, (1, 1)
    along = {"largest": _largest, "mean": _sum, "maximum": _maximum}[how]
    small = np.ascontiguousarray(along(along(values, tile[0]).T, tile[1]).T)
    if how == "mean":
        small = small / along(along(np.ones_like(values), tile[0]).T, tile[1]).T
    return small, (tile[0], tile[1])


def _sum(values: np.ndarray, step: int) -> np.ndarray:
    return np.add.reduceat(values, range(0, len(values), step))


def _maximum(values: np.ndarray, step: int) -> np.ndarray:
    return np.maximum.reduceat(values, range(0, len(values), step))


def _largest(values: np.ndarray, step: int) -> np.ndarray:
    """Of each `step` rows in each column the number of largest magnitude."""
    padded = np.pad(values, ((0, -len(values) % step), (0, 0)))
    high, low = padded[::step].copy(), padded[::step].copy()
    for start in range(1, step):  # whole rows at once: a loop over few, not over many
        np.maximum(high, padded[start::step], out=high)
        np.minimum(low, padded[start::step], out=low)
    return np.where(high >= -low, high, low)


def off_in_words(count: int, largest: float, quantity: str = "signed") -> str:
    """How many cells are off the scale, and how far."""
    cells = "about 1 % of the cells" if count == SOME else f"{count:,} cell{'s' if count > 1 else ''}"
    far = percent(largest) if quantity == "probability" else number(largest)
    return f"{cells} off the scale{':' if count == 1 else ', up to'} {far}"


def number(value: float) -> str:
    """A number for a caption: 2.1, −0.034, 22,453."""
    size = abs(value)
    if size == 0 or not math.isfinite(size):
        text = f"{size:g}"
    elif size >= 100:
        text = f"{size:,.0f}"
    else:
        power = int(f"{size:.1e}".partition("e")[2])  # once it is rounded: 0.996 is 1.0
        text = f"{size:.{max(0, 1 - power)}f}"
    return f"−{text}" if value < 0 else text


def percent(share: float) -> str:
    """A probability for reading: 77 %, 0.0033 %, 1.5e−7 %. Nobody counts more than a few zeros."""
    if 0 < share < 1e-6:
        return f"{100 * share:.1e} %".replace("e-0", "e−").replace("e-", "e−")
    return f"{number(share * 100)} %"

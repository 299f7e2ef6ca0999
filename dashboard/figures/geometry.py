"""Where everything in an equation's figure lies, in pixels from its top left corner."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from dashboard.figures.picture import Picture

_GAP = 24
TITLE, CAPTION, WORD, INLINE_TITLE = 26, 17, 16, 22
_AGAIN = 64  # width of a symbol with "as above" below it
TALL = 240  # pictures higher than this are aligned by their tops
_LETTER = 7.3  # width of one character of a label
CAPTION_LETTER, WORD_LETTER, SIGN_LETTER = 5.2, 6.2, 6.8  # of one of a caption, of an axis word, of an operation's name
MARK = 20  # room below a picture for the proof's mark
_LONGEST_LABEL, NARROWEST_LABELLED = 11, 14
LOW = 16  # rows of a weight in an equation with narrow columns
NUMBERED = 19  # width of a column from which on its numbers are written into it
ROOM = 600  # pixels of width that the columns of an equation share
HIGHEST = 300  # of a weight's rows together
_FEATURE_SIZES = ((24, 26), (32, 20), (42, 16))
_TOKEN_SIZES = ((16, 24), (32, 16), (64, 6), (128, 3))
_DIGIT_SIZES = ((8, 76), (16, 43), (32, 18))
WIDE = 796  # pixels of an equation in a window 1,440 wide
NARROWEST = 0.8  # column
NARROWEST_FIGURE = 150  # Streamlit draws none narrower: it would be wider than its place, and cut off
LOWEST = 12  # of a step's only row


@dataclass(frozen=True)
class Cell:
    """The size of an equation's cells: of rows, of columns that are tokens, of all other columns."""

    row: int
    token: float
    feature: float

    @property
    def labelled(self) -> bool:
        """Whether each row is high enough for a label of its own."""
        return self.row >= 14


def cell_for(tokens: int, columns: int, room: int = ROOM) -> Cell:
    """Cells for a run of so many tokens, alike in all of its steps, and an equation with so many other columns.

    room: pixels that these columns share.
    """
    row = next((size for most, size in _TOKEN_SIZES if tokens <= most), 2)
    fitting = max(1.0, room * 4 // columns / 4) if columns else 16
    feature = next((size for most, size in _FEATURE_SIZES if columns <= most), fitting)
    token = row if row < 24 else _FEATURE_SIZES[0][1]
    return Cell(row, token, feature if room == ROOM else min(feature, fitting))


@dataclass(frozen=True)
class Placed:
    """One picture and the pixels of its cells."""

    picture: Picture
    left: float
    top: float
    width: float
    height: float
    inline: bool = False  # below another picture: title and caption share a line above it

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height


@dataclass(frozen=True)
class Word:
    """An operator or a matrix's symbol, centred at a point. down: it leads to the picture below it."""

    text: str
    x: float
    y: float
    symbol: bool = False
    down: bool = False


@dataclass(frozen=True)
class FigurePlan:
    """A whole figure: its size, its pictures and the operators between them."""

    width: int
    height: int
    placed: tuple[Placed, ...]
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Again:
    """A matrix that another equation shows: only its symbol is written."""

    symbol: str


EquationPart = Picture | Again | str
"""An equation is pictures and, between them, operators."""


def cell_for_numbers(rows: int, columns: int) -> Cell:
    """Cells for one picture of so many rows and columns, with room for as many digits as can be."""
    width = next((size for most, size in _DIGIT_SIZES if columns <= most), max(NARROWEST, ROOM / columns))
    return Cell(next((size for most, size in _TOKEN_SIZES if rows <= most), 2), width, width)


def fitted(parts: Sequence[EquationPart], cell: Cell) -> Cell:
    """Narrower columns, where the equation then fits its part of the page: first as narrow as their numbers can still
    be read, then as their labels can; columns that have neither get as narrow as they must."""
    return fitted_plan(parts, cell)[0]


def fitted_plan(parts: Sequence[EquationPart], cell: Cell) -> tuple[Cell, FigurePlan]:
    """The same, with the plan: planning takes a while."""
    if (first := plan(parts, cell)).width <= WIDE:  # as most do
        return cell, first
    has_text = {"token": cell.labelled, "feature": cell.labelled and cell.feature >= NARROWEST_LABELLED}
    for narrowest in (NUMBERED, NARROWEST_LABELLED):
        floors = {name: min(narrowest, getattr(cell, name)) if text else NARROWEST for name, text in has_text.items()}
        narrow = _narrowed(parts, cell, floors)
        if (narrower := plan(parts, narrow)).width <= WIDE:
            return narrow, narrower
    floors = {name: getattr(cell, name) if text else NARROWEST for name, text in has_text.items()}
    narrow = _narrowed(parts, cell, floors)
    return narrow, plan(parts, narrow)


def _narrowed(parts: Sequence[EquationPart], cell: Cell, floors: Mapping[str, float]) -> Cell:
    """The columns as narrow as the equation needs to fit, down to these widths."""
    columns = {"token": 0, "feature": 0}
    for part in parts:
        if isinstance(part, Picture):
            columns["feature" if part.column_start is None else "token"] += part.columns
    for _ in range(6):  # titles and captions, which do not shrink, decide about some of the width
        excess = plan(parts, cell).width - WIDE
        spare = {name: getattr(cell, name) - floor for name, floor in floors.items()}
        room = sum(columns[name] * spare[name] for name in columns)
        if excess <= 0 or room < 1:
            break
        share = min(1.0, excess / room)
        cell = replace(cell, **{name: getattr(cell, name) - share * spare[name] for name in columns})
    return cell


def plan(parts: Sequence[EquationPart], cell: Cell) -> FigurePlan:
    """Lay the parts out from left to right on one middle line; what is tall hangs down from where others begin."""
    pictures = [part for part in parts if isinstance(part, Picture)]
    middle = max(TITLE + column_label_height(p, cell) + _above(p, cell) for p in pictures)
    placed: list[Placed] = []
    words: list[Word] = []
    x = 0.0
    for before, part in zip([None, *parts], parts, strict=False):
        if not isinstance(part, Picture):
            word, width = _word(part, x, middle)
            words.append(word)
            x += width
            continue
        if isinstance(before, Picture):
            x += _GAP
        labels = row_label_width(part, cell)
        x += max([labels, *(_sign_width(sign) + _labels_below(under, cell) for sign, under in part.below)])
        if isinstance(before, str) and placed:
            words[-1] = _between(words[-1], next(p for p in reversed(placed) if not p.inline), x - labels)
        below, new_words = _stack(part, x, middle, cell)
        placed += below
        words += new_words
        x = max(below[0].right + (16 if part.transposed or part.predicts else 0), *(text_end(p) for p in below))
    bottom = max(p.bottom + (_mark(p) if p.inline else WORD + CAPTION * len(caption(p)) + 2) for p in placed)
    return FigurePlan(max(round(x + 5), NARROWEST_FIGURE), round(bottom), tuple(placed), tuple(words))


def _word(part: Again | str, left: float, middle: float) -> tuple[Word, float]:
    """A text with its width."""
    text = part if isinstance(part, str) else part.symbol
    width = (
        _AGAIN if isinstance(part, Again) else 20 + 7 * len(text) if is_named(text) else max(_GAP, 10 + 7 * len(text))
    )
    return Word(text, left + width / 2, middle, isinstance(part, Again)), width


def _between(word: Word, before: Placed, end: float) -> Word:
    """The operator midway from the picture before it to where the next one begins; what is below has room there."""
    picture = before.picture
    marked = 16 if picture.transposed or picture.predicts else 0
    start = max(before.right + marked, before.left + max(_title_width(picture), WORD_LETTER * len(picture.column_word)))
    return replace(word, x=(start + end) / 2)


def _title_width(picture: Picture) -> float:
    return 9 * len(picture.symbol) + 7 * len(picture.shape)


def _sign_width(sign: str) -> float:
    """Room at the left of a picture below another one, for what leads to it."""
    return 12 + SIGN_LETTER * (len(sign) + 2) if is_named(sign) else _GAP


def is_named(sign: str) -> bool:
    """An operation that is written with its name (÷ √8, softmax), not with a sign of one character."""
    return len(sign) > 1 and sign[0] not in "+)" and sign[-1] != "("


def caption(placed: Placed) -> list[str]:
    """What is said under a picture, in lines about as wide as it is."""
    lines: list[str] = []
    for remark in placed.picture.remarks:
        joined = f"{lines[-1]} · {remark}" if lines else ""
        if joined and (placed.inline or CAPTION_LETTER * len(joined) <= max(placed.width, 130)):
            lines[-1] = joined
        else:
            lines.append(remark)
    return lines


def text_end(placed: Placed) -> float:
    """Where the texts around a picture end at the right."""
    title = _title_width(placed.picture)
    widest = CAPTION_LETTER * max(map(len, caption(placed)))
    return placed.left + (title + 14 + widest if placed.inline else max(title, widest))


def _stack(picture: Picture, left: float, middle: float, cell: Cell) -> tuple[list[Placed], list[Word]]:
    """One picture and those below it, each with its operator at its left."""
    placed = [_place(picture, left, middle - _above(picture, cell), cell)]
    words = []
    for operator, under in picture.below:
        captioned = WORD + CAPTION * len(caption(placed[0])) + 6
        top = placed[-1].bottom + (captioned if len(placed) == 1 else _mark(placed[-1])) + INLINE_TITLE
        placed.append(replace(_place(under, left, top, cell), inline=True))
        if is_named(operator):
            words.append(Word(operator, left - _sign_width(operator) / 2, top - INLINE_TITLE / 2, down=True))
        else:
            words.append(Word(operator, left - 16 - _labels_below(under, cell), top + placed[-1].height / 2))
    return placed, words


def _mark(placed: Placed) -> int:
    """Room below a picture without a caption of its own: a computed one has the proof's mark there."""
    return 8 if placed.picture.kind == "weight" else MARK


def _place(picture: Picture, left: float, top: float, cell: Cell) -> Placed:
    return Placed(picture, left, top, picture.columns * column_width(picture, cell), _height(picture, cell))


def _above(picture: Picture, cell: Cell) -> float:
    """How much of a picture lies above the middle line: half of it, or of a tall one as much as a screen shows."""
    return min(_height(picture, cell), TALL) / 2


def column_width(picture: Picture, cell: Cell) -> float:
    return cell.token if picture.column_start is not None else cell.feature


def _height(picture: Picture, cell: Cell) -> float:
    return picture.rows * row_height(picture, cell)


def row_height(picture: Picture, cell: Cell) -> float:
    """Rows of tokens shrink with the prompt; a weight's rows where there are many of them."""
    if picture.row_start is not None:
        return max(cell.row, LOWEST) if picture.rows == 1 else cell.row
    return min(24 if cell.feature >= NUMBERED else LOW, HIGHEST / picture.rows)


@lru_cache(4096)  # each picture of an equation asks for the labels of its rows, several times
def shorten(label: str) -> str:
    """A label that is not too long; a position in front of a token is not counted."""
    position, dot, token = label.rpartition(" · ")
    return label if len(token) <= _LONGEST_LABEL else position + dot + token[: _LONGEST_LABEL - 1] + "…"


def column_label_height(picture: Picture, cell: Cell) -> float:
    """Room above a picture for the labels of its columns, which are turned upright."""
    if not picture.column_labels or picture.tile[1] > 1 or column_width(picture, cell) < NARROWEST_LABELLED:
        return 0
    return 10 + _LETTER * max(len(shorten(label)) for label in picture.column_labels)


def _labels_below(picture: Picture, cell: Cell) -> float:
    """The same of a picture below another one, which has but labels there."""
    return row_label_width(picture, cell) if picture.row_labels else 0


def row_label_width(picture: Picture, cell: Cell) -> float:
    """Room at the left of a picture for the labels of its rows."""
    if picture.row_labels and picture.tile[0] == 1 and (cell.labelled or picture.row_start is None):
        return 10 + _LETTER * max(len(shorten(label)) for label in picture.row_labels)
    if picture.row_labels:
        return 10 + _LETTER * 5  # positions only
    return 18 if picture.row_word else 0

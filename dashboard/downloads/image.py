"""A matrix as PNG, for a slide or a page: the cells, scale and labels that the page shows, dark on white, large."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import streamlit
from PIL import Image, ImageDraw, ImageFont

from dashboard.figures.colours import BLUE, GREY, ORANGE, STRONGEST, TEAL
from dashboard.figures.equation import MOST_NUMBERS_IN_CELLS, short
from dashboard.figures.geometry import shorten
from dashboard.figures.picture import Picture, number, percent, span_in_words

INK, _MUTED, PAPER = (29, 36, 48), (98, 104, 116), (255, 255, 255)
MARGIN, _GAP = 48, 14
_LONGEST, SMALLEST, _LARGEST = 1400, 5, 92  # pixels of a side, of a cell
LABELLED = 24  # pixels from which a row or column has its label
_NARROWEST = 900  # room for a line of words
SPACE = "␣"
_ALIKE = {"⟨": "‹", "⟩": "›", "⏎": "↵", "⇥": "→"}
_FONTS = Path(streamlit.__file__).parent / "static" / "static" / "media"
_FILES = {"sans": "SourceSansVF-Upright*", "mono": "SourceCodeVF-Upright*"}


@dataclass(frozen=True)
class Words:
    """What stands around the cells: a title, lines below it, and lines at the bottom."""

    title: str
    lines: Sequence[str]
    notes: Sequence[str]


def as_png(picture: Picture, words: Words) -> bytes:
    """The picture as a PNG file. Characters that its fonts lack are written as their code points."""
    plan = _Plan(picture, words)
    image = Image.new("RGB", plan.size, PAPER)
    draw = ImageDraw.Draw(image)
    y = plan.text(draw, [words.title], MARGIN, MARGIN, 34, INK, weight=600)
    y = plan.text(draw, words.lines[:1], MARGIN, y + 6, 25, INK)
    plan.text(draw, words.lines[1:], MARGIN, y + 4, 21, _MUTED)
    image.paste(_cells(picture, plan), (plan.left, plan.top))
    draw.rectangle((plan.left - 1, plan.top - 1, plan.right, plan.bottom), outline=_MUTED)
    _numbers(draw, picture, plan)
    _labels(image, draw, picture, plan)
    y = _colour_bar(image, draw, picture, plan)
    plan.text(draw, plan.notes, MARGIN, y + _GAP, 20, _MUTED)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


# ---- what goes where ------------------------------------------------------------------------------------------------


class _Plan:
    """Pixels: of the cells, of the labels, of the whole image."""

    def __init__(self, picture: Picture, words: Words) -> None:
        rows, columns = picture.rows, picture.columns
        self.cell_width = max(SMALLEST, min(_LARGEST, _LONGEST // columns))
        high = _LARGEST if rows <= MOST_NUMBERS_IN_CELLS else max(LABELLED, self.cell_width)
        self.cell_height = max(SMALLEST, min(high, _LONGEST // rows))
        if rows > 1 and columns <= MOST_NUMBERS_IN_CELLS:  # cells that hold their numbers are about square
            self.cell_height = min(self.cell_height, max(48, self.cell_width * 3 // 4))
        self.row_labels = (
            [
                f"{i} {label}".strip()
                for i, label in zip(
                    range(picture.row_start or 0, 10**9),
                    picture.row_labels or picture.row_names or [""] * rows,
                    strict=False,
                )
            ][:rows]
            if picture.tile[0] == 1
            else _spans(picture, 0)
        )
        self.column_labels = (
            (picture.column_labels or [str(i) for i in range(columns)])
            if picture.tile[1] == 1
            else (_spans(picture, 1))
        )
        self.turned = bool(picture.column_labels) and picture.tile[1] == 1 and self.cell_width >= LABELLED
        self.widest = _widest(self.column_labels)
        self.left = MARGIN + max(_widest(self.row_labels), 60) + _GAP
        above = self.widest if self.turned else 24
        self.top = MARGIN + 44 + 36 + 28 * len(words.lines[1:]) + _GAP + 26 + above + _GAP
        self.right, self.bottom = self.left + columns * self.cell_width, self.top + rows * self.cell_height
        width = max(self.right + MARGIN, _NARROWEST)
        remarks = picture.remarks[1:]  # the first one is the scale, which the colour bar says
        self.notes = _wrapped([*([" · ".join(remarks)] if remarks else []), *words.notes], width - 2 * MARGIN, 20)
        self.size = (width, self.bottom + 40 + 56 + 27 * len(self.notes) + MARGIN)

    def text(
        self,
        draw: ImageDraw.ImageDraw,
        lines: Sequence[str],
        x: float,
        y: float,
        size: int,
        colour: tuple[int, int, int],
        weight: int = 400,
    ) -> float:
        """Write lines from here downwards. Returns where they end."""
        for line in lines:
            fitting = font("sans", size, weight)
            while size > 14 and fitting.getlength(readable(line, "sans")) > self.size[0] - x - MARGIN:
                size -= 1
                fitting = font("sans", size, weight)
            draw.text((x, y), readable(line, "sans"), colour, fitting)
            y += size + 7
        return y


def _spans(picture: Picture, axis: int) -> list[str]:
    """Of a pooled picture the rows or columns that each cell stands for."""
    return [span_in_words(span) for span in picture.spans(axis)]


def _widest(labels: Sequence[str]) -> int:
    return round(max((font("mono", 20).getlength(legible(label)) for label in labels), default=0))


def _wrapped(texts: Sequence[str], width: float, size: int) -> list[str]:
    """Lines of at most this width, broken between words."""
    lines: list[str] = []
    for text in texts:
        line = ""
        for word in text.split(" "):
            longer = f"{line} {word}".strip()
            if line and font("sans", size).getlength(readable(longer, "sans")) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


# ---- cells ----------------------------------------------------------------------------------------------------------


def _cells(picture: Picture, plan: _Plan) -> Image.Image:
    image = Image.fromarray(_colours(picture)).resize(
        (plan.right - plan.left, plan.bottom - plan.top), Image.Resampling.NEAREST
    )
    if min(plan.cell_width, plan.cell_height) >= LABELLED:
        draw = ImageDraw.Draw(image)
        for x in range(0, image.width, plan.cell_width):
            draw.line((x, 0, x, image.height), PAPER)
        for y in range(0, image.height, plan.cell_height):
            draw.line((0, y, image.width, y), PAPER)
    return image


def _colours(picture: Picture) -> np.ndarray:
    """The colour of each cell on white paper: (rows, columns, 3)."""
    values = np.nan_to_num(picture.values, nan=0, posinf=0, neginf=0)
    strength = STRONGEST * np.clip(np.abs(values) / picture.scale, 0, 1)[..., None]
    signed = picture.quantity == "signed"
    full = np.where((values < 0)[..., None], _rgb(BLUE), _rgb(ORANGE)) if signed else _rgb(TEAL)
    found = 255 * (1 - strength) + full * strength
    if picture.hidden is not None:
        found = np.where(picture.hidden[..., None], 255 * 0.7 + _rgb(GREY) * 0.3, found)
    return found.round().astype(np.uint8)


def _rgb(colour: str) -> np.ndarray:
    return np.array([float(part) for part in colour.split(",")])


def _numbers(draw: ImageDraw.ImageDraw, picture: Picture, plan: _Plan) -> None:
    if max(picture.rows, picture.columns) > MOST_NUMBERS_IN_CELLS:
        return
    seen = np.isfinite(picture.values) & (True if picture.hidden is None else ~picture.hidden)
    largest = 0.5 if picture.quantity == "probability" else float(np.abs(picture.values[seen]).max(initial=0))
    texts = {cell: short(float(picture.values[cell]), largest) for cell in zip(*np.nonzero(seen), strict=True)}
    longest = max(map(len, texts.values()), default=1)
    size = int(min(plan.cell_height * 0.42, plan.cell_width / (0.68 * max(longest, 3)), 26))
    for (row, column), text in texts.items():
        x = plan.left + (column + 0.5) * plan.cell_width
        y = plan.top + (row + 0.5) * plan.cell_height
        draw.text((x, y), text, INK, font("mono", size), anchor="mm")


# ---- around the cells -----------------------------------------------------------------------------------------------


def _labels(image: Image.Image, draw: ImageDraw.ImageDraw, picture: Picture, plan: _Plan) -> None:
    every = max(1, -(-LABELLED // plan.cell_height))
    for row in range(0, picture.rows, every):
        label = _label(plan.row_labels[row])
        y = plan.top + round((row + 0.5) * plan.cell_height)
        image.paste(label, (plan.left - _GAP - label.width, y - label.height // 2))
    across = 1 if plan.turned else max(1, -(-(plan.widest + 14) // plan.cell_width))
    for column in range(0, picture.columns, across):
        label = _label(plan.column_labels[column])
        label = label.rotate(90, expand=True) if plan.turned else label
        x = plan.left + round((column + 0.5) * plan.cell_width)
        image.paste(label, (x - label.width // 2, plan.top - 6 - label.height))
    draw.text(
        (plan.left, plan.bottom + 8),
        f"{picture.row_word or 'row'} ↓   {picture.column_word} →",
        _MUTED,
        font("sans", 20),
    )


def _label(text: str) -> Image.Image:
    """A row's or column's label. The sign for a space, which the font lacks, is drawn."""
    mono, shown = font("mono", 20), legible(text)
    advance = mono.getlength("0")
    box = Image.new("RGB", (max(1, round(mono.getlength(shown))), 26), PAPER)
    draw = ImageDraw.Draw(box)
    draw.text((0, 13), shown.replace(SPACE, " "), INK, mono, anchor="lm")
    for i, character in enumerate(shown):
        if character == SPACE:
            left, right = i * advance + 2, (i + 1) * advance - 3
            draw.line((left, 16, left, 20, right, 20, right, 16), INK)
    return box


def _colour_bar(image: Image.Image, draw: ImageDraw.ImageDraw, picture: Picture, plan: _Plan) -> int:
    """From the least to the full colour, with what they stand for. Returns where it ends."""
    top, width = plan.bottom + 44, 240
    signed = picture.quantity == "signed"
    ramp = np.linspace(-picture.scale if signed else 0, picture.scale, width, dtype=np.float32)[None]
    bar = Picture("", "", "", ramp, quantity=picture.quantity, scale=picture.scale)
    low, high = (f"−{number(picture.scale)}", number(picture.scale)) if signed else ("0", percent(picture.scale))
    sans = font("sans", 20)
    left = round(MARGIN + sans.getlength(low) + 10)
    image.paste(Image.fromarray(_colours(bar)).resize((width, 18), Image.Resampling.NEAREST), (left, top))
    draw.rectangle((left - 1, top - 1, left + width, top + 18), outline=_MUTED)
    draw.text((MARGIN, top + 9), low, INK, sans, anchor="lm")
    draw.text((left + width + 10, top + 9), high, INK, sans, anchor="lm")
    return top + 18


# ---- fonts ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def font(kind: str, size: int, weight: int = 400) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The page's own fonts, which come with Streamlit; where it has them no more, the one that comes with Pillow."""
    try:
        loaded = ImageFont.truetype(next(iter(_FONTS.glob(_FILES[kind]))), size)
        loaded.set_variation_by_axes([weight])
    except (OSError, StopIteration, TypeError, AttributeError):
        return ImageFont.load_default(size)
    return loaded


def legible(label: str) -> str:
    """A label as it is written: no longer than on the page, and of characters that the font has."""
    return shorten(readable(label, "mono"))


def readable(text: str, kind: str) -> str:
    """The text with each character that the font lacks replaced: by a similar one, or by its code point, ‹U+4F60›."""
    return "".join(c if c in (" ", SPACE) or _has(c, kind) else _ALIKE.get(c, f"‹U+{ord(c):04X}›") for c in text)


@lru_cache(maxsize=4096)
def _has(character: str, kind: str) -> bool:
    found = next(iter(_FONTS.glob(_FILES[kind])), None)
    if found is None:
        return character.isascii()
    plain = _plain_font(str(found))
    return bytes(plain.getmask(character)) != bytes(plain.getmask("\U0010ffff"))


@lru_cache(maxsize=2)
def _plain_font(path: str) -> ImageFont.FreeTypeFont:
    """Without shaping, which would draw a mark that the font lacks on a circle."""
    return ImageFont.truetype(path, 20, layout_engine=ImageFont.Layout.BASIC)

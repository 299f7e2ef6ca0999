"""A small picture of one matrix, as components draw it on a canvas: one byte for each cell."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dashboard.figures.colours import BLUE, GREY, ORANGE, STRONGEST, TEAL

_MASKED = 255  # the byte of a masked cell; values use 0…254, with 127 for a signed zero
_LARGEST = 64


@dataclass(frozen=True)
class Colours:
    """The page's colours as "red, green, blue", and how opaque the largest magnitude is (0 to 1)."""

    negative: str
    positive: str
    certain: str
    masked: str
    strongest: float


COLOURS = Colours(negative=BLUE, positive=ORANGE, certain=TEAL, masked=GREY, strongest=STRONGEST)

ThumbnailKind = Literal["signed", "probability", "bars", "tokens"]


@dataclass(frozen=True)
class Thumbnail:
    """A small picture of one matrix.

    Attributes:
        values: 2-D array, pooled by the caller to at most 64 × 64.
        kind: "signed" (blue–neutral–orange around zero), "probability" (one ramp from zero),
            "bars" (one bar for each value) or "tokens" (one box for each value, as wide as the value says).
        masked: True where a cell is masked; drawn in flat grey. Cells that are not finite count as masked.
        scale: the magnitude that gets the full colour; found from the values where it is not said.
    """

    values: np.ndarray
    kind: ThumbnailKind = "signed"
    masked: np.ndarray | None = None
    scale: float | None = None


@dataclass(frozen=True)
class Encoded:
    """A thumbnail as it travels: one byte for each cell, row by row, as base64. said: it in words, if need be."""

    rows: int
    columns: int
    kind: ThumbnailKind
    cells: str
    said: str = ""


def encode(thumbnail: Thumbnail) -> Encoded:
    """One byte for each cell, as base64: 1.3 characters a cell instead of some 20 in JSON.

    Raises: ValueError if the thumbnail is not 2-D, is larger than 64 × 64 or its mask has another shape.
    """
    values = np.asarray(thumbnail.values, dtype=np.float64)
    if values.ndim != 2 or max(values.shape) > _LARGEST:
        raise ValueError(f"A thumbnail is a 2-D array of at most 64 × 64 cells, not {values.shape}.")
    masked = ~np.isfinite(values)
    if thumbnail.masked is not None:
        if np.shape(thumbnail.masked) != values.shape:
            raise ValueError(f"The mask's shape {np.shape(thumbnail.masked)} is not {values.shape}.")
        masked |= np.asarray(thumbnail.masked, dtype=bool)
    scale = thumbnail.scale or _scale(np.abs(values[~masked]), thumbnail.kind)
    shares = np.where(masked, 0.0, values) / scale
    signed = thumbnail.kind == "signed"
    levels = 127 + 127 * np.clip(shares, -1, 1) if signed else 254 * np.clip(shares, 0, 1)
    bytes_ = np.where(masked, _MASKED, np.rint(levels)).astype(np.uint8)
    rows, columns = values.shape
    return Encoded(rows, columns, thumbnail.kind, base64.b64encode(bytes_.tobytes()).decode("ascii"))


def _scale(magnitudes: np.ndarray, kind: str) -> float:
    """The magnitude that gets the full colour: the largest, or the 99th percentile where one cell towers."""
    if magnitudes.size == 0:
        return 1.0
    largest, usual = float(magnitudes.max()), float(np.percentile(magnitudes, 99))
    if kind == "tokens":  # one endless token must not shrink the others to dots
        return min(largest, 2.5 * float(np.median(magnitudes))) or 1.0
    return (usual if 0 < usual < largest / 20 else largest) or 1.0

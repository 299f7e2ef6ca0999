"""Cells of large pictures as whole numbers of one byte: a quarter of what real numbers take to send.

A code from -126 to 126 stands for that many units, 126 of which are the full colour; below them are the reasons for
which a cell is masked. Eyes cannot tell more colours apart. What a code stands for is worked out in the browser when a
cell is pointed at (browser/board/cell_words.js), and said to be rounded.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dashboard.figures.colours import MASKED, PROBABILITY, SIGNED

READABLE = 64 * 64  # cells up to which each one is sent, and told, with all of its digits
_LARGEST, _LOWEST = 126, -128


def coarse(values: np.ndarray, hidden: np.ndarray | None = None) -> bool:
    """True where there are too many cells to read one by one. There is no code for what is not finite."""
    return values.size > READABLE and bool(np.isfinite(values if hidden is None else values[~hidden]).all())


def coded(
    values: np.ndarray, scale: float, quantity: str, masks: Mapping[str, np.ndarray], beyond: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The properties of a heatmap that its codes decide, and what its `meta` has to say of them as `codes`.

    values: (rows, columns). masks: in words why cells are masked, and True at each of them. beyond: some cells are off
    the scale; they are drawn, and told, as its end.
    """
    units = np.nan_to_num(values, nan=0, posinf=0, neginf=0) * (_LARGEST / scale)  # what is masked may be infinite
    cells = np.clip(np.rint(units), -_LARGEST, _LARGEST).astype(np.int8)
    masked = {}
    for code, (why, cells_there) in enumerate(masks.items(), start=_LOWEST):
        cells[cells_there] = code
        masked[str(code)] = why
    heatmap = {
        "z": cells,
        "zmin": _LOWEST,
        "zmax": _LARGEST,
        "zauto": False,
        "colorscale": _SIGNED if quantity == "signed" else _PROBABILITY,
    }
    return heatmap, {"unit": scale / _LARGEST, "end": _LARGEST if beyond else None, "masked": masked}


def _scale(colours: list[list[Any]], least: int) -> list[list[Any]]:
    """The colours from the code `least` to the largest one, grey below: for masked cells, which need two codes."""
    span = _LARGEST - _LOWEST
    ramp = [[(least + at * (_LARGEST - least) - _LOWEST) / span, colour] for at, colour in colours]
    edge, grey = (-_LARGEST - 0.5 - _LOWEST) / span, MASKED[0][1]
    return [[0.0, grey], [edge, grey], [edge, colours[0][1]], *ramp]


_SIGNED = _scale(SIGNED, -_LARGEST)
_PROBABILITY = _scale(PROBABILITY, 0)

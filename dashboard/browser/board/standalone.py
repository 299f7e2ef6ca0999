"""A board as one HTML file, without Streamlit: for notebooks, and for whoever wants to keep pictures."""

import base64
import html as markup
import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from dashboard.browser import modules
from dashboard.figures.message import BoardPicture, packed

_MODULES = Path(__file__).parents[1]
_FIRST = "board/standalone.js"
_HINT = "Click a cell, or go from cell to cell with the Tab and arrow keys, to read its number."


def html(drawings: Sequence[BoardPicture], *, title: str = "Matrices", plotly: str = "") -> str:
    """One HTML file that draws these pictures as the page does, with all that it needs in it.

    title: of the page. plotly: the address of Plotly's file (plotly.min.js, version 4 or later), which makes the file
    1.5 MB smaller; without one Plotly is part of it.

    Raises ValueError as `packed` does.
    """
    data = {"plotly": plotly, "message": base64.b64encode(packed(drawings)).decode()}
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{markup.escape(title)}</title>",
        *(f"<style>{_text(name)}</style>" for name in ("board/board.css", "board/standalone.css")),
        f'<script type="importmap">{json.dumps({"imports": _addresses()})}</script>',
        f"</head><body><main class='board' aria-label='{markup.escape(title)}'></main>",
        f"<p class='board-chosen' role='status'>{_HINT}</p>",
        f'<script type="application/json" id="board-data">{json.dumps(data).replace("<", chr(92) + "u003c")}</script>',
        "" if plotly else f"<script>{modules.scripts()[modules.PLOTLY].decode()}</script>",
        f'<script type="module">import "{_FIRST}";</script>',
        "</body></html>",
    ]
    return "\n".join(parts)


def _addresses() -> dict[str, str]:
    """Each module that the first one needs, by its name, as an address that holds its text: a file cannot import its
    neighbours from a disk."""
    names = modules.needed_for(_FIRST)
    return {name: f"data:text/javascript;charset=utf-8,{quote(modules.with_names(name)[0])}" for name in names}


def _text(name: str) -> str:
    return (_MODULES / name).read_text(encoding="utf-8")

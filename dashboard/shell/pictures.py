"""Figures on the page: drawn by the board, for whoever looks at them."""

from dashboard.browser.board import board
from dashboard.figures.made import Made
from dashboard.figures.message import BoardPicture
from dashboard.shell import presenter


def draw_figure(figure: Made, *, key: str, alt: str, step: int | None = None) -> None:
    """Draw one figure by itself. key, alt and step: as `on_board` takes them."""
    board([on_board(figure, key=key, alt=alt, step=step)], key=key)


def on_board(figure: Made, *, key: str, alt: str, step: int | None = None, text: str = "") -> BoardPicture:
    """A figure for a board, larger for a room full of people.

    key: its name on the page. alt: what is seen, in words. step: of the run, where the figure shows one. text: Markdown
    above it.
    """
    shown = presenter.sized(figure)
    return BoardPicture(key, shown.traces, shown.plain_layout, alt, step, text)

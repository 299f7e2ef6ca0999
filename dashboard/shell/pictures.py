"""Figures on the page: drawn by the board, for whoever looks at them."""

from dashboard.browser.board import board
from dashboard.figures.made import Made
from dashboard.figures.message import BoardPicture
from dashboard.shell import presenter


def draw_figure(figure: Made, *, key: str, alt: str, step: int | None = None) -> None:
    """Draw one figure, larger for a room full of people.

    key: its name on the page. alt: what is seen, in words. step: of the run, where the figure shows one.
    """
    shown = presenter.sized(figure)
    board([BoardPicture(key, shown.traces, shown.plain_layout, alt, step)], key=key)

"""The board, which draws all pictures of matrices: on the page, and in a file that needs no server."""

from dashboard.browser.board.on_page import board
from dashboard.browser.board.standalone import html

__all__ = ["board", "html"]

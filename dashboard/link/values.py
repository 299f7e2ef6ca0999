"""How a link's texts become values: each function makes a parser, which raises Unusable with what is expected."""

import math
from collections.abc import Callable
from typing import TypeVar

from dashboard.link.models import Unusable

_T = TypeVar("_T", bound=str)


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A whole number from least to most."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
            raise Unusable(f"it must be a whole number from {least:,} to {most:,}")
        return int(text)

    return parse


def decimal_number(least: float, most: float) -> Callable[[str], float]:
    """A number with at most two decimals: what the slider can show."""
    range_ = f"it must be a number from {least} to {most}, with at most two decimals"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError as error:
            raise Unusable(range_) from error
        # Python's own 0_1 is no number in a link, and 0.004 must not become 0, which is another way to choose
        if "_" in text or not (math.isfinite(value) and least <= value <= most) or (value and not round(value, 2)):
            raise Unusable(range_)
        return round(value, 2)

    return parse


def one_of(options: tuple[_T, ...]) -> Callable[[str], _T]:
    """One of these words."""

    def parse(text: str) -> _T:
        for option in options:
            if text == option:
                return option
        raise Unusable(f"it must be one of {', '.join(options)}")

    return parse


def number_of(options: tuple[int, ...]) -> Callable[[str], int]:
    """One of these numbers."""
    parse = one_of(tuple(map(str, options)))
    return lambda text: int(parse(text))


def switch(text: str) -> int:
    """1 or 0; links of the first version say true and false."""
    return whole_number(0, 1)({"true": "1", "false": "0"}.get(text, text))

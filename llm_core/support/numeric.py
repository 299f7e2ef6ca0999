"""Numbers as people give them: Python's own, NumPy's, fractions. What is none is None, and the caller says why."""

import numbers


def as_whole(value: object) -> int | None:
    """The whole number that this is, of any type but bool: of a mistaken True nobody expects a 1."""
    return None if isinstance(value, bool) or not isinstance(value, numbers.Integral) else int(value)


def as_real(value: object) -> float | None:
    """The real number that this is, of any type but bool and no larger than a float can be."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return None

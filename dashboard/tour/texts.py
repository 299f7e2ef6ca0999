"""The tour's words, from texts.toml, with the run's numbers filled in."""

import string
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

TOUR_TEXTS = Path(__file__).with_name("texts.toml")
_Told = dict[str, str]


@lru_cache
def texts(file: Path = TOUR_TEXTS) -> dict[str, Any]:
    """The file's tables. Raises ValueError, with the line, where it cannot be read."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file.name} cannot be read: {error}") from error


def stop_texts(stop: str, variant: str, values: Mapping[str, str], file: Path = TOUR_TEXTS) -> _Told:
    """All texts of one stop, filled in: those of the variant, and where it has none those of the stop itself.

    Raises ValueError for a text that is missing or has a placeholder that is not among `values`.
    """
    table = _table(texts(file), stop, file)
    chosen = {**table, **(_table(table, variant, file) if variant else {})}
    found = {name: text for name, text in chosen.items() if isinstance(text, str)}
    for name in ("title", "what", "why", "formula"):
        if name not in found:
            where = f"{stop}.{variant}" if variant else stop
            raise ValueError(f'{file.name} has no text “{name}” for the stop [{where}]: add a line {name} = "…"')
    return {name: filled(text, values, f"{file.name}: the text “{name}” of [{stop}]") for name, text in found.items()}


def card_texts(file: Path = TOUR_TEXTS) -> _Told:
    """The texts of the card itself: its buttons, and the place, whose numbers are filled in later."""
    return dict(_table(texts(file), "card", file))


def filled(text: str, values: Mapping[str, str], where: str) -> str:
    """The text with each {name} replaced by its value. Raises ValueError, with `where`, for a name without one."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ValueError(
            f"{where} has a brace that belongs to nothing ({error}): write {{{{ or }}}} for one"
        ) from error
    line = []
    for literal, name, form, conversion in parts:
        line.append(literal)
        if name is None:
            continue
        if name not in values or form or conversion:
            known = ", ".join(sorted(values))
            raise ValueError(f"{where} has the placeholder {{{name}}}, which is not there; there are: {known}")
        line.append(values[name])
    return "".join(line)


def _table(tables: Mapping[str, Any], name: str, file: Path) -> dict[str, Any]:
    if not isinstance(tables.get(name), dict):
        raise ValueError(f"{file.name} has no table for “{name}”: the tour needs one")
    return dict(tables[name])

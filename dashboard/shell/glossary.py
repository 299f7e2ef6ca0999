"""The glossary: one or two plain sentences about each technical word, shown where the word first stands.

Our own Markdown texts get a link at a word's first place, `[keys](#word-key)`; browser/glossary.js shows the tip
there, to the mouse, the keyboard and a finger. What a visitor or a tokenizer wrote is never marked.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

GLOSSARY = Path(__file__).with_name("glossary.toml")
# What a word may not be found in: code, links, icons and colours, which Markdown reads in its own way
_APART = r"`[^`]*`|\[[^\]]*\]\([^)]*\)|:[a-z-]+/[a-z_]+:"


@dataclass(frozen=True)
class _Word:
    """One technical word. forms: how it is written, the first one as its title; tip: what it means."""

    key: str
    forms: tuple[str, ...]
    tip: str


@lru_cache
def glossary_words(file: Path = GLOSSARY) -> dict[str, _Word]:
    """The file's words by key. Raises ValueError, with its name, where it cannot be read."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
        return {key: _Word(key, tuple(table["forms"]), table["tip"]) for key, table in tables.items()}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{file.name} cannot be read: {error}") from error


@lru_cache
def glossary_key() -> dict[str, str]:
    """The key of each form, in lower case."""
    return {form.lower(): word.key for word in glossary_words().values() for form in word.forms}


def found(text: str) -> list[tuple[str, str]]:
    """The technical words of a text in order: the form as it is written, and its key; the longest form counts."""
    return [(m[0], glossary_key()[m[0].lower()]) for m in _pattern().finditer(text) if m["form"]]


@lru_cache(maxsize=256)
def marked(*texts: str) -> tuple[str, ...]:
    """Markdown texts of ours in the order in which they are read, each word a link to its tip where it first stands."""
    seen: set[str] = set()

    def mark(match: re.Match[str]) -> str:
        key = glossary_key().get(match[0].lower()) if match["form"] else None
        if key is None or key in seen:
            return match[0]
        seen.add(key)
        return f"[{match[0]}](#word-{key})"

    return tuple(_pattern().sub(mark, text) for text in texts)


def marked_one(text: str) -> str:
    """The same of a text that stands alone."""
    return marked(text)[0]


def tips() -> dict[str, tuple[str, str]]:
    """Of each key the title and the tip, for the browser."""
    return {word.key: (word.forms[0], word.tip) for word in glossary_words().values()}


@lru_cache
def _pattern() -> re.Pattern[str]:
    forms = "|".join(re.escape(form) for form in sorted(glossary_key(), key=len, reverse=True))
    return re.compile(rf"{_APART}|(?P<form>(?<![\w-])(?:{forms})(?![\w-]))", re.IGNORECASE)

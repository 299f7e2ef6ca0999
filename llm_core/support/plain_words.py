"""What a library says when it fails, in words that may be shown to anybody."""

import errno
import re

MOST = 200  # characters
_ADDRESS = re.compile(r"\b\w+://\S+")
# From the first slash that begins a path to the last one of the text between quotes, as folders may have spaces
_PATH = re.compile(r"""(?<!\w)(?:~\w*|[A-Za-z]:)?[/\\](?:[^'"`]*[/\\])?[^\s'"`,;:)]*""")


def plainly(error: Exception) -> str:
    """What went wrong in one line: no absolute paths and addresses, which tell of this machine, and not too long."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return one_line(_PATH.sub("…", _ADDRESS.sub("…", words)), MOST) or type(error).__name__


def one_line(text: str, most: int) -> str:
    """A text from elsewhere as part of a sentence: in one line, of at most so many characters, and all can be seen."""
    text = "".join(c for c in " ".join(text.split()) if c.isprintable())
    return text if len(text) <= most else text[: most - 1] + "…"


def counted(number: int, word: str) -> str:
    """A number with its noun, which takes an s unless the number is one: "1 row", "2,000 rows"."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def as_sentence(words: str) -> str:
    """Words that can stand alone: with a capital and a full stop."""
    return f"{words[:1].upper()}{words[1:]}."


def disk_is_full(error: Exception) -> bool:
    """Whether that is why it failed; libraries that are not written in Python say so in words alone."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "no space left" in str(error).lower()

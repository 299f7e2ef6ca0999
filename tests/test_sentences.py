"""What a visitor or a user reads, held to plain words: no riddle that was once there comes back."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.pages import ROOT

RIDDLES = (
    r"times chance",
    r"× chance",
    r"most likely besides",
    r"drawn with",
    r"rows ask",
    r"columns answer",
    r"one row = one token",
    r"found by",
    r"\bone size\b",
    r"more sides",
    r"\bcounterparts?\b",
    r"never holds",
    r"\bway back\b",
    r"take it with you",
    r"any part, exactly",
    r"\bdoors?\b",
    r"\bprove this\b",
    r"\btold\b",
    r"likeliest",
    r"hands over",
    r"dice say",
    r"as it was\b",
    r"in the mean\b",
    r"\bparks\b",
    r"being proven",
    r"(?<!residual )\bstream\b",
    r"looked at",
    r"from the door",
    r"real thing",
    r"gets one size",
    r"new tokens asked for",
    r"\d-dim\b",
    r"they go from",
    r"exact ones",
    r"once more",
    r"\btowers?\b",
    r"so many times",
    r"\bheed\b",
    r"which there is not",
    r"\bhands on\b",
    r"\btells of\b",
    r"\bno number\b",
    r"is asked for here",
    r"largest error when",
    r"here it goes",
    r"before they meet",
    r"most of the attention",
    r"each other token",
    r"little to say",
    r"the same twice",
    r"give the one",
    r"token among them",
    r"sum needs a sum",
    r"computed again from its operands;",
    r"^how many .* has",
    r"\bturned by\b",
    r"each cell is the\b",
    r"random pick",
    r"from its operands",
    r"largest of each\b",
    r"^This is an attention sink",
    r"dice seed \S+ has rolled",
    r"line from 0 to 1",
)
APART = {  # what looks like a sentence and is none
    "every-matrix run",
}


def in_python(file: Path) -> Iterator[str]:
    """The texts of a module, without docstrings: those with a space, of which sentences are made."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    docstrings = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def in_javascript(file: Path) -> Iterator[str]:
    code = re.sub(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", "", file.read_text(encoding="utf-8"), flags=re.S)
    for match in re.finditer(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`', code):
        yield re.sub(r"\$\{[^}]*\}", "…", match[1] or match[2] or "")


def in_toml(file: Path) -> Iterator[str]:
    for table in tomllib.loads(file.read_text(encoding="utf-8")).values():
        pending = [table]
        while pending:
            for value in pending.pop().values():
                if isinstance(value, dict):
                    pending.append(value)
                yield from [value] if isinstance(value, str) else []


def in_readme(file: Path) -> Iterator[str]:
    text = re.sub(r"^    .*$", "", file.read_text(encoding="utf-8"), flags=re.M)
    yield from (re.sub(r"`[^`]*`", "…", part) for part in text.split("\n\n"))


READERS = {".py": in_python, ".js": in_javascript, ".toml": in_toml, ".md": in_readme}
FILES = [
    ROOT / "README.md",
    ROOT / "app.py",
    *(
        file
        for folder in ("dashboard", "llm_core")
        for file in sorted((ROOT / folder).rglob("*"))
        if file.suffix in READERS and not file.name.endswith(".min.js")  # not ours
    ),
]


def sentences() -> Iterator[tuple[str, str]]:
    for file in FILES:
        for text in READERS[file.suffix](file):
            if " " in text.strip() and text not in APART:
                yield str(file.relative_to(ROOT)), " ".join(text.split())


def test_no_text_speaks_in_riddles():
    riddles = re.compile("|".join(RIDDLES), re.IGNORECASE)
    found = [f"{where}: “{m[0]}” in “{text[:120]}”" for where, text in sentences() if (m := riddles.search(text))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "riddle", ["1.0 × chance", "the stream at every door", "Most likely besides", "drawn with", "few cells that tower"]
)
def test_riddles_are_recognised(riddle):
    assert re.search("|".join(RIDDLES), riddle, re.IGNORECASE)


def test_the_texts_of_every_kind_of_file_are_read():
    texts = {text for _, text in sentences()}
    assert "Double-check this run" in texts and "Most likely tokens" in texts
    assert "what each token can be matched on" in texts and "Leave the tour" in texts
    assert any(text.startswith("A language model predicts") for text in texts)

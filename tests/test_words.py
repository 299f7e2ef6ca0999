"""What the page says stands apart from what draws it: in each feature's module of words, where it can be translated."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.pages import ROOT

WORDS = ("words.py", "texts.py")
NOT_SAID = {"key", "icon", "type", "width", "height", "gap", "language", "format", "border", "vertical_alignment"}
NO_TEXT = {"html", "container", "set_page_config", "cache_data", "cache_resource", "App", "fragment", "component"}


def texts(node: ast.expr) -> Iterator[str]:
    """The literal texts in what is handed over, those that a call within it makes something of, too."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
        case ast.BinOp():
            yield from (text for part in (node.left, node.right) for text in texts(part))
        case ast.IfExp():
            yield from (text for part in (node.body, node.orelse) for text in texts(part))
        case ast.BoolOp(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Call(args=parts):
            yield from (text for part in parts for text in texts(part))


def is_said(text: str) -> bool:
    """Whether a text has two words or more: one word alone names things too, as a layout or a type of file."""
    text = re.sub(r":material/\w+:", "", text)
    return len(re.findall(r"[^\W\d_]{2,}", text)) > 1 and " " in text.strip()


def said_in_place(source: str) -> Iterator[str]:
    """What a module hands to Streamlit to say, written where it is handed over."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func).startswith("st.")):
            continue
        if ast.unparse(node.func).split(".")[-1] in NO_TEXT or "session_state" in ast.unparse(node.func):
            continue
        given = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg not in NOT_SAID)]
        yield from (text for each in given for text in texts(each) if is_said(text))


@pytest.mark.parametrize(
    "source",
    [
        'st.text("There is no such model.")',
        'st.button("Roll", help="Roll the dice")',
        'st.caption(f"The list has {n} matrices.")',
        'st.caption(marked_one("All cells " + "are finite."))',
        'st.text("It is open." if is_open else SHUT)',
        'st.tabs(["One matrix", "All"])',
        '@st.dialog("Shape your own model")\ndef f(): pass',
    ],
)
def test_what_is_said_in_place_is_seen(source: str) -> None:
    assert list(said_in_place(source))


@pytest.mark.parametrize(
    "source",
    [
        "st.text(words.NO_MODEL)",
        'st.button("Run", key="a key of two", icon=":material/menu_book:")',
        'st.html("<p>some markup</p>")',
        'f("There is no such model.")',
        'st.slider("Layer", 0, 3)',
    ],
)
def test_what_is_no_sentence_or_stands_apart_is_not_taken_for_one(source: str) -> None:
    assert not list(said_in_place(source))


def test_the_page_says_nothing_that_stands_in_the_code_that_draws_it() -> None:
    modules = [file for file in sorted((ROOT / "dashboard").rglob("*.py")) if file.name not in WORDS]
    assert len(modules) > 90
    found = {str(f.relative_to(ROOT)): list(said_in_place(f.read_text(encoding="utf-8"))) for f in modules}
    assert not {name: each for name, each in found.items() if each}


def modules_of_words() -> list[Path]:
    return sorted(file for file in (ROOT / "dashboard").rglob("words.py"))


@pytest.mark.parametrize("file", modules_of_words(), ids=lambda file: file.parent.name)
def test_a_text_with_a_placeholder_names_what_is_filled_in(file: Path) -> None:
    """{title}, never {}: a translator may need another order."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            for text in texts(node.value):
                names = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
                assert all(name.isidentifier() for name in names), text

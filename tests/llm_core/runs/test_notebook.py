"""How a matrix and a run show themselves in a notebook."""

import io
import re
import tomllib
from xml.etree import ElementTree

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import models

import llm_core
from dashboard.figures import colours
from llm_core import Sampling, generate, open_run, random_model, save_run
from llm_core.model.tokenizer import Tokenizer
from llm_core.runs import html
from tests.helpers.pages import ROOT
from tests.helpers.small_models import CONFIGS, ids

HOSTILE = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '" onmouseover="alert(1)', "&lt;b&gt;", "</td>"]


@pytest.fixture
def hostile_run():
    """A run whose every token is markup."""
    model = random_model(CONFIGS["grouped queries, RoPE, SwiGLU"], seed=3)
    model.name = "<script>model</script>"
    vocab = {f"{HOSTILE[i % len(HOSTILE)]}{i}": i for i in range(101)}
    model.tokenizer = Tokenizer(Backend(models.WordLevel(vocab, unk_token=next(iter(vocab)))))
    return generate(model, ids(5), 2, Sampling(temperature=0))


def texts(shown: str) -> list[str]:
    """The texts of well-formed markup, in order."""
    tree = ElementTree.fromstring(shown)
    assert {element.tag for element in tree.iter()} <= {"div", "b", "br", "code", "span", "table", "tr", "th", "td"}
    assert {name for element in tree.iter() for name in element.attrib} <= {"style", "title"}
    return [text for text in tree.itertext() if text.strip()]


def shown(thing) -> str:
    """The markup, with its line breaks closed as XML wants them."""
    return thing._repr_html_().replace("<br>", "<br/>")


def test_a_small_matrix_shows_each_number_under_its_tokens(toy):
    run = generate(toy, "hello how are you?", 1)
    found = texts(shown(run.steps[0].matrix("layers.0.attention.weights")))
    assert found[:2] == ["Attention weights", "A = softmax(S_mask)"]
    assert found.count("masked") == 10  # the upper triangle of 5 × 5
    assert "1" in found and found.count("hello") == 2
    rows = [found[i + 1 : i + 3] for i, text in enumerate(found) if text == "␣how"]
    weights = run.steps[0].matrix("layers.0.attention.weights").values[0]
    assert rows[-1] == [f"{float(w):.4g}" for w in weights[1, :2]]


def test_a_large_matrix_says_its_shape_and_range(toy):
    matrix = generate(toy, "hello", 1).steps[0].matrix("logits")
    found = " ".join(texts(shown(matrix)))
    assert "1 × 50,257" in found and f"{float(matrix.values.max()):.4g}" in found and len(found) < 300


def test_heads_are_shown_one_by_one_up_to_four():
    model = random_model(CONFIGS["normed queries, wide heads, window"], seed=1)
    found = texts(shown(generate(model, ids(4), 1).steps[0].matrix("layers.0.attention.weights")))
    assert [text for text in found if text.startswith("head ")] == ["head 0", "head 1", "head 2", "head 3"]


def test_a_run_shows_its_settings_and_its_tokens(toy):
    run = generate(toy, "hello how", 2, Sampling(temperature=0.5, top_k=7, seed=3))
    found = texts(shown(run))
    assert "temperature 0.5, top-k 7, top-p off, dice seed 3" in found[1]
    assert found[2:] == ["hello", "␣how", *(step.sampled.label for step in run.steps)]


def test_a_run_from_a_file_shows_itself_as_it_did_before_it_was_saved(toy):
    run = generate(toy, "hello how", 2, Sampling(temperature=0.5, top_k=7, seed=3))
    file = io.BytesIO()
    save_run(run, [], file)
    assert open_run(file.getvalue())._repr_html_() == run._repr_html_()


def test_markup_in_the_tokens_of_a_file_stays_text(hostile_run):
    file = io.BytesIO()
    save_run(hostile_run, [], file)
    filed = open_run(file.getvalue())
    found = texts(shown(filed))
    assert "<script>model</script>" in found and filed.labels[0] in found
    assert not any(text in filed._repr_html_() for text in ("<script", "<img", '" onmouse'))


def test_hostile_tokens_stay_text(hostile_run):
    for thing in (hostile_run, *hostile_run.steps[0].matrices(hostile_run.steps[0].names)):
        found = texts(shown(thing))
        assert not any(text in thing._repr_html_() for text in ("<script", "<img", '" onmouse'))
        if thing is hostile_run:
            label = hostile_run.model.tokenizer.label(hostile_run.prompt_ids[0])
            assert label in found and "<script>model</script>" in found


def test_masked_and_infinite_cells_have_no_colour_that_breaks_the_style(hostile_run):
    markup = hostile_run.steps[0].matrix("layers.0.attention.masked_scores")._repr_html_()
    assert "nan" not in markup and "inf" not in markup
    assert all(0 <= float(alpha) <= 1 for alpha in re.findall(r"rgba\([\d, ]+, ([\d.]+)\)", markup))


def test_the_colours_are_the_pages():
    mine = (html._BLUE, html._ORANGE, html._TEAL, html._GREY, html._STRONGEST)
    assert mine == (colours.BLUE, colours.ORANGE, colours.TEAL, colours.GREY, colours.STRONGEST)


def test_the_version_is_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert llm_core.__version__ == project["version"]

"""What figures show, in words."""

import math
import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.figures.alternative import equation_in_words, grid_in_words, line_in_words, picture_in_words
from dashboard.figures.picture import Picture, percent
from dashboard.matrices.heads import heads_in_words, last_row
from dashboard.matrices.pictures import Pictures
from dashboard.matrices.readings import read_matrices
from llm_core import generate, load_model
from tests.helpers.pages import opened, pictures, run_file_page, saved, whole_model
from tests.helpers.small_models import ids


def picture(**more: object) -> Picture:
    values = np.array([[1.0, -4.0, 0.5], [2.0, 3.0, -0.25]], dtype=np.float32)
    return Picture(
        "q",
        "Q",
        "2×3",
        values,
        row_word="position",
        column_word="head_dim",
        row_names=["hello", "␣how"],
        row_start=4,
        **more,
    )


def test_a_picture_says_shape_range_and_its_three_largest_cells_by_name() -> None:
    assert picture_in_words(picture()) == (
        "Q, 2×3: from −4.0 to 3.0; largest at position 4 hello, head_dim 1: −4.0; "
        "position 5 ␣how, head_dim 1: 3.0; position 5 ␣how, head_dim 0: 2.0."
    )


def test_masked_and_infinite_cells_are_neither_range_nor_largest() -> None:
    values = np.array([[1.0, np.inf], [np.nan, 2.0]])
    hidden = np.array([[False, False], [False, True]])
    names = (["a", "b"], ["c", "d"])
    assert grid_in_words("S", values, names, hidden) == (
        "S: from 1.0 to 1.0; largest at a, c: 1.0; NaN or infinite cells: 2."
    )
    assert grid_in_words("S", values, names, np.ones((2, 2), bool)) == "S: all masked."
    assert grid_in_words("S", values * np.nan, names, hidden) == "S: all NaN or infinite."


def test_shares_are_said_in_percent_and_pooled_cells_by_their_span() -> None:
    shares = picture(quantity="probability", tile=(2, 5))
    assert "largest at position 4 to 5, head_dim 5 to 9: −400 %" in picture_in_words(shares)


def test_the_last_span_of_a_pooled_picture_ends_where_its_matrix_does() -> None:
    shares = picture(quantity="probability", tile=(2, 5), size=(3, 11))
    said = picture_in_words(shares)
    assert "position 6, head_dim 5 to 9: 300 %" in said and "position 6, head_dim 0 to 4: 200 %" in said
    assert [list(span) for span in shares.spans(1)][-1] == [10]


def test_no_row_or_column_past_the_end_is_named(llama) -> None:
    step = generate(llama, ids(301), 1).steps[0]
    for name in ("layers.0.attention.weights", "layers.0.attention.q", "layers.0.feedforward.hidden"):
        found = Pictures(step, names=[name]).matrix(name)
        assert found.tile[0] == 3 and found.spans(0)[-1] == range(300, 301)
        assert [len(found.spans(axis)) for axis in (0, 1)] == list(found.values.shape)


def test_all_heads_are_told_by_the_last_tokens_own_weights_and_their_range(llama) -> None:
    step = generate(llama, ids(300), 1).steps[0]
    name = "layers.1.attention.weights"
    weights, reading = step.matrix(name).values, read_matrices(step, [name])[name]
    said = heads_in_words(step, reading, last_row(step, 1))
    assert reading.tile == (3, 3)
    assert (
        f" to {percent(float(weights.max()))}. Each cell shows the number of largest magnitude in a block of 3 × 3. "
        in said
    )
    assert "The largest part of the attention of token 299 " in said
    for head, row in enumerate(weights[:, -1]):
        assert f"head {head}: {percent(float(row.max()))} on token {int(row.argmax())} " in said


def test_an_equation_names_its_matrices_and_those_below_them() -> None:
    under = Picture("b", "b", "1×3", np.ones((1, 3)), kind="weight")
    said = equation_in_words([picture(below=(("+", under),)), "=", picture()])
    assert said.count("Q, 2×3") == 2 and said.count("b, 1×3: from 1.0 to 1.0") == 1


def test_a_line_says_its_range_where_its_ends_are_and_its_last_value() -> None:
    doors = ["at the input", "after layer 0", "after layer 1"]
    assert line_in_words("Norm", [2.0, 64.0, 31.5], doors) == (
        "Norm: from 2.0 to 64; smallest at the input, largest after layer 0; 32 after layer 1."
    )
    assert line_in_words("Rank", [40_000, 1, 3], doors, "{:,}".format) == (
        "Rank: from 1 to 40,000; smallest after layer 0, largest at the input; 3 after layer 1."
    )
    assert line_in_words("Norm", [math.nan, math.inf, 5.0], doors).startswith("Norm: from 5.0 to 5.0; smallest after")
    assert line_in_words("Norm", [math.nan], doors[:1]) == "Norm: no numbers."


@pytest.mark.parametrize("panel", ["", "heads", "stream", "exact"])
def test_every_chart_of_the_page_has_a_text_with_numbers(panel: str) -> None:
    page: AppTest = opened(**({"model": "llama-nano", "panel": panel} if panel else {}))
    found = pictures(page)
    assert len(found) > 4
    for picture in found:
        assert any(character.isdigit() for character in picture.alternative), picture.key
        assert len(picture.alternative) > 60


def expect_range_and_largest(page: AppTest, charts: int) -> None:
    """Each chart's text begins with what it is, and has its range and where it is largest, in numbers."""
    found = pictures(page)
    assert not page.exception and len(found) >= charts
    for picture in found:
        alt = picture.alternative
        assert re.match(r"[A-Z][\w'’ ,-]+", alt), alt
        assert re.search(r"from \S*\d\S*( %)? to \S*\d", alt), alt
        assert re.search(r"largest (at )?\S.*\d", alt), alt


@pytest.mark.parametrize(
    "query",
    [
        {"model": "toy"},
        {"model": "llama-nano", "layer": "1"},
        {"model": "llama-nano", "part": "logits"},
        {"model": "llama-nano", "text": "one two three four five six " * 50},
    ],
)
def test_every_chart_of_the_whole_model_says_what_it_is_its_range_and_its_largest_cells(query: dict[str, str]) -> None:
    expect_range_and_largest(whole_model(**query), charts=2 if query["model"] == "toy" else 4)


def test_the_grid_of_guesses_says_how_sure_they_are_and_which_are_the_surest() -> None:
    (said,) = [
        picture.alternative
        for picture in pictures(whole_model(model="llama-nano"))
        if "most likely token after" in picture.alternative
    ]
    assert re.search(r"from \S+ % to \S+ %; largest at (input|after layer \d), position \d: \S+ \S+ %;", said)
    assert "At position 4: input: " in said


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("toy", []),
        ("llama-nano", ["attention", "feedforward", "output"]),
    ],
)
def test_every_chart_of_a_run_file_says_what_it_is_its_range_and_its_largest_cells(
    model: str, parts: list[str]
) -> None:
    run = generate(load_model(model), "hello how are you?", 2)
    page = run_file_page(saved(run, run.steps[0].names))
    expect_range_and_largest(page, charts=2)
    for part in parts:
        page.button_group(key="filed-part").set_value(part).run()
        expect_range_and_largest(page, charts=1)

"""What figures show, in words."""

import math

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.figures.alternative import grid_in_words, in_words, line_in_words, picture_in_words
from dashboard.figures.picture import Picture
from tests.dashboard.test_page import opened


def picture(**more: object) -> Picture:
    values = np.array([[1.0, -4.0, 0.5], [2.0, 3.0, -0.25]], dtype=np.float32)
    return Picture("q", "Q", "2×3", values, row_word="position", column_word="head_dim", row_names=["hello", "␣how"],
                   row_start=4, **more)  # fmt: skip


def test_a_picture_says_shape_range_and_its_three_largest_cells_by_name() -> None:
    assert picture_in_words(picture()) == (
        "Q, 2×3: from -4.0 to 3.0; largest at position 4 hello, head_dim 1: -4.0; "
        "position 5 ␣how, head_dim 1: 3.0; position 5 ␣how, head_dim 0: 2.0."
    )


def test_masked_and_infinite_cells_are_neither_range_nor_largest() -> None:
    values = np.array([[1.0, np.inf], [np.nan, 2.0]])
    hidden = np.array([[False, False], [False, True]])
    assert grid_in_words("S", values, (["a", "b"], ["c", "d"]), hidden) == "S: from 1.0 to 1.0; largest at a, c: 1.0."
    assert grid_in_words("S", values, (["a", "b"], ["c", "d"]), np.ones((2, 2), bool)) == "S: all masked."


def test_shares_are_said_in_percent_and_pooled_cells_by_their_span() -> None:
    shares = picture(quantity="probability", tile=(2, 5))
    assert "largest at position 4 to 5, head_dim 5 to 9: -400 %" in picture_in_words(shares)


def test_an_equation_names_its_matrices_and_those_below_them() -> None:
    under = Picture("b", "b", "1×3", np.ones((1, 3)), kind="weight")
    said = in_words([picture(below=(("+", under),)), "=", picture()])
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
    charts = page.get("plotly_chart")
    assert len(charts) > 4
    for chart in charts:
        assert any(character.isdigit() for character in chart.proto.alt), chart.proto.id
        assert len(chart.proto.alt) > 60

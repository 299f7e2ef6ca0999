"""A matrix in a notebook: for NumPy, as a table, and in a line."""

import numpy as np
import pytest
import torch

from llm_core import generate, load_model, random_model
from tests.helpers.small_models import CONFIGS, ids


def test_numpy_takes_a_matrix_and_gets_a_copy(toy):
    matrix = generate(toy, "a b c").steps[0].matrix("input")
    found = np.asarray(matrix)
    assert found.dtype == np.float32 and np.array_equal(found, matrix.values.numpy())
    found[:] = 7
    assert not (np.asarray(matrix) == 7).any() and not (matrix.values == 7).any()
    assert np.array(matrix, dtype=np.float64).dtype == np.float64
    assert np.abs(matrix).sum() == pytest.approx(float(matrix.values.abs().sum()), rel=1e-6)
    with pytest.raises(ValueError, match="copy"):
        np.array(matrix, copy=False)


def test_numpy_gets_coarse_numbers_as_float32(small_model):
    model = random_model(CONFIGS["toy"], 3).to(torch.bfloat16)
    matrix = generate(model, ids(3)).steps[0].matrix("input")
    assert matrix.values.dtype == torch.bfloat16
    assert np.array_equal(np.asarray(matrix), matrix.values.float().numpy())


def test_a_table_has_tokens_as_names_and_several_heads_below_each_other(toy):
    frame = generate(toy, "a b a").steps[0].matrix("input").to_frame()
    assert frame.shape == (3, 8) and frame.index.names == ["place", "position"] and frame.columns.name == "model"
    assert frame.index.tolist() == [(0, "a"), (1, "␣b"), (2, "␣a")] and frame.columns.tolist() == list("01234567")
    weights = generate(load_model("llama-nano"), "a b a").steps[0].matrix("layers.1.attention.weights")
    frame = weights.to_frame()
    assert frame.index.names == ["head", "place", "query"] and frame.columns.tolist() == ["a", "␣b", "␣a"]
    for head in range(weights.shape[0]):
        assert np.array_equal(frame.loc[head].to_numpy(), weights.values[head].numpy())


def test_places_of_tokens_are_their_positions_in_the_run(toy):
    run = generate(toy, "a b a", 2)
    decode, part = run.steps[1].matrix("input"), run.steps[0].matrix("input", range(1, 3))
    assert [place for place, _ in decode.to_frame().index] == [3] and decode.to_frame().index.names[0] == "place"
    assert part.to_frame().index.tolist() == [(1, "␣b"), (2, "␣a")]
    keys = run.steps[1].matrix("layers.0.attention.keys").to_frame()
    assert keys.index.get_level_values("place").tolist() == [0, 1, 2, 3]
    logits = run.steps[0].matrix("logits").to_frame()
    assert logits.index.tolist() == [(2, "␣a")]


def test_every_kind_of_matrix_has_a_table(small_model):
    step = generate(small_model, ids(4), 2).steps[1]
    for matrix in step.matrices(step.names):
        assert np.array_equal(matrix.to_frame().to_numpy().ravel(), matrix.values.numpy().ravel()), matrix.name


def test_what_stands_in_a_line_is_short(toy):
    run = generate(toy, "hello how are you?" * 10, 2)
    assert repr(run.steps[1]).startswith("<Step 1: decode of 1 row, then ")
    assert repr(run).startswith("<Run of toy") and len(repr(run)) < 160
    assert repr(generate(toy, "a b").steps[0].matrix("layers.0.attention.weights")).startswith(
        "<Matrix layers.0.attention.weights: head 1 × query 2 × key 2, float32, 0 … 1>"
    )

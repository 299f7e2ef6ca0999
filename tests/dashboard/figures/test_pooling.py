"""How large matrices are made small, and what sets the scale: both are a visitor's choice, and said."""

import numpy as np
import pytest

from dashboard.figures.picture import POOLED_CELLS, POOLINGS, pool
from dashboard.figures.pooling import Pooled
from dashboard.figures.scale import reaching
from dashboard.matrices.pictures import Look, Pictures
from llm_core import generate, load_model
from tests.helpers.pages import drawn, opened, sentences

LONG = "the same words and then some " * 50  # 300 tokens
OF_TILE = {"mean": np.nanmean, "maximum": np.nanmax, "largest": lambda v: v.flat[np.nanargmax(np.abs(v))]}


def by_hand(values: np.ndarray, tile: tuple[int, int], how: str) -> np.ndarray:
    """Each tile of values (rows, columns) by itself; NaN does not count, and is 0 where there is nothing else."""
    rows, columns = (range(0, size, step) for size, step in zip(values.shape, tile, strict=True))
    tiles = [[values[r : r + tile[0], c : c + tile[1]] for c in columns] for r in rows]
    return np.array([[0 if np.isnan(t).all() else OF_TILE[how](t) for t in row] for row in tiles])


@pytest.mark.parametrize("how", POOLINGS)
@pytest.mark.parametrize("shape", [(1, 600), (300, 257), (513, 700), (5, 8)])
def test_a_matrix_is_pooled_tile_by_tile(how: str, shape: tuple[int, int]) -> None:
    values = np.random.default_rng(1).standard_normal(shape).astype(np.float32) - 0.5
    small, tile = pool(values, how=how)
    assert max(small.shape) <= 256
    np.testing.assert_allclose(small, by_hand(values, tile, how), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("how", POOLINGS)
@pytest.mark.parametrize(
    "block", [pytest.param(64, marks=pytest.mark.slow), 100, pytest.param(513, marks=pytest.mark.slow)]
)
def test_pooling_in_blocks_of_rows_is_pooling_at_once_and_masked_cells_do_not_count(how: str, block: int) -> None:
    dice = np.random.default_rng(0)
    values = dice.standard_normal((2, 513, 700), np.float32) - np.float32(0.5)
    mask = dice.random((513, 700)) < 0.4
    mask[:20, :40] = True  # whole tiles
    pooled = Pooled(2, 513, 700)
    for start in range(0, 513, block):
        pooled.add(values[:, start : start + block], mask[start : start + block], start)
    for head in range(2):
        expected = by_hand(np.where(mask, np.nan, values[head]), pooled.tile, how)
        np.testing.assert_allclose(pooled.values()[how][head], expected, rtol=1e-4, atol=1e-5)
    assert np.array_equal(pooled.hidden(), by_hand(np.where(mask, np.nan, 1), pooled.tile, "mean") == 0)
    assert max(pooled.hidden().shape) <= POOLED_CELLS


def test_what_is_infinite_and_not_masked_stays_so() -> None:
    pooled, mask = Pooled(1, 2, 2), np.array([[False, True], [False, False]])
    pooled.add(np.array([[[-np.inf, -np.inf], [1.0, np.inf]]], np.float32), mask, 0)
    assert pooled.values()["largest"].tolist() == [[[-np.inf, 0], [1, np.inf]]]


def test_the_choice_reaches_matrices_weights_and_captions() -> None:
    step = generate(load_model("llama-nano"), LONG, 1).steps[0]
    name = "layers.0.attention.scores"
    whole = step.matrix(name).values[0].numpy()
    for how in POOLINGS:
        picture = Pictures(step, Look(pooling=how)).matrix(name)
        assert f"each cell shows the {how} of {picture.tile[0] * picture.tile[1]} numbers" in picture.remarks
        np.testing.assert_allclose(picture.values, by_hand(whole, picture.tile, how), rtol=1e-4, atol=1e-5)


def test_a_link_can_choose_both_and_a_wrong_choice_is_refused_in_words() -> None:
    for how in POOLINGS:
        said = _captions(opened(model="llama-nano", text=LONG, pooling=how, station="embedding"))
        assert f"the {how} of" in said and not any(f"the {other} of" in said for other in POOLINGS if other != how)
    said = sentences(opened(pooling="median", scale="huge"))
    assert "pooling = median" in said and "largest, mean, maximum" in said and "scale = huge" in said


def _captions(page: object) -> str:
    return " ".join(a["text"] for figure in drawn(page) for a in figure["layout"]["annotations"])


def test_the_scale_is_robust_reaches_the_largest_cell_or_is_one_of_all_heads() -> None:
    assert reaching((2.0, (3, -9.0))) == (9.0, (0, 0.0))
    assert reaching((2.0, (-1, 9.0))) == (9.0, (0, 0.0))
    assert reaching((2.0, (0, 0.0))) == (2.0, (0, 0.0))
    step = generate(load_model("llama-nano"), "hello how are you?", 1).steps[0]
    name, heads = "layers.1.attention.q", step.run.model.config.heads
    values = step.matrix(name).values.numpy()
    scales = {
        kind: [Pictures(step, Look(head=h, scale=kind)).matrix(name) for h in range(heads)]
        for kind in ("robust", "matrix", "heads")
    }
    assert [p.scale for p in scales["matrix"]] == [pytest.approx(float(np.abs(v).max())) for v in values]
    assert len({p.scale for p in scales["heads"]}) == 1
    assert all(p.remarks[0].endswith("of all heads") for p in scales["heads"])
    assert not any("of all heads" in p.remarks[0] for p in scales["robust"])

"""The health of matrices: figures worked out by hand, and numpy's in float64 for whole runs of every kind of block."""

import math

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from llm_core import catalogue, generate, random_model
from llm_core.measures.health import Tally, health, in_blocks
from llm_core.runs.matrix import Matrix
from tests.helpers.small_models import CONFIGS, ids


def matrix(name: str, values, mask=None) -> Matrix:
    """A matrix with a name of the GPT-2-like test model, and these values."""
    entry = catalogue.matrix(CONFIGS["pre-norm, learned positions, biases"], name)
    mask = None if mask is None else torch.tensor(mask)
    return Matrix(entry, torch.tensor(values, dtype=torch.float32), ((),) * len(entry.axes), mask)


def counted(*blocks: Matrix):
    tally = Tally(blocks[0])
    for block in blocks:
        tally.add(block)
    return tally.result()


def test_range_norm_and_zeros_by_hand():
    (found,) = counted(matrix("input", [[3.0, 0.0, -4.0], [0.0, 0.0, 12.0]]))
    assert (found.minimum, found.maximum, found.norm) == (-4, 12, 13)  # 9 + 16 + 144 = 169
    assert (found.cells, found.zeros, found.shape) == (6, 0.5, (2, 3))
    assert found.sound and found.entropy is None and found.first is None


def test_what_is_not_finite_is_counted_and_left_out_of_range_and_norm():
    (found,) = counted(matrix("input", [[math.nan, math.inf, -math.inf], [3.0, -4.0, 0.0]]))
    assert (found.nan, found.infinite, found.sound) == (1, 2, False)
    assert (found.minimum, found.maximum, found.norm) == (-4, 3, 5)
    (nothing,) = counted(matrix("input", [[math.nan, math.inf]]))
    assert math.isnan(nothing.minimum) and math.isnan(nothing.maximum) and nothing.norm == 0


def test_masked_cells_are_neither_infinities_nor_zeros():
    hidden = [[False, True], [False, False]]
    (scores,) = counted(matrix("layers.0.attention.masked_scores", [[[2.0, -math.inf], [-1.0, 0.0]]], hidden))
    assert (scores.infinite, scores.cells, scores.minimum, scores.maximum) == (0, 3, -1, 2)
    assert scores.zeros == pytest.approx(1 / 3)
    (seen,) = counted(matrix("layers.0.attention.masked_scores", [[[2.0, -math.inf], [-math.inf, 0.0]]], hidden))
    assert seen.infinite == 1


def test_entropy_and_share_of_the_first_token_by_hand():
    hidden = [[False, True, True], [False, False, True], [False, False, False]]
    rows = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.25, 0.25, 0.5]]
    one = [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    mixed, sharp = counted(matrix("layers.0.attention.weights", [rows, one], hidden))
    # the first row has no choice and does not count; the others have 1 bit and 1.5 bits
    assert (mixed.head, mixed.entropy, mixed.first) == (0, pytest.approx(1.25), 0.375)
    assert (sharp.head, sharp.entropy, sharp.first) == (1, 0, 0.5)
    assert mixed.shape == (3, 3) and mixed.cells == 6


def test_where_no_row_has_a_choice_there_is_no_entropy():
    (found,) = counted(matrix("layers.0.attention.weights", [[[1.0]]], [[False]]))
    assert found.entropy is None and found.first is None


def test_blocks_of_rows_count_as_one_matrix():
    whole = np.random.default_rng(0).normal(size=(10, 4)).tolist()
    (together,) = counted(matrix("input", whole))
    (apart,) = counted(matrix("input", whole[:3]), matrix("input", whole[3:]))
    assert apart.norm == pytest.approx(together.norm, rel=1e-12)
    assert apart.shape == (10, 4) and (apart.minimum, apart.maximum) == (together.minimum, together.maximum)


def test_every_matrix_of_every_kind_of_block_is_counted_as_numpy_counts_it(small_model):
    for step in generate(small_model, ids(9), max_new_tokens=2).steps:
        for layer in (None, *range(small_model.config.layers)):
            names = [e.name for e in catalogue.matrices(small_model.config) if e.layer == layer]
            for found in health(step, names):
                check(found, step.matrix(found.name))


def check(found, whole) -> None:
    """Numpy's figures of the whole matrix, in float64."""
    values = whole.values.double().numpy()
    values = values if found.head is None else values[found.head]
    seen = np.ones(values.shape, bool) if whole.mask is None else np.broadcast_to(~whole.mask.numpy(), values.shape)
    assert found.shape in (values.shape, values.shape[1:]) and found.cells == seen.sum()
    assert (found.minimum, found.maximum) == (values[seen].min(), values[seen].max())
    assert found.norm == pytest.approx(np.sqrt((values[seen] ** 2).sum()), rel=1e-6)
    assert found.zeros == pytest.approx((values[seen] == 0).mean())
    assert found.sound
    if found.entropy is not None:
        free = values[seen.sum(-1) > 1]
        logs = np.log2(free, out=np.zeros_like(free), where=free > 0)
        assert found.entropy == pytest.approx(-(free * logs).sum(-1).mean(), rel=1e-5)
        assert found.first == pytest.approx(free[:, 0].mean(), rel=1e-6)


def test_a_long_prompt_is_counted_block_by_block_and_no_matrix_is_derived_whole(small_blocks):
    step = generate(random_model(CONFIGS["grouped queries, RoPE, SwiGLU"]), ids(133)).steps[0]
    names = [n for n in step.names if n.startswith("layers.1.")]
    sizes = {}
    for block in in_blocks(step, names):
        sizes.setdefault(block.name, []).append(block.values.shape[-2])
    assert sizes["layers.1.attention.weights"] == [64, 64, 5]
    assert sizes["layers.1.attention.keys"] == [133]  # cached rows come once
    for found in health(step, names):
        check(found, step.matrix(found.name))


def test_only_some_rows_are_counted_where_only_these_are_asked_for():
    step = generate(random_model(CONFIGS["grouped queries, RoPE, SwiGLU"]), ids(20)).steps[0]
    (found,) = health(step, ["layers.0.residual"], range(15, 20))
    assert found.shape == (5, 16)
    assert found.norm == pytest.approx(float(step.matrix("layers.0.residual").values[15:].norm()), rel=1e-6)


def test_an_overflow_is_seen_where_it_first_shows_in_the_cells_that_it_reaches(overflowing):
    step = generate(overflowing, ids(5)).steps[0]
    wrong = [found for layer in (0, 1, None) for found in health(step, layer_names(step, layer)) if not found.sound]
    assert [found.name for found in wrong] == ["layers.1.feedforward.output", "layers.1.residual", "final_norm"]
    assert [(found.infinite, found.nan) for found in wrong[:2]] == [(1, 0), (1, 0)]
    assert wrong[2].nan == 16  # of the first row's norm; no other row reads it


def layer_names(step, layer):
    return [e.name for e in catalogue.matrices(step.run.model.config) if e.layer == layer]


def test_a_broken_weight_is_seen_where_it_first_shows(own_model):
    model = own_model("pre-norm, learned positions, biases")
    step = generate(model, ids(5)).steps[0]
    with torch.no_grad():
        model.layers[1].attention.w_v[0, 0] = math.nan
    names = [n for n in step.names if n.startswith(("layers.0", "layers.1"))]
    wrong = [found.name for found in health(step, names) if not found.sound]
    assert wrong[0] == "layers.1.attention.v"


class Largest(TorchDispatchMode):
    """Watches how large the largest tensor is that an operation makes."""

    def __init__(self):
        super().__init__()
        self.cells = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        inputs = {t.untyped_storage().data_ptr() for t in args if isinstance(t, torch.Tensor)}
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage().data_ptr() not in inputs:
                self.cells = max(self.cells, tensor.untyped_storage().nbytes() // tensor.element_size())
        return made


def test_what_is_made_on_the_way_to_a_figure_is_small_and_nothing_stays_but_the_totals(monkeypatch):
    step = generate(random_model(CONFIGS["grouped queries, RoPE, SwiGLU"]), ids(133)).steps[0]
    (weights,) = step.matrices(["layers.1.attention.weights"])
    whole = Tally(weights)
    whole.add(weights)
    monkeypatch.setattr("llm_core.measures.health.CELLS_AT_ONCE", 4 * 133 * 5)  # five rows of the four heads
    tally = Tally(weights)
    totals = {name: total.data_ptr() for name, total in tally._totals.items()}
    with Largest() as largest:
        tally.add(weights)
    assert 4 * 133 <= largest.cells <= 4 * 133 * 5 < weights.shared.numel()
    assert {name: total.data_ptr() for name, total in tally._totals.items()} == totals
    for found, expected in zip(tally.result(), whole.result(), strict=True):
        assert (found.minimum, found.maximum, found.zeros) == (expected.minimum, expected.maximum, expected.zeros)
        assert (found.cells, found.nan, found.infinite) == (expected.cells, 0, 0)
        assert found.entropy == pytest.approx(expected.entropy, rel=1e-12)
        assert found.first == pytest.approx(expected.first, rel=1e-12)
        assert found.norm == pytest.approx(expected.norm, rel=1e-12)


def test_of_a_long_prompt_no_matrix_is_ever_there_as_a_whole(small_blocks):
    step = generate(random_model(CONFIGS["grouped queries, RoPE, SwiGLU"]), ids(250)).steps[0]
    names = [n for n in step.names if n.startswith("layers.1.")]
    with Largest() as largest, torch.inference_mode():
        health(step, names)
    assert 0 < largest.cells <= 4 * 64 * 250  # a block of the scores of four heads

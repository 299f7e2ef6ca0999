"""What sets the scale of a picture, and of those that are compared."""

import numpy as np
import pytest

from dashboard.figures.picture import Picture
from dashboard.figures.scale import Sample, scale_of
from dashboard.matrices.equations import equations
from dashboard.matrices.pictures import Look, Pictures
from llm_core import generate, load_model
from tests.helpers.small_models import ids


def test_a_sampled_scale_is_robust_where_few_cells_tower():
    values = np.ones((1000, 1000), np.float32)
    values[3, 3] = -22_453
    sample = Sample(61)
    sample.add(values, None)
    assert sample.scale() == (1, (-1, -22_453))
    picture = Picture("m", "M", "1×1", np.ones((1, 1)), scale=1, off_scale=(-1, -22_453.0))
    assert "about 1 % of the cells off the scale, up to −22,453" in picture.remarks


def test_one_cell_of_few_that_towers_does_not_set_the_scale():
    values = np.linspace(-1, 1, 20)
    values[7] = 22_453
    assert scale_of(values) == (1, (1, 22_453))
    assert scale_of(np.array([0.01, 1.0])) == (1, (0, 0))  # of two cells none is an exception


def test_a_largest_cell_that_would_leave_most_others_pale_does_not_set_the_scale():
    """The stream after SmolLM2's last layer: its 99th percentile is a tenth of the largest cell, its median 1/200."""
    values = np.concatenate([np.full(90, 12.8), np.full(9, 200.0), [232.0, 2531.0]])
    assert scale_of(values) == (232, (1, 2531))
    even = np.random.default_rng(0).normal(size=100_000)
    assert scale_of(even)[1] == (0, 0)
    assert scale_of(np.where(even > 0, even, 0))[1] == (0, 0)  # nor do the many zeros of a ReLU make others exceptions


def test_attention_of_a_long_text_is_scaled_to_its_99th_percentile_but_no_finer_than_an_equal_share():
    rows = np.arange(1, 301)
    even = np.concatenate([np.full(n, 1 / n) for n in rows])
    scale, (off, largest) = scale_of(even, share=1 / 300)
    assert 0.01 < scale < 0.05 and largest == 1 and 0 < off <= 0.01 * len(even)
    sink = np.concatenate([[1.0], *([1 - (n - 1) * 1e-6, *[1e-6] * (n - 1)] for n in rows[1:])])
    assert scale_of(sink, share=1 / 300)[0] == 1 / 300
    few = np.concatenate([np.full(n, 1 / n) for n in range(1, 6)])
    assert scale_of(few, share=1 / 5) == (1, (0, 0))


def test_leaving_the_first_token_out_changes_the_scale_and_no_value(llama):
    step = generate(llama, ids(9), 1).steps[0]
    name = "layers.0.attention.weights"
    shown = {}
    for skip in (False, True):
        rows = equations(step, Look(skip_first=skip), "attention")
        shown[skip] = next(p for row in rows for p in row.parts if isinstance(p, Picture) and p.name == name)
    assert np.array_equal(shown[False].values, shown[True].values)
    assert shown[True].scale == pytest.approx(float(step.matrix(name).values[0, :, 1:].max()))
    assert "first token left out of the scale" in shown[True].remarks


@pytest.mark.parametrize("name", ["toy", "llama-nano"])
def test_all_steps_of_a_run_share_the_scales_of_its_prefill_and_say_what_these_do_not_reach(name):
    run = generate(load_model(name), "hello how are you?", 4)
    first, last = (Pictures(step, Look()) for step in (run.steps[0], run.steps[-1]))
    off = 0
    for matrix in ("layers.0.attention.q", "layers.0.attention.keys", "layers.0.attention.weights", "input"):
        one, other = first.matrix(matrix), last.matrix(matrix)
        assert other.scale == one.scale
        assert other.remarks[0] == f"{one.remarks[0]} as in prefill"
        beyond = np.abs(other.values) > one.scale
        assert other.off_scale[0] == beyond.sum()
        off += other.off_scale[0]
        if beyond.any():
            assert any("off the scale" in remark for remark in other.remarks)
    assert off > 0

"""From logits to a token: each stage by hand and against transformers, the dice against its definition."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from transformers import TopKLogitsWarper, TopPLogitsWarper

from llm_core import Sampling
from llm_core.model.tokenizer import gpt2_tokenizer
from llm_core.runs.sampling import draw, sample, stages, uniform

HAND = torch.tensor([0.1, 0.4, 0.2, 0.3], dtype=torch.float64)  # as probabilities


def final(logits, **settings):
    return stages(logits, Sampling(**settings))[-1].probabilities


def shares(logits, **settings):
    return {stage.name: stage.probabilities.tolist() for stage in stages(logits, Sampling(**settings))}


# ---- stages -----------------------------------------------------------------------------------------------------


def test_stages_by_hand():
    found = shares(HAND.log(), temperature=0.5, top_k=3, top_p=0.8)
    assert list(found) == ["softmax", "temperature", "top_k", "top_p"]
    assert found["softmax"] == pytest.approx([0.1, 0.4, 0.2, 0.3])
    # temperature ½ squares the shares: 1, 16, 4, 9 of 30; without the least 16, 4, 9 of 29; 16 + 9 reach 0.8 of it
    assert found["temperature"] == pytest.approx([1 / 30, 16 / 30, 4 / 30, 9 / 30])
    assert found["top_k"] == pytest.approx([0, 16 / 29, 4 / 29, 9 / 29])
    assert found["top_p"] == pytest.approx([0, 16 / 25, 0, 9 / 25])
    assert found["top_k"][0] == 0 and found["top_p"][2] == 0


def test_settings_that_are_off_change_nothing():
    found = shares(HAND.log())
    assert found["softmax"] == found["temperature"] == found["top_k"] == found["top_p"]
    assert shares(HAND.log(), top_k=4)["top_k"] == found["softmax"]
    assert shares(HAND.log(), top_k=5)["top_k"] == found["softmax"]


def test_temperature_two_takes_square_roots():
    roots = [math.sqrt(p) for p in (0.1, 0.4, 0.2, 0.3)]
    assert final(HAND.log(), temperature=2).tolist() == pytest.approx([r / sum(roots) for r in roots])


@pytest.mark.parametrize(
    ("top_p", "kept"),
    [(1e-12, {1}), (0.39, {1}), (0.5, {1, 3}), (0.75, {1, 3, 2}), (0.95, {0, 1, 2, 3}), (1.0, {0, 1, 2, 3})],
)
def test_top_p_keeps_the_fewest_that_reach_it(top_p, kept):
    assert set(final(HAND.log(), top_p=top_p).nonzero().flatten().tolist()) == kept


@pytest.mark.parametrize("size", [3, 7, 50])
def test_top_p_that_is_met_exactly_keeps_no_further_token(size):
    p = torch.tensor(sorted(np.random.default_rng(size).dirichlet(np.ones(size)), reverse=True)).log()
    distribution = final(p)
    reached = distribution.cumsum(-1)
    for count in range(1, size):
        top_p = float(reached[count - 1])
        if top_p < 1:
            assert int((final(p, top_p=top_p) > 0).sum()) == count
            assert int((final(p, top_p=math.nextafter(top_p, 1)) > 0).sum()) == count + 1


def test_equals_are_taken_in_the_order_of_their_ids():
    equal = torch.zeros(6)
    assert final(equal, top_k=2).tolist() == [0.5, 0.5, 0, 0, 0, 0]
    assert final(equal, top_p=0.4).tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0, 0])
    assert final(torch.tensor([1.0, 5, 5, 2]), temperature=0).tolist() == [0, 1, 0, 0]
    assert final(torch.tensor([1.0, 5, 5, 2]), top_k=1).tolist() == [0, 1, 0, 0]


def test_temperature_zero_is_argmax():
    for seed in range(20):
        logits = torch.from_numpy(np.random.default_rng(seed).normal(size=1000))
        only = final(logits, temperature=0)
        assert only[logits.argmax()] == 1 and only.sum() == 1
        assert sample(logits, Sampling(temperature=0, seed=seed), seed, gpt2_tokenizer()).id == logits.argmax()


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-12])
def test_tiny_temperature_is_argmax_and_does_not_overflow(temperature):
    assert final(torch.tensor([-1e4, 88.0, 1e4, 1e4 - 1]), temperature=temperature).tolist() == [0, 0, 1, 0]
    assert final(torch.tensor([3.0, -1, 3]), temperature=temperature).tolist() == [0.5, 0, 0.5]


def test_huge_temperature_is_uniform():
    assert final(torch.tensor([-1e4, 0.0, 1e4]), temperature=1.7e308).tolist() == pytest.approx([1 / 3] * 3)


def test_impossible_token_stays_impossible():
    for settings in ({}, {"temperature": 0.01}, {"temperature": 100}, {"top_k": 2}, {"top_p": 0.5}):
        assert final(torch.tensor([0.0, -math.inf, 1.0]), **settings)[1] == 0


@pytest.mark.parametrize("bad", [[0.0, math.nan], [0.0, math.inf], [-math.inf, -math.inf]])
def test_logits_that_are_not_numbers_are_refused(bad):
    with pytest.raises(ValueError, match="NaN or infinity"):
        stages(torch.tensor(bad), Sampling())


def test_half_precision_logits_are_sampled_in_float64():
    logits = torch.tensor([1.0, 2.0, 3.0], dtype=torch.bfloat16)
    assert all(s.probabilities.dtype == torch.float64 for s in stages(logits, Sampling(temperature=0.7)))


@pytest.mark.parametrize("k", [1, 2, 10, 999, 1000])
def test_top_k_is_what_transformers_keeps(k):
    for seed in range(5):
        logits = torch.from_numpy(np.random.default_rng(seed).normal(scale=3, size=1000))
        expected = TopKLogitsWarper(k)(None, logits[None])[0].softmax(-1)
        torch.testing.assert_close(final(logits, top_k=k), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("top_p", [0.01, 0.3, 0.5, 0.9, 0.95, 0.999])
def test_top_p_is_what_transformers_keeps(top_p):
    for seed in range(5):
        logits = torch.from_numpy(np.random.default_rng(seed).normal(scale=3, size=1000))
        expected = TopPLogitsWarper(top_p)(None, logits[None])[0].softmax(-1)
        torch.testing.assert_close(final(logits, top_p=top_p), expected, rtol=1e-12, atol=0)


def test_all_settings_together_are_what_transformers_keeps():
    for seed in range(10):
        logits = torch.from_numpy(np.random.default_rng(seed).normal(scale=3, size=1000))
        scores = TopKLogitsWarper(40)(None, logits[None] / 1.3)
        expected = TopPLogitsWarper(0.8)(None, scores)[0].softmax(-1)
        torch.testing.assert_close(final(logits, temperature=1.3, top_k=40, top_p=0.8), expected, rtol=1e-12, atol=0)


@given(
    st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=40),
    st.floats(0, 1e6),
    st.integers(0, 60),
    st.floats(0, 1, exclude_min=True),
)
def test_every_stage_is_a_distribution_within_the_stage_before(logits, temperature, top_k, top_p):
    found = stages(torch.tensor(logits), Sampling(temperature, top_k, top_p))
    for stage in found:
        assert stage.probabilities.min() >= 0
        assert float(stage.probabilities.sum()) == pytest.approx(1, abs=1e-12)
    _, tempered, k, p = (stage.probabilities > 0 for stage in found)
    assert (k <= tempered).all() and (p <= k).all()
    assert not top_k or k.sum() <= top_k


# ---- the dice -----------------------------------------------------------------------------------------------------


def philox(key: int, index: int) -> float:
    """Philox4x64-10 as its paper gives it: the first word of the block that follows counter `index`, in [0, 1)."""
    words, keys = [(index + 1) % 2**64, (index + 1) >> 64, 0, 0], [key, 0]
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * words[0], 0xCA5A826395121157 * words[2]
        words = [
            (second >> 64) ^ words[1] ^ keys[0],
            second % 2**64,
            (first >> 64) ^ words[3] ^ keys[1],
            first % 2**64,
        ]
        keys = [(keys[0] + 0x9E3779B97F4A7C15) % 2**64, (keys[1] + 0xBB67AE8584CAA73B) % 2**64]
    return (words[0] >> 11) / 2**53


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32, 2**63, 2**64 - 1])
def test_dice_are_philox_with_the_seed_as_key_and_the_token_as_counter(seed):
    for index in (0, 1, 2, 255, 100_000):
        assert uniform(seed, index) == philox(seed, index)


def test_dice_depend_on_seed_and_index_alone():
    expected = {(s, i): uniform(s, i) for s in range(5) for i in range(5)}
    assert len(set(expected.values())) == 25
    np.random.seed(1)
    torch.manual_seed(1)
    for (s, i), u in reversed(expected.items()):
        assert uniform(s, i) == u


def test_dice_are_uniform_along_the_run_and_across_seeds():
    for numbers in ([uniform(0, i) for i in range(4000)], [uniform(s, 0) for s in range(4000)]):
        assert stats.kstest(numbers, "uniform").pvalue > 0.01
        assert abs(stats.pearsonr(numbers[:-1], numbers[1:]).statistic) < 0.04


@pytest.mark.parametrize(
    ("u", "token"),
    [(0.0, 0), (0.0999, 0), (0.1001, 1), (0.4999, 1), (0.5001, 2), (0.6999, 2), (0.7001, 3), (0.9999, 3)],
)
def test_draw_takes_the_token_whose_slice_holds_the_number(u, token):
    assert draw(HAND, u) == token


def test_draw_at_the_border_of_two_slices_takes_the_upper():
    assert [draw(torch.tensor([0.25, 0.25, 0.5]), u) for u in (0.0, 0.25, 0.5)] == [0, 1, 2]


@pytest.mark.parametrize("u", [0.0, 5e-324, 0.5, math.nextafter(1, 0)])
def test_token_of_probability_zero_is_never_drawn(u):
    for p in (
        [0, 0, 1, 0],
        [0, 5e-324, 0],
        [0, 0.5, 0, 0.5, 0],
        [0, 1e-300, 0, 1 - 1e-16, 0, 0],
        [0, 0.1] + [0.1] * 9 + [0, 0],
    ):
        p = torch.tensor(p, dtype=torch.float64)
        assert p[draw(p, u)] > 0


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=30).filter(lambda p: sum(p) > 0),
    st.floats(0, 1, exclude_max=True),
)
def test_any_draw_is_of_a_possible_token(p, u):
    p = torch.tensor(p, dtype=torch.float64)
    p = p / p.sum()
    token = draw(p, u)
    assert p[token] > 0
    assert p[:token].sum() - 1e-12 <= u <= p[: token + 1].sum() + 1e-12


@pytest.mark.parametrize("settings", [{}, {"temperature": 1.7}, {"top_k": 4}, {"top_p": 0.8}])
@pytest.mark.parametrize("along", ["seeds", "tokens"])
def test_draws_are_as_frequent_as_the_probabilities(settings, along):
    logits = torch.tensor([0.3, -1.0, 2.0, 0.0, -math.inf, 1.0, 0.5])
    p = final(logits, **settings)
    count = 4000
    dice = [uniform(i, 3) if along == "seeds" else uniform(11, i) for i in range(count)]
    drawn = np.bincount([draw(p, u) for u in dice], minlength=len(p))
    possible = p.numpy() > 0
    assert not drawn[~possible].any()
    assert stats.chisquare(drawn[possible], count * p.numpy()[possible]).pvalue > 0.01


def test_sampled_tells_what_it_drew_and_from_what():
    logits = HAND.log()
    settings = Sampling(temperature=0.5, top_k=3, seed=5)
    sampled = sample(logits, settings, 7, gpt2_tokenizer())
    assert sampled.u == uniform(5, 7)
    assert sampled.id == draw(sampled.stages[-1].probabilities, sampled.u)
    assert sampled.probability == pytest.approx(float(HAND[sampled.id]))
    assert sampled.drawn_probability == float(sampled.stages[-1].probabilities[sampled.id])
    assert sampled.text == gpt2_tokenizer().text(sampled.id)


# ---- settings ------------------------------------------------------------------------------------------------------


def test_defaults_are_temperature_one_seed_zero_and_all_else_off():
    assert Sampling() == Sampling(temperature=1.0, top_k=0, top_p=1.0, seed=0)


@pytest.mark.parametrize(
    "bad",
    [
        {"temperature": -0.1},
        {"temperature": math.inf},
        {"temperature": -math.inf},
        {"temperature": math.nan},
        {"top_k": -1},
        {"top_p": 0.0},
        {"top_p": -0.5},
        {"top_p": 1.0000001},
        {"top_p": math.nan},
        {"seed": -1},
        {"seed": 2**64},
    ],
)
def test_settings_out_of_range_are_refused_with_their_value(bad):
    with pytest.raises(ValueError) as caught:
        Sampling(**bad)
    assert str(next(iter(bad.values()))) in str(caught.value)


@pytest.mark.parametrize(
    "good", [{"temperature": 0}, {"top_k": 10**9}, {"top_p": 1}, {"top_p": 5e-324}, {"seed": 2**64 - 1}]
)
def test_settings_at_their_limits_are_taken(good):
    assert final(HAND.log(), **good).sum() == pytest.approx(1)

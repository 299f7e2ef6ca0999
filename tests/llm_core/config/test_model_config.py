"""A ModelConfig can be built and run, or it is refused with the value and the remedy."""

import math

import pytest

from llm_core import PRESETS, ModelConfig, catalogue
from llm_core.config.model_config import MOST_LAYERS, MOST_PARAMETERS, RopeScaling

ROPE = dict(vocab_size=11, model_dim=48, feedforward_dim=8, max_positions=16, heads=4, position="rope", norm="rmsnorm")


@pytest.mark.parametrize(
    "value", [0, -1, -(10**4000), 2.0, "3", None, True, math.inf, math.nan], ids=lambda v: str(v)[:9]
)
@pytest.mark.parametrize(
    "name", ["vocab_size", "model_dim", "feedforward_dim", "max_positions", "layers", "heads", "window"]
)
def test_a_size_is_a_whole_number_of_at_least_1(name, value):
    if (name, value) == ("window", None):
        return  # no window
    with pytest.raises(ValueError, match=rf"^{name} is .{{1,60}}; it must be (at least 1|a whole number)$"):
        ModelConfig(**{**ROPE, name: value})


@pytest.mark.parametrize("value", [-1, -2, 2.5, "8", None, math.nan])
@pytest.mark.parametrize("name", ["kv_heads", "head_dim"])  # 0 stands for: as many as heads, as wide as they fit
def test_a_derived_size_is_one_too_when_it_is_given(name, value):
    with pytest.raises(ValueError, match=rf"^{name} is .*; it must be (at least 1|a whole number)$"):
        ModelConfig(**{**ROPE, name: value})


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -1.0, 1e300, 10**400, "1e-5", None, True], ids=lambda v: str(v)[:9]
)
@pytest.mark.parametrize("name", ["rope_theta", "norm_epsilon"])
def test_a_number_is_finite_and_not_negative(name, value):
    with pytest.raises(ValueError, match=rf"^{name} is .{{1,60}}; it must be ") as refused:
        ModelConfig(**{**ROPE, name: value})
    assert len(str(refused.value)) < 150


def test_the_base_of_rope_is_above_0_and_epsilon_may_be_0():
    assert ModelConfig(**ROPE, norm_epsilon=0).norm_epsilon == 0
    with pytest.raises(ValueError, match=r"^rope_theta is 0; it must be above 0$"):
        ModelConfig(**ROPE, rope_theta=0.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"factor": 0.0},
        {"factor": math.nan},
        {"low_frequency_factor": 4.0},
        {"high_frequency_factor": math.inf},
        {"original_max_positions": 0},
    ],
    ids=str,
)
def test_a_rope_scaling_divides_by_no_zero(fields):
    with pytest.raises(ValueError, match=r"must be"):
        RopeScaling(**{"kind": "llama3", "factor": 8.0, **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {"layers": MOST_LAYERS + 1},
        {"model_dim": 10**12},
        {"vocab_size": 10**20},
        {"max_positions": 10**10},
        {"model_dim": 10**9, "feedforward_dim": 10**9},
        {"head_dim": 10**12},
        {"position": "learned", "max_positions": 10**9, "model_dim": 10**6},
    ],
    ids=str,
)
def test_sizes_that_no_machine_holds(fields):
    with pytest.raises(ValueError, match=r"it must be at most [0-9,]+$|more than any machine holds"):
        ModelConfig(**{**ROPE, **fields})


@pytest.mark.parametrize("name", PRESETS)
def test_the_parameters_of_a_config_are_those_of_its_matrices(name):
    config = PRESETS[name]
    matrices = [e for e in catalogue.weights(config) if len(e.shape) == 2]
    assert config.parameters == sum(math.prod(entry.shape) for entry in matrices) < MOST_PARAMETERS


@pytest.mark.parametrize(
    ("head_dim", "fraction", "share", "turned"),
    [(12, 1.0, 12, 12), (12, 0.25, 3, 4), (12, 0.1, 1, 2), (12, 0.5, 6, 6), (5, 0.6, 3, 4)],
)
def test_an_odd_share_of_a_head_turns_whole_pairs(head_dim, fraction, share, turned):
    config = ModelConfig(**ROPE, head_dim=head_dim, rope_fraction=fraction)
    assert (config.rotary_share, config.rotary_dim) == (share, turned)


@pytest.mark.parametrize(("head_dim", "fraction"), [(3, 1.0), (12, 0.05), (1, 1.0)])
def test_pairs_that_a_head_has_no_room_for(head_dim, fraction):
    with pytest.raises(ValueError, match=r"^RoPE rotates pairs"):
        ModelConfig(**ROPE, head_dim=head_dim, rope_fraction=fraction)


def test_a_choice_is_true_or_false():
    with pytest.raises(ValueError, match=r"^tied is 'no'; it must be true or false$"):
        ModelConfig(**ROPE, tied="no")

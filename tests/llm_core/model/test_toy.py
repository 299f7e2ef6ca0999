"""The toy is exactly what it is said to be."""

import math

import pytest
import torch
from scipy import stats

from llm_core import PRESETS, load_model, random_model

PARAMETERS = {
    "embedding.token": (50257, 8),
    "layers.0.attention.w_q": (8, 8),
    "layers.0.attention.w_k": (8, 8),
    "layers.0.attention.w_v": (8, 8),
    "layers.0.feedforward.w_up": (8, 16),
    "layers.0.feedforward.b_up": (16,),
    "unembedding.weight": (16, 50257),
    "unembedding.bias": (50257,),
}


def test_toy_has_these_weights_and_no_others(toy):
    assert {name: tuple(p.shape) for name, p in toy.named_parameters()} == PARAMETERS
    assert not list(toy.buffers())
    assert all(p.dtype == torch.float32 for p in toy.parameters())


def test_toy_config(toy):
    c = toy.config
    assert toy.config == PRESETS["toy"] and toy.name == "toy"
    assert (c.vocab_size, c.model_dim, c.feedforward_dim, c.max_positions) == (50257, 8, 16, 256)
    assert (c.layers, c.heads, c.kv_heads, c.head_dim) == (1, 1, 1, 8)
    assert c.attention_scale == pytest.approx(1 / math.sqrt(8), abs=0)
    assert (c.position, c.norm, c.final_norm, c.residuals, c.feedforward) == ("none", "none", False, False, "relu")
    assert c.window is None and not c.stop_ids


def test_embedding_is_standard_normal(toy):
    assert stats.kstest(toy.embedding.token.flatten().numpy(), "norm").pvalue > 0.01


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name != "embedding.token"])
def test_linear_weights_and_biases_are_uniform_within_one_over_root_of_their_inputs(name):
    bound = 1 / math.sqrt(16 if name.startswith("unembedding") else 8)
    small = PRESETS["toy"].with_(vocab_size=50)  # many seeds of a small one: the smallest weight has 16 numbers
    values = torch.cat([dict(random_model(small, seed).named_parameters())[name].flatten() for seed in range(40)])
    assert stats.kstest(values.numpy(), stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.01
    assert bound * 0.99 < values.abs().max() <= bound


def test_weights_are_drawn_independently_of_each_other(toy):
    q, k, v = (dict(toy.named_parameters())[f"layers.0.attention.w_{x}"].flatten() for x in "qkv")
    for one, other in ((q, k), (q, v), (k, v)):
        assert abs(torch.corrcoef(torch.stack((one, other)))[0, 1]) < 0.5


def test_weights_depend_on_the_seed_and_nothing_else(toy):
    torch.manual_seed(123)
    again, other = load_model("toy", seed=0), load_model("toy", seed=1)
    for (name, mine), same, different in zip(
        toy.named_parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(mine, same), name
        assert not torch.equal(mine, different), name
    assert again.weights.version == toy.weights.version != other.weights.version


@pytest.mark.parametrize("seed", [-1, 2**32, 2**64])
def test_weights_seed_out_of_range_is_refused_with_its_value(seed):
    with pytest.raises(ValueError, match=str(seed)):
        load_model("toy", seed)


def test_largest_weights_seed_is_a_model_of_its_own():
    small = PRESETS["toy"].with_(vocab_size=50)
    seen = {tuple(random_model(small, s).unembedding.bias.tolist()) for s in (0, 1, 2**31, 2**32 - 2, 2**32 - 1)}
    assert len(seen) == 5


def test_unknown_model_is_refused_with_its_name():
    with pytest.raises(ValueError, match="no-such-model"):
        load_model("no-such-model")


@pytest.mark.parametrize(
    "changes",
    [
        {"residuals": True},
        {"layers": 2},
        {"residuals": True, "layers": 2},
        {"norm": "layernorm"},
        {"tied": True, "unembedding_bias": False},
    ],
)
def test_block_that_ends_at_its_hidden_layer_is_refused_where_it_cannot_be(changes):
    with pytest.raises(ValueError, match="feedforward_output=False"):
        PRESETS["toy"].with_(**changes)

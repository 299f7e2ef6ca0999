"""Every matrix of a toy with small integer weights, against numbers worked out with pencil and paper.

The model is the toy with 5 tokens, model width 4 (so that √d = 2), and 3 hidden units. The prompt is tokens 0, 1, 2;
greedy decoding then takes token 1, which runs as the fourth position.
"""

import math

import numpy as np
import pytest
import torch

from llm_core import ModelConfig, Sampling, generate, random_model
from tests.helpers.small_models import assert_close

WEIGHTS = {
    "embedding.token": [[1, 0, 2, 0], [0, 1, 0, 1], [2, 0, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1]],
    "layers.0.attention.w_q": [[1, 0, 0, 2], [0, 2, 0, 0], [0, 0, 1, 0], [2, 0, 0, 0]],
    "layers.0.attention.w_k": [[0, 2, 0, 0], [2, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, -2]],
    "layers.0.attention.w_v": [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 2, 0, -1]],
    "layers.0.feedforward.w_up": [[1, 0, -1], [0, 1, -1], [1, 0, 0], [0, -1, 2]],
    "layers.0.feedforward.b_up": [0, 1, 0],
    "unembedding.weight": [[1, 0, -1, 0, 2], [0, 2, 0, 1, 0], [0, 0, 1, 0, 0]],
    "unembedding.bias": [0, 0, 1, -1, 0],
}

_ = -math.inf

# Row 2 scores 0, 0, −4: its weights are w, w and t with w = 1/(2 + e⁻⁴) = 0.4954627 and t = e⁻⁴ w = 0.0090747,
# so 2w + t = 1. Its mix is w·(v₀ + v₁) + t·v₂ = (w + 2t, 3w + 2t, 2w, t), and its units −4w − 2t = −2 and w + 2.
X = [[1, 0, 2, 0], [0, 1, 0, 1], [2, 0, 0, 1]]
PREFILL = {
    "token_embedding": X,
    "input": X,
    "layers.0.attention.q": [[[1, 0, 2, 2], [2, 2, 0, 0], [4, 0, 0, 4]]],
    "layers.0.attention.k": [[[0, 2, 4, 0], [2, 0, 0, -2], [0, 4, 0, -2]]],
    "layers.0.attention.v": [[[1, 0, 2, 1], [0, 3, 0, -1], [2, 2, 0, 1]]],
    "layers.0.attention.keys": [[[0, 2, 4, 0], [2, 0, 0, -2], [0, 4, 0, -2]]],
    "layers.0.attention.values": [[[1, 0, 2, 1], [0, 3, 0, -1], [2, 2, 0, 1]]],
    "layers.0.attention.dot_products": [[[8, -2, -4], [4, 4, 8], [0, 0, -8]]],
    "layers.0.attention.scores": [[[4, -1, -2], [2, 2, 4], [0, 0, -4]]],
    "layers.0.attention.masked_scores": [[[4, _, _], [2, 2, _], [0, 0, -4]]],
    "layers.0.attention.weights": [[[1, 0, 0], [0.5, 0.5, 0], [0.4954627, 0.4954627, 0.0090747]]],
    "layers.0.attention.head_output": [[[1, 0, 2, 1], [0.5, 1.5, 1, 0], [0.5136121, 1.5045373, 0.9909253, 0.0090747]]],
    "layers.0.feedforward.up": [[3, 0, 1], [1.5, 2.5, -2], [1.5045373, 2.4954627, -2]],
    "layers.0.feedforward.hidden": [[3, 0, 1], [1.5, 2.5, 0], [1.5045373, 2.4954627, 0]],
    "logits": [[1.5045373, 4.9909253, -0.5045373, 1.4954627, 3.0090747]],
    # e to these: 4.5020691, 147.0724589, 0.6037850, 4.4613991, 20.2686351; together 176.9083472
    "probabilities": [[0.0254486, 0.8313483, 0.0034130, 0.0252187, 0.1145714]],
}

# The new row asks 2, 2, 4, 2: its weights are a, a, b, a with a = 1/(3 + e²) = 0.0962551 and b = e² a = 0.7112347,
# so 3a + b = 1. Its mix is a·(v₀ + v₁ + v₃) + b·v₂ = (a + 2b, 6a + 2b, 2a, b − a), the second of which is 2.
DECODE = {
    "token_embedding": [[0, 1, 0, 1]],
    "input": [[0, 1, 0, 1]],
    "layers.0.attention.q": [[[2, 2, 0, 0]]],
    "layers.0.attention.k": [[[2, 0, 0, -2]]],
    "layers.0.attention.v": [[[0, 3, 0, -1]]],
    "layers.0.attention.keys": [[[0, 2, 4, 0], [2, 0, 0, -2], [0, 4, 0, -2], [2, 0, 0, -2]]],
    "layers.0.attention.values": [[[1, 0, 2, 1], [0, 3, 0, -1], [2, 2, 0, 1], [0, 3, 0, -1]]],
    "layers.0.attention.dot_products": [[[4, 4, 8, 4]]],
    "layers.0.attention.scores": [[[2, 2, 4, 2]]],
    "layers.0.attention.masked_scores": [[[2, 2, 4, 2]]],
    "layers.0.attention.weights": [[[0.0962551, 0.0962551, 0.7112347, 0.0962551]]],
    "layers.0.attention.head_output": [[[1.5187245, 2, 0.1925102, 0.6149796]]],
    "layers.0.feedforward.up": [[1.7112347, 2.3850204, -2.2887653]],
    "layers.0.feedforward.hidden": [[1.7112347, 2.3850204, 0]],
    "logits": [[1.7112347, 4.7700408, -0.7112347, 1.3850204, 3.4224694]],
    # e to these: 5.5357914, 117.9240526, 0.4910377, 3.9949067, 30.6449865; together 158.5907749
    "probabilities": [[0.0349061, 0.7435745, 0.0030963, 0.0251900, 0.1932331]],
}


@pytest.fixture(scope="module")
def by_hand():
    config = ModelConfig(
        vocab_size=5,
        model_dim=4,
        feedforward_dim=3,
        max_positions=8,
        attention_output=False,
        residuals=False,
        feedforward_output=False,
        unembedding_bias=True,
    )
    model = random_model(config)
    parameters = dict(model.named_parameters())
    assert set(parameters) == set(WEIGHTS)
    with torch.no_grad():
        for name, rows in WEIGHTS.items():
            parameters[name].copy_(torch.tensor(rows))
    return generate(model, [0, 1, 2], max_new_tokens=2, sampling=Sampling(temperature=0))


@pytest.mark.parametrize(("index", "expected"), [(0, PREFILL), (1, DECODE)], ids=["prefill", "decode"])
def test_every_matrix_is_the_one_worked_by_hand(by_hand, index, expected):
    step = by_hand.steps[index]
    assert step.names == list(expected)
    for name, rows in expected.items():
        assert_close(step.matrix(name).values, rows, 1e-6, name)


def test_masked_cells_are_exactly_minus_infinity_and_weigh_exactly_nothing(by_hand):
    step = by_hand.steps[0]
    hidden = np.array([[False, True, True], [False, False, True], [False, False, False]])
    masked, weights = step.matrices(["layers.0.attention.masked_scores", "layers.0.attention.weights"])
    assert np.array_equal(masked.values[0] == -math.inf, hidden)
    assert np.array_equal(weights.values[0] == 0, hidden)
    assert np.array_equal(masked.mask, hidden) and np.array_equal(weights.mask, hidden)
    assert step.matrix("layers.0.attention.scores").mask is None


def test_greedy_decoding_takes_the_token_worked_by_hand(by_hand):
    assert by_hand.new_ids == [1, 1]
    assert [step.sampled.id for step in by_hand.steps] == [1, 1]
    assert by_hand.steps[0].sampled.probability == pytest.approx(0.8313483, abs=1e-6)
    assert [(step.phase, step.positions) for step in by_hand.steps] == [("prefill", range(3)), ("decode", range(3, 4))]

"""The toy against the same mathematics written out in loops over float64 numbers, without a cache.

Nothing of the engine is used for the expected values but the weights themselves.
"""

import math

import numpy as np
import pytest

from llm_core import Sampling, generate, load_model
from tests.helpers.small_models import assert_close

PROMPTS = {
    "hello": "hello how are you?",
    "one token": "a",
    "characters in pieces": "naïve 🤖 שלום\x00",
    "several blocks": " the cat sat on the mat and" * 24,  # 168 tokens
}


def product(a, b):
    """a (rows, n) times b (n, columns), one sum at a time."""
    rows = []
    for row in a:
        total = np.zeros(b.shape[1])
        for value, other in zip(row, b, strict=True):
            total += value * other
        rows.append(total)
    return np.array(rows)


def softmax(row):
    """The shares of one row of numbers, −∞ allowed."""
    largest = max(row)
    powers = [math.exp(x - largest) for x in row]
    total = math.fsum(powers)
    return [power / total for power in powers]


def all_matrices(model, ids):
    """Every matrix of one pass over all ids; all rows of the logits."""
    w = {name: parameter.detach().numpy().astype(np.float64) for name, parameter in model.named_parameters()}
    at, ff = "layers.0.attention", "layers.0.feedforward"
    x = np.array([w["embedding.token"][i] for i in ids])
    q, k, v = (product(x, w[f"{at}.w_{letter}"]) for letter in "qkv")
    dots = product(q, k.T)
    scores = dots / math.sqrt(8)
    masked = [[s if key <= query else -math.inf for key, s in enumerate(row)] for query, row in enumerate(scores)]
    weights = np.array([softmax(row) for row in masked])
    head_output = product(weights, v)
    up = product(head_output, w[f"{ff}.w_up"]) + w[f"{ff}.b_up"]
    hidden = np.array([[max(0.0, unit) for unit in row] for row in up])
    return {
        "token_embedding": x,
        "input": x,
        f"{at}.q": q,
        f"{at}.k": k,
        f"{at}.v": v,
        f"{at}.keys": k,
        f"{at}.values": v,
        f"{at}.dot_products": dots,
        f"{at}.scores": scores,
        f"{at}.masked_scores": np.array(masked),
        f"{at}.weights": weights,
        f"{at}.head_output": head_output,
        f"{ff}.up": up,
        f"{ff}.hidden": hidden,
        "unembedding.weight": w["unembedding.weight"],
        "unembedding.bias": w["unembedding.bias"],
    }


def step_matrices(full, positions):
    """What one step shows of the full pass: its own rows, all the keys so far, the last row's logits."""
    start, end = positions.start, positions.stop
    expected = {}
    for name, value in full.items():
        last = name.rsplit(".", 1)[-1]
        if name.startswith("unembedding"):
            continue
        if last in ("keys", "values"):
            value = value[:end]
        elif last in ("dot_products", "scores", "masked_scores", "weights"):
            value = value[start:end, :end]
        else:
            value = value[start:end]
        expected[name] = value[None] if ".attention." in name else value
    hidden = full["layers.0.feedforward.hidden"][end - 1 : end]
    expected["logits"] = product(hidden, full["unembedding.weight"]) + full["unembedding.bias"]
    expected["probabilities"] = np.array([softmax(expected["logits"][0])])
    return expected


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_every_matrix_of_every_step_is_what_float64_gives(prompt, seed):
    model = load_model("toy", seed)
    run = generate(model, prompt, max_new_tokens=3, sampling=Sampling(seed=seed))
    full = all_matrices(model, run.ids[:-1])
    assert len(run.steps) == 3
    for step in run.steps:
        expected = step_matrices(full, step.positions)
        assert step.names == list(expected)
        for name, value in expected.items():
            matrix = step.matrix(name)
            assert matrix.arrives
            assert_close(matrix.values, value, 2e-6, f"{name}, step {step.index}")
        drawn = step.sampled
        assert drawn.probability == pytest.approx(expected["probabilities"][0][drawn.id], rel=1e-5)

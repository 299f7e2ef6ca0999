"""The logit lens against the final norm and unembedding applied to one whole row at a time."""

import pytest
import torch

from llm_core import catalogue, generate, random_model
from llm_core.measures.logit_lens import ROWS_PER_BLOCK, lens
from tests.helpers.small_models import CONFIGS, ids


def direct(step, door, row):
    """All probabilities at one door and row, from the weights themselves."""
    model, x = step.run.model, step.doors[door][row].double()
    weights = {name: p.double() for name, p in model.named_parameters()}
    if model.config.final_norm and model.config.norm == "layernorm":
        x = torch.nn.functional.layer_norm(x, x.shape, eps=model.config.norm_epsilon)
        x = x * weights["final_norm.scale"] + weights["final_norm.shift"]
    elif model.config.final_norm:
        x = x / (x.square().mean() + model.config.norm_epsilon).sqrt() * weights["final_norm.scale"]
    table = weights["embedding.token"].T if model.config.tied else weights["unembedding.weight"]
    logits = x @ table + weights.get("unembedding.bias", 0.0)
    return logits.softmax(-1)


@pytest.fixture
def small_run(small_model):
    return generate(small_model, ids(7), max_new_tokens=2)


def test_every_door_and_row_is_what_a_direct_computation_gives(small_run):
    config = small_run.model.config
    for step in small_run.steps:
        seen = lens(step, top=4, token=17)
        names = [catalogue.door(config, i) for i in range(config.layers + 1)]
        assert seen.doors == (names if config.feedforward_output else names[-1:])
        assert seen.positions == step.positions
        for t, door in enumerate(seen.doors):
            for row in range(len(step.positions)):
                expected = direct(step, names.index(door), row)
                best = expected.sort(descending=True)
                assert seen.ids[t, row].tolist() == best.indices[:4].tolist()
                assert torch.allclose(seen.probabilities[t, row].double(), best.values[:4], rtol=1e-4)
                assert seen.rank[t, row] == 1 + int((expected > expected[17]).sum())
                assert float(seen.probability[t, row]) == pytest.approx(float(expected[17]), rel=1e-4)


def test_the_last_door_of_the_last_row_is_what_the_step_sampled_from(small_run):
    for step in small_run.steps:
        seen = lens(step, token=step.sampled.id)
        assert float(seen.probability[-1, -1]) == pytest.approx(step.sampled.probability, rel=1e-4)


def test_rows_of_a_long_prompt_are_the_same_as_all_of_it():
    step = generate(random_model(CONFIGS["grouped queries, RoPE, SwiGLU"]), ids(ROWS_PER_BLOCK + 9)).steps[0]
    whole, part = lens(step, top=3), lens(step, top=3, rows=range(60, 68))
    assert part.positions == range(60, 68) and part.rank is None
    assert torch.equal(whole.ids[:, 60:68], part.ids)
    assert torch.allclose(whole.probabilities[:, 60:68], part.probabilities)


def test_no_more_logits_are_held_than_a_block_of_rows(monkeypatch):
    model = random_model(CONFIGS["grouped queries, RoPE, SwiGLU"])
    step, held = generate(model, ids(100)).steps[0], []
    logits = model.logits
    monkeypatch.setattr(model, "logits", lambda x: held.append(len(x)) or logits(x))
    lens(step)
    assert sum(held) == 3 * 100 and max(held) <= ROWS_PER_BLOCK and len(held) == 5


@pytest.mark.parametrize(
    "asked, words",
    [
        ({"top": 0}, "at least 1"),
        ({"token": 101}, "ids go from 0 to 100"),
        ({"rows": range(3, 8)}, "not among this step's 7 rows"),
        ({"rows": range(2, 2)}, "not among"),
    ],
)
def test_what_is_not_there_is_refused(asked, words):
    step = generate(random_model(CONFIGS["toy"]), ids(7)).steps[0]
    with pytest.raises(ValueError, match=words):
        lens(step, **asked)


def test_more_tokens_than_there_are_gives_all():
    step = generate(random_model(CONFIGS["toy"]), ids(7)).steps[0]
    assert lens(step, top=500).ids.shape == (1, 7, 101)

"""The list of the sampler's stages: what each entry says agrees with its field, and with what the stage does."""

import dataclasses
import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch

from llm_core import Sampling
from llm_core.runs.sampling import sample, stages
from llm_core.runs.stages import STAGES, StageSettings, all_titles, only

HAND = torch.tensor([0.1, 0.4, 0.2, 0.3], dtype=torch.float64)  # as probabilities
each_stage = pytest.mark.parametrize("kind", STAGES, ids=lambda kind: kind.name)


def test_each_stage_has_its_field_and_each_field_its_stage() -> None:
    assert [field.name for field in dataclasses.fields(StageSettings)] == [kind.name for kind in STAGES]
    assert [field.name for field in dataclasses.fields(Sampling)] == [*(kind.name for kind in STAGES), "seed"]


@each_stage
def test_off_is_off_and_what_is_offered_can_be_used(kind) -> None:
    for value in map(type(kind.off), (kind.off, *kind.offered)):
        found = {stage.name: stage for stage in stages(HAND.log(), Sampling(**{kind.name: value}))}
        stage = found[kind.name]
        assert float(stage.probabilities.sum()) == pytest.approx(1)
        assert stage.title == kind.in_words(value) and stage.title.startswith(f"{kind.title} ")
    assert torch.equal(stages(HAND.log(), Sampling(**{kind.name: kind.off}))[-1].probabilities, HAND.log().softmax(-1))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"temperature": "warm"}, "the temperature is 'warm'; it must be a number"),
        ({"temperature": -0.5}, "the temperature is -0.5; it must be a number of 0 or more"),
        ({"top_k": 1.5}, "top-k is 1.5; it must be a whole number"),
        ({"seed": True}, "the seed is True; it must be a whole number"),
        ({"temperature": 10**400}, f"the temperature is 1{38 * '0'}…; it must be a number"),
        ({"top_k": -1}, "top-k is -1; it must be 0 (off) or more"),
        ({"top_p": None}, "the top-p is None; it must be a number"),
        ({"top_p": 1.5}, "top-p is 1.5; it must be above 0 and at most 1 (off)"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_in_a_sentence(settings, sentence) -> None:
    with pytest.raises(ValueError) as refused:
        Sampling(**settings)
    assert str(refused.value) == sentence


def test_numbers_of_other_types_are_the_same_settings() -> None:
    given = Sampling(Fraction(1, 2), np.int64(3), np.float32(0.5), np.uint64(7))
    assert given == Sampling(0.5, 3, 0.5, 7) and repr(given) == repr(Sampling(0.5, 3, 0.5, 7))


def test_settings_are_values() -> None:
    one, other = Sampling(temperature=1, top_k=3), Sampling(top_k=3)
    assert one == other and hash(one) == hash(other) and one != Sampling(top_k=4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.top_k = 4
    assert dataclasses.replace(one, seed=2) == Sampling(top_k=3, seed=2)


def test_settings_in_words() -> None:
    assert Sampling().in_words() == "temperature 1, top-k off, top-p off, dice seed 0"
    said = Sampling(0, 1_000_000, 0.25, 7).in_words()
    assert said == "temperature 0 (greedy), top-k 1000000, top-p 0.25, dice seed 7"
    assert all_titles() == "temperature, top-k and top-p"
    assert [kind.name for kind in Sampling(0.5, top_p=0.9).stages_on] == ["temperature", "top_p"]
    assert Sampling(0).greedy and not Sampling(0.01).greedy


# ---- a stage that is looked at --------------------------------------------------------------------------------------


def test_each_stage_tells_what_it_was_made_from_and_whom_it_removed() -> None:
    found = stages(HAND.log(), Sampling(temperature=0.5, top_k=3, top_p=0.8))
    assert [stage.title for stage in found] == ["softmax", "temperature 0.5", "top-k 3", "top-p 0.8"]
    assert [stage.setting for stage in found] == [None, 0.5, 3, 0.8]
    for before, stage in itertools.pairwise(found):
        assert torch.equal(stage.before, before.probabilities)
    assert [stage.removed.nonzero().flatten().tolist() for stage in found] == [[], [], [0], [2]]
    assert [stage.left for stage in found] == [4, 4, 3, 2]
    assert [stage.removal for stage in found] == [
        "",
        "",
        "Top-k 3 leaves 3 of 4 tokens: only the k most likely tokens can be drawn.",
        "Top-p 0.8 leaves 2 of 3 tokens: "
        "only the most likely tokens that together reach this probability can be drawn.",
    ]


def test_greedy_leaves_one_token() -> None:
    stage = stages(HAND.log(), Sampling(temperature=0))[1]
    assert stage.removed.tolist() == [True, False, True, True]
    assert stage.removal.startswith("Temperature 0 (greedy) leaves 1 of 4 tokens: ")


def test_a_stage_that_is_off_removes_nobody_and_shares_no_memory_with_the_one_before(toy) -> None:
    sampled = sample(torch.zeros(6), Sampling(), 0, toy.tokenizer)
    first, second, *_ = sampled.stages
    assert not second.removed.any() and second.removal == ""
    first.probabilities.zero_()
    assert second.probabilities.all() and sampled.stages[0].probabilities.all()


def test_only_takes_ids_and_marks_alike() -> None:
    by_id, by_mark = only(HAND, torch.tensor([1, 3])), only(HAND, HAND > 0.25)
    assert torch.equal(by_id, by_mark) and by_id.tolist() == pytest.approx([0, 4 / 7, 0, 3 / 7])

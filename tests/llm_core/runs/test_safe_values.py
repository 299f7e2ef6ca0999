"""Whoever changes the values that they were handed changes these alone: run, model and next derivation stand."""

import io

import pytest
import torch

from llm_core import catalogue, generate, open_run, save_run
from llm_core.runs import budget
from tests.helpers.small_models import copied, ids

ACTS = {
    "numpy": lambda values: values.numpy().fill(7),
    "in place": lambda values: values.mul_(0).add_(7),
    "through its storage": lambda values: values.untyped_storage().fill_(1),
    "another shape": lambda values: values.resize_(1).fill_(7),
    "turned": lambda values: values.mT.zero_() if values.ndim > 1 else values.zero_(),
}


@pytest.fixture(params=ACTS)
def spoil(request):
    return ACTS[request.param]


def looked_at(run, names):
    """The values of every step's matrices, from what is remembered and derived anew."""
    found = [[m.values for m in step.matrices(names)] for step in run.steps]
    for node in run.nodes:
        budget.DERIVED.forget(node.number)
    return found + [[m.values for m in step.matrices(names)] for step in run.steps]


def assert_same(one, other):
    for these, those in zip(one, other, strict=True):
        for this, that in zip(these, those, strict=True):
            assert torch.equal(this.nan_to_num(), that.nan_to_num())


def test_no_matrix_of_any_step_reaches_the_run_its_cache_or_the_model(small_model, spoil):
    run = generate(small_model, ids(12), 3)
    names = run.steps[0].names
    before = looked_at(run, names)
    weights = {name: p.clone() for name, p in small_model.named_parameters()}
    for step in run.steps:
        for name in names:
            spoil(step.matrix(name).values)
        for matrix in step.matrices(names, range(len(step.positions) - 1, len(step.positions)), keep=False):
            spoil(matrix.values)
        for tensor in (step.logits, *step.doors, *step.doors[1:]):
            spoil(tensor)
        for stage in step.sampled.stages:
            spoil(stage.probabilities)
    assert_same(looked_at(run, names), before)
    assert all(torch.equal(p, weights[name]) for name, p in small_model.named_parameters())
    longer = generate(small_model, ids(12), 5)  # goes on from the first run's streams, keys and values
    assert longer.nodes[:3] == run.nodes
    alone = generate(copied(small_model), ids(12), 5)
    assert [(s.sampled.id, s.sampled.probability) for s in longer.steps] == [
        (s.sampled.id, s.sampled.probability) for s in alone.steps
    ]


def test_a_copy_of_a_weight_is_not_the_models(small_model, spoil):
    for entry in catalogue.weights(small_model.config):
        before = small_model.get_parameter(entry.name).clone()
        values = small_model.weight(entry.name)
        assert tuple(values.shape) == entry.shape and torch.equal(values, before)
        spoil(values)
        assert torch.equal(small_model.get_parameter(entry.name), before), entry.name


def test_the_matrices_of_a_run_file_stand(small_model, spoil):
    file = io.BytesIO()
    run = generate(small_model, ids(5), 2)
    save_run(run, run.steps[0].names, file)
    opened = open_run(file.getvalue())
    for step, own in zip(opened.steps, run.steps, strict=True):
        for name in step.names:
            spoil(step.matrix(name).values)
        assert_same([[step.matrix(name).values for name in step.names]], [[m.values for m in own.matrices(own.names)]])


def test_a_matrix_keeps_what_was_done_to_its_values(toy):
    matrix = generate(toy, "a b").steps[0].matrix("input")
    matrix.values[0, 0] = 7.0  # outside of inference mode: an ordinary tensor
    assert matrix.values[0, 0] == 7.0 and "7" in matrix._repr_html_()


def test_matrices_of_one_question_do_not_share_memory(small_model):
    run = generate(small_model, ids(5))
    values = [m.values for m in run.steps[0].matrices([*run.steps[0].names, "input", "input"])]
    assert len({v.untyped_storage().data_ptr() for v in values}) == len(values)
    stages = run.steps[0].sampled.stages
    assert len({s.probabilities.data_ptr() for s in stages}) == len(stages)


def test_the_lists_of_ids_are_copies(toy):
    run = generate(toy, given := [17, 5, 9], 2)
    ids_, text = run.ids, run.text
    for found in (given, run.prompt_ids, run.new_ids, run.ids, run.steps[0].ids):
        found.append(3)
        found[0] = 0
    assert run.ids == ids_ and run.text == text and run.steps[0].ids == ids_[:3]

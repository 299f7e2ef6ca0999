"""The tree of passes: what is shared, what is copied, and that no node ever changes."""

import dataclasses
import gc
import threading
import weakref

import pytest
import torch

from llm_core import Sampling, generate, load_model
from llm_core.runs import generation
from llm_core.runs import node as tree
from llm_core.runs.generation import steps
from llm_core.runs.node import prefill, prefilled, storages
from tests.helpers.small_models import copied, ids

HELLO = "hello how are you?"


def contents(node):
    """All that a node holds, to the bit."""
    layers = range(node.model.config.layers)
    cached = [t.clone() for layer in layers for t in node.keys_and_values(layer)]
    return node.ids, node.positions, [door.clone() for door in node.doors], cached


def same(one, other):
    for a, b in zip(one, other, strict=True):
        equal = all(map(torch.equal, a, b)) if isinstance(a, list) else a == b
        if not equal:
            return False
    return True


# ---- what is shared -------------------------------------------------------------------------------------------------


def test_one_more_token_is_one_more_node(small_model):
    run = generate(small_model, ids(9), 3)
    longer = generate(small_model, ids(9), 5)
    assert longer.nodes[:3] == run.nodes and len(longer.nodes) == 5
    assert longer.new_ids[:3] == run.new_ids


def test_one_more_token_computes_one_pass_and_draws_one_token(toy, monkeypatch):
    run, passes, draws = generate(toy, HELLO, 6), [], []
    compute, sampled = tree._pass, generation.sample
    monkeypatch.setattr(tree, "_pass", lambda *what: passes.append(1) or compute(*what))
    monkeypatch.setattr(generation, "sample", lambda *what, **how: draws.append(1) or sampled(*what, **how))
    longer = generate(toy, HELLO, 7)
    assert longer.choices[:6] == run.choices and (len(passes), len(draws)) == (1, 1)


def test_other_dice_share_the_nodes_as_far_as_the_tokens_agree(toy):
    run = generate(toy, HELLO, 4, Sampling(temperature=0))
    other = generate(toy, HELLO, 4, Sampling(temperature=0.01, seed=3))
    agree = next((i for i, (a, b) in enumerate(zip(run.new_ids, other.new_ids, strict=True)) if a != b), 4)
    assert [a is b for a, b in zip(run.nodes, other.nodes, strict=True)] == [i <= agree for i in range(4)]


def test_a_second_run_computes_no_pass_that_is_there(toy, monkeypatch):
    run = generate(toy, HELLO, 3)
    monkeypatch.setattr(tree, "_pass", lambda *_: pytest.fail("it is there"))
    again = generate(toy, HELLO, 3)
    assert again.nodes == run.nodes and again.new_ids == run.new_ids and again is not run


def test_runs_of_other_weights_share_nothing(toy):
    one, two = generate(toy, HELLO, 2), generate(load_model("toy", seed=0), HELLO, 2)
    assert not {id(n) for n in one.nodes} & {id(n) for n in two.nodes}
    assert all(same(contents(a), contents(b)) for a, b in zip(one.nodes, two.nodes, strict=True))


def test_weights_that_were_written_to_are_other_weights(own_model):
    model = own_model()
    run = generate(model, ids(5), 1)
    with torch.no_grad():
        model.layers[0].attention.w_v[0, 0] += 1
    assert generate(model, ids(5), 1).nodes[0] is not run.nodes[0]


def test_weights_of_another_type_or_place_are_other_weights(own_model):
    model = own_model()
    run = generate(model, ids(5), 1)
    assert generate(model.bfloat16(), ids(5), 1).nodes[0].doors[0].dtype == torch.bfloat16
    assert run.nodes[0].doors[0].dtype == torch.float32


def test_a_model_made_in_inference_mode_runs():
    with torch.inference_mode():
        model = load_model("toy", seed=3)
    assert generate(model, HELLO, 2).new_ids == generate(load_model("toy", seed=3), HELLO, 2).new_ids


def test_a_run_that_fills_the_context_goes_no_further(toy):
    run = generate(toy, [5] * 256, 9)
    assert run.ended == "context"
    with pytest.raises(ValueError, match="fills all 256 positions"):
        run.longer()


def test_a_run_is_shown_by_models_of_the_same_weights_alone(toy):
    run = generate(toy, HELLO, 1)
    assert run.shown_by(load_model("toy", seed=0)).new_ids == run.new_ids
    with pytest.raises(ValueError, match="other weights"):
        run.shown_by(load_model("toy", seed=1))


def test_what_runs_share_cannot_be_changed_by_one_of_them(toy):
    run = generate(toy, HELLO, 2)
    for shared, name in ((run, "nodes"), (run.nodes[0], "doors"), (run.choices[0], "id")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(shared, name, None)
    assert isinstance(run.nodes[0].doors, tuple) and isinstance(run.prompt, tuple)
    run.prompt_ids.append(0)
    assert run.prompt_ids == toy.tokenizer.encode(HELLO)


def test_another_number_of_threads_computes_anew(toy):
    run, count = generate(toy, HELLO, 1), torch.get_num_threads()
    torch.set_num_threads(count + 1)
    try:
        assert generate(toy, HELLO, 1).nodes[0] is not run.nodes[0]
    finally:
        torch.set_num_threads(count)


def test_a_prompt_is_prefilled_as_long_as_a_run_of_it_lives(own_model):
    model = own_model()
    run = generate(model, ids(5), 2)
    assert prefilled(model, ids(5)) is run.nodes[0] and prefilled(model, ids(4)) is None
    del run  # at once, without waiting for garbage collection
    assert prefilled(model, ids(5)) is None


def test_two_threads_that_compute_the_same_have_one_node(own_model, monkeypatch):
    model, both, found = own_model(), threading.Barrier(2), []
    compute = tree._pass

    def slowly(*what):
        both.wait(20)  # each has seen that it is not there
        return compute(*what)

    monkeypatch.setattr(tree, "_pass", slowly)
    threads = [threading.Thread(target=lambda: found.append(prefill(model, ids(6)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2 and found[0] is found[1]


# ---- what is copied -------------------------------------------------------------------------------------------------


def test_the_node_at_the_end_of_a_path_is_followed_in_place_and_by_others_in_a_copy(small_model):
    start = prefill(small_model, ids(7))
    one, two = start.then([5]), start.then([9])
    assert one.buffer is start.buffer and two.buffer is not start.buffer
    assert one.then([3]).buffer is one.buffer and two.then([3]).buffer is two.buffer


def test_a_branch_is_what_the_same_ids_give_alone(small_model):
    start = prefill(small_model, ids(7))
    branches = [start.then([token]).then([4]).then([token]) for token in (5, 9, 20)]
    alone = copied(small_model)
    for token, branch in zip((5, 9, 20), branches, strict=True):
        other = prefill(alone, ids(7)).then([token]).then([4]).then([token])
        assert branch.path_ids == other.path_ids == [*ids(7), token, 4, token]
        assert all(same(contents(a), contents(b)) for a, b in zip(branch.path, other.path, strict=True))


def test_no_node_changes_while_others_grow_behind_it(small_model):
    start = prefill(small_model, ids(7))
    nodes, before = [start], [contents(start)]
    for token in range(150):  # over two chunks
        parent = nodes[-1] if token % 40 else nodes[token // 3]
        nodes.append(parent.then([token % 90]))
        before.append(contents(nodes[-1]))
    assert all(same(contents(node), kept) for node, kept in zip(nodes, before, strict=True))


def test_memory_grows_by_chunks_and_is_never_doubled(toy):
    row = 2 * 8 * 4  # a key and a value of 8 float32 each
    run = generate(toy, ids(10), 1)
    node = run.nodes[0]
    for token in range(120):
        node = node.then([token])
    assert node.buffer.cache.nbytes == 192 * row  # 130 positions in chunks of 64


def test_memory_is_taken_for_what_is_computed_and_not_for_what_was_asked_for(toy):
    first = next(steps(toy, ids(10), 10**9))
    assert first.nodes[-1].buffer.cache.nbytes == 64 * 2 * 8 * 4


def test_a_matrix_outlives_its_run(own_model):
    model = own_model()
    start = prefill(model, ids(7))  # holds the memory that the runs below take after each other
    found = []
    for token in (5, 9, 20):
        run = generate(model, ids(7), 3, Sampling(temperature=5, seed=token))
        found.append([run.steps[2].matrix(f"layers.0.attention.{name}") for name in ("keys", "values")])
        found[-1].append([run.steps[2].matrix(f"layers.0.attention.{name}").values for name in ("keys", "values")])
        assert run.nodes[1].buffer is start.buffer
        del run
    for keys, values, before in found:
        assert torch.equal(keys.values, before[0]) and torch.equal(values.values, before[1])


def test_rows_that_no_node_holds_any_more_are_taken_again_without_a_copy(own_model):
    start = prefill(own_model(), ids(7))
    one = start.then([5])
    del one
    assert start.then([9]).buffer is start.buffer


def test_a_pass_that_fails_leaves_the_path_as_it_was(own_model, monkeypatch):
    model = own_model("pre-norm, learned positions, biases")
    start = prefill(model, ids(7))
    before = contents(start)
    monkeypatch.setattr(model.layers[1], "forward", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        start.then([5])
    monkeypatch.undo()
    other = start.then([5])
    assert other.buffer is start.buffer and same(contents(start), before)
    alone = prefill(copied(model), ids(7)).then([5])
    assert same(contents(other), contents(alone))


def test_what_nobody_holds_goes_at_once(own_model):
    run = generate(own_model(), ids(7), 3)
    gone = [weakref.ref(node) for node in run.nodes] + [weakref.ref(run.nodes[0].buffer)]
    gc.disable()
    try:
        del run
        assert [ref() for ref in gone] == [None] * 4
    finally:
        gc.enable()


def test_a_deep_path_is_dropped_without_a_deep_recursion(own_model):
    node = prefill(own_model(), ids(1))
    for _ in range(250):
        node = node.then([1])
    last = weakref.ref(node)
    del node
    assert last() is None


def test_memory_that_is_shared_counts_once(toy):
    one, two = (generate(toy, HELLO, 3, Sampling(seed=seed)) for seed in (1, 2))
    together = storages([*one.nodes, *two.nodes])
    assert together == storages(one.nodes) | storages(two.nodes)
    assert sum(together.values()) < sum(storages(one.nodes).values()) + sum(storages(two.nodes).values())


def test_many_threads_branching_from_one_node_have_their_own_rows(small_model):
    start, wrong = prefill(small_model, ids(20)), []
    alone = copied(small_model)
    expected = {t: contents(prefill(alone, ids(20)).then([t]).then([t + 1])) for t in range(8)}

    def session(token):
        for _ in range(6):
            if not same(contents(start.then([token]).then([token + 1])), expected[token]):
                wrong.append(token)

    threads = [threading.Thread(target=session, args=(token,)) for token in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

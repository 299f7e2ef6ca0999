"""Matrices derived when someone looks: the same numbers as recorded, in any company, within the budget."""

import gc
import random
import threading

import pytest
import torch

from llm_core import PRESETS, generate, random_model
from llm_core.model.cache import KVCache
from llm_core.runs import budget, derivation
from llm_core.runs.budget import Budget
from tests.helpers.small_models import CONFIGS, assert_close, ids, record

WEIGHTS, QUERIES = "layers.0.attention.weights", "layers.0.attention.q"


def forget(run):
    """Let the next look derive anew."""
    for node in run.nodes:
        budget.DERIVED.forget(node.number)


def fresh(step, names, rows=None):
    forget(step.run)
    return step.matrices(names, rows)


def test_derived_matrices_are_those_of_a_full_recording(small_model, small_blocks):
    run = generate(small_model, ids(150), max_new_tokens=3)
    cache = KVCache(small_model.config)
    for step in run.steps:
        recorded = record(small_model, step.ids, cache)
        for matrix in fresh(step, step.names):
            expected = recorded[matrix.name][-1:] if "vocab" in matrix.axes else recorded[matrix.name]
            assert matrix.arrives, matrix.name
            assert_close(matrix.values, expected, 1e-5, f"{matrix.name}, step {step.index}")


def test_earlier_steps_stay_as_they_were_when_the_run_goes_on(small_model):
    short, long = generate(small_model, ids(20), 1), generate(small_model, ids(20), 9)
    for one, other in zip(
        short.steps[0].matrices(short.steps[0].names), long.steps[0].matrices(long.steps[0].names), strict=True
    ):
        assert torch.equal(one.values, other.values), one.name


def test_a_value_does_not_depend_on_order_or_company(long_run):
    dice = random.Random(0)
    for step in long_run.steps[:2]:
        together = {m.name: m.values.clone() for m in fresh(step, step.names)}
        shuffled = dice.sample(step.names, len(step.names))
        for size in (1, 3):
            forget(step.run)
            for start in range(0, len(shuffled), size):
                names = shuffled[start : start + size]
                for matrix, name in zip(step.matrices(names), names, strict=True):
                    assert matrix.name == name and torch.equal(matrix.values, together[name]), name


@pytest.mark.parametrize(
    "rows", [range(0, 1), range(63, 65), range(64, 128), range(100, 131), range(149, 150), range(0, 150)], ids=str
)
def test_a_tile_is_the_same_bits_as_those_rows_of_the_whole(long_run, rows):
    step = long_run.steps[0]
    whole = {m.name: m for m in fresh(step, step.names)}
    for tile in fresh(step, step.names, rows):
        full = whole[tile.name]
        expected, labels = full.values, list(full.labels)
        for i, axis in enumerate(full.axes):
            if axis in ("position", "query") and "vocab" not in full.axes:
                expected = expected.narrow(i, rows.start, len(rows))
                labels[i] = full.labels[i][rows.start : rows.stop]
        assert torch.equal(tile.values, expected), tile.name
        assert [list(x) for x in tile.labels] == [list(x) for x in labels], tile.name
        if full.mask is not None:
            assert torch.equal(tile.mask, full.mask[rows.start : rows.stop]), tile.name


def test_a_block_holds_more_rows_where_they_are_short_and_always_whole_ones():
    config = PRESETS["toy"]
    sizes = [derivation.rows_per_block(config.with_(heads=4), end) for end in (1, 2_048, 5_000, 20_000, 1_000_000)]
    assert sizes == [512, 512, 128, 64, 64]
    assert derivation.rows_per_block(config.with_(feedforward_dim=20_000), 5) == 128


def test_blocks_meet_where_they_meet_in_every_question(own_model):
    step = generate(own_model(), ids(150)).steps[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(derivation, "MOST_ROWS", 64)
        assert list(derivation.blocks(step)) == [range(64), range(64, 128), range(128, 150)]
        assert list(derivation.blocks(step, range(50, 70))) == [range(50, 64), range(64, 70)]
    assert list(derivation.blocks(step, range(50, 70))) == [range(50, 70)]


def test_a_tile_over_two_blocks_of_full_size_is_the_same_bits_as_those_rows_of_the_whole():
    model = random_model(CONFIGS["grouped queries, RoPE, SwiGLU"].with_(max_positions=700), seed=3)
    step = generate(model, ids(derivation.MOST_ROWS + 100)).steps[0]
    names = [WEIGHTS, QUERIES, "layers.1.feedforward.hidden"]
    rows = range(derivation.MOST_ROWS - 3, derivation.MOST_ROWS + 3)
    for tile, whole in zip(fresh(step, names, rows), fresh(step, names), strict=True):
        assert whole.arrives and torch.equal(tile.values, whole.values[..., rows.start : rows.stop, :]), tile.name


def test_a_row_of_a_step_of_one_block_keeps_the_block_for_the_next_look(own_model, monkeypatch):
    step = generate(own_model(), ids(20)).steps[0]
    (row,) = fresh(step, [WEIGHTS], range(7, 8))
    monkeypatch.setattr(derivation, "_layer_rows", lambda *_: pytest.fail("it was at hand"))
    assert torch.equal(step.matrix(WEIGHTS).values[:, 7:8], row.values)


def test_who_goes_through_all_layers_leaves_what_others_look_at(own_model, monkeypatch):
    monkeypatch.setattr(budget, "DERIVED", Budget(2**20))
    step = generate(own_model(), ids(20)).steps[0]
    before = budget.DERIVED.used  # the logits from which the token was sampled
    step.matrices([WEIGHTS, QUERIES], keep=False)
    assert budget.DERIVED.used == before
    step.matrix(WEIGHTS)
    assert budget.DERIVED.used == before + step.matrix(WEIGHTS).values.nbytes


def test_rows_of_what_was_derived_as_a_whole_are_not_derived_again(long_run, monkeypatch):
    step = long_run.steps[0]
    whole = {m.name: m.values for m in fresh(step, step.names)}
    monkeypatch.setattr(derivation, "_layer_rows", lambda *_: pytest.fail("it was at hand"))
    for tile in step.matrices(step.names, range(70, 80)):
        row_axes = [i for i, axis in enumerate(tile.axes) if axis in ("position", "query") and tile.axes[-1] != "vocab"]
        expected = whole[tile.name].narrow(row_axes[0], 70, 10) if row_axes else whole[tile.name]
        assert torch.equal(tile.values, expected), tile.name


@pytest.mark.parametrize("rows", [range(-1, 2), range(0, 151), range(3, 3), range(5, 2), range(0, 4, 2)], ids=str)
def test_rows_that_the_step_lacks_are_refused(long_run, rows):
    with pytest.raises(ValueError, match=f"{rows.start} to {rows.stop}"):
        long_run.steps[0].matrix(QUERIES, rows)


def test_a_name_alone_and_rows_of_another_kind(toy):
    step = generate(toy, "a b").steps[0]
    assert [m.name for m in step.matrices("input")] == ["input"]
    for rows in (1, slice(0, 1), [0]):
        with pytest.raises(ValueError, match="rows must be a range"):
            step.matrix("input", rows)


@pytest.mark.parametrize("names", [3, None, 0.5])
def test_what_are_no_names_is_refused_in_a_sentence(toy, names):
    with pytest.raises(ValueError, match="matrices are asked for by their names"):
        generate(toy, "hi").steps[0].matrices(names)


def test_labels_are_the_tokens(toy):
    run = generate(toy, "hello how are you?", max_new_tokens=2)
    prompt = ["hello", "␣how", "␣are", "␣you", "?"]
    prefill, decode = run.steps
    new = toy.tokenizer.label(run.new_ids[0])
    assert [list(x) for x in prefill.matrix(WEIGHTS).labels] == [["0"], prompt, prompt]
    assert [list(x) for x in decode.matrix(WEIGHTS).labels] == [["0"], [new], [*prompt, new]]
    assert list(prefill.matrix("logits").labels[0]) == ["?"]
    assert list(decode.matrix("logits").labels[0]) == [new]
    vocabulary = prefill.matrix("probabilities").labels[1]
    assert len(vocabulary) == 50_257
    assert vocabulary[31373] == "hello" and vocabulary[-1] == "<|endoftext|>" and vocabulary[703:704] == ["␣how"]
    with pytest.raises(IndexError):
        vocabulary[50_257]


def test_mask_hides_what_the_window_and_the_future_hide(own_model):
    model = own_model("normed queries, wide heads, window")
    run = generate(model, ids(80), max_new_tokens=2)
    for step in run.steps:
        expected = [[not query - 5 < key <= query for key in range(step.positions.stop)] for query in step.positions]
        matrix = step.matrix(WEIGHTS)
        assert matrix.mask.tolist() == expected
        assert torch.equal(matrix.values == 0, torch.tensor(expected).expand_as(matrix.values))


# ---- a derived layer arrives at the next door, or says so -----------------------------------------------------------


def test_a_weight_changed_after_the_run_is_noticed(own_model):
    model = own_model("grouped queries, RoPE, SwiGLU")
    run = generate(model, ids(70), max_new_tokens=2)
    with torch.no_grad():
        model.layers[1].attention.w_q[0, 0] += 3.0
    for step in run.steps:
        assert not step.matrix("layers.1.attention.q").arrives
        assert not step.matrix("layers.1.attention.keys").arrives
        assert step.matrix("layers.0.attention.q").arrives
        assert step.matrix("layers.1.residual").arrives  # a door is the run's own


@pytest.mark.parametrize("weight", ["w_q", "w_k", "w_v", "w_o"])
def test_no_changed_attention_weight_goes_unnoticed_though_keys_and_values_are_read_from_the_cache(weight):
    model = random_model(PRESETS["llama-nano"], seed=3)
    run = generate(model, "hello how are you?", 2)
    parameter = getattr(model.layers[1].attention, weight)
    parameter.data = parameter.data * 1.01
    for step in run.steps:
        assert not step.matrix("layers.1.attention.k").arrives
        assert step.matrix("layers.2.attention.k").arrives


def test_a_change_just_above_the_tolerance_is_noticed_and_one_below_is_not(own_model):
    model = own_model("pre-norm, learned positions, biases")
    run = generate(model, ids(8))
    step, bias = run.steps[0], model.layers[1].feedforward.b_down
    largest, original = float(step.doors[2].abs().max()), bias.clone()
    for share, arrives in ((3e-5, False), (3e-6, True)):
        with torch.no_grad():
            bias.copy_(original)
            bias[0] += share * largest
        assert fresh(step, ["layers.1.attention.q"])[0].arrives is arrives


def test_a_door_that_is_not_a_number_is_noticed(own_model):
    model = own_model()
    run = generate(model, ids(8))
    with torch.no_grad():
        model.layers[0].feedforward.b_up[0] = torch.nan
    assert not run.steps[0].matrix(QUERIES).arrives


def test_only_the_rows_of_a_tile_must_arrive(own_model, small_blocks):
    model = own_model()
    run = generate(model, ids(130))
    with torch.inference_mode():
        run.nodes[0].doors[1][129, 0] += 1.0
    assert run.steps[0].matrix(QUERIES, range(0, 64)).arrives
    assert not run.steps[0].matrix(QUERIES, range(128, 130)).arrives
    assert not run.steps[0].matrix(QUERIES).arrives


def test_a_step_alone_keeps_all_that_it_needs(toy):
    run = generate(toy, "hello how are you?")
    expected = [m.values.clone() for m in run.steps[0].matrices(run.steps[0].names)]
    forget(run)
    step = run.steps[0]
    del run
    gc.collect()
    for matrix, values in zip(step.matrices(step.names), expected, strict=True):
        assert torch.equal(matrix.values, values)


# ---- the budget -----------------------------------------------------------------------------------------------------


def value(count):
    return torch.zeros(count), True  # 4 bytes each


def held(budget, keys):
    return [key for key in keys if key in budget._values]


def test_the_least_recently_used_go_first():
    budget, keys = Budget(limit=120), [(0, name) for name in "abcd"]
    for key in keys[:3]:
        budget.put(key, value(10))
    assert budget.used == 120
    assert budget.get(keys[0]) is not None  # a was looked at: now b is the oldest
    budget.put(keys[3], value(10))
    assert held(budget, keys) == [keys[0], keys[2], keys[3]] and budget.used == 120
    budget.put(keys[1], value(20))
    assert held(budget, keys) == [keys[1], keys[3]] and budget.used == 120


def test_a_node_that_is_forgotten_costs_no_look_at_the_values_of_others():
    class Counting(dict):
        def __iter__(self):
            pytest.fail("it went through all values")

    budget = Budget(limit=10**6)
    for node in range(3):
        budget.put((node, "a"), value(10))
        budget.put((node, "b"), value(10))
    budget._values = Counting(budget._values)
    budget.forget(1)
    assert budget.used == 160 and set(budget._values.keys()) == {(0, "a"), (0, "b"), (2, "a"), (2, "b")}
    assert set(budget._names) == {0, 2}


def test_a_value_larger_than_the_budget_is_not_kept():
    budget = Budget(limit=39)
    budget.put((0, "small"), value(9))
    budget.put((0, "large"), value(10))
    assert budget.get((0, "large")) is None and budget.get((0, "small")) is not None
    assert budget.used == 36


def test_a_value_put_twice_counts_once():
    budget = Budget(limit=100)
    budget.put((0, "a"), value(10))
    budget.put((0, "a"), value(10))
    assert budget.used == 40


def test_a_run_forgotten_leaves_the_values_of_others():
    budget = Budget(limit=1000)
    for key in ((0, "a"), (1, "a"), (0, "b")):
        budget.put(key, value(10))
    budget.forget(0)
    assert budget.used == 40 and budget.get((1, "a")) is not None and budget.get((0, "a")) is None


def test_a_run_collected_by_the_thread_that_holds_the_lock_does_not_wait_for_it():
    budget = Budget(limit=1000)
    budget.put((0, "a"), value(10))
    done = threading.Event()

    def collect():
        with budget._lock:
            budget.forget(0)
        done.set()

    threading.Thread(target=collect, daemon=True).start()
    assert done.wait(20)
    assert budget.get((0, "a")) is None and budget.used == 0


def test_a_collected_run_takes_its_values_along(toy):
    run = generate(toy, "a b c")
    number = run.nodes[0].number
    run.steps[0].matrices(run.steps[0].names)
    assert any(key[0] == number for key in budget.DERIVED._values)
    del run  # at once, without waiting for garbage collection
    assert not any(key[0] == number for key in budget.DERIVED._values)


def test_a_second_look_derives_nothing(toy, monkeypatch):
    run = generate(toy, "a b c")
    first = run.steps[0].matrices(run.steps[0].names)
    monkeypatch.setattr(derivation, "_derive", None)
    again = run.steps[0].matrices(run.steps[0].names)
    assert all(a.values is b.values or torch.equal(a.values, b.values) for a, b in zip(first, again, strict=True))


def test_two_threads_hammering_a_small_budget_stay_within_it_and_see_right_values(small_model, monkeypatch):
    small = Budget(limit=60_000)
    monkeypatch.setattr(budget, "DERIVED", small)
    run = generate(small_model, ids(30), max_new_tokens=3)
    expected = {(s.index, m.name): m.values.clone() for s in run.steps for m in s.matrices(s.names)}
    wrong, over = [], []

    def visitor(seed):
        dice = random.Random(seed)
        for _ in range(80):
            step = dice.choice(run.steps)
            for matrix in step.matrices(dice.sample(step.names, 4)):
                if not torch.equal(matrix.values, expected[step.index, matrix.name]):
                    wrong.append(matrix.name)
            with small._lock:
                over.append(small.used > small.limit)
            if dice.random() < 0.1:
                small.forget(dice.choice(run.nodes).number)

    threads = [threading.Thread(target=visitor, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(over) == 160 and not any(over) and not wrong
    assert small.used == sum(found.nbytes for found, _ in small._values.values())

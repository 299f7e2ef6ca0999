"""Prefill and decode, limits, and that a run is a value: the same from any session, whoever else is at work."""

import os
import random
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_core import Sampling, catalogue, generate, load_model
from llm_core.model.cache import KVCache
from llm_core.model.tap import Recorder
from llm_core.runs.generation import steps
from tests.helpers.small_models import assert_close, copied, ids, record

HELLO = "hello how are you?"
SETTINGS = Sampling(temperature=1.3, top_k=80, top_p=0.95, seed=4)


def bits(run):
    """All that a run keeps, for comparison to the bit."""
    kept = [(s.logits.numpy().tobytes(), *(d.numpy().tobytes() for d in s.doors)) for s in run.steps]
    return run.ids, run.text, run.ended, [s.sampled.u for s in run.steps], kept


# ---- prefill and decode are one pass --------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 7, 64, 65, 150])
def test_prefill_and_decode_are_one_full_pass(small_model, count):
    run = generate(small_model, ids(count), max_new_tokens=6)
    names = [catalogue.door(small_model.config, i) for i in range(small_model.config.layers + 1)]
    tap = Recorder(names)
    with torch.inference_mode():
        logits = small_model(torch.tensor([run.ids[:-1]]), tap=tap)[0]
    doors = [tap.values[name] for name in names]
    assert len(run.steps) == 6
    for step in run.steps:
        rows = slice(step.positions.start, step.positions.stop)
        assert_close(step.logits[0], logits[rows.stop - 1], 1e-5, f"logits, step {step.index}")
        assert_close(step.logits_of(), logits[rows], 1e-5, f"logits of all rows, step {step.index}")
        assert len(step.doors) == len(doors) == small_model.config.layers + 1
        for layer, (mine, full) in enumerate(zip(step.doors, doors, strict=True)):
            assert_close(mine, full[0, rows], 1e-5, f"door {layer}, step {step.index}")


@pytest.mark.parametrize("chunks", [[1] * 12, [5, 1, 6], [11, 1], [2, 3, 7], [12]], ids=str)
@pytest.mark.parametrize("capacity", [1, 5, 64])
def test_a_prompt_in_uneven_chunks_through_the_cache_is_one_full_pass(small_model, chunks, capacity):
    prompt = ids(12, seed=1)
    cache, parts, start = KVCache(small_model.config, capacity), [], 0
    with torch.inference_mode():
        for size in chunks:
            parts.append(small_model(torch.tensor([prompt[start : start + size]]), cache)[0])
            start += size
            assert cache.length == start
        assert_close(torch.cat(parts), small_model(torch.tensor([prompt]))[0], 1e-5)


def test_batch_rows_do_not_touch_each_other(small_model):
    batch = torch.tensor([ids(9, seed=1), ids(9, seed=2)])
    with torch.inference_mode():
        together = small_model(batch)
        for alone, both in zip(batch, together, strict=True):
            assert_close(both, small_model(alone[None])[0], 1e-5)


def test_a_later_token_changes_no_earlier_row(small_model):
    prompt = ids(20)
    with torch.inference_mode():
        before = small_model(torch.tensor([prompt]))[0]
        after = small_model(torch.tensor([[*prompt[:10], (prompt[10] + 1) % 101, *prompt[11:]]]))[0]
    assert torch.equal(before[:10], after[:10])
    assert not torch.equal(before[10], after[10])


# ---- recording ------------------------------------------------------------------------------------------------------


def test_recording_changes_no_logit(small_model):
    prompt = torch.tensor([ids(70)])
    wanted = {
        e
        for e in record(small_model, ids(2))
        if e.rsplit(".", 1)[-1] not in ("dot_products", "scores", "masked_scores", "weights")
    }
    with torch.inference_mode():
        recorder = Recorder(wanted)
        assert torch.equal(small_model(prompt, tap=recorder), small_model(prompt))
        assert set(recorder.values) == wanted


def test_explicit_attention_is_fused_attention(small_model):
    with torch.inference_mode():
        fused, explicit = KVCache(small_model.config), KVCache(small_model.config)
        for chunk in (ids(66), ids(1, seed=1), ids(4, seed=2), ids(1, seed=3)):
            chunk = torch.tensor([chunk])
            recorded = small_model(chunk, explicit, Recorder({"layers.0.attention.weights"}))
            everything = small_model(chunk, fused)
            assert_close(recorded, everything, 1e-5)


def test_looking_at_everything_between_the_steps_changes_nothing(small_model):
    looked = None
    for looked in steps(small_model, ids(20), 4, SETTINGS):
        for step in looked.steps:
            step.matrices(step.names)
    assert bits(looked) == bits(generate(copied(small_model), ids(20), 4, SETTINGS))


# ---- a run is a value -----------------------------------------------------------------------------------------------


def test_same_seeds_same_run(toy):
    assert bits(generate(toy, HELLO, 5, SETTINGS)) == bits(generate(load_model("toy", seed=0), HELLO, 5, SETTINGS))


def test_two_sessions_whose_steps_alternate_have_their_own_runs(toy):
    one, two = Sampling(seed=1), Sampling(seed=2)
    alone = bits(generate(toy, HELLO, 5, one)), bits(generate(toy, "another text", 5, two))
    for a, b in zip(steps(toy, HELLO, 5, one), steps(toy, "another text", 5, two), strict=True):
        a.steps[-1].matrices(a.steps[-1].names)
        b.steps[-1].matrices(b.steps[-1].names)
    assert (bits(a), bits(b)) == alone
    assert a.new_ids != b.new_ids


def test_sessions_in_threads_have_their_own_runs(toy):
    prompts = {seed: HELLO + " x" * seed for seed in range(4)}
    alone = {s: bits(generate(toy, p, 4, Sampling(seed=s))) for s, p in prompts.items()}
    wrong, barrier = [], threading.Barrier(4)

    def session(seed):
        barrier.wait()
        for _ in range(5):
            if bits(generate(toy, prompts[seed], 4, Sampling(seed=seed))) != alone[seed]:
                wrong.append(seed)

    threads = [threading.Thread(target=session, args=(seed,)) for seed in prompts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_global_random_state_is_neither_changed_nor_read():
    def run():
        return bits(generate(load_model("toy", seed=5), HELLO, 3, SETTINGS))

    torch.manual_seed(1), random.seed(1), np.random.seed(1)
    before = torch.get_rng_state(), random.getstate(), str(np.random.get_state())
    first = run()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), str(np.random.get_state())) == before[1:]
    torch.manual_seed(2), random.seed(2), np.random.seed(2)
    assert run() == first


def test_the_dice_are_those_of_seed_and_token_number(toy):
    from llm_core.runs.sampling import uniform

    run = generate(toy, HELLO, 4, SETTINGS)
    assert [step.sampled.u for step in run.steps] == [uniform(4, i) for i in range(4)]
    assert [step.sampled.id for step in run.steps] == run.new_ids
    longer = generate(toy, HELLO, 6, SETTINGS)
    assert longer.new_ids[:4] == run.new_ids


def test_another_sampler_seed_leaves_the_prefill_as_it_is(toy):
    one, two = (generate(toy, HELLO, 1, Sampling(seed=seed)) for seed in (1, 2))
    assert torch.equal(one.steps[0].logits, two.steps[0].logits)
    assert one.new_ids != two.new_ids


# ---- what a run is --------------------------------------------------------------------------------------------------


def test_run_and_its_steps(toy):
    run = generate(toy, HELLO, max_new_tokens=3)
    assert run.prompt_ids == [31373, 703, 389, 345, 30]
    assert len(run.new_ids) == 3 and run.ids == run.prompt_ids + run.new_ids
    assert run.text == toy.tokenizer.decode(run.ids) and run.text.startswith(HELLO)
    assert [step.phase for step in run.steps] == ["prefill", "decode", "decode"]
    assert [step.positions for step in run.steps] == [range(5), range(5, 6), range(6, 7)]
    assert [step.ids for step in run.steps] == [run.prompt_ids, run.new_ids[:1], run.new_ids[1:2]]
    assert run.length == 7
    assert run.ended == "length"


def test_one_new_token_at_temperature_one_is_the_default(toy):
    assert bits(generate(toy, HELLO)) == bits(generate(toy, HELLO, 1, Sampling(temperature=1.0, seed=0)))


def test_text_and_its_ids_are_the_same_prompt(toy):
    assert bits(generate(toy, HELLO, 3)) == bits(generate(toy, [31373, 703, 389, 345, 30], 3))


def test_greedy_takes_the_largest_logit_each_time(toy):
    for step in generate(toy, HELLO, 4, Sampling(temperature=0, seed=9)).steps:
        assert step.sampled.id == int(step.logits[0].argmax())


def test_generation_stops_after_an_end_token(toy):
    from llm_core import random_model

    ids_ = generate(toy, HELLO, 5, SETTINGS).new_ids
    stopping = random_model(toy.config.with_(stop_ids=(ids_[2],)), seed=0)
    run = generate(stopping, HELLO, 5, SETTINGS)
    assert run.new_ids == ids_[: ids_.index(ids_[2]) + 1] and run.ended == "stop"


# ---- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "new", "ended"), [(256, 1, "context"), (255, 2, "context"), (250, 7, "context"), (250, 6, "length")]
)
def test_prompt_and_continuation_fill_the_context_and_no_more(toy, count, new, ended):
    run = generate(toy, " hello" * count, max_new_tokens=50 if ended == "context" else new)
    assert len(run.prompt_ids) == count and len(run.new_ids) == new and run.ended == ended
    assert run.length == min(256, count + new - 1)
    step = run.steps[-1]
    assert step.matrix("layers.0.attention.weights").values.sum(-1).numpy() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("prompt", [" hello" * 257, [5] * 257], ids=["text", "ids"])
def test_one_token_over_the_limit_is_refused_with_both_numbers(toy, prompt):
    with pytest.raises(ValueError, match=r"257 tokens.* 256\b"):
        generate(toy, prompt)


@pytest.mark.parametrize("prompt", ["", " ", "\n\t \u00a0\u2003"])
def test_blank_text_is_refused(toy, prompt):
    with pytest.raises(ValueError, match="blank"):
        generate(toy, prompt)


@pytest.mark.parametrize("prompt", ["\x00", "\u202e\u200f", "\u0301", "<script>alert(1)</script>", "a" * 900, "🏳️‍🌈"])
def test_odd_text_runs(toy, prompt):
    assert generate(toy, prompt).text.startswith(prompt)


@pytest.mark.parametrize(("prompt", "said"), [([], "no tokens"), ([3, -1], "-1"), ([50257], "50257")])
def test_ids_that_the_model_lacks_are_refused(toy, prompt, said):
    with pytest.raises(ValueError, match=said):
        generate(toy, prompt)


@pytest.mark.parametrize("count", [0, -3])
def test_fewer_than_one_new_token_is_refused(toy, count):
    with pytest.raises(ValueError, match=str(count)):
        generate(toy, HELLO, count)


@settings(max_examples=40)
@given(
    st.text(max_size=40) | st.text(st.characters(), max_size=10).map(lambda t: t * 60),
    st.integers(-1, 3),
    st.floats(-1, 1e300),
    st.integers(-1, 60_000),
    st.floats(-0.1, 1.1) | st.just(float("nan")),
    st.integers(-1, 2**64),
)
def test_any_text_and_settings_run_or_are_refused_with_a_value_error(toy, text, new, temperature, top_k, top_p, seed):
    try:
        run = generate(toy, text, new, Sampling(temperature, top_k, top_p, seed))
    except ValueError as error:
        assert str(error)
        return
    assert len(run.new_ids) == new == len(run.steps)
    assert all(0 <= i < 50_257 for i in run.new_ids)
    for step in run.steps:
        probabilities, weights, masked = step.matrices(
            ["probabilities", "layers.0.attention.weights", "layers.0.attention.masked_scores"]
        )
        assert float(probabilities.values.double().sum()) == pytest.approx(1, abs=1e-5)
        assert weights.values.sum(-1).numpy() == pytest.approx(1, abs=1e-5)
        future = torch.arange(step.positions.stop)[None, :] > torch.tensor(list(step.positions))[:, None]
        assert torch.equal(weights.mask, future)
        assert (weights.values[0][future] == 0).all() and (weights.values[0][~future] > 0).all()
        assert torch.equal(masked.values[0] == -torch.inf, future)
        assert step.sampled.drawn_probability > 0
        assert float(step.sampled.stages[-1].probabilities.sum()) == pytest.approx(1, abs=1e-9)


IN_THREADS = """
import threading
import torch
from llm_core import generate, load_model

torch.set_num_threads(1)
models = [load_model("llama-nano") for _ in range(3)]  # what is computed of one is not computed again
here, found = generate(models[0], "hello how are you?", 2), []
for model in models[1:]:
    thread = threading.Thread(target=lambda: found.append(generate(model, "hello how are you?", 2)))
    thread.start()
    thread.join()
doors = [torch.cat([door for step in run.steps for door in step.doors]) for run in (here, *found)]
print([torch.equal(doors[0], other) for other in doors[1:]])
"""


def test_a_run_has_the_same_bits_in_a_thread_that_has_computed_nothing_yet():
    environment = os.environ | {"OMP_NUM_THREADS": "2"}  # what torch.set_num_threads(1) has to change in every thread
    done = subprocess.run(
        [sys.executable, "-c", IN_THREADS], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[True, True]"

"""Runs that the server keeps."""

from dashboard.runs import Runs
from llm_core import Sampling, generate


def test_runs_of_one_text_share_a_prefill_and_equal_keys_are_one_run(llama):
    runs, taken = Runs(10**9), []

    def ask(seed: int):
        def make(prefilled):
            taken.append(prefilled)
            return generate(llama, "hello", 2, Sampling(seed=seed), prefilled)

        return runs.get((llama.fingerprint, "hello", (seed,)), make)

    first, second = ask(1), ask(2)
    assert ask(1) is first and taken == [None, first]
    assert second.passes[0].doors[1] is first.passes[0].doors[1]
    assert second.new_ids == generate(llama, "hello", 2, Sampling(seed=2)).new_ids


def test_kept_runs_stay_within_their_bytes_and_the_latest_is_always_kept(llama):
    one = generate(llama, "hello there", 1)
    runs = Runs(1)
    runs.budget = int(
        2.5 * (one.cache.nbytes + sum(d.nbytes for d in one.passes[0].doors) + one.passes[0].logits.nbytes)
    )
    for number in range(5):
        runs.get((llama.fingerprint, str(number), ()), lambda _: generate(llama, "hello there", 1))
        assert runs.nbytes <= runs.budget
    assert len(runs._runs) == 2
    runs.budget = 1
    assert runs.get((llama.fingerprint, "x", ()), lambda _: one) is one and len(runs._runs) == 1

"""Runs that the server keeps."""

from dashboard.server.runs import Runs
from llm_core import Sampling, generate
from llm_core.runs.node import storages


def test_runs_of_one_text_share_a_prefill_and_equal_keys_are_one_run(llama):
    runs = Runs(10**9)

    def ask(seed: int):
        key = (llama.weights.version, "hello", (seed,))
        return runs.get(key, lambda: generate(llama, "hello", 2, Sampling(seed=seed)))

    first, second = ask(1), ask(2)
    assert ask(1) is first and second is not first
    assert second.nodes[0] is first.nodes[0] and second.nodes[1] is not first.nodes[1]


def test_kept_runs_stay_within_their_bytes_and_the_latest_is_always_kept(llama):
    runs, room = Runs(1), []

    def ask(number: int):
        made = lambda: generate(llama, f"hello there {number}", 1)  # noqa: E731
        return runs.get((llama.weights.version, str(number), ()), made)

    room = sum(storages(ask(0).nodes).values())
    runs.budget = int(2.5 * room)
    for number in range(1, 6):
        ask(number)
        assert runs.nbytes <= runs.budget
    assert len(runs._runs) == 2
    runs.budget = 1
    assert ask(7).ids[-2:-1] and len(runs._runs) == 1


def test_what_runs_share_counts_once(llama):
    runs = Runs(10**9)
    for seed in range(4):
        key = (llama.weights.version, "hello", (seed,))
        runs.get(key, lambda seed=seed: generate(llama, "hello", 1, Sampling(seed=seed)))
    alone = sum(storages(generate(llama, "hello", 1).nodes).values())
    assert runs.nbytes == alone

"""What the server keeps, bounded by bytes."""

import threading

import pytest

from dashboard.matrices.readings import read_matrices
from dashboard.server.kept import Kept
from llm_core import generate


def test_values_stay_within_their_bytes_and_the_one_looked_at_last_stays_the_longest():
    kept, made = Kept(10, len), []

    def ask(key, size):
        return kept.get(key, lambda: made.append(key) or "x" * size)

    ask("a", 4), ask("b", 4), ask("a", 4), ask("c", 4)
    assert kept.used == 8 and made == ["a", "b", "c"]
    ask("a", 4), ask("b", 4)
    assert made == ["a", "b", "c", "b"]
    assert ask("large", 99) == "x" * 99 and kept.used == 99  # the latest is always kept
    ask("small", 1)
    assert kept.used == 1


def test_visitors_who_ask_at_once_wait_for_one_and_those_who_ask_for_others_do_not():
    kept, go, made = Kept(100, len), threading.Event(), []

    def slow():
        made.append(1)
        go.wait(20)
        return "slow"

    found = []
    threads = [threading.Thread(target=lambda: found.append(kept.get("slow", slow))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert kept.get("other", lambda: "quick") == "quick"
    go.set()
    for thread in threads:
        thread.join()
    assert found == ["slow"] * 4 and made == [1] and kept.used == 9 and not kept._turns


def test_what_failed_is_tried_again():
    kept = Kept(100, len)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 / 0)
    assert kept.get("a", lambda: "made") == "made"


def test_a_reading_counts_at_least_the_numbers_that_it_keeps(llama):
    reading = read_matrices(generate(llama, "hello there", 1).steps[0], ["layers.0.attention.weights"])
    (weights,) = reading.values()
    assert weights.nbytes >= 4 * weights.values.size * len(weights.pooled)

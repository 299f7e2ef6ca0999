"""What takes long takes turns, so that many visitors can share one page."""

import threading
from dataclasses import replace

import pytest

from dashboard.link import models
from dashboard.link.settings import Settings
from dashboard.server import computed, turns
from dashboard.server.models import Library
from dashboard.server.runs import Runs
from dashboard.server.turns import LONG, Turns
from llm_core import PRESETS, random_model
from tests.helpers.small_models import tiny_model


def wait_until(holds):
    for _ in range(2000):
        if holds():
            return
        threading.Event().wait(0.01)
    pytest.fail("it never held")


def test_few_are_computed_at_a_time_in_the_order_of_asking_and_too_many_are_told_to_wait():
    turns, go, order, most = Turns(at_once=1, waiting=3), threading.Event(), [], []

    def compute(name):
        with turns.turn():
            most.append(turns._running)
            go.wait(20)
            order.append(name)

    threads = []
    for place, name in enumerate("abcd"):
        threads.append(threading.Thread(target=compute, args=(name,)))
        threads[-1].start()
        wait_until(lambda place=place: turns._running + len(turns._queue) == place + 1)
    with pytest.raises(
        ValueError, match=r"^3 long computations are waiting already, and at most 3 can wait: try again"
    ):
        compute("e")
    go.set()
    for thread in threads:
        thread.join()
    assert order == list("abcd") and set(most) == {1}
    compute("e")  # now there is room


def test_what_fails_gives_its_turn_back():
    turns = Turns(at_once=1, waiting=1)
    for _ in range(3):
        with pytest.raises(KeyError), turns.turn():
            raise KeyError
    assert turns._running == 0


class _Counting(Turns):
    asked = 0

    def turn(self):
        self.asked += 1
        return super().turn()


def test_a_long_text_takes_a_turn_and_a_short_one_does_not(monkeypatch):
    counting = _Counting(1, 8)
    monkeypatch.setattr(turns, "TURNS", counting)
    model = random_model(PRESETS["llama-nano"].with_(max_positions=2000, layers=1), 5)
    chosen = Settings(text="one two " * 600, new_tokens=1)
    run = computed._made(model, chosen)
    assert counting.asked == 1 and len(run.prompt_ids) >= LONG
    computed._made(model, replace(chosen, dice_seed=8))
    assert counting.asked == 2
    computed._made(model, replace(chosen, text="one two " * 100))
    assert counting.asked == 2


def test_strangers_run_no_more_tokens_than_leave_the_others_theirs(monkeypatch):
    deep = random_model(PRESETS["llama-nano"].with_(max_positions=8192, layers=30), 5)
    monkeypatch.delenv("HOSTED", raising=False)
    models.check_length(deep, 8192)
    monkeypatch.setenv("HOSTED", "1")
    models.check_length(deep, 5000)
    with pytest.raises(ValueError) as refused:
        computed._made(deep, Settings(text="one two " * 3000))
    said = str(refused.value)
    assert "6,001 tokens" in said and "at most 5,000: shorten it" in said


def test_many_who_ask_for_one_random_model_at_once_make_it_once():
    library, all_here, made, found = Library(9, 10**9), threading.Barrier(8), [], []

    def ask():
        all_here.wait(20)
        found.append(library.now("a", lambda progress: made.append(1) or tiny_model()))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1] and len(set(map(id, found))) == 1


def test_a_model_that_goes_takes_its_runs_along(monkeypatch):
    monkeypatch.setattr(computed, "RUNS", Runs(10**9))
    monkeypatch.setattr(computed.LIBRARY, "budget", 1)
    first, second = Settings(weights_seed=901), Settings(weights_seed=902)
    run = computed.run_of(first)
    assert computed.run_of(first) is run
    computed.run_of(second)
    assert computed.run_of(first) is not run

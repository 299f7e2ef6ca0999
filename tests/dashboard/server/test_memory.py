"""Long prompts: what they take is estimated before they are run, and refused in words where it is not there."""

import threading
from contextlib import nullcontext
from dataclasses import replace

import pytest

from dashboard.link.settings import LONGEST_LINK, LONGEST_TEXT, Settings
from dashboard.server import computed, memory
from dashboard.shell import waiting
from llm_core import PRESETS, generate, random_model
from llm_core.runs.node import storages
from tests.helpers.pages import opened, sentences
from tests.helpers.small_models import ids

CONFIG = PRESETS["llama-nano"].with_(max_positions=8192)
TEXT = "one two three four five " * 400


@pytest.fixture(scope="module")
def model():
    return random_model(CONFIG, 0)


def with_free(monkeypatch, *free: int):
    """Pretend that this much memory is free, each time that somebody asks."""
    told = iter(free)
    monkeypatch.setattr(memory.machine, "free", lambda: next(told) - memory.machine.PROMISES.bytes)


def ask(model, make_room, text=TEXT):
    with memory.kept_for(model, memory.long_tokens(model, text), 3, make_room):
        pass


def test_a_run_keeps_no_more_than_was_estimated(model):
    run = generate(model, ids(3000), 1)
    kept = sum(storages(run.nodes).values())
    assert kept < memory.needed(model.config, 3000, 1) - memory._looking(model.config, 3000)


def test_what_a_window_needs_is_a_mask_of_the_whole_prompt():
    windowed = CONFIG.with_(window=64)
    assert memory.needed(windowed, 4000, 1) - memory.needed(CONFIG, 4000, 1) >= 4000 * 4000


def test_a_text_that_does_not_fit_is_refused_with_the_value_the_limit_and_the_remedy(model, monkeypatch):
    with_free(monkeypatch, 260_000_000, 260_000_000)
    freed = []
    with pytest.raises(ValueError) as refused:
        ask(model, make_room=lambda: freed.append(True))
    said = str(refused.value)
    assert freed and "tokens, for which" in said and "0.1 GB is free" in said
    most = int(said.split("shorten it to ")[1].split()[0].replace(",", ""))
    assert memory.needed(CONFIG, most, 3) <= 60_000_000 < memory.needed(CONFIG, most + 1, 3)


def test_other_runs_give_way_before_a_text_is_refused(model, monkeypatch):
    with_free(monkeypatch, 260_000_000, 8 * 10**9)
    freed = []
    ask(model, make_room=lambda: freed.append(True))
    assert freed


def test_where_there_is_room_no_run_gives_way(model, monkeypatch):
    with_free(monkeypatch, 8 * 10**9)
    ask(model, make_room=lambda: pytest.fail("nothing had to give way"))


def test_what_one_run_was_promised_is_not_promised_to_another_until_it_is_done_or_fails(model, monkeypatch):
    tokens = memory.long_tokens(model, TEXT)
    need = memory.needed(CONFIG, tokens, 3)
    monkeypatch.setattr(
        memory.machine, "free", lambda: memory.machine.RESERVE + int(1.5 * need) - memory.machine.PROMISES.bytes
    )
    said = r"other long texts are using the memory .* try again in a minute"
    with memory.kept_for(model, tokens, 3, lambda: None), pytest.raises(ValueError, match=said):
        ask(model, lambda: None)
    with pytest.raises(KeyError), memory.kept_for(model, tokens, 3, lambda: None):
        raise KeyError
    assert memory.machine.PROMISES.bytes == 0
    ask(model, lambda: None)


def test_of_many_who_ask_at_once_no_more_are_promised_memory_than_there_is(model, monkeypatch):
    tokens = memory.long_tokens(model, TEXT)
    need = memory.needed(CONFIG, tokens, 3)
    monkeypatch.setattr(
        memory.machine, "free", lambda: memory.machine.RESERVE + int(3.5 * need) - memory.machine.PROMISES.bytes
    )
    all_asked, outcomes = threading.Barrier(9), []

    def visitor():
        try:
            with memory.kept_for(model, tokens, 3, lambda: None):
                outcomes.append("promised")
                all_asked.wait(20)
        except ValueError:
            outcomes.append("refused")
            all_asked.wait(20)

    threads = [threading.Thread(target=visitor) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["promised"] * 3 + ["refused"] * 6


def test_a_text_of_few_characters_may_have_many_tokens(model):
    emoji = "\N{MELTING FACE}" * 400
    assert len(emoji) < memory.LONG <= len(model.tokenizer.encode(emoji))
    assert memory.long_tokens(model, emoji) == len(model.tokenizer.encode(emoji))
    assert memory.long_tokens(model, "a" * 999) == memory.long_tokens(model, "hello " * 9000) == 0
    assert not memory.may_be_long("a" * 999) and memory.may_be_long("\ud800" * 1000)


def test_the_page_says_why_a_text_is_not_run(monkeypatch):
    monkeypatch.setattr(memory, "LONG", 10)
    with_free(monkeypatch, *[0] * 20)
    page = opened(text="hello how are you, this is one more time")
    assert not page.exception and "needs 0.0 GB of memory" in sentences(page) and "a smaller model" in sentences(page)


def test_a_link_that_is_too_long_to_share_is_said_to_be():
    assert not any("The link of this view" in caption.value for caption in opened().caption)
    page = opened(text="é" * (LONGEST_LINK // 6 + 1))  # six characters of a link each
    assert any("The link of this view" in caption.value for caption in page.caption)


def test_a_text_may_be_as_long_as_a_context_of_8192_tokens_takes():
    assert len("The capital of France is Paris. ") * 8192 / 7 < LONGEST_TEXT


def test_a_long_text_is_said_to_be_run_only_when_it_is(monkeypatch):
    said = []
    monkeypatch.setattr(waiting, "LONG", 10)
    monkeypatch.setattr(memory, "LONG", 10)
    monkeypatch.setattr(waiting.st, "spinner", lambda sentence, **_: said.append(sentence) or nullcontext())
    chosen = Settings(text="said while it is run, one two three four five six seven", new_tokens=1)
    for settings in (chosen, chosen, replace(chosen, dice_seed=8)):
        with waiting.for_run(settings):
            run = computed.run_of(settings)
    assert said == [f"The model is reading {len(run.prompt_ids):,} tokens."]

"""Acts in quick succession: in the end the page shows one run and one view, and its link is that run and that view."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from dashboard.link.settings import DEFAULTS, Settings

from .visit import Visit, eventually, run_of, settings_of, state_of

STATIONS = ("Text", "Embedding", "Attention", "Feed-forward", "Logits", "Sample")


def expect_one_run(visit: Visit) -> Settings:
    """Wait until dice, tokens, sampled token and matrices are those of the link."""
    found: list[Settings] = []

    def check() -> None:
        chosen = settings_of(visit.link)
        assert visit.dice.input_value() == str(chosen.dice_seed)
        assert float(visit.temperature.input_value()) == pytest.approx(chosen.temperature)
        found[:] = [chosen]

    visit.expect_rest()
    eventually(check)
    visit.expect_run(found[0], found[0].step)
    expect(visit.step(found[0].step)).to_be_checked()
    return found[0]


def roll_by_hand(visit: Visit) -> None:
    visit.sidebar.get_by_role("button", name="Roll").click()


def test_the_dice_are_rolled_and_at_once_another_station_is_chosen(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    seeds = {DEFAULTS.dice_seed}
    for pause, title in ((100, "Logits"), (0, "Embedding"), (60, "Attention")):
        roll_by_hand(visit)
        visit.page.wait_for_timeout(pause)
        visit.station(title).click()
        chosen = expect_one_run(visit)
        expect(visit.station(title)).to_be_checked()
        seeds.add(chosen.dice_seed)
    assert len(seeds) == 4  # each roll counted


def test_what_is_shared_is_what_was_done_until_then(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    share = visit.main.get_by_role("button", name="Share this view")
    for pause in (0, 40):
        roll_by_hand(visit)
        visit.page.wait_for_timeout(pause)
        visit.step(2 if pause else 1).click()
        visit.page.wait_for_timeout(pause)
        visit.station("Logits" if pause else "Sample").click()
        share.click()
        expect(visit.main.get_by_role("button", name="Link copied")).to_be_visible()
        link = visit.page.evaluate("navigator.clipboard.readText()")
        assert settings_of(link) == expect_one_run(visit)
        assert settings_of(link).step == (2 if pause else 1)
        expect(share).to_be_visible()


def test_another_step_and_at_once_a_cell_of_the_map_are_one_step_on_the_page(visit: Visit) -> None:
    visit.open(model="llama-nano")
    visit.expect_rest()
    visit.main.get_by_role("link", name="Whole model").click()
    cell = visit.shown('[data-id="layers.2.attention.weights#3"]')
    expect(cell).to_be_visible(timeout=60_000)
    visit.expect_rest()
    for step, pause, other in ((2, 30, "layers.2.attention.weights#3"), (1, 0, "layers.1.residual_middle")):
        visit.step(step).click()
        visit.page.wait_for_timeout(pause)
        visit.shown(f'[data-id="{other}"]').click()
        visit.expect_query(step=str(step))
        name = other.partition("#")[0]
        run = run_of(settings_of(visit.link))
        matrix = run.steps[step].matrix(name)
        values = matrix.values[3] if "#" in other else matrix.values

        def check(name: str = name, values: Any = values) -> None:
            found = visit.matrices().get(name, [])
            assert len(found) == 1
            (drawn,) = found
            assert drawn.shape == values.shape
            np.testing.assert_allclose(drawn, values, rtol=1e-4, atol=1e-5)

        eventually(check)
        expect(visit.step(step)).to_be_checked()
        visit.expect_rest()


ACTS: dict[str, Callable[[Visit, random.Random], None]] = {
    "roll": lambda visit, dice: roll_by_hand(visit),
    "step": lambda visit, dice: visit.step(dice.randrange(3)).click(),
    "station": lambda visit, dice: visit.station(dice.choice(STATIONS)).click(),
    "chip": lambda visit, dice: visit.chip(dice.randrange(4)).click(),
    "temperature": lambda visit, dice: visit.temperature.press(dice.choice(["PageUp", "PageDown", "ArrowLeft"])),
    "text": lambda visit, dice: visit.type(dice.choice(["we are here", "they go home now", "one two three four"])),
    "example": lambda visit, dice: visit.sidebar.get_by_role("button", name=dice.choice(["Greeting", "Echo"])).click(),
    "back": lambda visit, dice: visit.page.evaluate("history.back()"),
    "forward": lambda visit, dice: visit.page.evaluate("history.forward()"),
}
WEIGHTS = {
    "roll": 3,
    "step": 4,
    "station": 4,
    "chip": 2,
    "temperature": 3,
    "text": 1,
    "example": 1,
    "back": 1,
    "forward": 1,
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("model", ["toy", "llama-nano"])
def test_after_bursts_of_quick_acts_the_page_is_what_a_fresh_visit_to_its_link_shows(
    visit: Visit, browser: Browser, model: str
) -> None:
    dice = random.Random(7)
    visit.open(model=model, text="so it goes")
    visit.station("Logits").click()  # "back" leads to this visit's own views
    visit.expect_rest()
    for _ in range(10):
        for name in dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=6):
            if name == "back" and visit.page.evaluate("history.length") < 6:
                continue
            ACTS[name](visit, dice)
            visit.page.wait_for_timeout(dice.choice([0, 20, 60, 150]))
        expect_as_fresh(visit, browser)


def differences(page: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
    """What two pages show differently; of matrices, the names with how often each has what the other lacks."""
    found = {what: (page[what], fresh[what]) for what in page if what != "matrices" and page[what] != fresh[what]}
    here, there = Counter(page["matrices"]), Counter(fresh["matrices"])
    for what, more in (("only here", here - there), ("only on the fresh page", there - here)):
        if more:
            found[what] = sorted(name for name, _ in more.elements())
    return found


def expect_as_fresh(visit: Visit, browser: Browser) -> None:
    """Wait until the page shows, word by word and picture by picture, what its link shows to somebody else."""
    visit.expect_rest()
    visit.page.wait_for_timeout(400)
    visit.expect_rest()
    context = browser.new_context(viewport=visit.page.viewport_size)
    try:
        fresh = Visit(context.new_page(), visit.address).open(link=visit.link)
        fresh.expect_rest()

        def check() -> None:
            assert not differences(state_of(visit), state_of(fresh)), visit.link

        eventually(check, 20)
    finally:
        context.close()

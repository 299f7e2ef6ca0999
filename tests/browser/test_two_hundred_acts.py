"""Two hundred acts in quick succession, and then the page is what its own link shows to somebody else."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from .visit import Visit, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

STATIONS = ("Text", "Embedding", "Attention", "Feed-forward", "Logits", "Sample")
TEXTS = ("we are here", "they go home now", "one two three four", "so it goes")
PAUSES = (0, 0, 20, 50, 90, 150)  # milliseconds


def roll(visit: Visit, dice: random.Random) -> None:
    visit.sidebar.get_by_role("button", name="Roll").click()


def slide(name: str) -> Callable[[Visit, random.Random], None]:
    """An arrow key on a slider, where the page has it now: a toy has one layer and one head."""

    def act(visit: Visit, dice: random.Random) -> None:
        key = dice.choice(["ArrowRight", "ArrowLeft"])
        visit.page.evaluate(_FOCUS_SLIDER, name) and visit.page.keyboard.press(key)

    return act


def click_cell(visit: Visit, dice: random.Random) -> None:
    """A cell of one of the pictures on screen, by the pointer; where none is, nothing."""
    place = visit.page.evaluate(_CELL, [dice.random(), dice.random(), dice.random()])
    if place:
        visit.page.mouse.click(*place)


ACTS: dict[str, tuple[int, Callable[[Visit, random.Random], None]]] = {
    "text": (2, lambda visit, dice: visit.type(dice.choice(TEXTS))),
    "step": (5, lambda visit, dice: visit.step(dice.randrange(3)).click()),
    "station": (5, lambda visit, dice: visit.station(dice.choice(STATIONS)).click()),
    "chip": (2, lambda visit, dice: visit.chip(dice.randrange(3)).click()),
    "layer": (3, slide("Layer")),
    "head": (3, slide("Head")),
    "cell": (4, click_cell),
    "dice": (4, roll),
    "temperature": (3, lambda visit, dice: visit.temperature.press(dice.choice(["PageUp", "PageDown", "ArrowLeft"]))),
    "back": (1, lambda visit, dice: visit.page.evaluate("history.back()")),
    "forward": (1, lambda visit, dice: visit.page.evaluate("history.forward()")),
}


@pytest.mark.parametrize("model, seed", [("toy", 1), ("llama-nano", 2), ("smollm2-135m", 3)])
def test_after_200_quick_acts_the_page_is_what_a_fresh_load_of_its_link_shows(
    new_tab: Visit, browser: Browser, model: str, seed: int
) -> None:
    visit, dice = new_tab, random.Random(seed)
    visit.open(model=model, text="so it goes")
    visit.station("Logits").click()  # "back" leads to this visit's own views
    visit.expect_rest()
    names, weights = list(ACTS), [weight for weight, _ in ACTS.values()]
    done: list[str] = []
    for name in dice.choices(names, weights, k=200):
        if name == "back" and sum(n == "back" for n in done) >= sum(n in ("step", "station") for n in done) / 4:
            continue  # never out of this visit
        ACTS[name][1](visit, dice)
        done.append(name)
        visit.page.wait_for_timeout(dice.choice(PAUSES))
    assert len(done) > 190
    expect_as_fresh(visit, browser)
    visit.expect_sound()


def expect_as_fresh(visit: Visit, browser: Browser) -> None:
    """Wait until the page shows, word by word and picture by picture, what its link shows to somebody else."""
    at_rest(visit)
    context = browser.new_context(viewport=visit.page.viewport_size)
    try:
        fresh = Visit(context.new_page(), visit.address).open(link=visit.link)
        at_rest(fresh)

        def check() -> None:
            here, there = page_of(visit), page_of(fresh)
            assert not differences(here, there), visit.link
            assert len(here["words"]) > 60 and len(here["values"]) > 10

        eventually(check, 60)
    finally:
        context.close()


def at_rest(visit: Visit) -> None:
    """Wait until nothing has been asked of the server, and nothing has been drawn, for a while."""
    before: list[Any] = []

    def check() -> None:
        visit.expect_rest()
        now = [visit.link, page_of(visit)]
        same = now == before
        before[:] = now
        visit.page.wait_for_timeout(600)
        assert same

    eventually(check, 90)
    expect(visit.shown(".board-picture:not([data-drawn])")).to_have_count(0)


def page_of(visit: Visit) -> dict[str, Any]:
    """What the page shows: its words in order, the values of its fields, its pictures by the digests of their cells."""
    return dict(visit.page.evaluate(_PAGE))


def differences(here: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    """What only one of two pages shows."""
    found = {}
    for what in here:
        ours, theirs = (Counter(map(str, page[what])) for page in (here, there))
        if here[what] != there[what]:
            found[what] = {"only here": [*(ours - theirs)], "only there": [*(theirs - ours)]}
    return found


# What Streamlit keeps of before, hidden, is no part of the page; what is said aloud once, and that the matrices stand
# still after the last act, are of the way to this page and not of the page.
_PAGE = """() => {
  const ASIDE = "[data-retained], script, style, noscript, svg, [role=status], [aria-live], .st-key-reading-rule";
  const words = [], values = [];
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const text = node.textContent.trim();
      if (text) words.push(text);
      return;
    }
    if (node.nodeType === Node.ELEMENT_NODE) {
      if (node.matches(ASIDE) || !node.checkVisibility({ visibilityProperty: true })) return;
      if (node.matches(".board-picture")) return;
      if (node.matches("input, textarea, select")) values.push(node.value);
      for (const state of ["aria-checked", "aria-selected", "aria-pressed"])
        if (node.hasAttribute(state)) values.push(`${state} ${node.getAttribute(state)} ${node.textContent.trim()}`);
    }
    for (const child of (node.shadowRoot ?? node).childNodes) walk(child);
  };
  for (const part of ["stSidebar", "stMain"]) walk(document.querySelector(`[data-testid=${part}]`));
  const pictures = [...document.querySelectorAll(".board-picture:not([data-retained] *)")].map(({ dataset }) =>
    [dataset.key, dataset.matrix, dataset.step ?? "", dataset.digest]);
  return { words, values, pictures };
}"""

_FOCUS_SLIDER = """(name) => {
  const main = document.querySelector("[data-testid=stMain]");
  const slider = [...main.querySelectorAll("[role=slider], input[type=range]")].find(
    (each) => (each.getAttribute("aria-label") ?? "").startsWith(name) && each.checkVisibility());
  slider?.focus();
  return Boolean(slider);
}"""

_CELL = """([which, across, down]) => {
  const pictures = [...document.querySelectorAll(".board-picture[data-cells]:not([data-retained] *)")];
  const shown = pictures.filter((picture) => {
    const { top, bottom } = picture.getBoundingClientRect();
    return picture.checkVisibility() && top > 120 && bottom < innerHeight - 20;
  });
  const heatmaps = shown.flatMap((picture) => [...picture.querySelectorAll(".heatmaplayer image")]);
  if (!heatmaps.length) return null;
  const { left, top, width, height } = heatmaps[Math.floor(which * heatmaps.length)].getBoundingClientRect();
  return [left + across * width, top + down * height];
}"""

"""Two hundred acts in quick succession: none is lost, and the page is then what its own link shows to somebody else."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from .visit import Visit, eventually, settings_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ACTS = 200
STATIONS = {
    "Text": "text",
    "Embedding": "embedding",
    "Attention": "attention",
    "Feed-forward": "feedforward",
    "Logits": "logits",
    "Sample": "sample",
}
"""What links call each station."""
TEXTS = ("we are here", "they go home now", "one two three four", "so it goes")
PAUSES = (0, 0, 20, 50, 90, 150)  # milliseconds
LAST = 30  # acts at the end, none of which goes back or forward: what was clicked last is then what the link says


class Hands:
    """Somebody quick. Each act returns whether the page has something of the kind now."""

    def __init__(self, visit: Visit, seed: int) -> None:
        self.visit, self.dice = visit, random.Random(seed)
        self.station_clicked, self.step_clicked = "", 0
        self.steps_back = 0  # that can be gone without leaving this visit

    def text(self) -> bool:
        self.visit.type(self.dice.choice(TEXTS))
        return True

    def step(self) -> bool:
        self.step_clicked = self.dice.randrange(3)
        self.visit.step(self.step_clicked).click()
        return True

    def station(self) -> bool:
        self.station_clicked = self.dice.choice(list(STATIONS))
        self.visit.station(self.station_clicked).click()
        return True

    def chip(self) -> bool:
        self.visit.chip(self.dice.randrange(3)).click()
        return True

    def layer(self) -> bool:
        return self._slide("Layer")

    def head(self) -> bool:
        return self._slide("Head")

    def _slide(self, name: str) -> bool:
        is_there = bool(self.visit.page.evaluate(_FOCUS_SLIDER, name))
        if is_there:
            self.visit.page.keyboard.press(self.dice.choice(["ArrowRight", "ArrowLeft"]))
        return is_there

    def cell(self) -> bool:
        """A cell of one of the pictures on screen, by the pointer."""
        place = self.visit.page.evaluate(_CELL, [self.dice.random(), self.dice.random(), self.dice.random()])
        if place:
            self.visit.page.mouse.click(*place)
        return bool(place)

    def roll(self) -> bool:
        self.visit.sidebar.get_by_role("button", name="Roll").click()
        return True

    def temperature(self) -> bool:
        self.visit.temperature.press(self.dice.choice(["PageUp", "PageDown", "ArrowLeft"]))
        return True

    def back(self) -> bool:
        if self.steps_back < 1:
            return False
        self.steps_back -= 1
        self.visit.page.evaluate("history.back()")
        return True

    def forward(self) -> bool:
        self.visit.page.evaluate("history.forward()")
        return True


OFTEN: dict[Callable[[Hands], bool], int] = {
    Hands.text: 2,
    Hands.step: 5,
    Hands.station: 5,
    Hands.chip: 2,
    Hands.layer: 3,
    Hands.head: 3,
    Hands.cell: 4,
    Hands.roll: 4,
    Hands.temperature: 3,
    Hands.back: 1,
    Hands.forward: 1,
}
"""The acts, and how often each comes."""


@pytest.mark.parametrize("model, seed", [("toy", 1), ("llama-nano", 2), ("smollm2-135m", 3)])
def test_after_200_quick_acts_the_page_is_what_a_fresh_load_of_its_link_shows(
    new_tab: Visit, browser: Browser, model: str, seed: int
) -> None:
    visit, hands = new_tab, Hands(new_tab, seed)
    visit.open(model=model, text="so it goes")
    visit.station("Logits").click()  # "back" leads to this visit's own views
    visit.expect_rest()
    done = Counter[str]()
    while done.total() < ACTS:
        (act,) = hands.dice.choices(list(OFTEN), list(OFTEN.values()))
        if act in (Hands.back, Hands.forward) and done.total() >= ACTS - LAST:
            continue
        if not act(hands):
            continue
        done[act.__name__] += 1
        hands.steps_back = (done["station"] + done["step"]) // 8 - done["back"]
        visit.page.wait_for_timeout(hands.dice.choice(PAUSES))
    hands.step(), hands.station()
    expect_as_fresh(visit, browser)
    chosen = settings_of(visit.link)
    assert (chosen.step, chosen.station) == (hands.step_clicked, STATIONS[hands.station_clicked])
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


# What Streamlit keeps of before, hidden, is no part of the page; what is said aloud once, that the matrices stand still
# after the last act, and what a click was at are of the way to this page and not of the page.
_PAGE = """() => {
  const ASIDE = "[data-retained], script, style, noscript, svg, .board-said, .of-click, .st-key-reading-rule";
  const words = [], values = [];
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const text = node.textContent.trim();
      if (text) words.push(text);
      return;
    }
    if (node.nodeType === Node.ELEMENT_NODE) {
      const hasNoBox = getComputedStyle(node).display === "contents"; // and yet what is in it is seen
      if (node.matches(ASIDE) || !(hasNoBox || node.checkVisibility({ visibilityProperty: true }))) return;
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
  const heatmap = heatmaps[Math.floor(which * heatmaps.length)];
  const { left, top, width, height } = heatmap.getBoundingClientRect();
  const [x, y] = [left + across * width, top + down * height];
  const isOnTop = heatmap.closest(".board-picture").contains(document.elementFromPoint(x, y)); // and not the panel
  return isOnTop ? [x, y] : null;
}"""

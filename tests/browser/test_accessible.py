"""axe finds nothing serious on any page, in either theme."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from .axe import serious
from .visit import Visit, eventually

pytestmark = pytest.mark.slow  # about a minute, all of them together

PAGES = {
    "a decode step": {"step": 1, "station": "sample", "all_tokens": "true"},
    "a refusal and notices": {"text": "", "temperature": "9"},
    "all heads": {"model": "llama-nano", "layer": 1, "panel": "heads"},
    "the stream": {"model": "llama-nano", "panel": "stream"},
    "any part": {"model": "llama-nano", "panel": "exact"},
    "an explained cell": {"cell": "layers.0.attention.q/0.2.3~input/2.3~layers.0.attention.weights/0.3.1"},
    "a stop of the tour, presented": {"tour": "softmax", "present": 1},
    "a long sum": {"model": "llama-nano", "cell": "layers.1.feedforward.hidden/2.5~layers.1.feedforward.up/2.5"},
}


@pytest.fixture(autouse=True)
def light_again(visit: Visit) -> Iterator[None]:
    yield
    visit.page.emulate_media(color_scheme="light")


def expect_nothing_serious(visit: Visit) -> None:
    """In both themes: the page follows the system's while it is open."""
    visit.page.wait_for_timeout(1200)  # figures fill in
    for scheme, page_is_dark in (("light", False), ("dark", True)):
        visit.page.emulate_media(color_scheme=scheme)
        visit.page.wait_for_function(_IS_DARK, arg=page_is_dark)
        eventually(lambda scheme=scheme: _sound(visit, scheme))  # each component takes the theme over in its own time


def _sound(visit: Visit, scheme: str) -> None:
    assert serious(visit) == [], scheme


@pytest.mark.parametrize("query", PAGES.values(), ids=PAGES)
def test_axe_finds_nothing_serious(visit: Visit, query: dict[str, object]) -> None:
    visit.open(**query)
    expect_nothing_serious(visit)


@pytest.mark.parametrize(("title", "landmark"), [("Whole model", "grid"), ("Run file", "heading")])
def test_axe_finds_nothing_serious_on_the_other_pages(visit: Visit, title: str, landmark: Any) -> None:
    visit.open(model="llama-nano")
    visit.main.get_by_role("link", name=title).click()
    visit.page.wait_for_url("**/whole_model?**" if title == "Whole model" else "**/run_file?**")
    expect(visit.main.get_by_role(landmark).first).to_be_visible(timeout=60_000)
    expect_nothing_serious(visit)


def test_axe_finds_nothing_serious_in_the_dialogs(visit: Visit) -> None:
    visit.open()
    visit.main.get_by_role("button", name="A second program computed all 16 matrices again").click()
    expect(visit.page.get_by_role("dialog")).to_contain_text("A second program computed every matrix again")
    expect_nothing_serious(visit)
    visit.open(model="custom")
    visit.sidebar.get_by_role("button", name="Change its shape").click()
    expect(visit.page.get_by_role("dialog")).to_be_visible()
    expect_nothing_serious(visit)


_IS_DARK = """(dark) => {
  const [r, g, b] = getComputedStyle(document.querySelector(".stApp")).backgroundColor.match(/\\d+/g).map(Number);
  return (r + g + b < 384) === dark;
}"""

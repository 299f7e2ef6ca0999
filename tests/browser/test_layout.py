"""The page on three screens, light and dark: all of it is there, nothing is cut off, nothing jumps."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dashboard.link.settings import DEFAULTS, Settings
from dashboard.model_choice.words import KEYS

from .visit import Visit, eventually, run_of

pytestmark = pytest.mark.slow  # about a minute, all of them together

SCREENS = {1440: 900, 1024: 768, 390: 844}


@pytest.fixture(scope="module", params=SCREENS, ids=lambda width: f"{width} pixels")
def screen(request: pytest.FixtureRequest, other_page: Page, address: str) -> Iterator[Visit]:
    """The page on a screen of this width, all of its matrices drawn."""
    other_page.set_viewport_size({"width": request.param, "height": SCREENS[request.param]})
    visit = Visit(other_page, address).open()
    visit.expect_matrices(run_of(DEFAULTS))
    yield visit
    other_page.emulate_media(color_scheme="light")
    visit.leave()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_scrolls_sideways_nothing_is_cut_off_and_texts_stand_out(screen: Visit, theme: str) -> None:
    screen.page.emulate_media(color_scheme=theme)

    def check() -> None:
        found = screen.page.evaluate(_FAULTS)
        assert (found["background"] < 0.2) == (theme == "dark")
        assert found["sideways"] == []
        assert found["cut"] == []
        assert found["faint"] == []

    eventually(check, seconds=5)


def test_headline_ribbon_timeline_stations_and_card_have_their_places(screen: Visit) -> None:
    width = screen.page.viewport_size["width"]
    places = [part.bounding_box() for part in (screen.headline, screen.ribbon, screen.timeline, screen.stations)]
    assert all(places)
    assert all(above["y"] + above["height"] <= below["y"] for above, below in itertools.pairwise(places))
    expect(screen.sampled).to_be_in_viewport(ratio=1)
    card = screen.card.bounding_box()
    assert card["x"] >= 0 and card["x"] + card["width"] <= width


def test_the_first_view_at_1440_holds_everything_up_to_the_open_equation(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    for part in (visit.headline, visit.ribbon, visit.timeline, visit.stations, visit.card):
        expect(part).to_be_in_viewport(ratio=1)
    figure = visit.first_figure()
    assert any("attention" in name for name in figure["matrices"])
    assert figure["top"] > 0
    assert figure["bottom"] <= 900


def test_the_answer_stays_in_view_while_the_page_scrolls(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    visit.page.mouse.move(700, 600)
    visit.page.mouse.wheel(0, 3000)
    expect(visit.headline).not_to_be_in_viewport()
    expect(visit.sampled).to_be_in_viewport(ratio=1)


def test_nothing_jumps_when_the_slider_moves(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))

    def places() -> list[list[float]]:
        boxes = [part.bounding_box() for part in (visit.headline, visit.ribbon, visit.timeline, visit.stations)]
        card, figure = visit.card.bounding_box(), visit.first_figure()
        return [
            *([box["x"], box["y"], box["width"], box["height"]] for box in boxes),
            [card["x"], card["y"], card["width"]],
            [figure["top"], figure["left"], figure["right"], figure["bottom"]],
        ]

    before = places()
    for heat in (0.2, 2.0, 0.0):
        visit.heat(heat)
        visit.expect_tokens(run_of(Settings(temperature=heat)))
        visit.page.wait_for_timeout(300)  # what comes late may push too
        for was, now in zip(before, places(), strict=True):
            assert now == pytest.approx(was, abs=2)


def test_at_390_the_card_is_a_bar_at_the_bottom_and_arrows_show_one_matrix_at_a_time(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    bar = visit.shown(".st-key-rail").bounding_box()
    assert bar["y"] + bar["height"] == pytest.approx(844, abs=2) and bar["height"] < 160
    expect(visit.sampled).to_have_text(run_of(DEFAULTS).steps[0].sampled.label)
    expect(visit.sampled).to_be_in_viewport(ratio=1)

    block = visit.block("chart-layers-0-attention-q")
    before, after = block.get_by_role("button", name="Matrix before"), block.get_by_role("button", name="Next matrix")
    place = block.get_by_role("status")
    after.scroll_into_view_if_needed()
    for index, symbol in enumerate(("X", "W_q", "Q"), start=1):
        expect(place).to_have_text(f"{symbol} {index} of 3")
        eventually(lambda index=index: _expect_only(block, index))
        if index < 3:
            after.click()
    expect(after).to_have_attribute("aria-disabled", "true")
    before.click()
    expect(place).to_have_text("W_q 2 of 3")


def test_at_390_the_first_stop_shows_long_labels_of_rows_from_their_beginning(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    visit.open(text="internationalization and counterrevolutionaries")
    block = visit.block("chart-layers-0-attention-dot_products")
    block.scroll_into_view_if_needed()
    expect(block.get_by_role("status")).to_contain_text("1 of")

    def check() -> None:
        home, label = block.bounding_box(), block.locator(".ytick text").first.bounding_box()
        assert home and label and label["x"] >= home["x"]

    eventually(check)


def test_what_the_text_area_says_of_its_keys_covers_no_line_of_the_text(visit: Visit) -> None:
    visit.open()
    visit.text.fill("one two three four five six seven eight nine ten eleven twelve")
    expect(visit.sidebar.get_by_test_id("InputInstructions").first).to_be_hidden()  # Streamlit's own, of other keys
    hint, examples = visit.sidebar.get_by_text(KEYS), visit.sidebar.locator(".st-key-examples")

    def check() -> None:
        text, box, below = (part.bounding_box() for part in (visit.text, hint, examples))
        assert box and text and below
        assert text["y"] + text["height"] <= box["y"] and box["y"] + box["height"] <= below["y"]

    eventually(check)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_at_1440_the_shape_dialog_shows_each_sentence_whole_and_its_verdict_on_a_ground_of_its_own(
    visit: Visit, scheme: Any
) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    visit.open(model="custom")
    visit.sidebar.get_by_role("button", name="Change its shape").click()
    dialog = visit.page.get_by_role("dialog")
    verdict = dialog.locator(".st-key-shape-verdict")
    expect(verdict.get_by_role("button", name="Show this model")).to_be_in_viewport(ratio=1)

    def check() -> None:
        ends = dialog.get_by_test_id("stCaptionContainer").evaluate_all(
            "nodes => nodes.map(node => node.getBoundingClientRect().bottom)"
        )
        top = verdict.bounding_box()
        assert top and len(ends) == 14 and max(ends) <= top["y"]

    eventually(check)
    ground = "node => getComputedStyle(node).backgroundColor"
    assert verdict.evaluate(ground) == dialog.locator("xpath=..").evaluate(ground) != "rgba(0, 0, 0, 0)"
    visit.page.emulate_media(color_scheme="light")


def test_at_1024_the_steps_of_the_first_run_are_seen_whole(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 1024, "height": 768})
    visit.open()
    expect(visit.step(2)).to_be_in_viewport(ratio=1)
    eventually(lambda: _expect_none_scrolls(visit.timeline))


def test_with_the_sidebar_closed_the_toys_equations_fit_a_window_1024_wide(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 1024, "height": 768})
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    visit.sidebar.hover()
    visit.sidebar.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    blocks = visit.shown(".board-block")
    eventually(lambda: _expect_none_scrolls(blocks))


def _expect_none_scrolls(blocks: Any) -> None:
    assert max(blocks.evaluate_all("(nodes) => nodes.map((node) => node.scrollWidth - node.clientWidth)")) <= 1


def _expect_only(block: Any, index: int) -> None:
    """This matrix is seen as a whole, each other one for less than half."""
    shares = block.evaluate(_SHARES)
    assert shares.pop(index - 1) > 0.98
    assert all(share < 0.5 for share in shares)


_SHARES = """(block) => {
  const home = block.getBoundingClientRect();
  const figure = block.querySelector(".js-plotly-plot");
  const start = figure.getBoundingClientRect().left;
  return figure.data.filter((trace) => trace.meta?.matrix).map((trace) => {
    const axis = figure._fullLayout["xaxis" + (trace.xaxis ?? "x").slice(1)];
    const [left, right] = [start + axis._offset, start + axis._offset + axis._length];
    const [from, to] = [Math.max(0, home.left), Math.min(innerWidth, home.right)];
    return Math.max(0, Math.min(right, to) - Math.max(left, from)) / (right - left);
  });
}"""

# What is wrong with the page: elements that scroll it sideways, cut texts, and texts too close to their background.
_FAULTS = """() => {
  const roots = [document];
  for (const root of roots) roots.push(...[...root.querySelectorAll("*")].flatMap((node) => node.shadowRoot ?? []));
  const all = (selector) => roots.flatMap((root) => [...root.querySelectorAll(selector)]).filter(shown);
  function shown(node) {
    const { left, right, width, height } = node.getBoundingClientRect();
    const aside = right <= 0 || left >= innerWidth; // as a folded sidebar is
    const visible = node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    return visible && !aside && width > 1 && height > 1;
  }
  const said = (node) => `${node.tagName} ${node.getAttribute("class")} "${node.textContent.slice(0, 60)}"`;

  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
    .getContext("2d", { willReadFrequently: true });
  function rgba(colour) {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return pen.getImageData(0, 0, 1, 1).data;
  }
  function luminance([red, green, blue]) {
    const [r, g, b] = [red, green, blue].map((byte) => byte / 255)
      .map((share) => share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  const mixed = (above, below, share) => [0, 1, 2].map((i) => share * above[i] + (1 - share) * below[i]);
  function background(node) {
    for (let at = node; at; at = at.parentElement ?? at.getRootNode().host) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255];
  }
  function contrast(node) {
    const style = getComputedStyle(node), inFigure = node instanceof SVGElement;
    const colour = rgba(inFigure ? style.fill : style.color), behind = background(node);
    let share = colour[3] / 255 * (inFigure ? style.fillOpacity : 1);
    for (let at = node; at; at = at.parentElement ?? at.getRootNode().host) share *= getComputedStyle(at).opacity;
    const [text, page] = [luminance(mixed(colour, behind, share)), luminance(behind)];
    return (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05);
  }

  const main = document.querySelector("[data-testid=stMain]");
  const scrollers = [document.scrollingElement, document.querySelector("[data-testid=stAppViewContainer]"), main];
  const words = "h1, h2, h3, button, label, output, [role=radio], .title, .position, .value, .meaning, .heading";
  const texts = "h1, h3, .position, .token, .title, .value, .meaning, .heading, [data-testid=stCaptionContainer] p, " +
    ".ytick text, .xtick text, .annotation text, .annotation tspan";
  return {
    background: luminance(background(main)),
    sideways: scrollers.filter((node) => node.scrollWidth > node.clientWidth).map(said),
    cut: all(words).filter((node) => getComputedStyle(node).display !== "inline")
      .filter((node) => getComputedStyle(node).textOverflow !== "ellipsis")
      .filter((node) => node.scrollWidth > node.clientWidth + 1).map(said),
    faint: all(texts).filter((node) => node.textContent.trim() && !node.closest(".unavailable"))
      .filter((node) => contrast(node) < 4.5).map((node) => `${said(node)} ${contrast(node).toFixed(2)}`),
  };
}"""

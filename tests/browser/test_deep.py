"""Deep models in Chromium: what is seen at first, what pointing at a cell tells, and what stands still."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard.link.settings import DEFAULTS
from llm_core import generate, load_model

from .conftest import WIDE
from .visit import Visit, eventually

pytestmark = pytest.mark.slow  # about a minute, all of them together

LONG = "one two three four five six seven eight nine ten " * 20  # 201 tokens: pictures of more than 4,096 cells
NORM = "[data-key=chart-layers-0-attention-norm]"
WEIGHTS = "layers.0.attention.weights"


@pytest.fixture(scope="module")
def deep(other_page: Page, address: str) -> Iterator[Visit]:
    """A deep model over a long text, its matrices drawn."""
    other_page.set_viewport_size(WIDE)
    visit = Visit(other_page, address).open(model="llama-nano", text=LONG, panel="heads", head=2)
    expect(visit.shown("[data-key=chart-layers-0-residual_middle] .heatmaplayer image").first).to_be_visible()
    yield visit
    visit.leave()


def told(visit: Visit, key: str, matrix: str, row: int, column: int) -> str:
    """What is said when the visitor points at a cell."""
    figure = visit.shown(f"[data-key={key}]")
    figure.scroll_into_view_if_needed()
    place = figure.evaluate(_PLACE, [matrix, row, column])
    visit.page.mouse.move(0, 0)
    visit.page.mouse.move(place["x"], place["y"])
    visit.page.mouse.move(place["x"] + 0.5, place["y"])
    label = figure.locator(".hoverlayer .hovertext")
    expect(label.first).to_be_visible()
    return str(label.first.text_content())


def test_the_chosen_stations_equation_is_open_on_first_view(visit: Visit) -> None:
    visit.open(model="llama-nano")
    expect(visit.shown(f"{NORM} .heatmaplayer image").first).to_be_visible()
    figure = visit.first_figure()
    assert figure["matrices"][0] == "input" and "layers.0.attention.norm" in figure["matrices"]
    boxes = [image.bounding_box() for image in visit.shown(f"{NORM} .heatmaplayer image").all()]
    assert sum(box is not None and box["y"] + box["height"] <= 900 for box in boxes) >= 2  # what goes in and comes out


def test_pointing_at_a_cell_of_a_large_matrix_tells_its_number_rounded(deep: Visit) -> None:
    model = load_model("llama-nano", seed=0)
    weights = generate(model, LONG, 3).steps[0].matrix(WEIGHTS).values[2].numpy()
    row, column = 20, 3
    said = told(deep, "chart-layers-0-attention-scores", WEIGHTS, row, column)
    shown = re.search(r"≈ ([\d.]+)|([\d.]+) or beyond", said)
    pointed = re.search(r"query 20 .*key (\d+) ␣?([a-z]+)", said)
    assert shown and pointed, said
    token = int(pointed[1])
    assert LONG.split()[token] == pointed[2]
    assert abs(token - column) <= 1  # a cell is less than a pixel wide: it may be the next one
    scale = deep.shown("[data-key=chart-layers-0-attention-scores]").evaluate(_SCALE, WEIGHTS)
    assert float(shown[1] or shown[2]) == pytest.approx(min(weights[row, token], scale), abs=scale / 126)


def test_pointing_at_a_masked_cell_of_a_large_matrix_tells_why(deep: Visit) -> None:
    assert "in the future" in told(deep, "chart-layers-0-attention-scores", WEIGHTS, 20, 60)
    assert "in the future" in told(deep, "chart-heads", WEIGHTS, 20, 60)


def test_another_head_leaves_the_figure_of_all_heads_standing_and_frames_its_own(deep: Visit) -> None:
    heads = deep.shown(".st-key-chart-heads")
    frame = heads.locator(".shapelayer [data-index='3'] path")
    assert frame.evaluate("path => getComputedStyle(path).strokeWidth") == "1px"
    deep.listen()
    deep.main.get_by_role("slider", name="Head").press("ArrowRight")
    expect(deep.main.get_by_text("Head 3.").first).to_be_visible()
    eventually(lambda: _same(frame.evaluate("path => getComputedStyle(path).strokeWidth"), "3px"))
    assert frame.count() == 1
    eventually(lambda: _any_of({WEIGHTS, "layers.0.attention.scores"}, deep.drawn_again()))
    assert not heads.evaluate("place => window.standing.get(place.querySelector('.js-plotly-plot'))")


def test_a_wide_equation_shows_that_it_scrolls(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 1024, "height": 768})
    visit.open(model="llama-nano")
    wide = visit.block("chart-layers-0-attention-dot_products")
    expect(wide).to_have_attribute("data-more", re.compile("right"), timeout=30_000)
    assert wide.evaluate("e => getComputedStyle(e, '::-webkit-scrollbar').height") == "10px"
    assert wide.evaluate("e => getComputedStyle(e).scrollbarWidth") == "auto"  # else the one above would not be drawn
    assert "linear-gradient" in wide.evaluate("e => getComputedStyle(e).maskImage")


def test_a_question_about_a_link_leaves_the_menus_place_free(visit: Visit) -> None:
    visit.page.goto(f"{visit.address}/?model=gpt2")
    box = visit.shown(".st-key-failure")
    expect(box).to_contain_text("GPT-2 is not shown")
    menu = visit.page.locator("[data-testid=stMainMenu]")
    eventually(lambda: _apart(box.bounding_box(), menu.bounding_box()))


def _any_of(some: set[str], found: list[str]) -> None:
    assert some & set(found)


def _same(found: object, expected: object) -> None:
    assert found == expected


def _apart(one: dict[str, float] | None, other: dict[str, float] | None) -> None:
    assert one and other
    beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
    assert beside or one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]


def test_a_link_with_any_part_of_a_matrix_shows_it_with_its_tokens(visit: Visit) -> None:
    visit.open(model="llama-nano", text=DEFAULTS.text, panel="exact", exact="attention.weights:2-4:0-4", layer=1)
    figure = visit.shown(".st-key-chart-exact")
    expect(figure).to_contain_text("4 · ␣the")
    shown = visit.matrices()["layers.1.attention.weights"]
    model = load_model("llama-nano", seed=0)
    weights = generate(model, DEFAULTS.text, 3).steps[0].matrix("layers.1.attention.weights").values[0]
    part = np.where(np.triu(np.ones((5, 5)), 1), np.nan, weights)[2:5]
    assert any(m.shape == part.shape and np.allclose(m, part, equal_nan=True) for m in shown)


def test_a_region_dragged_over_a_large_matrix_opens_its_exact_cells_and_a_click_explains_one(visit: Visit) -> None:
    visit.open(model="llama-nano", text="one two three four five six seven eight nine ten " * 30, head=1)
    figure = visit.shown("[data-key=chart-layers-0-attention-scores]")
    expect(figure.locator(".heatmaplayer image").last).to_be_visible()
    figure.scroll_into_view_if_needed()
    visit.page.wait_for_timeout(500)  # until the page has scrolled
    start, end = (figure.evaluate(_PLACE, [WEIGHTS, *cell]) for cell in ((4, 2), (9, 20)))  # 3 × 3 numbers in each
    mouse = visit.page.mouse

    mouse.move(start["x"], start["y"])
    mouse.down()
    mouse.move(end["x"], end["y"], steps=5)
    expect(figure.locator(".drag-outline")).to_have_count(1)
    mouse.up()
    visit.expect_query(panel="exact", exact="attention.weights:12-27:6-21", cell=None)
    expect(visit.shown(".st-key-chart-exact")).to_be_in_viewport()
    expect(figure.locator(".drag-outline")).to_have_count(0)
    shown = visit.matrices()[WEIGHTS]
    assert any(m.shape == (16, 16) for m in shown)
    back = visit.main.get_by_role("button", name="Back to the matrix")
    expect(back).to_be_visible()
    back.click()
    expect(figure).to_be_in_viewport(ratio=0.5)
    expect(back).to_be_hidden()

    mouse.move(start["x"], start["y"])  # there and back again: a drag that asks for nothing, and no click
    place = figure.evaluate(_PLACE, [WEIGHTS, 4, 2])
    mouse.move(place["x"], place["y"])
    mouse.down()
    mouse.move(place["x"] + 60, place["y"], steps=3)
    mouse.move(place["x"] + 1, place["y"], steps=3)
    mouse.up()
    visit.expect_query(cell=None)

    eventually(lambda: _click_explains(visit, figure))
    visit.expect_query(exact="attention.weights:12-27:6-21")


def test_a_finger_that_moves_over_a_matrix_scrolls_and_drags_nothing(deep: Visit) -> None:
    figure = deep.shown("[data-key=chart-layers-0-attention-scores]")
    figure.scroll_into_view_if_needed()
    place = figure.evaluate(_PLACE, [WEIGHTS, 20, 3])
    for kind, expected in (("touch", 0), ("pen", 1)):
        assert figure.evaluate(_MOVED, [place, kind]) == expected


def _click_explains(visit: Visit, figure: Locator) -> None:
    """A click with a hand that is not quite still, once the page is."""
    figure.scroll_into_view_if_needed()
    visit.page.wait_for_timeout(1_000)
    place = figure.evaluate(_PLACE, [WEIGHTS, 40, 20])
    visit.page.mouse.move(place["x"], place["y"])
    visit.page.mouse.down()
    visit.page.mouse.move(place["x"] + 1, place["y"])
    visit.page.mouse.up()
    visit.page.wait_for_timeout(1_000)
    assert "cell=layers.0.attention.weights" in visit.page.url


_MOVED = """(place, [{ x, y }, pointerType]) => {
  const target = document.elementFromPoint(x, y);
  const send = (name, by) => target.dispatchEvent(new PointerEvent(name, {
    pointerType, clientX: x + by, clientY: y + by, button: 0, buttons: 1, bubbles: true, cancelable: true }));
  const let_be = send("pointerdown", 0) && send("pointermove", 20);
  const outlines = place.querySelectorAll(".drag-outline").length;
  send("pointercancel", 20);
  return let_be ? outlines : -1;
}"""

_PLACE = """(place, [matrix, row, column]) => {
  const figure = place.querySelector(".js-plotly-plot");
  const trace = figure._fullData.find(({ meta }) => (meta?.matrix ?? meta?.origin?.matrix) === matrix);
  const axis = (name) => figure._fullLayout[`${name[0]}axis${name.slice(1)}`];
  const [x, y] = [axis(trace.xaxis), axis(trace.yaxis)];
  const { left, top } = figure.getBoundingClientRect();
  return { x: left + x._offset + x.c2p(column), y: top + y._offset + y.c2p(row) };
}"""

_SCALE = """(place, matrix) => {
  const figure = place.querySelector(".js-plotly-plot");
  return 126 * figure._fullData.find(({ meta }) => meta?.matrix === matrix).meta.codes.unit;
}"""

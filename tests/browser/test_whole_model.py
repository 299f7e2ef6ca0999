"""The Whole model page: the map is drawn once, keys and clicks walk on it, and links keep all settings."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard.link.settings import Settings

from .panel import Panel, click, outlined
from .visit import Visit, eventually, run_of

pytestmark = pytest.mark.slow  # about a minute, all of them together

LLAMA = Settings(model="llama-nano")
MATRIX = ".st-key-chart-whole-matrix .js-plotly-plot"


def the_map(visit: Visit) -> Locator:
    return visit.main.get_by_role("grid", name=re.compile("^Map of the model"))


def cell(visit: Visit, name: str) -> Locator:
    return the_map(visit).get_by_role("gridcell", name=re.compile(f"^{re.escape(name)}, from "))


def open_map(visit: Visit, **query: object) -> None:
    """Go there as visitors do: from the Inference page, by the link above its headline."""
    visit.open(model="llama-nano", **query)
    visit.main.get_by_role("link", name="Whole model").click()
    expect(the_map(visit)).to_be_visible(timeout=60_000)


def expect_matrix(visit: Visit, name: str, values: Any) -> None:
    """Wait until the figure beside the map shows this matrix, each cell as computed here."""

    def check() -> None:
        shown = visit.matrices()
        assert name in shown
        assert shown[name][0] == pytest.approx(values, rel=1e-5, abs=1e-6, nan_ok=True)

    eventually(check)


def weights(layer: int, head: int) -> Any:
    matrix = run_of(LLAMA).steps[0].matrix(f"layers.{layer}.attention.weights")
    return matrix.values[head].masked_fill(matrix.mask, float("nan")).numpy()


def maps_sent(visit: Visit) -> int:
    return sum(b'"thumbnails"' in frame and b'"columns"' in frame and b'"layers"' in frame for frame in visit.frames)


def test_arrow_keys_walk_on_the_map_and_bring_the_matrix_up(visit: Visit) -> None:
    open_map(visit)
    expect_matrix(visit, "layers.0.attention.weights", weights(0, 0))
    first = cell(visit, "Layer 0, Attention weights, head 0, 5×5")
    expect(first).to_have_attribute("aria-selected", "true")
    first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        visit.page.keyboard.press(key)
    there = cell(visit, "Layer 2, Attention weights, head 1, 5×5")
    expect(there).to_be_focused()
    expect(there).to_have_attribute("aria-selected", "true")
    expect_matrix(visit, "layers.2.attention.weights", weights(2, 1))
    visit.expect_query(layer="2", head="1")
    expect(the_map(visit).locator("[role=gridcell][tabindex='0']")).to_have_count(1)  # the Tab key stops here once
    visit.page.keyboard.press("Home")
    expect(cell(visit, "Layer 2, RMSNorm before attention, 5×64")).to_be_focused()
    visit.expect_query(part="attention.norm")
    visit.expect_sound()


def test_a_click_brings_a_matrix_up_and_its_link_opens_it_where_it_is_computed(visit: Visit) -> None:
    open_map(visit)
    cell(visit, "Layer 3, Gate, 5×160").click()
    gate = run_of(LLAMA).steps[0].matrix("layers.3.feedforward.gate").values.numpy()
    expect_matrix(visit, "layers.3.feedforward.gate", gate)
    visit.expect_query(layer="3", part="feedforward.gate", station="feedforward")
    visit.main.get_by_role("link", name="See how it is computed").click()
    expect(visit.station("Feed-forward")).to_be_checked()
    eventually(lambda: _expect_shown(visit, "layers.3.feedforward.gate"))
    visit.expect_query(model="llama-nano", layer="3", station="feedforward")


def test_a_cell_beside_the_map_is_explained_and_what_is_followed_is_shown_there_with_its_proof(visit: Visit) -> None:
    open_map(visit)
    run, panel = run_of(LLAMA), Panel(visit)
    expect_matrix(visit, "layers.0.attention.weights", weights(0, 0))
    visit.main.get_by_role("button", name="Double-check this run").click()
    expect(visit.shown(".proof-mark")).to_contain_text("✓")
    click(visit, "layers.0.attention.weights", 3, 1)
    panel.expect_cell("Attention weights", float(run.steps[0].matrix("layers.0.attention.weights").values[0, 3, 1]))
    panel.operands.nth(1).click()
    masked = run.steps[0].matrix("layers.0.attention.masked_scores")
    panel.expect_cell("Masked scores", float(masked.values[0, 3, 1]))
    panel.root.get_by_role("button", name="Show its matrix").click()
    expect_matrix(visit, masked.name, masked.values[0].masked_fill(masked.mask, float("nan")).numpy())
    there = the_map(visit).get_by_role("gridcell", name=re.compile("^Layer 0, Masked scores"))
    expect(there).to_have_attribute("aria-selected", "true")
    assert outlined(visit, "cell") == {masked.name}
    expect(visit.shown(".proof-mark")).to_contain_text("✓")
    visit.page.keyboard.press("Escape")
    expect(panel.root).to_have_count(0)
    visit.expect_sound()


def _expect_shown(visit: Visit, name: str) -> None:
    assert name in visit.matrices()


def test_the_map_is_sent_once_however_often_the_page_runs(visit: Visit) -> None:
    open_map(visit)
    expect_matrix(visit, "layers.0.attention.weights", weights(0, 0))
    assert maps_sent(visit) == 1
    visit.listen()
    cell(visit, "Layer 1, Attention weights, head 3, 5×5").click()
    expect_matrix(visit, "layers.1.attention.weights", weights(1, 3))
    visit.heat(0.4)  # all of the page runs again, but at prefill the map is the same
    sampled = run_of(Settings(model="llama-nano", temperature=0.4)).steps[0].sampled.label
    expect(visit.step(0)).to_contain_text(sampled)
    visit.step(1).click()  # another step has another map
    expect(visit.step(1)).to_be_checked()
    expect(cell(visit, "Layer 1, Attention weights, head 3, 1×6")).to_be_visible()
    assert maps_sent(visit) == 1
    visit.expect_sound()


def test_links_between_pages_keep_every_setting_also_in_a_new_tab(visit: Visit) -> None:
    visit.open(model="llama-nano", text="one two three", temperature=0.5, layer=2)
    link = visit.main.get_by_role("link", name="Whole model")
    link.hover()
    expect(link).to_have_attribute("href", re.compile(r"whole_model\?.*text=one\+two\+three"))
    expect(link).to_have_attribute("href", re.compile(r"temperature=0\.5"))
    link.click()
    expect(the_map(visit)).to_be_visible(timeout=60_000)
    wanted = {"model": "llama-nano", "text": "one two three", "temperature": "0.5", "layer": "2"}
    visit.expect_query(**wanted)
    assert visit.link.count("text=") == 1
    visit.main.get_by_role("link", name="Inference").click()
    expect(visit.sampled).to_be_visible()
    visit.expect_query(**wanted)


@pytest.mark.parametrize("width, height", [(1440, 900), (1024, 768), (390, 844)])
def test_on_every_screen_pages_are_linked_and_map_and_chosen_matrix_are_seen_together(
    other_page: Page, address: str, width, height
):
    other_page.set_viewport_size({"width": width, "height": height})
    visit = Visit(other_page, address)
    open_map(visit)
    expect_matrix(visit, "layers.0.attention.weights", weights(0, 0))
    for name in ("Inference", "Whole model"):
        expect(visit.main.get_by_role("link", name=name)).to_be_in_viewport(ratio=1)
    assert the_map(visit).locator("canvas").evaluate(_PAINTED) > 0.3
    box = the_map(visit).bounding_box()
    assert box["x"] >= 0 and box["y"] < height
    assert other_page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width
    cell(visit, "Layer 3, Attention weights, head 2, 5×5").click()
    expect_matrix(visit, "layers.3.attention.weights", weights(3, 2))
    expect(visit.shown(MATRIX)).to_be_in_viewport(ratio=0.5)  # beside the map, or at the bottom
    expect(cell(visit, "Layer 3, Attention weights, head 2, 5×5")).to_be_in_viewport(ratio=1)
    visit.leave()


def test_the_first_row_and_column_of_a_large_thumbnail_are_not_hidden_by_its_frame(visit: Visit) -> None:
    open_map(visit, text="a " * 23)  # 24 tokens: as many cells as a thumbnail has pixels at most
    grid = the_map(visit)
    place = cell(visit, "Layer 0, Attention weights, head 0, 24×24")
    expect(place).to_be_visible()
    corner, beside, box = grid.locator("canvas").evaluate(_CORNER, place.element_handle())
    assert box >= 12
    assert corner[3] > beside[3]  # the first token looks at itself alone; the cells to its right are masked, paler


# The opacity of the first cell (one pixel inside the frame) and of one in the masked part; how wide the thumbnail is.
_CORNER = """(canvas, cell) => {
  const [there, here] = [canvas.getBoundingClientRect(), cell.getBoundingClientRect()];
  const scale = canvas.width / there.width;
  const pen = canvas.getContext("2d");
  const at = (x, y) => [...pen.getImageData((here.left - there.left + x) * scale,
                                            (here.top - there.top + y) * scale, 1, 1).data];
  return [at(1, 1), at(here.width - 3, 2), here.width];
}"""
_PAINTED = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
  return count / (data.length / 4);
}"""

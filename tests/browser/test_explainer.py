"""From any number on screen back to a weight or a token id: by mouse, by keyboard, and by link."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import expect

from dashboard.link.settings import DEFAULTS, Settings

from .panel import Panel, click, outlined
from .visit import Visit, eventually, run_of

pytestmark = pytest.mark.slow  # about a minute, all of them together

TEXT = DEFAULTS.text


@pytest.fixture
def panel(visit: Visit) -> Iterator[Panel]:
    yield Panel(visit)


def expect_seen(visit: Visit, panel: Panel, matrix: str) -> None:
    """The explained cell of this matrix can be seen above the panel."""

    def check() -> None:
        box = panel.root.bounding_box()
        assert box and matrix in outlined(visit, "cell")
        assert visit.page.evaluate(_SEEN_ABOVE, box["y"])

    eventually(check)


def test_a_click_explains_a_cell_and_its_operands_lead_back_to_a_weight(visit: Visit, panel: Panel) -> None:
    visit.open()
    run = run_of(Settings())
    visit.expect_matrices(run)
    expect(panel.root).to_have_count(0)
    before = visit.first_figure()
    q = run.steps[0].matrix("layers.0.attention.q").values

    visit.listen()
    click(visit, "layers.0.attention.q", 2, 3)
    panel.expect_cell("Queries", float(q[0, 2, 3]))
    expect(panel.root).to_contain_text("This number was computed again from the numbers it depends on. The page shows")
    expect(panel.rows).to_have_count(8)
    visit.expect_query(cell="layers.0.attention.q/0.2.3")
    eventually(lambda: _same(outlined(visit, "cell"), {"layers.0.attention.q"}))
    assert outlined(visit, "operand") == {"input", "layers.0.attention.w_q"}
    assert visit.drawn_again() == [] and visit.heatmaps_sent() == 0  # nothing else is drawn again
    assert visit.first_figure()["left"] == before["left"]

    panel.operands.nth(1).click()
    panel.expect_cell("Query weights", float(run.model.get_parameter("layers.0.attention.w_q")[0, 3]))
    expect(panel.root).to_contain_text("drawn at random with weights seed 0")
    expect(panel.operands).to_have_count(0)
    visit.expect_query(cell="layers.0.attention.q/0.2.3~layers.0.attention.w_q/0.3")

    panel.back.click()
    panel.expect_cell("Queries")
    panel.operands.nth(0).click()
    panel.expect_cell("Input")
    panel.operands.nth(0).click()
    panel.expect_cell("Token embedding")
    panel.root.get_by_role("button", name="Token ids").click()
    panel.expect_cell("Token ids", run.prompt_ids[2])
    expect(panel.root).to_contain_text("the trail ends here")
    expect(panel.crumbs).to_have_count(4)
    panel.crumbs.nth(0).get_by_role("button").click()
    panel.expect_cell("Queries")
    expect(panel.crumbs).to_have_count(1)
    visit.page.keyboard.press("Escape")
    expect(panel.root).to_have_count(0)
    visit.expect_query(cell=None)
    eventually(lambda: _same(outlined(visit, "cell"), set()))
    visit.expect_sound()


def test_a_cell_that_another_step_lacks_leaves_the_page_and_the_link(visit: Visit, panel: Panel) -> None:
    visit.open(cell="layers.0.attention.weights/0.4.1")
    panel.expect_cell("Attention weights")
    visit.step(1).click()
    expect(panel.root).to_have_count(0)
    visit.expect_query(step="1", cell=None)


def test_a_number_typed_beyond_the_matrix_says_how_far_it_goes_and_changes_nothing(visit: Visit, panel: Panel) -> None:
    visit.open(cell="layers.0.attention.weights/0.4.1")
    panel.expect_cell("Attention weights")
    panel.field("key").fill("9")
    expect(panel.remark).to_have_text("Type a whole number from 0 to 4 for “key”.")
    visit.page.wait_for_timeout(600)
    visit.expect_query(cell="layers.0.attention.weights/0.4.1")
    panel.field("query").fill("1.5")
    expect(panel.remark).to_have_text("Type a whole number from 0 to 4 for “query”.")
    panel.field("key").fill("2")
    visit.expect_query(cell="layers.0.attention.weights/0.4.2")  # the other field keeps what it said before
    expect(panel.remark).to_have_text("")
    expect(panel.field("query")).to_have_value("4")


def test_a_masked_cell_says_why_and_columns_of_tokens_are_those_tokens(visit: Visit, panel: Panel) -> None:
    visit.open()
    run = run_of(Settings())
    visit.expect_matrices(run)
    for matrix in ("layers.0.attention.masked_scores", "layers.0.attention.weights"):
        click(visit, matrix, 1, 3)
        expect(panel.root).to_contain_text("token 3 comes after token 1")
        visit.expect_query(cell=f"{matrix}/0.1.3")

    # logits and rows of a table lead to the tokens that they are shown for
    top = run.steps[0].logits[0].topk(20).indices
    click(visit, "logits", 0, 5)
    panel.expect_cell("Logits", float(run.steps[0].logits[0, top[5]]))
    visit.expect_query(cell=f"logits/0.{top[5]}")
    click(visit, "embedding.token", 3, 6)
    panel.expect_cell("Token embedding", float(run.model.get_parameter("embedding.token")[run.prompt_ids[3], 6]))


def test_of_a_deep_model_all_heads_the_stream_and_a_part_of_a_matrix_are_clicked(visit: Visit, panel: Panel) -> None:
    visit.open(model="llama-nano", layer="2", head="1", panel="heads")
    run = run_of(Settings(model="llama-nano"))
    step = run.steps[0]
    expect(visit.shown(".st-key-chart-heads .heatmaplayer image").first).to_be_visible()
    name = "layers.2.attention.weights"
    click(visit, f"{name} 3", 1, 1)  # in another head: it is chosen
    visit.expect_query(head="3")
    click(visit, f"{name} 3", 4, 2)  # in the chosen one, at once
    panel.expect_cell("Attention weights", float(step.matrix(name).values[3, 4, 2]))
    visit.expect_query(cell=f"{name}/3.4.2")
    expect(visit.main.get_by_role("slider", name="Head")).to_have_value("3")
    shown = visit.main.get_by_role("radiogroup", name="Also show")
    shown.get_by_text("Residual stream").click()
    expect(visit.shown(".st-key-chart-stream .heatmaplayer image").first).to_be_visible()
    click(visit, "layers.1.residual", 2, 9)
    panel.expect_cell("Residual", float(step.matrix("layers.1.residual").values[4, 9]))
    expect(panel.root).to_contain_text("What each part of each layer has added so far")
    shown.get_by_text("Zoom into a matrix").click()
    expect(visit.shown(".st-key-chart-exact .heatmaplayer image").first).to_be_visible()
    visit.expect_sound()


def test_a_cell_of_another_station_or_layer_is_brought_onto_the_page(visit: Visit, panel: Panel) -> None:
    visit.open(model="llama-nano", cell="layers.2.feedforward.gate/3.9")
    panel.expect_cell("Gate")
    panel.root.get_by_role("button", name="Show its matrix").click()
    visit.expect_query(station="feedforward", layer="2", cell="layers.2.feedforward.gate/3.9")
    eventually(lambda: _same("layers.2.feedforward.gate" in outlined(visit, "cell"), True))
    expect(panel.root.get_by_role("button", name="Show its matrix")).to_have_count(0)


def test_a_link_opens_the_same_explanation_and_the_matrices_stay_in_view(visit: Visit, panel: Panel) -> None:
    visit.open(cell="layers.0.attention.weights/0.3.1~layers.0.attention.masked_scores/0.3.0", text=TEXT)
    run = run_of(Settings())
    visit.expect_matrices(run)
    panel.expect_cell("Masked scores", float(run.steps[0].matrix("layers.0.attention.scores").values[0, 3, 0]))
    expect(panel.crumbs).to_have_count(2)
    box = panel.root.bounding_box()
    assert box["height"] <= 0.46 * 900 and box["y"] + box["height"] <= 901
    eventually(lambda: _same(bool(visit.page.evaluate(_SEEN_ABOVE, box["y"])), True))


def test_what_is_followed_or_gone_back_to_is_scrolled_into_view_above_the_panel(visit: Visit, panel: Panel) -> None:
    visit.open(cell="layers.0.attention.dot_products/0.3.1", text=TEXT)
    visit.expect_matrices(run_of(Settings()))
    for title, matrix in (
        ("Queries", "layers.0.attention.q"),
        ("Input", "input"),
        ("Token embedding", "token_embedding"),
    ):
        panel.operands.first.click()
        panel.expect_cell(title)
        expect_seen(visit, panel, matrix)
    panel.back.click()
    panel.back.click()
    panel.expect_cell("Queries")
    expect_seen(visit, panel, "layers.0.attention.q")
    panel.field("Matrix").select_option("layers.0.feedforward.up")
    panel.expect_cell("Pre-activation")
    expect_seen(visit, panel, "layers.0.feedforward.up")


@pytest.mark.parametrize("clicks, title", [(1, "Input"), (2, "Queries"), (3, "Dot products"), (5, "Dot products")])
def test_quick_clicks_on_back_go_back_by_as_many_cells_at_most_to_the_first(
    visit: Visit, panel: Panel, clicks: int, title: str
) -> None:
    way = "dot_products/0.3.1~layers.0.attention.q/0.3.0~input/3.0~token_embedding/3.0"
    visit.open(cell=f"layers.0.attention.{way}", text=TEXT)
    panel.expect_cell("Token embedding")
    visit.expect_rest()
    panel.back.evaluate("(back, clicks) => { for (let i = 0; i < clicks; i++) back.click(); }", clicks)
    panel.expect_cell(title)
    visit.page.wait_for_timeout(1_000)  # what was asked for late would be answered by now
    panel.expect_cell(title)


def test_a_click_on_a_cell_that_stays_in_view_does_not_scroll_the_page(visit: Visit, panel: Panel) -> None:
    visit.open()
    visit.expect_matrices(run_of(Settings()))
    click(visit, "layers.0.attention.q", 2, 3)
    panel.expect_cell("Queries")
    expect_seen(visit, panel, "layers.0.attention.q")
    before = visit.page.evaluate(_SCROLLED)
    x, y = visit.page.evaluate(_MIDDLE)
    visit.page.mouse.click(x - 80, y)  # some cells to the left, in the same row
    visit.page.wait_for_url(lambda link: "q%2F0.2.3" not in link and "q/0.2.3" not in link)
    visit.page.wait_for_timeout(500)
    assert visit.page.evaluate(_SCROLLED) == before


def test_the_panel_is_as_high_as_its_content_and_neither_the_way_back_nor_the_pages_end_moves(
    visit: Visit, panel: Panel
) -> None:
    visit.open(cell="layers.0.attention.q/0.2.3~layers.0.attention.w_q/0.3")
    visit.expect_matrices(run_of(Settings()))
    panel.expect_cell("Query weights")
    low, back, end = panel.root.bounding_box(), panel.back.bounding_box(), visit.page.evaluate(_END)
    panel.back.click()
    panel.expect_cell("Queries")
    high = panel.root.bounding_box()
    assert low and high and low["height"] <= 220 and low["height"] + 100 <= high["height"] <= 405
    assert panel.back.bounding_box()["y"] == pytest.approx(back["y"], abs=1)
    eventually(lambda: _same(abs(visit.page.evaluate(_END) - end) <= 1, True))
    panel.field("Matrix").select_option("probabilities")
    panel.expect_cell("Probabilities")
    eventually(lambda: _same(panel.root.bounding_box()["height"], 405))  # at most: there the terms scroll
    eventually(lambda: _same(abs(visit.page.evaluate(_END) - end) <= 1, True))


def test_the_keyboard_opens_chooses_follows_and_closes_with_visible_focus(visit: Visit, panel: Panel) -> None:
    visit.open()
    run = run_of(Settings())
    visit.expect_matrices(run)
    opener = visit.main.get_by_role("button", name="Explain a cell")
    opener.focus()
    visit.page.keyboard.press("Enter")
    panel.expect_cell("Attention weights", float(run.steps[0].matrix("layers.0.attention.weights").values[0, 4, 0]))
    expect(panel.heading).to_be_focused()

    panel.field("Matrix").select_option("layers.0.attention.v")
    panel.expect_cell("Values", float(run.steps[0].matrix("layers.0.attention.v").values[0, 4, 0]))
    for name, keys in (("position", 2), ("head feature", 3)):
        panel.field(name).focus()
        for _ in range(keys):
            visit.page.keyboard.press("ArrowUp" if name == "head feature" else "ArrowDown")
    panel.expect_cell("Values", float(run.steps[0].matrix("layers.0.attention.v").values[0, 2, 3]))
    expect(panel.field("head feature")).to_be_focused()  # also after all was shown anew
    visit.expect_query(cell="layers.0.attention.v/0.2.3")

    panel.heading.focus()
    for _ in range(20):
        visit.page.keyboard.press("Tab")
        focused = visit.page.evaluate(_FOCUSED)
        assert focused["outlined"], focused["name"]
        if "Explain it" in focused["name"]:
            break
    visit.page.keyboard.press("Enter")
    panel.expect_cell("Input")
    expect(panel.heading).to_be_focused()
    panel.back.focus()
    visit.page.keyboard.press("Enter")
    panel.expect_cell("Values")
    visit.page.keyboard.press("Escape")
    expect(panel.root).to_have_count(0)
    expect(opener).to_be_focused()


def test_a_long_sum_is_listed_by_size_or_in_order_and_in_part(visit: Visit, panel: Panel) -> None:
    visit.open(model="llama-nano", cell="layers.1.feedforward.output/2.5")
    run = run_of(Settings(model="llama-nano"))
    step = run.steps[0]
    hidden = step.matrix("layers.1.feedforward.hidden").values[2].double()
    down = run.model.get_parameter("layers.1.feedforward.w_down").detach()[:, 5].double()
    terms = (hidden * down).numpy()
    expect(panel.rows).to_have_count(24)
    eventually(lambda: _same(_sizes(panel), True))
    expect(panel.root).to_contain_text(f"and {len(terms) - 24} more")
    panel.root.get_by_role("button", name="in order").click()
    expect(panel.rows.first).to_contain_text("hidden 0")
    panel.root.get_by_role("button", name="Show more").click()
    expect(panel.rows).to_have_count(len(terms))  # 160: one page has them all
    shown = [float(v.replace("−", "-")) for v in panel.root.locator("td.number").all_inner_texts()]
    np.testing.assert_allclose(shown, terms[: len(shown)], rtol=1e-4, atol=1e-6)


def test_a_sum_over_the_vocabulary_is_listed_page_by_page_to_its_last_term(visit: Visit, panel: Panel) -> None:
    visit.open(cell="probabilities/0.1000")
    size = run_of(Settings()).model.config.vocab_size
    panel.root.get_by_role("button", name="in order").click()
    panel.root.get_by_role("button", name="Show more").click()
    expect(panel.root).to_contain_text(f"page 1 of {-(-size // 256)}")
    panel.root.get_by_role("button", name="Next").click()
    expect(panel.rows.first).to_contain_text("vocab 256 ")
    expect(panel.rows).to_have_count(257)  # and the cell's own
    panel.root.get_by_role("button", name="Last").click()
    expect(panel.root).to_contain_text(f"vocab {size - 1} ")
    panel.root.get_by_role("button", name="Previous").click()
    expect(panel.rows.first).to_contain_text(f"vocab {(-(-size // 256) - 2) * 256} ")


def test_on_a_phone_it_is_a_sheet_as_wide_as_the_screen(visit: Visit, panel: Panel) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    visit.open(cell="layers.0.attention.q/0.2.3")
    panel.expect_cell("Queries")
    box = panel.root.bounding_box()
    assert box["x"] <= 0.5 and box["width"] >= visit.width() - 1 and box["height"] <= 0.46 * 844
    assert visit.page.evaluate("document.querySelector('.stMain').scrollWidth <= 390")
    panel.root.get_by_role("button", name="Close").click()
    expect(panel.root).to_have_count(0)


def _same(one: object, other: object) -> None:
    assert one == other


def _sizes(panel: Panel) -> bool:
    """Whether the listed terms come in order of their size."""
    shown = [abs(float(v.replace("−", "-"))) for v in panel.root.locator("td.number").all_inner_texts()]
    return len(shown) == 24 and shown == sorted(shown, reverse=True)


_SEEN_ABOVE = """(edge) => [...document.querySelectorAll(".cell-outline[data-kind=cell]")].some((outline) => {
  const { top, bottom } = outline.getBoundingClientRect();
  return top >= 0 && bottom <= edge;
})"""

_SCROLLED = "document.querySelector('.stMain').scrollTop"

_END = "document.querySelector('.stMain').scrollHeight"

_MIDDLE = """() => {
  const { left, top, width, height } = document.querySelector(".cell-outline[data-kind=cell]").getBoundingClientRect();
  return [left + width / 2, top + height / 2];
}"""

_FOCUSED = """() => {
  let node = document.activeElement;
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
  const style = getComputedStyle(node);
  return { name: node.getAttribute("aria-label") ?? node.textContent,
           outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
}"""

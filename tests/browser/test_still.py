"""What did not change stands still: figures are neither sent nor drawn again for it."""

from typing import Any

import pytest
from playwright.sync_api import expect

from dashboard.link.settings import DEFAULTS, Settings

from .visit import Visit, eventually, run_of

pytestmark = pytest.mark.slow  # about a minute, all of them together
SCORES = "layers.0.attention.scores"
LOGITS = "layers.0.feedforward.hidden"  # first in the equation of the logits


def outlines(visit: Visit) -> list[dict[str, Any]]:
    """Each outline in the figure of the attention scores: row or column, and from which cell to which it reaches."""
    return list(visit.page.evaluate(_OUTLINES, SCORES))


def expect_outlined(visit: Visit, position: int, heatmaps: int) -> None:
    """Wait until this token's row and column are outlined in each of the figure's matrices."""

    def check() -> None:
        found = outlines(visit)
        for kind in ("row", "column"):
            spans = [(o["from"], o["to"]) for o in found if o["kind"] == kind]
            assert spans == [(position, position + 1)] * heatmaps

    eventually(check)


def test_a_click_on_a_chip_outlines_its_row_and_column_and_no_figure_is_sent_or_drawn_again(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    expect_outlined(visit, position=4, heatmaps=4)
    assert visit.heatmaps_sent() > 0
    visit.listen()
    visit.chip(1).click()
    expect(visit.chip(1)).to_be_checked()
    expect_outlined(visit, position=1, heatmaps=4)
    visit.expect_query(token="1")
    visit.chip(3).click()
    expect_outlined(visit, position=3, heatmaps=4)
    visit.expect_query(token="3")
    assert visit.drawn_again() == []
    assert visit.heatmaps_sent() == 0


def test_another_station_comes_first_and_no_figure_is_drawn_again(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    assert any("attention" in name for name in visit.first_figure()["matrices"])
    visit.listen()
    visit.station("Feed-forward").click()
    expect(visit.station("Feed-forward")).to_be_checked()
    eventually(lambda: _expect_first(visit, "feedforward"))
    visit.station("Embedding").click()
    eventually(lambda: _expect_first(visit, "embedding"))
    visit.expect_query(station="embedding")
    assert visit.drawn_again() == []


def _expect_first(visit: Visit, word: str) -> None:
    assert any(word in name for name in visit.first_figure()["matrices"])


def test_at_prefill_the_dice_and_the_slider_leave_the_matrices_standing_and_the_page_says_so(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    expect(visit.unchanged).to_have_count(0)
    visit.listen()
    visit.roll(8)
    run = run_of(Settings(dice_seed=8))
    visit.expect_tokens(run)
    expect(visit.sampled).to_have_text(run.steps[0].sampled.label)
    expect(visit.unchanged).to_be_visible()
    visit.heat(0.2)
    run = run_of(Settings(dice_seed=8, temperature=0.2))
    visit.expect_tokens(run)
    expect(visit.sampled).to_have_text(run.steps[0].sampled.label)
    expect(visit.unchanged).to_be_visible()
    visit.page.wait_for_timeout(300)  # a figure that comes late would be one too many
    assert set(visit.drawn_again()) <= {"bars", LOGITS}  # the drawn token's column is another one
    assert visit.heatmaps_sent() <= 1 + 20  # the logits' equation, at most once for each step of the slider
    visit.expect_matrices(run)


def test_in_a_decode_step_the_dice_change_the_matrices_and_the_page_does_not_call_them_unchanged(visit: Visit) -> None:
    visit.open(step=1)
    visit.expect_matrices(run_of(DEFAULTS), step=1)
    visit.roll(8)
    visit.expect_run(Settings(dice_seed=8), step=1)
    expect(visit.unchanged).to_have_count(0)
    visit.expect_sound()


def test_another_step_outlines_its_own_token_unless_one_was_chosen(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    expect(visit.chip(4)).to_be_checked()
    visit.step(1).click()
    expect(visit.chip(5)).to_be_checked()
    eventually(lambda: _expect_rows_outlined(visit, [0]))  # the only row of its queries
    visit.chip(2).click()
    visit.step(2).click()
    visit.expect_matrices(run_of(DEFAULTS), step=2)
    expect(visit.chip(2)).to_be_checked()


def _expect_rows_outlined(visit: Visit, rows: list[int]) -> None:
    found = visit.page.evaluate(_OUTLINES, "layers.0.attention.q")
    assert {outline["from"] for outline in found if outline["kind"] == "row"} == set(rows)


def test_the_slider_may_be_moved_while_the_page_is_still_coming(visit: Visit) -> None:
    visit.page.goto(f"{visit.address}/?text=hi", wait_until="commit")
    for _ in range(3):
        visit.temperature.press("PageUp", timeout=60_000)
    visit.expect_run(Settings(text="hi", temperature=1.6))
    visit.expect_sound()


_OUTLINES = """(name) => {
  const figure = [...document.querySelectorAll(".js-plotly-plot:not([data-retained] *)")].find(
    (figure) => figure.data?.some((trace) => trace.meta?.matrix === name));
  const home = figure.getBoundingClientRect();
  const axes = (letter) => Object.keys(figure._fullLayout)
    .filter((key) => key.startsWith(letter + "axis")).map((key) => figure._fullLayout[key]);
  return [...figure.querySelectorAll(".token-outline")].map((outline) => {
    const { left, right, top, bottom } = outline.getBoundingClientRect();
    const row = outline.dataset.kind === "row";
    const [from, to] = row ? [top - home.top, bottom - home.top] : [left - home.left, right - home.left];
    const holds = ({ _offset, _length }) => _offset - 4 <= from && to <= _offset + _length + 4;
    const axis = axes(row ? "y" : "x").find(holds);
    const cell = (pixel) => Math.round(axis.p2c(pixel - axis._offset) + 0.5);
    return { kind: outline.dataset.kind, from: cell(from), to: cell(to) };
  });
}"""


def test_another_step_fades_in_unless_motion_is_unwanted_and_loading_does_not(visit: Visit) -> None:
    for motion, fades in (("no-preference", True), ("reduce", False)):
        visit.page.emulate_media(reduced_motion=motion)
        visit.open(text="we are here")
        visit.expect_matrices(run_of(Settings(text="we are here")))
        visit.page.evaluate(_NOTE_FADES)
        visit.type("they are there")
        visit.expect_matrices(run_of(Settings(text="they are there")))
        assert visit.page.evaluate("window.fades") == []
        visit.step(1).click()
        visit.expect_matrices(run_of(Settings(text="they are there")), step=1)
        assert bool(visit.page.evaluate("window.fades")) == fades
        assert set(visit.page.evaluate("window.fades")) <= {200}
    visit.page.emulate_media(reduced_motion="no-preference")


_NOTE_FADES = """() => {
  window.fades = [];
  const animate = Element.prototype.animate;
  Element.prototype.animate = function (frames, timing) {
    if (this.matches(".js-plotly-plot")) window.fades.push(timing.duration);
    return animate.call(this, frames, timing);
  };
}"""


def test_another_text_has_its_last_token_chosen(visit: Visit) -> None:
    visit.open(token=1)
    expect(visit.chip(1)).to_be_checked()
    visit.type("quite another text with more words")
    visit.expect_run(Settings(text="quite another text with more words"))
    expect(visit.chip(5)).to_be_checked()
    visit.expect_query(token=None)

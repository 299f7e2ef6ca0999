"""The proof: it comes by itself for the toy, on request for others, and no figure is drawn again for its marks."""

import re

from playwright.sync_api import expect

from dashboard.link.settings import DEFAULTS, Settings
from dashboard.proof.words import mark_of
from llm_core import prove

from .visit import Visit, eventually, run_of


def marks(visit: Visit) -> dict[str, str]:
    """What is written at each matrix on the page: its symbol and the mark's sentence."""
    return dict(visit.page.evaluate(_MARKS))


def test_the_toy_is_proven_by_itself_and_its_matrices_are_marked(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    visit.listen()
    badge = visit.main.get_by_role("button", name="A second program computed all 16 matrices again")
    expect(badge).to_be_visible()
    found = prove(run_of(DEFAULTS))
    expected = {name: mark_of(found, name)[2] for name in found.errors}
    eventually(lambda: _same(marks(visit), expected))
    assert visit.drawn_again() == []
    assert visit.heatmaps_sent() == 0
    mark = visit.shown(".proof-mark").first
    mark.hover()  # its sentence is there for who points at it
    box = mark.bounding_box()
    assert box is not None
    end = [box["x"] + box["width"] - 4, box["y"] + box["height"] / 2]
    assert mark.evaluate("(mark, [x, y]) => document.elementFromPoint(x, y) === mark", end)
    before = visit.first_figure()
    badge.click()
    dialog = visit.page.get_by_role("dialog")
    expect(dialog).to_contain_text("A second program computed every matrix again")
    visit.expect_query(proof="1")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    visit.expect_query(proof=None)
    expect(badge).to_be_focused()
    visit.page.wait_for_timeout(500)
    assert visit.first_figure() == before  # the chosen station's section is still the first one


def _same(found: dict[str, str], expected: dict[str, str]) -> None:
    assert found == expected


def test_another_text_is_proven_anew(visit: Visit) -> None:
    visit.open()
    badge = visit.main.get_by_role("button", name="A second program computed all 16 matrices again")
    expect(badge).to_be_visible()
    visit.type("we are here")
    visit.expect_matrices(run_of(Settings(text="we are here")))
    found = prove(run_of(Settings(text="we are here")))
    eventually(lambda: _same(marks(visit), {name: mark_of(found, name)[2] for name in found.errors}))


def test_another_model_is_proven_when_asked_to(visit: Visit) -> None:
    visit.open(model="llama-nano")
    visit.main.get_by_role("button", name="Double-check this run").click()
    expect(
        visit.main.get_by_role("button", name=re.compile("A second program computed all .* matrices again"))
    ).to_be_visible()
    eventually(lambda: _all_agree(marks(visit)))


def test_a_link_opens_the_table_again_also_where_nobody_has_asked_for_the_proof_yet(visit: Visit) -> None:
    visit.open(model="llama-nano", text="never proven before", proof=1)
    dialog = visit.page.get_by_role("dialog")
    expect(dialog).to_contain_text("A second program computed every matrix again", timeout=60_000)
    dialog.get_by_role("button", name="Close").click()
    visit.expect_query(proof=None)
    badge = visit.main.get_by_role("button", name=re.compile("A second program computed all .* matrices again"))
    expect(badge).to_be_focused()
    visit.main.get_by_role("link", name="Whole model").click()
    expect(visit.main.get_by_role("grid", name="Map of the model")).to_be_visible(timeout=60_000)
    expect(dialog).to_have_count(0)


def _all_agree(found: dict[str, str]) -> None:
    assert found
    assert all(
        sentence.startswith("The largest difference from the results of a second program, in float64 is")
        for sentence in found.values()
    )


_MARKS = """() => [...document.querySelectorAll(".js-plotly-plot:not([data-retained] *)")].flatMap((figure) => {
  const traces = (figure._fullData || []).filter((trace) => trace.type === "heatmap" && trace.meta);
  const written = [...figure.querySelectorAll(".proof-mark")];
  const left = (trace) => figure._fullLayout["xaxis" + (trace.xaxis || "x").slice(1)]._offset;
  const top = (trace) => {
    const axis = figure._fullLayout["yaxis" + (trace.yaxis || "y").slice(1)];
    return axis._offset + axis._length;
  };
  return written.map((mark) => {
    const at = traces.find((t) => Math.abs(parseFloat(mark.style.left) - left(t)) < 0.5
      && Math.abs(parseFloat(mark.style.top) - 2 - top(t)) < 0.5);
    return [at.meta.matrix, mark.title];
  });
})"""

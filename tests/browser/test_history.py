"""The browser's history: what is opened is one entry, an act that leads to another view one more."""

from dataclasses import replace

from playwright.sync_api import expect

from dashboard.link.settings import DEFAULTS, LINK_VERSION
from llm_core import load_model

from .visit import Visit, eventually, run_of


def entries(visit: Visit) -> int:
    return int(visit.page.evaluate("history.length"))


def test_each_view_is_one_entry_and_back_leads_to_the_one_before(new_tab: Visit) -> None:
    visit = new_tab
    before = entries(visit)
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    visit.expect_query(v=LINK_VERSION, fp="7d1f530c")
    assert entries(visit) == before + 1

    visit.station("Logits").click()
    visit.expect_query(station="logits")
    visit.step(1).click()
    visit.expect_query(station="logits", step="1")
    assert entries(visit) == before + 3
    visit.roll(11)  # a widget's value changes the address in place
    visit.expect_run(replace(DEFAULTS, dice_seed=11), step=1)
    visit.expect_query(station="logits", step="1", dice_seed="11")
    assert entries(visit) == before + 3

    visit.page.go_back()
    visit.expect_query(station="logits", step=None)
    expect(visit.step(0)).to_be_checked()
    visit.page.go_back()
    visit.expect_query(station=None, v=LINK_VERSION)
    expect(visit.station("Attention")).to_be_checked()
    assert entries(visit) == before + 3  # and there is nothing more before it:
    visit.page.go_back()
    eventually(lambda: _is_at(visit, "/_stcore/health"))


def test_an_act_that_changes_several_values_is_one_entry(new_tab: Visit) -> None:
    visit = new_tab
    visit.open(model="llama-nano")
    visit.expect_query(v=LINK_VERSION, fp=load_model("llama-nano").weights.version[:8])
    before = entries(visit)
    visit.main.get_by_role("link", name="Whole model").click()
    cell = visit.shown('[data-id="layers.2.attention.weights#3"]')
    expect(cell).to_be_visible(timeout=60_000)
    assert entries(visit) == before + 1
    cell.click()
    visit.expect_query(layer="2", head="3")
    assert entries(visit) == before + 2


def test_back_leads_to_the_text_before(visit: Visit) -> None:
    visit.open(text="one apple")
    visit.expect_run(replace(DEFAULTS, text="one apple"))
    for text in ("two apples", "three apples"):
        visit.type(text)
        visit.expect_run(replace(DEFAULTS, text=text))
        visit.expect_query(text=text)
    for text in ("two apples", "one apple"):
        visit.page.go_back()
        visit.expect_query(text=text)
        visit.expect_run(replace(DEFAULTS, text=text))
        expect(visit.text).to_have_value(text)


def _is_at(visit: Visit, path: str) -> None:
    assert visit.page.evaluate("location.pathname") == path

"""The tour by button and key: what it tells, points at and hides, and that it leaves everything as it was."""

import re

import pytest
from playwright.sync_api import Locator, expect

from dashboard.link.settings import DEFAULTS
from dashboard.link.tour_stops import STOPS
from dashboard.shell import presenter
from dashboard.tour.facts import stop_facts
from dashboard.tour.texts import card_texts, stop_texts

from .visit import Visit, eventually, run_of

pytestmark = pytest.mark.slow  # about a minute, all of them together

WORDS = card_texts()


def card(visit: Visit) -> Locator:
    return visit.main.get_by_role("region", name=WORDS["name"], exact=True)


def start(visit: Visit) -> None:
    visit.main.get_by_role("button", name=WORDS["start"]).click()
    expect_stop(visit, "text")


def expect_stop(visit: Visit, stop: str) -> None:
    """The card tells this stop, with the numbers of the run as computed here."""
    run = run_of(DEFAULTS)
    found = stop_facts(stop, run)
    text = stop_texts(stop, found.variant, found.values)
    expect(card(visit).get_by_role("heading")).to_have_text(text["title"])
    expect(card(visit).locator(".what")).to_have_text(text.get("question") or text["what"])
    visit.expect_query(tour=stop)


def outlines(visit: Visit, kind: str = "cell") -> Locator:
    return visit.shown(f".tour-outline[data-kind={kind}]")


def expect_in_view(visit: Visit, part: Locator) -> None:
    """All of this part can be seen above the card."""

    def check() -> None:
        place, below = part.bounding_box(), card(visit).bounding_box()
        assert place and below and place["y"] >= 0
        assert place["y"] + place["height"] <= below["y"]

    eventually(check)


def test_the_tour_goes_by_button_and_key_through_a_guess_and_leaves_the_view_as_it_was(visit: Visit) -> None:
    visit.open(step=1, station="logits", temperature=1)
    start(visit)
    visit.expect_query(step=None, station="text")
    expect(card(visit).get_by_role("heading")).to_be_focused()

    card(visit).get_by_role("button", name=re.compile(WORDS["next"])).click()
    expect_stop(visit, "embedding")
    expect_in_view(visit, outlines(visit).first)
    for stop in STOPS[2:6]:
        visit.page.keyboard.press("ArrowRight")
        expect_stop(visit, stop)
    visit.page.keyboard.press("ArrowLeft")
    expect_stop(visit, "scores")
    expect_in_view(visit, outlines(visit).first)

    visit.page.keyboard.press("ArrowRight")
    visit.page.keyboard.press("ArrowRight")
    expect_stop(visit, "softmax")
    cover = visit.shown(".tour-cover")
    expect(cover.first).to_be_visible()
    expect(outlines(visit)).to_have_count(0)
    found = stop_facts("softmax", run_of(DEFAULTS))
    assert found.guess is not None
    card(visit).get_by_role("group").get_by_role("button").nth(found.guess.right).click()
    expect(card(visit).locator(".what")).to_contain_text(found.values["share"])
    expect(card(visit).locator(".what")).to_contain_text(WORDS["right"])
    expect(cover).to_have_count(0)
    expect_in_view(visit, outlines(visit).first)

    visit.page.keyboard.press("Escape")
    expect(card(visit)).to_be_hidden()
    expect(outlines(visit)).to_have_count(0)
    visit.expect_query(tour=None, step="1", station="logits", temperature=None, cell=None)
    expect(visit.station("Logits")).to_be_checked()
    expect(visit.step(1)).to_be_checked()
    expect(visit.main.get_by_role("button", name=WORDS["start"])).to_be_focused()
    visit.expect_run(DEFAULTS, step=1)
    visit.expect_sound()


def test_who_began_the_tour_by_its_button_is_brought_back_to_where_they_were(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    visit.page.evaluate("document.querySelector('.stMain').scrollTo({ top: 40, behavior: 'instant' })")
    start(visit)
    for stop in STOPS[1:5]:
        visit.page.keyboard.press("ArrowRight")
        expect_stop(visit, stop)
    expect_in_view(visit, outlines(visit).first)
    eventually(lambda: _at_least(visit, 400))
    visit.page.keyboard.press("Escape")
    expect(card(visit)).to_be_hidden()
    eventually(lambda: _scrolled(visit, 40))

    visit.open(tour="scores")
    expect_stop(visit, "scores")
    expect_in_view(visit, outlines(visit).first)
    card(visit).get_by_role("button", name=WORDS["leave"]).click()
    visit.expect_query(tour=None)
    visit.page.wait_for_timeout(500)
    _at_least(visit, 400)  # a link leads to a stop and nowhere else


def _scrolled(visit: Visit, top: int) -> None:
    assert visit.page.evaluate("document.querySelector('.stMain').scrollTop") == pytest.approx(top, abs=3)


def _at_least(visit: Visit, top: int) -> None:
    assert visit.page.evaluate("document.querySelector('.stMain').scrollTop") >= top


def test_a_key_reveals_first_and_goes_on_then_and_the_last_stop_is_the_decode_step(visit: Visit) -> None:
    visit.open(tour="softmax")
    expect_stop(visit, "softmax")
    visit.page.keyboard.press("ArrowRight")
    expect(card(visit).locator(".what")).to_contain_text(stop_facts("softmax", run_of(DEFAULTS)).values["share"])
    visit.expect_query(tour="softmax")
    for stop in STOPS[7:]:
        visit.page.keyboard.press("ArrowRight")
        expect_stop(visit, stop)
    visit.expect_query(step="1")
    expect_in_view(visit, outlines(visit).first)
    visit.page.keyboard.press("ArrowRight")  # one too many
    visit.expect_query(tour="again")
    card(visit).get_by_role("button", name=WORDS["end"]).click()
    visit.expect_query(tour=None, step=None)


def test_arrows_in_fields_and_choices_are_not_the_tours(visit: Visit) -> None:
    visit.open(tour="scores")
    expect_stop(visit, "scores")
    visit.text.focus()
    visit.page.keyboard.press("ArrowRight")
    visit.temperature.focus()
    visit.page.keyboard.press("ArrowRight")
    expect(visit.temperature).to_have_value("1.01")
    visit.chip(2).focus()
    visit.page.keyboard.press("ArrowRight")
    expect(visit.chip(3)).to_be_checked()
    visit.expect_query(tour="scores", token="3")


def test_the_card_gives_way_to_an_explanation_and_comes_back(visit: Visit) -> None:
    visit.open(tour="scores")
    expect(outlines(visit).first).to_be_visible()
    card(visit).get_by_role("button", name=WORDS["explain"]).click()
    panel = visit.main.get_by_role("region", name="How this number was computed")
    expect(panel).to_contain_text(re.compile("Dot products"))
    expect(outlines(visit)).to_have_count(0)

    def apart() -> None:
        ours, theirs = card(visit).bounding_box(), panel.bounding_box()
        assert ours and theirs and ours["height"] < 80 and ours["y"] + ours["height"] <= theirs["y"] + 1

    eventually(apart)
    visit.page.keyboard.press("ArrowRight")
    visit.expect_query(tour="scores")
    visit.page.keyboard.press("Escape")  # of the explanation alone
    expect(panel).to_be_hidden()
    expect_stop(visit, "scores")
    expect(outlines(visit).first).to_be_visible()


def test_the_presenters_page_has_no_sidebar_and_keys_lead_through_the_stops(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 1280, "height": 720})
    visit.open(present=1)
    expect(visit.sidebar).to_be_hidden()
    expect(card(visit).get_by_role("heading")).to_have_text(WORDS["presenting"])
    visit.main.get_by_role("button", name="Explain a cell").click()
    expect(visit.shown(".st-key-explainer-panel").get_by_role("heading").first).to_be_visible()
    expect(card(visit).get_by_role("heading")).to_be_hidden()  # no tour waits where none was begun
    visit.page.keyboard.press("Escape")
    expect(card(visit).get_by_role("heading")).to_have_text(WORDS["presenting"])
    visit.page.keyboard.press("ArrowRight")
    expect_stop(visit, "text")
    for stop in STOPS[1:5]:
        visit.page.keyboard.press("ArrowRight")
        expect_stop(visit, stop)
    expect_in_view(visit, outlines(visit).first)
    size = card(visit).locator(".what").evaluate("line => parseFloat(getComputedStyle(line).fontSize)")
    assert size >= 22
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visit.main.get_by_role("button", name=presenter.WAY_OUT).click()
    expect(visit.sidebar).to_be_visible()
    visit.expect_query(present=None, tour="scores")
    visit.expect_sound()


def test_on_a_projector_the_best_scores_name_and_the_drawn_tokens_bars_are_above_the_card(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 1280, "height": 720})
    visit.open(present=1, tour="depth")
    expect_stop(visit, "depth")
    run = run_of(DEFAULTS)
    best = visit.shown(".tour-outline[data-label]")
    expect(best).to_have_attribute("data-label", stop_facts("depth", run).values["best"])
    expect_in_view(visit, best)

    visit.page.keyboard.press("ArrowRight")
    expect_stop(visit, "choosing")
    sample = visit.shown(".st-key-equation-sample")
    drawn = run.model.tokenizer.label(run.new_ids[0])
    name = sample.locator(".ytick").get_by_text(drawn, exact=True)
    row = sample.locator(".tour-outline")
    expect_in_view(visit, row)
    eventually(lambda: _stands_in(name, row))  # for a moment the page still scrolls, or one is drawn before the other


def _stands_in(name: Locator, row: Locator) -> None:
    """The middle of the name lies within the row, which is as high as one."""
    inner, outer = name.bounding_box(), row.bounding_box()
    assert inner and outer and outer["height"] < 30
    assert outer["y"] < inner["y"] + inner["height"] / 2 < outer["y"] + outer["height"]


def test_on_a_phone_the_card_is_a_sheet_at_the_bottom_and_the_cells_are_above_it(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    visit.open(tour="scores")
    expect(outlines(visit).first).to_be_visible()
    expect_in_view(visit, outlines(visit).first)
    place = card(visit).bounding_box()
    assert place and place["width"] >= visit.width() - 2 and place["y"] + place["height"] >= 843
    assert place["height"] <= 0.47 * 844

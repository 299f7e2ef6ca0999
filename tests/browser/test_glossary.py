"""The tips of technical words: under the mouse, on keyboard focus, on a tap, and gone with Esc."""

import pytest
from playwright.sync_api import Browser, Locator, expect

from dashboard.shell.glossary import glossary_words

from .visit import Visit, eventually


def word(visit: Visit, key: str, within: Locator | None = None) -> Locator:
    return (within or visit.main).locator(f'a[href="#word-{key}"]:visible').first


def expect_tip(visit: Visit, key: str) -> None:
    tip = visit.page.get_by_role("tooltip").filter(has_text=glossary_words()[key].tip)
    expect(tip).to_be_visible()
    assert tip.evaluate("tip => getComputedStyle(tip).backgroundColor") != "rgba(0, 0, 0, 0)"  # it can be read
    box, size = tip.bounding_box(), visit.page.viewport_size
    assert box and size and box["x"] >= 0 and box["x"] + box["width"] <= size["width"]
    assert box["y"] >= 0 and box["y"] + box["height"] <= size["height"]
    seen = "(tip, [x, y]) => { const top = document.elementFromPoint(x, y); return tip === top || tip.contains(top); }"
    for x in (2, box["width"] - 2):  # nothing lies over it or cuts it off
        assert tip.evaluate(seen, [box["x"] + x, box["y"] + box["height"] / 2])


def test_a_word_is_explained_to_the_mouse_to_the_keyboard_and_on_a_click_and_esc_ends_it(visit: Visit) -> None:
    visit.open()
    tip, keys = visit.page.get_by_role("tooltip"), word(visit, "key")
    keys.hover()
    expect_tip(visit, "key")
    tip.hover()  # it stays for who points at it, to read or to magnify
    visit.page.wait_for_timeout(400)
    expect_tip(visit, "key")
    visit.page.mouse.move(5, 5)
    expect(tip).to_have_count(0)
    rule = visit.shown(".st-key-reading-rule")  # two words of one sentence: no picture is a stop between them
    word(visit, "token", rule).focus()
    visit.page.keyboard.press("Tab")
    expect_tip(visit, "attention")
    expect(word(visit, "attention", rule)).to_be_focused()
    visit.page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    address = visit.page.evaluate("location.href")
    keys.click()
    expect_tip(visit, "key")
    assert visit.page.evaluate("location.href") == address  # the link leads to the tip and nowhere else
    visit.timeline.get_by_text("Prefill").hover()
    expect_tip(visit, "prefill")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_a_tap_shows_the_tip_within_the_screen(browser: Browser, address: str, scheme) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, color_scheme=scheme)
    visit = Visit(context.new_page(), address)
    visit.open()
    for key in ("query", "attention-weight", "token"):
        word(visit, key).scroll_into_view_if_needed()
        word(visit, key).tap()
        expect_tip(visit, key)
    context.close()


@pytest.mark.slow
def test_in_the_tour_and_in_the_explainer_a_word_is_explained_and_esc_closes_the_tip_alone(visit: Visit) -> None:
    visit.open(tour="qkv")
    card = visit.main.get_by_role("region", name="Tour")
    card.get_by_role("link", name="query").first.hover()
    expect_tip(visit, "query")
    visit.page.keyboard.press("Escape")
    expect(visit.page.get_by_role("tooltip")).to_have_count(0)
    expect(card).to_be_visible()
    visit.open(cell="layers.0.attention.k/0.1.2")
    panel = visit.main.get_by_role("region", name="How this number was computed")
    panel.get_by_role("link", name="Keys").first.hover()
    expect_tip(visit, "key")


def test_in_a_dialog_a_word_is_explained_and_esc_closes_the_tip_alone(visit: Visit) -> None:
    visit.open(model="custom", proof=1)
    dialog = visit.page.get_by_role("dialog")
    _explained_in(visit, "double-precision")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    visit.sidebar.get_by_role("button", name="Change its shape").click()
    _explained_in(visit, "kv-head")


def _at_rest(dialog: Locator) -> None:
    """Nothing in it has changed for a moment."""
    before = dialog.bounding_box(), dialog.inner_html()
    dialog.page.wait_for_timeout(400)
    assert (dialog.bounding_box(), dialog.inner_html()) == before


def _explained_in(visit: Visit, key: str) -> None:
    dialog, tip = visit.page.get_by_role("dialog"), visit.page.get_by_role("tooltip")
    expect(word(visit, key, dialog)).to_be_visible()
    eventually(lambda: _at_rest(dialog))  # what is drawn anew or moves away takes its tip along
    visit.expect_rest()
    word(visit, key, dialog).hover()
    expect_tip(visit, key)
    visit.page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    expect(dialog).to_be_visible()

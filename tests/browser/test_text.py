"""The field with the text: which keys run it, which do not, and what links of an earlier version mean by it."""

from playwright.sync_api import expect

from dashboard.link.settings import DEFAULTS, EARLIER, Settings

from .visit import Visit, run_of

_COMPOSED = """field => field.dispatchEvent(new KeyboardEvent("keydown",
  { key: "Enter", keyCode: 229, isComposing: true, bubbles: true, cancelable: true }))"""


def test_enter_runs_and_shift_with_enter_adds_a_line(visit: Visit) -> None:
    visit.open()
    visit.expect_tokens(run_of(DEFAULTS))
    visit.text.fill("one")
    visit.text.press("Shift+Enter")
    visit.text.press_sequentially("two")
    assert visit.text.evaluate(_COMPOSED), "an input method takes its Enter itself"
    visit.page.wait_for_timeout(500)
    visit.expect_tokens(run_of(DEFAULTS))
    visit.text.press("Enter")
    visit.expect_tokens(run_of(Settings(text="one\ntwo")))
    visit.expect_query(text="one\ntwo")
    expect(visit.text).to_have_value("one\ntwo")
    expect(visit.text).to_be_focused()


def test_one_click_runs_a_changed_text(visit: Visit) -> None:
    visit.open()
    for text in ("one", "two words"):
        visit.text.fill(text)
        visit.sidebar.get_by_role("button", name="Run", exact=True).click()
        visit.expect_tokens(run_of(Settings(text=text)))
    visit.expect_query(text="two words")


def test_a_link_of_the_first_version_names_its_text_from_now_on(visit: Visit, other_visit: Visit) -> None:
    visit.open(v="1", temperature=0.5)
    settings = Settings(text=EARLIER["1"]["text"], temperature=0.5)
    visit.expect_tokens(run_of(settings))
    visit.expect_query(v="2", text=settings.text, temperature="0.5")
    other_visit.open(visit.link)
    other_visit.expect_tokens(run_of(settings))

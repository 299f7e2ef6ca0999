"""Everything that a click chooses, the keyboard reaches and chooses too, and one sees where it is."""

from typing import Any

from playwright.sync_api import Locator, expect

from dashboard.settings import DEFAULTS

from .visit import Visit, eventually, run_of

_FOCUSED = """() => {
  let node = document.activeElement;
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
  const style = getComputedStyle(node);
  return { name: node.getAttribute("aria-label") ?? node.textContent,
           group: node.closest("[role=radiogroup]")?.getAttribute("aria-label") ?? "",
           outlined: node.matches(":focus-visible") && style.outlineStyle !== "none"
                     && parseFloat(style.outlineWidth) >= 2 };
}"""


def focused(visit: Visit) -> dict[str, Any]:
    return dict(visit.page.evaluate(_FOCUSED))


def expect_focus(visit: Visit, on: Locator) -> None:
    """The focus is there, and can be seen."""
    expect(on).to_be_focused()
    assert focused(visit)["outlined"]


def test_tab_reaches_chips_timeline_and_stations_in_this_order_each_once_and_visibly(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    passed = []
    for _ in range(60):
        visit.page.keyboard.press("Tab")
        here = focused(visit)
        if here["group"]:
            assert here["outlined"], here["name"]
            passed.append(here["group"].split()[0])
        if len(passed) == 3:
            break
    assert passed == ["Tokens.", "Steps", "Stations"]


def test_arrow_keys_choose_chip_step_and_station(visit: Visit) -> None:
    visit.open()
    keyboard = visit.page.keyboard
    visit.chip(4).focus()
    keyboard.press("ArrowLeft")
    expect(visit.chip(3)).to_be_checked()
    expect_focus(visit, visit.chip(3))
    keyboard.press("Home")
    expect(visit.chip(0)).to_be_checked()
    visit.expect_query(token="0")

    keyboard.press("Tab")
    expect_focus(visit, visit.step(0))
    keyboard.press("ArrowRight")
    expect(visit.step(1)).to_be_checked()
    visit.expect_query(step="1")
    visit.expect_run(DEFAULTS, step=1)
    expect_focus(visit, visit.step(1))  # also after all was drawn anew

    visit.station("Attention").focus()
    keyboard.press("End")
    expect(visit.station("Sample")).to_be_checked()
    expect_focus(visit, visit.station("Sample"))
    visit.expect_query(station="sample", step="1", token="0")
    visit.expect_sound()


def test_enter_and_space_choose_what_is_focused(visit: Visit) -> None:
    visit.open()
    visit.chip(2).focus()
    visit.page.keyboard.press("Enter")
    expect(visit.chip(2)).to_be_checked()
    visit.station("Embedding").focus()
    visit.page.keyboard.press("Space")
    expect(visit.station("Embedding")).to_be_checked()
    visit.step(2).focus()
    visit.page.keyboard.press("Enter")
    visit.expect_run(DEFAULTS, step=2)
    visit.expect_query(token="2", station="embedding", step="2")


def test_an_equation_wider_than_its_column_scrolls_by_keys(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 1024, "height": 768})
    visit.open(station="logits")
    visit.expect_matrices(run_of(DEFAULTS))
    wide = visit.main.get_by_role("group", name="Equation, scrolls sideways").first
    wide.focus()
    visit.page.keyboard.press("ArrowRight")

    def moved() -> None:
        assert wide.evaluate("block => block.scrollLeft") > 0

    eventually(moved)

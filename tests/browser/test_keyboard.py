"""Everything that a click chooses, the keyboard reaches and chooses too, and one sees where it is."""

from typing import Any

from playwright.sync_api import CDPSession, Locator, expect

from dashboard.link.settings import DEFAULTS

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


def test_the_chosen_stations_section_is_read_first_as_it_is_seen_first(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    session = visit.page.context.new_cdp_session(visit.page)  # one throughout: a screen reader listens all the time
    eventually(lambda: _reads(session, visit.page.evaluate(_HEADINGS)))
    for station in ("Feed-forward", "Text", "Logits", "Attention"):
        visit.station(station).click()
        eventually(lambda station=station: _seen_first(visit, station))
        eventually(lambda: _reads(session, visit.page.evaluate(_HEADINGS)))
    session.detach()


def _seen_first(visit: Visit, station: str) -> None:
    seen = visit.page.evaluate(_HEADINGS)
    assert seen[0] == station and "All other matrices" in seen[1]


def _reads(session: CDPSession, seen: list[str]) -> None:
    """The headings of the sections come in this order to those who have the page read aloud."""
    nodes = {node["nodeId"]: node for node in session.send("Accessibility.getFullAXTree")["nodes"]}
    found: list[str] = []

    def walk(node: dict[str, Any]) -> None:
        if node.get("role", {}).get("value") == "heading":
            found.append(node["name"]["value"])
        for child in node.get("childIds", []):
            if child in nodes:
                walk(nodes[child])

    walk(next(iter(nodes.values())))
    assert [name for name in found if name in seen] == seen


_HEADINGS = """() => [...document.querySelectorAll(".st-key-sections h3")].filter((heading) => heading.offsetHeight)
  .map((heading) => [heading.getBoundingClientRect().y, heading.textContent]).sort((a, b) => a[0] - b[0])
  .map(([, text]) => text)"""


def test_after_esc_the_focus_is_on_something_that_is_seen(visit: Visit) -> None:
    visit.open()
    visit.expect_matrices(run_of(DEFAULTS))
    button = visit.main.get_by_role("button", name="Explain a cell")
    button.focus()
    visit.page.keyboard.press("Enter")
    panel = visit.shown(".st-key-explainer-panel")
    expect(panel.get_by_role("heading").first).to_be_focused()
    visit.page.mouse.move(700, 300)
    visit.page.mouse.wheel(0, 2500)
    eventually(lambda: _at_rest(visit, 1500))
    visit.page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(button).to_be_in_viewport()
    eventually(lambda: _is_scrolled_to(visit, 0))  # where the visitor came from


def test_after_a_dialog_the_focus_is_on_what_opened_it(visit: Visit) -> None:
    visit.open()
    openers = {
        "the list of models": (visit.sidebar.get_by_role("combobox", name="Model"), _choose_shape),
        "the proof's badge": (visit.main.get_by_role("button", name="A second program computed all"), _press),
        "Download": (visit.main.get_by_role("button", name="Download", exact=True), _press),
    }
    dialog = visit.page.get_by_role("dialog")
    for name, (opener, open_dialog) in openers.items():
        for closed_by in ("Escape", "Close"):
            opener.focus()
            open_dialog(visit)
            expect(dialog).to_be_visible()
            expect(dialog.locator(":focus").or_(dialog.and_(visit.page.locator(":focus")))).to_have_count(1)
            if closed_by == "Close":
                dialog.get_by_role("button", name="Close").focus()
            visit.page.keyboard.press("Escape" if closed_by == "Escape" else "Enter")
            expect(dialog).to_have_count(0)
            expect(opener, f"{name}, {closed_by}").to_be_focused()
            expect(opener).to_be_in_viewport()


def _press(visit: Visit) -> None:
    visit.page.keyboard.press("Enter")


def _choose_shape(visit: Visit) -> None:
    visit.page.keyboard.press("ArrowDown")
    visit.page.get_by_role("option", name="Shape your own").click()


def _is_scrolled_to(visit: Visit, top: float) -> None:
    assert visit.page.evaluate(_SCROLLED) == top


def _at_rest(visit: Visit, least: int) -> None:
    """The page has been scrolled so far, and scrolls no more: what is scrolling goes on whatever has the focus."""
    before = visit.page.evaluate(_SCROLLED)
    visit.page.wait_for_timeout(200)
    assert least < before == visit.page.evaluate(_SCROLLED)


_SCROLLED = "document.querySelector('.stMain').scrollTop"

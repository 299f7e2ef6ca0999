"""What the server lets browsers run, seen by a browser. All other tests of this folder fail where it refuses something:
a refusal is an error on the browser's console.
"""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from dashboard.browser import modules
from dashboard.link.settings import DEFAULTS

from .conftest import serving
from .visit import Visit, Witness, eventually

INSERTED = """(code) => {
  const script = document.createElement("script");
  script.textContent = code;
  document.head.append(script);
}"""


def test_a_script_that_is_no_file_of_the_server_does_not_run(visit: Visit, witness: Witness) -> None:
    visit.open()
    visit.expect_rest()
    visit.page.evaluate(INSERTED, "window.intruder = 1")
    eventually(lambda: _refused(witness, "inline script"))
    assert visit.page.evaluate("window.intruder") is None
    witness.forget()
    visit.page.evaluate("setTimeout('window.intruder = 2')")
    eventually(lambda: _refused(witness, "unsafe-eval"))
    assert visit.page.evaluate("window.intruder") is None
    witness.forget()


def _refused(witness: Witness, what: str) -> None:
    assert any("Content Security Policy" in said and what in said for said in witness.complaints)


@pytest.mark.slow
def test_below_a_path_of_its_own_the_page_is_whole(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path / "log.txt", "/class/7") as address:
        context, witness = browser.new_context(viewport={"width": 1440, "height": 900}), Witness(address)
        witness.watch(context)
        try:
            visit = Visit(context.new_page(), address).open()
            visit.expect_run(DEFAULTS)
            visit.main.get_by_role("link", name="Whole model").click()
            expect(visit.main.get_by_role("grid", name="Map of the model")).to_be_visible()
            visit.expect_rest()
            assert f"{address}/" in visit.page.evaluate("location.href") and not witness.complaints
        finally:
            context.close()


def test_a_module_that_cannot_be_loaded_says_so_in_its_place(visit: Visit, witness: Witness) -> None:
    visit.page.route("**/scripts/*/ribbon.js", lambda route: route.fulfill(status=404))
    visit.open()
    said = "This part of the page could not be loaded: its script did not come from the server. Reload the page."
    expect(visit.shown('[class*="st-key-ribbon"]').get_by_text(said)).to_be_visible()
    visit.expect_rest()
    visit.page.unroute("**/scripts/*/ribbon.js")
    eventually(lambda: _complained(witness, "404"))
    witness.forget()


def test_a_page_left_open_while_the_server_became_a_newer_one_is_loaded_anew(visit: Visit) -> None:
    visit.page.add_init_script(
        "if (location.protocol !== 'about:' && !sessionStorage.earlier) {"  # the empty page has no storage
        "  sessionStorage.earlier = 1; globalThis.scriptsInUse = 'of an older server'; }"
    )
    visit.open()
    eventually(lambda: _loaded_anew(visit))
    visit.expect_run(DEFAULTS)


def _loaded_anew(visit: Visit) -> None:
    in_use, earlier = visit.page.evaluate("[globalThis.scriptsInUse, sessionStorage.earlier]")
    assert earlier == "1" and f"{in_use}/ribbon.js" == modules.module_address("ribbon.js")


def _complained(witness: Witness, what: str) -> None:
    assert any(what in said for said in witness.complaints)

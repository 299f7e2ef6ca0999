"""The way from page to page, and to a page that there is not."""

import pytest
from streamlit.runtime.pages_manager import PagesManager

from dashboard.shell.navigation import NO_PAGE
from tests.helpers.pages import drawn, opened, sentences


def test_an_address_that_leads_to_no_page_shows_the_first_one_and_says_so_until_a_setting_is_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    intend = PagesManager.set_script_intent
    with monkeypatch.context() as browser:
        browser.setattr(PagesManager, "set_script_intent", lambda pages, *_: intend(pages, "", "nonsense"))
        page = opened()
    assert sentences(page).count(NO_PAGE) == 1
    assert "could not be drawn" not in sentences(page)
    assert "Inference" in NO_PAGE and drawn(page)
    page.number_input(key="dice_seed").set_value(3).run()
    assert NO_PAGE not in sentences(page)


def test_an_address_that_leads_to_a_page_is_not_complained_of() -> None:
    assert NO_PAGE not in sentences(opened())

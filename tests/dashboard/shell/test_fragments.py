"""A click that arrives together with settings of which no run can be made: the page says why, and stays alive."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.downloads import menu
from dashboard.explainer import panel
from dashboard.overview import overview
from dashboard.proof import badge
from dashboard.shell.fragments import callback
from dashboard.tour import card
from dashboard.whole_model import lens
from dashboard.whole_model import map as whole_map
from tests.helpers.pages import opened, sentences

CALLBACKS = [
    (menu._begin, ()),
    (panel._answer, (panel.AROUND_STATIONS, {"close": True})),
    (overview._choose_step, (1,)),
    (overview._choose_station, ("logits",)),
    (badge._ask, ()),
    (whole_map._choose, ("layers.0.attention.weights#0",)),
    (lens._type_token, ("x",)),
    (lens._choose_token, (1,)),
    (card._go, ("mask",)),
    (card._answer, ({"go": "mask"},)),
    (card._answer, ({"leave": True},)),
    (card._answer, ({"explain": True},)),
]


@pytest.mark.parametrize("button", ["tour-start-button", "explain-a-cell", "take-open"])
def test_a_click_together_with_a_text_that_is_refused_leaves_the_page_alive(button):
    page = opened()
    page.text_area(key="text").set_value("")
    page.button(key=button).click().run()
    assert not page.exception and "The text is blank" in sentences(page)
    page.text_area(key="text").set_value("hello").run()
    assert not page.exception and not sentences(page)


def _with_a_blank_text(answer, arguments):
    import streamlit as st

    from dashboard.link import visit

    if "settings" not in st.session_state:
        visit.look_at("text", "")
        visit.look_at("tour", "mask")
    st.button("ask", on_click=answer, args=arguments)


@pytest.mark.parametrize(("answer", "arguments"), CALLBACKS, ids=lambda value: getattr(value, "__qualname__", ""))
def test_no_callback_fails_with_a_text_that_is_refused(answer, arguments):
    page = AppTest.from_function(_with_a_blank_text, args=(answer, arguments)).run()
    page.button[0].click().run()
    assert not page.exception


def test_the_frame_of_the_chosen_head_fails_with_a_sentence():
    page = AppTest.from_function(_frame).run()
    assert not page.exception and "The text is blank" in sentences(page)


def _frame():
    from dashboard.link import visit
    from dashboard.matrices import heads

    visit.look_at("text", "")
    heads.head_frame()


def test_a_callback_still_draws_again_and_reports_what_is_wrong_with_the_program():
    class Again(BaseException):
        pass

    def failing(error):
        raise error

    callback(failing)(ValueError("refused"))
    for error in (Again(), RuntimeError()):
        with pytest.raises(type(error)):
            callback(failing)(error)

"""A click that arrives together with settings of which no run can be made: the page says why, and stays alive."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.downloads import menu
from dashboard.explainer import panel
from dashboard.overview import overview
from dashboard.proof import badge
from dashboard.server import computed
from dashboard.shell.fragments import callback
from dashboard.shell.words import NOT_DRAWN
from dashboard.tour import card
from dashboard.whole_model import lens
from dashboard.whole_model import map as whole_map
from tests.helpers.pages import next_token, opened, sentences

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


@pytest.mark.parametrize("error", [RuntimeError("a secret of the machine"), MemoryError()], ids=repr)
def test_a_run_that_fails_in_a_way_that_nobody_foresaw_is_told_in_a_sentence_and_the_next_text_runs(monkeypatch, error):
    page = opened()

    def failing(*arguments, **more):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(computed, "generate", failing)
        page.text_area(key="text").set_value("never seen before").run()
        assert not page.exception and NOT_DRAWN[1:] in sentences(page) and "secret" not in sentences(page)
    page.text_area(key="text").set_value("hello").run()
    assert not page.exception and next_token(page)["after"] == "hello"


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


# ---- what is drawn again ---------------------------------------------------------------------------------------------


def _parts():
    import streamlit as st

    from dashboard.shell.fragments import begin_drawing, change, end_drawing, fragment

    log = st.session_state.setdefault("log", [])

    @fragment("test-first", reads={"test-both", "test-first-alone"})
    def first():
        log.append("first")

    @fragment("test-inner", reads={"test-both", "test-inner-alone"})
    def inner():
        log.append("inner")

    @fragment("test-outer", reads={"test-both"})
    def outer():
        log.append("outer")
        inner()

    begin_drawing(reads={"text", "test-page"})
    log.append("page")
    outer()
    first()
    for name in ("test-first-alone", "test-inner-alone", "test-both", "test-page"):
        st.button(name, key=f"{name}-button", on_click=change, args=({name: len(log)},))
    end_drawing()


WHOLE = ["page", "outer", "inner", "first"]


def _drawn(page: AppTest) -> list[str]:
    """The parts that were drawn since this was asked last."""
    log = list(page.session_state["log"])
    page.session_state["log"].clear()
    return log


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("test-first-alone", ["first"]),
        ("test-inner-alone", ["inner"]),
        ("test-both", ["outer", "inner", "first"]),  # in the page's order, and what lies within another once
        ("test-page", WHOLE),
    ],
)
def test_what_is_noted_is_drawn_where_it_is_read(name: str, drawn: list[str]) -> None:
    page = AppTest.from_function(_parts).run()
    assert _drawn(page) == WHOLE
    page.button(key=f"{name}-button").click().run()
    assert not page.exception and _drawn(page) == drawn


def test_what_an_act_before_asked_for_and_was_not_drawn_is_drawn_with_the_next_act() -> None:
    page = AppTest.from_function(_parts).run()
    page.session_state["log"].clear()
    page.session_state["undrawn"] = {"test-first": None}
    page.button(key="test-inner-alone-button").click().run()
    assert _drawn(page) == ["inner", "first"] and not page.session_state["undrawn"]


def test_where_a_page_was_not_drawn_to_its_end_all_of_it_is_drawn() -> None:
    page = AppTest.from_function(_parts).run()
    page.session_state["log"].clear()
    page.session_state["is_drawn"] = False
    page.button(key="test-first-alone-button").click().run()
    assert _drawn(page) == WHOLE and page.session_state["is_drawn"]

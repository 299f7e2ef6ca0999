"""A click that arrives together with settings of which no run can be made: the page says why, and stays alive."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import explainer, overview, proof, redraw, take_away
from dashboard.redraw import callback
from dashboard.settings import DEFAULTS
from dashboard.state import run_of
from dashboard.tour import card
from dashboard.whole_model import lens
from dashboard.whole_model import map as whole_map
from tests.dashboard.test_page import opened, sentences

CALLBACKS = [
    (take_away._begin, ()), (explainer._answer, (explainer.INFERENCE, {"close": True})), (overview._choose_step, (1,)),
    (overview._choose_station, ("logits",)), (proof._ask, ()), (whole_map._choose, ("layers.0.attention.weights#0",)),
    (lens._type_token, ()), (lens._choose_token, ()), (card._go, ("mask",)), (card._answer, ({"go": "mask"},)),
    (card._answer, ({"leave": True},)), (card._answer, ({"explain": True},)),
]  # fmt: skip


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

    st.session_state.setdefault("text", "")
    st.session_state.update({"typed-lens-token": "x", "choice-lens-token": 1})
    st.query_params["tour"] = "mask"
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
    import streamlit as st

    from dashboard import depth

    st.session_state["text"] = ""
    depth.head_frame()


def test_a_callback_still_draws_again_and_reports_what_is_wrong_with_the_program():
    class Again(BaseException):
        pass

    def failing(error):
        raise error

    callback(failing)(ValueError("refused"))
    for error in (Again(), RuntimeError()):
        with pytest.raises(type(error)):
            callback(failing)(error)


@pytest.mark.parametrize(("looked_at", "drawn"), [
    ({}, set()), ({"cell": "logits/0.3"}, {"explainer"}), ({"tour": "mask"}, {"tour"}), ({"present": 1}, {"tour"}),
])  # fmt: skip
def test_other_dice_draw_the_panel_and_the_tour_again_only_where_they_are_open(monkeypatch, looked_at, drawn):
    chosen, asked = replace(DEFAULTS, **looked_at), []
    monkeypatch.setattr(redraw, "current", lambda: chosen)
    monkeypatch.setattr(redraw.st, "session_state", State(rows=redraw._rows(chosen, run_of(chosen))))
    monkeypatch.setattr(redraw.st, "rerun", asked.append)
    redraw.after_sampling()
    assert asked == [[part for part in redraw.SAMPLER_PARTS if part not in {"explainer", "tour"} - drawn]]


class State(dict):
    """As Streamlit's session state: by attribute too."""

    __setattr__ = dict.__setitem__

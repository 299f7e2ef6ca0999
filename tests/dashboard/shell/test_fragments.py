"""A click that arrives together with settings of which no run can be made: the page says why, and stays alive."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.downloads import menu
from dashboard.explainer import panel
from dashboard.link.settings import DEFAULTS
from dashboard.overview import overview
from dashboard.proof import badge
from dashboard.server.computed import run_of
from dashboard.shell import fragments
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


@pytest.mark.parametrize(
    ("looked_at", "drawn"),
    [
        ({}, set()),
        ({"cell": "logits/0.3"}, {"explainer"}),
        ({"tour": "mask"}, {"tour"}),
        ({"present": 1}, {"tour"}),
    ],
)
def test_other_dice_draw_the_panel_and_the_tour_again_only_where_they_are_open(monkeypatch, looked_at, drawn):
    chosen, asked = replace(DEFAULTS, **looked_at), []
    monkeypatch.setattr(fragments, "current", lambda: chosen)
    monkeypatch.setattr(
        fragments.st, "session_state", State(rows=fragments._rows(chosen, run_of(chosen)), settings=chosen)
    )
    monkeypatch.setattr(fragments.st, "rerun", asked.append)
    fragments.after_sampling()
    parts = [part for part in fragments.SAMPLER_PARTS if part not in {"explainer", "tour"} - drawn]
    assert asked == [[*parts, fragments.DRAWN_TOKEN, fragments.LINKS]]


def test_where_the_same_token_is_drawn_its_column_stands_still(monkeypatch):
    run, asked = run_of(DEFAULTS), []
    monkeypatch.setattr(fragments, "current", lambda: DEFAULTS)
    shown = {fragments.DRAWN_TOKEN: run.steps[0].sampled.id}
    monkeypatch.setattr(fragments.st, "session_state", State(rows=fragments._rows(DEFAULTS, run), **shown))
    monkeypatch.setattr(fragments.st, "rerun", asked.append)
    fragments.after_sampling()
    assert fragments.DRAWN_TOKEN not in asked[0]


class State(dict):
    """As Streamlit's session state: by attribute too."""

    __setattr__ = dict.__setitem__
    __getattr__ = dict.__getitem__

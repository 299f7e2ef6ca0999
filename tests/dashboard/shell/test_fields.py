"""A widget shows what the page has to show, and what one of before tells late is not heard."""

import ast
import re

from streamlit.testing.v1 import AppTest

from tests.helpers.links import widget
from tests.helpers.pages import ROOT


def _two_that_change_one_value():
    import streamlit as st

    from dashboard.shell.fields import choice, field

    state = st.session_state
    state.setdefault("value", 7)

    def take(value):
        state.value = value

    st.number_input("number", 0, 100, step=1, **field("number", state.value, take))
    st.selectbox("list", **choice("list", state.value, list(range(101)), take))
    st.button("roll", key="roll", on_click=take, args=(12,))
    st.text(str(state.value))


def test_all_widgets_of_a_value_show_what_one_of_them_made_it():
    page = AppTest.from_function(_two_that_change_one_value).run()
    page.number_input(key="number").set_value(9).run()
    assert page.text[0].value == "9" and page.number_input(key="number").value == 9
    assert widget(page, "selectbox", "list").value == 9
    widget(page, "selectbox", "list").set_value(30).run()
    assert widget(page, "number_input", "number").value == 30 and page.text[0].value == "30"


def test_a_value_that_a_widget_of_before_tells_again_changes_nothing():
    page = AppTest.from_function(_two_that_change_one_value).run()
    stale = page.number_input(key="number")
    page.button(key="roll").click().run()
    assert page.text[0].value == "12" and widget(page, "number_input", "number").value == 12
    states = page._tree.get_widget_states()
    states.widgets.append(stale.set_value(7)._widget_state)  # as a browser that has not drawn the new one yet
    page = page._run(states)
    assert page.text[0].value == "12" and widget(page, "number_input", "number").value == 12


def _inexact():
    import streamlit as st

    from dashboard.shell.fields import field

    state = st.session_state
    state.setdefault("value", 1.0)

    def take(value):
        state.value = round(value, 2)

    st.slider("share", 0.0, 2.0, step=0.01, **field("share", state.value, take))


def test_a_slider_whose_steps_are_not_exact_stays_the_same_widget():
    page = AppTest.from_function(_inexact).run()
    page.slider(key="share").set_value(0.1 + 0.2).run()
    assert page.session_state["value"] == 0.3
    assert page.slider(key="share").value == 0.1 + 0.2


def names_of_fields() -> set[str]:
    """The keys of all such widgets, as far as they are written down: of a composed one its beginning."""
    found = set()
    for file in (ROOT / "dashboard").rglob("*.py"):
        for call in (n for n in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)):
            if getattr(call.func, "id", "") in ("field", "choice", "segments", "opening") and call.args:
                first = call.args[0].values[0] if isinstance(call.args[0], ast.JoinedStr) else call.args[0]
                if isinstance(first, ast.Constant):
                    found.add(first.value)
    return found


def test_no_style_or_script_knows_a_widget_by_its_whole_key():
    """Its key is another one once the page has changed its value."""
    names = names_of_fields()
    assert {"dice_seed", "choice-panel", "exact-"} <= names
    for file in (f for f in (ROOT / "dashboard").rglob("*") if f.suffix in (".css", ".js", ".py")):
        for whole in re.findall(r"\.st-key-([\w-]+)", file.read_text(encoding="utf-8")):
            assert whole not in names and not whole.startswith("exact-"), f"{file.name}: .st-key-{whole}"

"""A link's values are used where they can be, and refused by name where they cannot."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.settings import DEFAULTS, LONGEST_TEXT, LONGEST_TEXT_HOSTED, Settings, read
from llm_core import Sampling


def test_an_empty_query_gives_no_values_and_refuses_nothing():
    assert read({}) == ({}, [])


def test_every_setting_can_be_read_from_a_link():
    values, refused = read({
        "model": "toy", "text": "hé\nllo", "temperature": "0.5", "dice_seed": "12", "top_k": "5", "top_p": "0.9",
        "new_tokens": "4", "weights_seed": "3", "step": "2", "station": "logits", "token": "1", "v": "1",
    })  # fmt: skip
    assert not refused
    shown = Settings(**values)
    assert shown.text == "hé\nllo" and shown.step == 2 and shown.token == 1
    assert shown.sampling == Sampling(0.5, 5, 0.9, 12)


@pytest.mark.parametrize(("name", "value"), [
    ("model", "no-such-model"), ("temperature", "9"), ("temperature", "-1"), ("temperature", "nan"),
    ("temperature", "inf"), ("temperature", "warm"), ("temperature", ""), ("dice_seed", "-4"), ("dice_seed", "1.5"),
    ("dice_seed", "9" * 30), ("dice_seed", "٣"), ("top_k", "300001"), ("top_p", "0"), ("new_tokens", "0"),
    ("new_tokens", "17"), ("weights_seed", "4294967296"), ("step", "99"), ("station", "moon"), ("token", "-1"),
    ("text", "x" * (LONGEST_TEXT + 1)), ("v", "2"),
])  # fmt: skip
def test_a_value_that_cannot_be_used_is_refused_by_name(name, value):
    values, refused = read({name: value})
    assert name not in values
    assert [r.name for r in refused] == [name]
    assert name in str(refused[0])


def test_a_refusal_says_the_value_and_what_is_used():
    _, (refusal,) = read({"temperature": "9"})
    assert "9" in str(refusal) and str(DEFAULTS.temperature) in str(refusal)


def test_a_long_refused_value_is_shortened():
    _, (refusal,) = read({"text": "x" * (LONGEST_TEXT + 1)})
    assert f"{LONGEST_TEXT + 1:,} characters; at most {LONGEST_TEXT:,}" in str(refusal)
    assert len(str(refusal)) < 250


def test_decimals_are_rounded_to_what_the_slider_shows():
    assert read({"temperature": "0.123456"})[0] == {"temperature": 0.12}


def test_one_visitor_among_many_may_send_less_text(monkeypatch):
    monkeypatch.setenv("HOSTED", "1")
    text = "x" * (LONGEST_TEXT_HOSTED + 1)
    _, (refusal,) = read({"text": text})
    assert f"at most {LONGEST_TEXT_HOSTED:,}" in str(refusal)
    assert read({"text": text[1:]}) == ({"text": text[1:]}, [])


def test_a_part_that_is_drawn_sees_its_settings_change_only_by_its_own_hand():
    page = AppTest.from_function(_held).run()
    assert not page.exception and [text.value for text in page.text] == ["True", "0 2", "2"]


def _held():
    import streamlit as st

    from dashboard import settings

    with settings.held():
        before = settings.current()
        st.text(str(settings.current() is before))
        settings.look_at("step", 2)
        st.text(f"{before.step} {settings.current().step}")
    st.text(str(settings.current().step))

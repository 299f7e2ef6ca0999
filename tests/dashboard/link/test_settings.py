"""A link's values are used where they can be, and refused by name where they cannot."""

from dataclasses import asdict

import pytest

from dashboard.link.settings import DEFAULTS, EARLIER, LONGEST_TEXT, LONGEST_TEXT_HOSTED, Settings, implied, read_link
from llm_core import Sampling


def test_an_empty_query_gives_no_values_and_refuses_nothing():
    assert read_link({}) == ({}, [])


FIRST_SHAPE = (
    "v1,layers:2,dim:16,heads:2,kv:2,hidden:32,kind:relu,position:learned,norm:layernorm,place:pre,residuals:yes,"
    "biases:feedforward,tied:no,context:256"
)


def test_links_of_the_first_version_imply_the_defaults_that_they_were_made_with():
    first = {
        "model": "toy",
        "text": "hello how are you?",
        "temperature": 1.0,
        "dice_seed": 7,
        "top_k": 0,
        "top_p": 1.0,
        "new_tokens": 3,
        "weights_seed": 0,
        "shape": FIRST_SHAPE,
        "dtype": "float32",
        "pooling": "largest",
        "scale": "robust",
        "step": 0,
        "station": "attention",
        "token": None,
        "layer": 0,
        "head": 0,
        "skip_first": 0,
        "panel": "",
        "exact": "",
        "part": "attention.weights",
        "lens_token": None,
        "lens_until": None,
        "lens_window": 16,
        "cell": "",
        "tour": "",
        "proof": 0,
        "present": 0,
    }
    for query in ({"v": "1"}, {"step": "0"}):
        now = asdict(DEFAULTS) | implied(query)
        assert {name: now[name] for name in first} == first
    assert set(EARLIER["1"]) <= set(first)


def test_every_setting_can_be_read_from_a_link():
    values, refused = read_link(
        {
            "model": "toy",
            "text": "hé\nllo",
            "temperature": "0.5",
            "dice_seed": "12",
            "top_k": "5",
            "top_p": "0.9",
            "new_tokens": "4",
            "weights_seed": "3",
            "step": "2",
            "station": "logits",
            "token": "1",
            "v": "2",
        }
    )
    assert not refused
    shown = Settings(**values)
    assert shown.text == "hé\nllo" and shown.step == 2 and shown.token == 1
    assert shown.sampling == Sampling(0.5, 5, 0.9, 12)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "no-such-model"),
        ("temperature", "9"),
        ("temperature", "-1"),
        ("temperature", "nan"),
        ("temperature", "inf"),
        ("temperature", "warm"),
        ("temperature", ""),
        ("dice_seed", "-4"),
        ("dice_seed", "1.5"),
        ("dice_seed", "9" * 30),
        ("dice_seed", "٣"),
        ("top_k", "300001"),
        ("top_p", "0"),
        ("new_tokens", "0"),
        ("new_tokens", "17"),
        ("weights_seed", "4294967296"),
        ("step", "99"),
        ("station", "moon"),
        ("token", "-1"),
        ("text", "x" * (LONGEST_TEXT + 1)),
        ("v", "3"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(name, value):
    values, refused = read_link({name: value})
    assert name not in values
    assert [r.name for r in refused] == [name]
    assert name in str(refused[0])


def test_a_refusal_says_the_value_and_what_is_used():
    _, (refusal,) = read_link({"temperature": "9"})
    assert "9" in str(refusal) and str(DEFAULTS.temperature) in str(refusal)


def test_a_text_is_quoted_where_a_sentence_says_it():
    _, (refusal,) = read_link({"text": "x" * (LONGEST_TEXT + 1)})
    assert str(refusal).startswith("The link says text = “xxx")
    assert str(refusal).endswith(f"), so “{DEFAULTS.text}” is used instead.")


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("cell", "no cell is explained"), ("tour", "the tour does not start"), ("panel", "nothing else is shown")],
)
def test_what_is_left_out_is_not_said_to_stand_for_something(name, outcome):
    _, (refusal,) = read_link({name: "moon"})
    assert str(refusal).endswith(f", so {outcome}.")


def test_a_long_refused_value_is_shortened():
    _, (refusal,) = read_link({"text": "x" * (LONGEST_TEXT + 1)})
    assert f"{LONGEST_TEXT + 1:,} characters; at most {LONGEST_TEXT:,}" in str(refusal)
    assert len(str(refusal)) < 250


def test_decimals_are_rounded_to_what_the_slider_shows():
    assert read_link({"temperature": "0.123456"})[0] == {"temperature": 0.12}


def test_one_visitor_among_many_may_send_less_text(monkeypatch):
    monkeypatch.setenv("HOSTED", "1")
    text = "x" * (LONGEST_TEXT_HOSTED + 1)
    _, (refusal,) = read_link({"text": text})
    assert f"at most {LONGEST_TEXT_HOSTED:,}" in str(refusal)
    assert read_link({"text": text[1:]}) == ({"text": text[1:]}, [])

"""The Inference page, run by Streamlit's AppTest: without a browser, so without the parts drawn there."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from llm_core import catalogue

APP = Path(__file__).parents[2] / "app.py"


def opened(**query: str) -> AppTest:
    page = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def drawn(page: AppTest) -> list[dict]:
    """The figures on the page."""
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def matrices(page: AppTest) -> set[str]:
    return {t["meta"]["matrix"] for figure in drawn(page) for t in figure["data"] if "matrix" in t.get("meta", {})}


def next_token(page: AppTest) -> dict:
    """What the card beside the matrices shows."""
    cards = [json.loads(c.proto.json) for c in page.get("bidi_component") if c.proto.json]
    return next(card for card in cards if "runners" in card)


def sentences(page: AppTest) -> str:
    return "\n".join(text.value for text in page.text)


@pytest.fixture(scope="module")
def page() -> AppTest:
    """The page as it opens; tests that use it change nothing."""
    return opened()


def test_the_page_opens_without_an_error(page):
    assert not page.exception
    assert page.title[0].value.startswith("A language model guesses the next piece of text.")


def test_all_matrices_and_weights_of_the_toy_are_shown(page, toy):
    names = [entry.name for entry in (*catalogue.matrices(toy.config), *catalogue.weights(toy.config))]
    assert set(names) <= matrices(page)


def test_there_are_at_most_twelve_charts(page):
    assert len(drawn(page)) <= 12


def test_the_reading_rule_is_printed_once(page):
    assert sum("One row = one token" in caption.value for caption in page.caption) == 1


def test_the_sampled_token_has_its_probability_and_five_runners_up(page):
    card = next_token(page)
    assert card["token"] and [word for _, word, _ in card["facts"]] == ["probability", "chance", "drawn with"]
    assert len(card["runners"]) == 5


def test_another_dice_seed_changes_the_rows_of_a_decode_step():
    page = opened(step="1")
    before = drawn(page)
    page.number_input(key="dice_seed").set_value(99).run()
    assert len(drawn(page)) == len(before) and drawn(page) != before


def test_greedy_takes_the_most_likely_token():
    page = opened(temperature="0")
    card = next_token(page)
    assert ["100 %", "drawn with"] in [fact[:2] for fact in card["facts"]]
    top = opened(top_k="1")
    assert next_token(top)["token"] == card["token"]


def test_another_dice_seed_draws_another_token_and_no_matrix_of_prefill_is_sent_again():
    page = opened()
    token = next_token(page)["token"]
    page.number_input(key="dice_seed").set_value(99).run()  # AppTest then holds what was sent, and no more
    assert next_token(page)["token"] != token
    assert not matrices(page) and len(drawn(page)) == 1
    assert any("the sampler comes after the model" in caption.value for caption in page.caption)


def test_other_weights_make_other_matrices():
    page = opened()
    before = drawn(page)
    page.number_input(key="weights_seed").set_value(1).run()
    assert not page.exception and drawn(page) != before


def test_an_example_fills_the_text():
    page = opened()
    page.button(key="example-Echo").click().run()
    assert page.text_area(key="text").value == "again and again and again"
    assert not page.exception and drawn(page)


def test_a_link_opens_its_step_station_and_token():
    page = opened(step="2", station="sample", token="1")
    assert not sentences(page)
    names = [t["meta"] for figure in drawn(page) for t in figure["data"] if "matrix" in t.get("meta", {})]
    keys = [meta for meta in names if meta["matrix"] == "layers.0.attention.weights"]
    assert keys[0]["row_start"] == 6 and keys[0]["column_count"] == 7


def test_the_link_carries_a_version(page):
    assert page.query_params["v"] in ("1", ["1"])


@pytest.mark.parametrize(("text", "sentence"), [
    ("   ", "The text is blank"), ("", "The text is blank"), ("word " * 400, "401 tokens"),
])  # fmt: skip
def test_text_that_cannot_be_run_is_refused_and_the_page_stays_alive(text, sentence):
    page = opened(text=text)
    assert not page.exception and not drawn(page)
    assert sentence in sentences(page)
    page.text_area(key="text").set_value("hello").run()
    assert drawn(page) and sentence not in sentences(page)


@pytest.mark.parametrize("text", [
    "\x00\x07\x1b[0m", "x" * 900, "<script>alert(1)</script>", "![](http://example.invalid/x.png)", "\u202eesrever",
    *(pytest.param(text, marks=pytest.mark.slow) for text in [
        "مرحبا بالعالم", "👩‍👩‍👧 🦜", "**bold** `code` # title", r"$\frac{1}{2}$", "a\r\n\tb"]),
])  # fmt: skip
def test_text_that_looks_like_trouble_runs_and_is_never_markup(text):
    page = opened(text=text)
    assert not page.exception and drawn(page) and not sentences(page)
    for element in (*page.markdown, *page.caption):
        assert text not in element.value


@pytest.mark.parametrize(("name", "value"), [
    ("temperature", "9"), ("temperature", "warm"), ("dice_seed", "-4"), ("top_k", "inf"), ("model", "nothing"),
    ("station", "moon"), ("step", "9"), ("token", "500"), ("weights_seed", "4294967296"), ("new_tokens", "0"),
    *(pytest.param(name, value, marks=pytest.mark.slow) for name, value in [
        ("temperature", "0.004"), ("temperature", "0_1"), ("temperature", "nan"), ("dice_seed", "1e999")]),
])  # fmt: skip
def test_a_links_unusable_value_gives_way_to_the_default_and_the_page_says_so(page, name, value):
    found = opened(**{name: value})
    assert not found.exception
    assert f"{name} = {value}" in sentences(found)
    assert [trace for figure in drawn(found) for trace in figure["data"]] == [
        trace for figure in drawn(page) for trace in figure["data"]
    ]


def test_what_the_page_said_about_a_link_goes_when_a_setting_changes():
    page = opened(temperature="9")
    page.number_input(key="new_tokens").set_value(2).run()
    assert not sentences(page)


def test_two_visitors_see_their_own_runs():
    one, other = opened(text="one"), opened(text="two")
    one.number_input(key="dice_seed").set_value(5).run()
    assert next_token(other) == next_token(opened(text="two"))
    assert next_token(one) == next_token(opened(text="one", dice_seed="5"))


def test_a_link_that_looks_beyond_the_run_is_told_how_far_it_goes():
    said = sentences(opened(step="9", token="77"))
    assert "step = 9, which cannot be used (here it goes from 0 to 2)" in said
    assert "token = 77, which cannot be used (here it goes from 0 to 7)" in said

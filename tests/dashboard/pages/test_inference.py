"""The Inference page, run by Streamlit's AppTest: without a browser, so without the parts drawn there."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.browser.next_token import DRAWN, SAME_CHANCE
from dashboard.link import shape as shapes
from dashboard.link.settings import DEFAULTS, EARLIER, LINK_VERSION, Settings, link_query
from dashboard.server.computed import run_of
from dashboard.server.rude_words import REMARK
from llm_core import Sampling, catalogue, generate
from tests.helpers.links import link_of, widget
from tests.helpers.pages import (
    APP,
    as_json,
    drawn,
    matrices,
    next_token,
    opened,
    pictures,
    run_file_page,
    saved,
    sentences,
    texts_above,
    whole_model,
)


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
    assert sum("Each row is a [token]" in caption.value for caption in page.caption) == 1


def test_the_sampled_token_has_its_probability_and_the_five_most_likely_beside_it(page, toy):
    card = next_token(page)
    assert card["token"] and [word for _, word, _ in card["facts"]] == ["probability", SAME_CHANCE, DRAWN]
    best = generate(toy, DEFAULTS.text, 1, DEFAULTS.sampling).steps[0].sampled.stages[0].probabilities.topk(5)
    assert [label for label, *_ in card["runners"]] == [toy.tokenizer.label(i) for i in best.indices.tolist()]


def test_the_card_says_how_the_token_was_chosen_and_which_one_was_the_most_likely(page):
    card = next_token(page)
    likeliest = card["runners"][0][0]
    assert card["token"] != likeliest and card["choice"] == f"The dice chose it. The most likely token was {likeliest}."
    greedy = next_token(opened(temperature="0"))
    assert greedy["token"] == greedy["runners"][0][0] and greedy["choice"] == "It is the most likely token."
    only = next_token(opened(top_k="1"))
    assert only["choice"] == "The dice chose it. It was also the most likely token."


def test_another_dice_seed_changes_the_rows_of_a_decode_step():
    page = opened(step="1")
    before = drawn(page)
    page.number_input(key="dice_seed").set_value(99).run()
    assert len(drawn(page)) == len(before) and drawn(page) != before


def test_greedy_takes_the_most_likely_token():
    page = opened(temperature="0")
    card = next_token(page)
    assert ["100 %", DRAWN] in [fact[:2] for fact in card["facts"]]
    top = opened(top_k="1")
    assert next_token(top)["token"] == card["token"]


def test_another_dice_seed_draws_another_token_and_of_prefill_only_the_tokens_columns_are_sent_again(toy):
    page = opened()
    token = next_token(page)["token"]
    page.number_input(key="dice_seed").set_value(99).run()  # AppTest then holds what was sent, and no more
    assert next_token(page)["token"] != token
    sent = [t["meta"] for figure in drawn(page) for t in figure["data"] if "matrix" in t.get("meta", {})]
    assert (
        matrices(page)
        == {"layers.0.feedforward.hidden", "unembedding.weight", "unembedding.bias", "logits", "probabilities"}
        and len(drawn(page)) == 2
    )
    drawn_id = generate(toy, DEFAULTS.text, 1, Sampling(seed=99)).new_ids[0]
    assert all(drawn_id in meta["origin"]["columns"] for meta in sent if meta["matrix"] in ("logits", "probabilities"))
    assert any("These matrices have not changed" in caption.value for caption in page.caption)


def test_other_weights_make_other_matrices():
    page = opened()
    before = drawn(page)
    page.number_input(key="weights_seed").set_value(1).run()
    assert not page.exception and drawn(page) != before


def test_an_example_fills_the_text():
    page = opened()
    page.button(key="example-Echo").click().run()
    assert widget(page, "text_area", "text").value == "tick tock tick tock tick"
    assert not page.exception and drawn(page)


def test_rude_words_are_masked_unless_they_were_typed_and_the_page_says_so(page):
    shown = opened(text="oh shit again and again and again")
    labels = str(drawn(shown)) + str([c.proto.json for c in shown.get("bidi_component")])
    assert "•••" in labels and "␣shit" in labels
    assert any(REMARK in caption.value for caption in shown.caption)
    assert not any(REMARK in caption.value for caption in page.caption)


@pytest.mark.parametrize(("text", "said"), [("a 👩 b", True), ("a cat", False)])
def test_tokens_that_are_shown_by_their_bytes_are_explained(text, said):
    captions = " ".join(caption.value for caption in opened(text=text, new_tokens="1", top_k="1").caption)
    assert ("is shown by its bytes." in captions) == said


def test_a_limit_of_this_run_is_named_where_a_link_asks_for_more():
    assert "The link says head = -1, which cannot be used (this run has only head 0)" in sentences(opened(head="-1"))
    said = sentences(opened(model="gpt2-nano", head="x"))
    assert "(this run has the heads 0 to 2)" in said


def test_a_text_that_is_too_long_is_called_a_text_and_the_remedy_is_a_sentence():
    said = sentences(opened(text="a " * 300))
    assert "tokens. This model can read at most 256. Make the text shorter, or choose another model." in said


def test_a_link_opens_its_step_station_and_token():
    page = opened(step="2", station="sample", token="1")
    assert not sentences(page)
    names = [t["meta"] for figure in drawn(page) for t in figure["data"] if "matrix" in t.get("meta", {})]
    keys = [meta for meta in names if meta["matrix"] == "layers.0.attention.weights"]
    assert keys[0]["row_start"] == 6 and keys[0]["column_count"] == 7


def test_the_link_carries_a_version(page):
    assert link_of(page)["v"] == LINK_VERSION


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"utm_source": "a-letter"}, DEFAULTS.text),
        ({"v": "1", "fp": "0"}, EARLIER["1"]["text"]),
        *(
            pytest.param(*values, marks=pytest.mark.slow)
            for values in [
                ({}, DEFAULTS.text),
                ({"v": "2"}, DEFAULTS.text),
                ({"temperature": "0"}, EARLIER["1"]["text"]),
                ({"v": "1", "text": "my own"}, "my own"),
            ]
        ),
    ],
)
def test_a_link_keeps_its_meaning_when_a_default_changes(query, text):
    page = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert page.text_area(key="text").value == text and not page.exception
    page.number_input(key="new_tokens").set_value(1).run()
    assert page.run().text_area(key="text").value == text


def test_the_button_runs_and_the_page_says_which_keys_do(page):
    assert page.button(key="run").label == "Run"
    assert any("Press Enter to run the text" in caption.value for caption in page.sidebar.caption)
    other = opened()
    other.text_area(key="text").set_value("typed, not yet run")
    other.button(key="run").click().run()
    assert next_token(other)["after"] == "␣run" and not other.exception


def test_new_tokens_say_their_limit_before_one_tries(page):
    assert "1 to 16" in page.number_input(key="new_tokens").label


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("   ", "The text is blank"),
        ("", "The text is blank"),
        ("word " * 400, "401 tokens"),
    ],
)
def test_text_that_cannot_be_run_is_refused_and_the_page_stays_alive(text, sentence):
    page = opened(text=text)
    assert not page.exception and not drawn(page)
    assert sentence in sentences(page)
    page.text_area(key="text").set_value("hello").run()
    assert drawn(page) and sentence not in sentences(page)


@pytest.mark.parametrize(
    "text",
    [
        "\x00\x07\x1b[0m",
        "x" * 900,
        "<script>alert(1)</script>",
        "![](http://example.invalid/x.png)",
        "\u202eesrever",
        *(
            pytest.param(text, marks=pytest.mark.slow)
            for text in ["مرحبا بالعالم", "👩‍👩‍👧 🦜", "**bold** `code` # title", r"$\frac{1}{2}$", "a\r\n\tb"]
        ),
    ],
)
def test_text_that_looks_like_trouble_runs_and_is_never_markup(text):
    page = opened(text=text)
    assert not page.exception and drawn(page) and not sentences(page)
    assert not any(text in said for said in texts_above(page))
    for element in (*page.markdown, *page.caption):
        assert text not in element.value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", "9"),
        ("temperature", "warm"),
        ("dice_seed", "-4"),
        ("top_k", "inf"),
        ("model", "nothing"),
        ("station", "moon"),
        ("step", "9"),
        ("token", "500"),
        ("weights_seed", "4294967296"),
        ("new_tokens", "0"),
        *(
            pytest.param(name, value, marks=pytest.mark.slow)
            for name, value in [
                ("temperature", "0.004"),
                ("temperature", "0_1"),
                ("temperature", "nan"),
                ("dice_seed", "1e999"),
            ]
        ),
    ],
)
def test_a_links_unusable_value_gives_way_to_the_default_and_the_page_says_so(page, name, value):
    found = opened(**{name: value})
    assert not found.exception
    assert f"{name} = {value if name != 'text' else f'“{value}'}" in sentences(found)
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
    assert "step = 9, which cannot be used (this run has the steps 0 to 2)" in said
    assert "token = 77, which cannot be used (this run has the tokens 0 to 7)" in said
    said = sentences(opened(new_tokens="1", layer="1", step="1", head="3"))
    assert all(f"(this run has only {name} 0)" in said for name in ("layer", "step", "head"))


@pytest.mark.parametrize("new_tokens", [1, 2])
@pytest.mark.parametrize("open_page", [opened, whole_model, run_file_page])
def test_what_there_is_one_of_is_said_in_the_singular(open_page, new_tokens):
    shape = "v1,layers:1,dim:2,heads:1,kv:1,hidden:1,kind:relu,position:none,norm:none,context:16"
    chosen = Settings(
        model="custom", shape=shapes.shape_text(shapes.read_shape(shape)), text="hi", new_tokens=new_tokens
    )
    if open_page is run_file_page:
        page = open_page(saved(run_of(chosen), []))
    else:
        page = open_page(**(link_query(chosen) | {"step": str(new_tokens - 1), "station": "attention"}))
    assert not page.exception
    said = [element.value for element in (*page.text, *page.caption, *page.markdown)]
    said += [text for each in pictures(page) for text in (each.text, each.alternative, str(as_json(each)))]
    said += [c.proto.json for c in page.get("bidi_component")]
    for text in said:
        found = re.search(r"(?<![\w.,/×·-])(?<!of )1 (?:new )?\[?(?!is\b|has\b|was\b)[a-z]+s\b.{0,30}", text)
        assert not found, found

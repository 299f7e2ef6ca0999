"""A random model's rude tokens are masked on the page; what visitors type, and real models, are not."""

import copy

import pytest

from dashboard.link.models import Key
from dashboard.link.settings import DEFAULTS
from dashboard.model_choice.words import EXAMPLES
from dashboard.overview.overview import RUNNERS, tokens_in_view
from dashboard.server import rude_words
from dashboard.server.build import build_model
from llm_core import PRESETS, generate
from llm_core.model.tokenizer import gpt2_tokenizer

RUDE = " shit"
UNLISTED = (
    "␣retarded ␣retard ␣raped raped ␣Nazi ␣Nazis ␣prostitute ␣prostitutes ␣pornographic ␣crappy ␣vaginal ␣sperm "
    "␣erection"
)
HARMLESS = (
    "␣Cummings ␣Santorum XX xx ␣OMG ␣lust ␣escort ␣balls ␣domination ␣Mong ␣Kum ␣butter ␣analy asser ␣damning ␣sexes "
    "␣Dickens ␣pants ␣pubs ␣horns ␣busted ␣assists ␣spicy"
)


@pytest.fixture(scope="module")
def toy_on_the_page():
    return build_model(Key("toy"), lambda doing, share: None)


@pytest.mark.parametrize("text", [" Shit", "shit", "SHITS", " bitch", '"crap', "tits", "\n arse", *UNLISTED.split()])
def test_a_whole_token_is_rude_however_it_is_written(text):
    assert rude_words.is_vulgar(text)


@pytest.mark.parametrize(
    "text",
    [
        " Scunthorpe",
        " cocktail",
        " assess",
        "assess",
        "class",
        " lens",
        "Essex",
        " gay",
        "spices",
        " the",
        "",
        "␣",
        " 45",
        "⟨F0 9F⟩",
        "Dickens",
        "hello",
        "passes",
        *HARMLESS.split(),
    ],
)
def test_other_words_stay_as_they_are(text):
    assert not rude_words.is_vulgar(text) and rude_words.masked(text) == text


def test_its_first_letter_is_left_and_the_spaces_before_it():
    assert rude_words.masked("␣Shit") == "␣S•••" and rude_words.masked('"crap') == '"c•••'


def test_ids_and_numbers_stay_and_the_engine_shows_all(toy_on_the_page, toy):
    (rude,) = toy_on_the_page.tokenizer.encode(RUDE)
    assert toy_on_the_page.tokenizer.label(rude) == "␣s•••" and toy_on_the_page.tokenizer.text(rude) == RUDE
    assert gpt2_tokenizer().label(rude) == toy.tokenizer.label(rude) == "␣shit"
    assert toy_on_the_page.weights.version == toy.weights.version and toy_on_the_page.tokenizer.decode([rude]) == RUDE
    step = generate(toy_on_the_page, "hello", 1).steps[0]
    assert step.matrix("logits").labels[-1][rude] == "␣s•••"  # whatever shows columns reads these
    assert step.logits.equal(generate(toy, "hello", 1).steps[0].logits)


def test_what_was_typed_is_shown_as_it_was_typed(toy_on_the_page):
    model = rude_words.labelled_as_typed(toy_on_the_page, "oh" + RUDE)
    typed, other = model.tokenizer.encode(RUDE)[0], model.tokenizer.encode(" fuck")[0]
    assert model.tokenizer.label(typed) == "␣shit" and model.tokenizer.label(other) == "␣f•••"
    assert model.embedding is toy_on_the_page.embedding and model.weights.version == toy_on_the_page.weights.version
    assert rude_words.labelled_as_typed(toy_on_the_page, "hello") is toy_on_the_page
    assert toy_on_the_page.tokenizer.label(typed) == "␣s•••", "others have not typed it"


def test_only_random_models_mask(toy):
    real = copy.copy(toy)
    assert rude_words.labelled_as_typed(real, RUDE) is real
    assert not rude_words.mask_remark(real.tokenizer, real.tokenizer.encode(RUDE))


def test_where_a_token_is_masked_a_sentence_says_so(toy_on_the_page):
    tokenizer = toy_on_the_page.tokenizer
    assert rude_words.mask_remark(tokenizer, tokenizer.encode(RUDE)) == rude_words.REMARK
    assert not rude_words.mask_remark(tokenizer, tokenizer.encode("hello"))


def test_the_sentence_stands_only_where_a_masked_token_is_shown(monkeypatch):
    model = build_model(Key("gpt2-nano"), lambda doing, share: None)
    step = generate(model, "The capital of France is", 1).steps[0]
    beside, in_logits = (tokens_in_view(step, station) for station in ("attention", "logits"))
    assert {*step.run.ids} <= beside < in_logits and len(beside) <= len(step.run.ids) + RUNNERS
    (far,) = list(in_logits - beside)[:1]
    monkeypatch.setattr(model.tokenizer, "masks", lambda token_id: token_id == far)
    shown = [bool(rude_words.mask_remark(model.tokenizer, ids)) for ids in (beside, in_logits)]
    assert shown == [False, True]


def test_a_token_of_dots_is_not_taken_for_a_masked_one(toy_on_the_page):
    (dots,) = toy_on_the_page.tokenizer.encode("••••")
    assert not rude_words.mask_remark(toy_on_the_page.tokenizer, [dots])
    assert not rude_words.remark_on(["••••", "␣hello"]) and rude_words.remark_on(["␣s•••"]) == rude_words.REMARK
    assert rude_words.labelled_as_typed(toy_on_the_page, "••••") is toy_on_the_page


@pytest.mark.parametrize("preset", PRESETS)
def test_the_first_text_and_the_examples_draw_no_rude_token(preset):
    model = build_model(Key(preset), lambda doing, share: None)
    for text in (DEFAULTS.text, *EXAMPLES.values()):
        run = generate(model, text, DEFAULTS.new_tokens, DEFAULTS.sampling)
        assert not rude_words.mask_remark(model.tokenizer, run.new_ids), text


def test_of_a_vocabulary_few_words_are_masked_and_none_of_them_is_long():
    """Whoever changes a list reads what becomes masked by it: this holds the number, not the words."""
    labels = list(map(gpt2_tokenizer().label, range(gpt2_tokenizer().size)))
    masked = [label for label in labels if rude_words.is_vulgar(label)]
    assert 140 <= len(masked) <= 160 and max(map(len, masked)) <= 14


def test_files_of_data_hold_the_real_labels_and_nothing_is_computed_for_them(toy_on_the_page):
    run = generate(toy_on_the_page, "hello", 2)
    (rude,) = toy_on_the_page.tokenizer.encode(RUDE)
    real = rude_words.unmasked(run)
    assert real.steps[0].matrix("logits").labels[-1][rude] == "␣shit"
    assert run.steps[0].matrix("logits").labels[-1][rude] == "␣s•••"
    assert real.nodes is run.nodes and real.model.embedding is run.model.embedding
    assert real.new_ids == run.new_ids and all(each.tokenizer is real.model.tokenizer for each in real.choices)
    assert rude_words.unmasked(real) is real

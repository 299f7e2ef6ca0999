"""The glossary: each technical word has its tip where it first stands, and only our own texts are marked."""

import re

import pytest

from dashboard.link.shape import MEANINGS
from dashboard.matrices.equations import equations
from dashboard.matrices.pictures import Look
from dashboard.matrices.sections import SECTION_TITLES, texts_of
from dashboard.model_choice.words import OF_TOY
from dashboard.shell.glossary import GLOSSARY, found, glossary_key, glossary_words, marked, marked_one, tips
from llm_core import PRESETS, catalogue, generate, random_model
from llm_core.catalogue.part_titles import ACTIVATION_TITLES, NORM_TITLES
from tests.helpers.pages import opened, sentences, texts_above, whole_model
from tests.helpers.small_models import CONFIGS

LINK = re.compile(r"\[([^\]]+)\]\(#word-([a-z-]+)\)")
NEEDED = (
    "token",
    "embedding",
    "query",
    "key",
    "value",
    "attention",
    "head",
    "KV head",
    "mask",
    "softmax",
    "logits",
    "probability",
    "temperature",
    "top-k",
    "top-p",
    "seed",
    "residual stream",
    "norm",
    "feed-forward",
    "activation",
    "prefill",
    "decode",
    "KV cache",
    "logit lens",
    "weight",
    "bias",
    "RoPE",
    "vocabulary",
    "parameters",
    "greedy",
    "prompt",
    "fingerprint",
    "float64",
    "GGUF",
    "Hub id",
)


def check_marks(texts: list[str]) -> None:
    """Each word is a link where it first stands in these texts, and nowhere else."""
    plain = [LINK.sub(r"\1", text) for text in texts]
    first = {}
    for text in plain:
        for form, key in found(text):
            first.setdefault(key, form)
    links = [match for text in texts for match in LINK.findall(text)]
    assert links == [(form, key) for key, form in first.items()]
    assert list(marked(*plain)) == list(texts)


@pytest.mark.parametrize("name", [*PRESETS, *CONFIGS])
def test_every_title_of_the_catalogue_has_a_technical_word_that_is_explained(name):
    config = PRESETS.get(name) or CONFIGS[name]
    for entry in (*catalogue.matrices(config), *catalogue.weights(config)):
        assert found(entry.title), entry.title


@pytest.mark.parametrize("name", CONFIGS)
def test_in_every_section_of_the_page_each_word_is_explained_where_it_first_stands(name):
    config = CONFIGS[name]
    run = generate(random_model(config, seed=3), [5, 9, 5, 7], 1)
    look = Look(config.layers - 1)
    rows = equations(run.steps[0], look, None)
    texts = texts_of(rows, config, look)
    for station in {row.station for row in rows}:
        section = [texts[f"section-{station}"], *(texts[row.key] for row in rows if row.station == station)]
        check_marks(section)
        assert LINK.search(texts[f"section-{station}"]), "its meaning has no technical word"


def test_the_words_that_a_reader_may_not_know_are_there():
    assert all(word.lower() in glossary_key() for word in NEEDED)
    assert all(found(meaning) for _, meaning in SECTION_TITLES.values())


def test_the_name_of_every_function_has_a_tip():
    for title in (*ACTIVATION_TITLES.values(), *(title for kind, title in NORM_TITLES.items() if kind != "none")):
        assert title.lower() in glossary_key(), title


def test_a_word_has_no_tip_of_another_meaning():
    assert not found("1,024 or more positions back")
    titles = [meaning for _, meaning in SECTION_TITLES.values()]
    logits = [catalogue.matrix(config, "logits").meaning for config in CONFIGS.values()]
    assert not any(
        key == "score" for text in (*titles, *logits, glossary_words()["logits"].tip) for _, key in found(text)
    )
    assert "random model" in glossary_words()["weight"].tip


@pytest.mark.parametrize("page", [opened, whole_model])
def test_what_is_said_of_the_model_and_its_matrices_has_tips(page):
    shown = page(
        model="custom", shape="v1,layers:2,dim:16,heads:4,kv:2,hidden:32,kind:swiglu,position:rope", part="attention.k"
    )
    texts = [element.value for element in (*shown.caption, *shown.markdown)] + texts_above(shown)
    for sentence, key in (("random [parameters]", "parameters"), ("share [KV head]", "kv-head")):
        assert any(f"{sentence}(#word-{key})" in text for text in texts), sentence
    if page is whole_model:
        assert any("[attention sink](#word" in text or "matrices are sound" in text for text in texts)


@pytest.mark.parametrize("start", ["toy", "gpt2-nano", "llama-nano"])
def test_in_the_shape_dialog_each_word_is_explained_where_it_first_stands(start):
    page = opened()
    page.selectbox(key="model").set_value("+shape").run()
    page.selectbox(key="shape-start").set_value(start).run()
    texts = [caption.value for caption in page.caption]
    first = next(i for i, text in enumerate(texts) if LINK.sub(r"\1", text) in (OF_TOY, MEANINGS["layers"]))
    dialog = [*texts[first:], page.markdown[-1].value]
    check_marks(dialog)
    assert {"layer", "head", "kv-head", "norm", "parameters"} <= {key for _, key in LINK.findall(" ".join(dialog))}


def test_a_tip_is_one_or_two_sentences_of_plain_text():
    forms = [form.lower() for word in glossary_words().values() for form in word.forms]
    assert len(forms) == len(set(forms)), "a form leads to one word"
    for key, (title, tip) in tips().items():
        assert re.fullmatch("[a-z-]+", key) and title
        assert tip[0].isupper() and tip.endswith((".", "?")) and len(tip) <= 200, tip
        assert 1 <= len(re.findall(r"[.?](?: |$)", tip)) <= 2, tip
        assert not re.search("[<>`*_\\[\\]]", tip), tip


def test_code_links_and_icons_are_left_as_they_are_and_the_longest_form_counts():
    text = ":material/key: `key = X W_k` [key](#there) a KV cache of keys"
    assert marked_one(text) == (
        ":material/key: `key = X W_k` [key](#there) a [KV cache](#word-kv-cache) of [keys](#word-key)"
    )
    assert marked_one("a turnkey keyboard, key-value") == "a turnkey keyboard, key-value"


def test_a_file_that_cannot_be_read_says_so(tmp_path):
    file = tmp_path / GLOSSARY.name
    file.write_text("[token]\nforms = 3\n")
    with pytest.raises(ValueError, match=r"glossary\.toml cannot be read"):
        glossary_words(file)


def test_words_are_explained_where_the_text_is_refused_too() -> None:
    page = opened(text="   ")
    assert "blank" in sentences(page)
    assert any("word-layer" in c.proto.json or '"layer"' in c.proto.json for c in page.get("bidi_component"))

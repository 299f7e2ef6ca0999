"""A GGUF file's tokenizer: each of its settings is heeded, or refused by its name.

Right values come from the `tokenizers` library on a tokenizer of the same parts, the sentencepiece library, or by hand.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor

from llm_core.model.tokenizer import gpt2_tokenizer
from llm_core.weights.gguf.tokenizer import RULES, read_gguf_tokenizer
from tests.helpers.tokenizers_on_disk import pieces, sentencepiece_model

LETTERS = sorted(gpt2_tokenizer().backend.get_vocab(), key=gpt2_tokenizer().backend.get_vocab().get)[:256]
WORDS = ["he", "ll", "hell", "hello", "11", "ĊĊ", "ĠĠ", "<|user|>", "hel"]
TOKENS = ["<s>", "</s>", *LETTERS, *WORDS]
NUMBER = {token: i for i, token in enumerate(TOKENS)}
TYPES = [3, 3, *([1] * 256), *([1] * 7), 4, 1]


def bpe(**changes) -> dict:
    """The settings of a small byte-level BPE; one that is None is left out."""
    settings = {
        "model": "gpt2",
        "pre": "gpt-2",
        "tokens": TOKENS,
        "token_type": TYPES,
        "bos_token_id": 0,
        "merges": ["h e", "l l", "he ll", "hell o", "1 1", "Ċ Ċ", "Ġ Ġ"],
        **changes,
    }
    return {f"tokenizer.ggml.{name}": value for name, value in settings.items() if value is not None}


def cut(text: str, **changes) -> list[str]:
    """A text's tokens."""
    return [TOKENS[i] for i in read_gguf_tokenizer(bpe(**changes)).encode(text)]


# ---- byte-level BPE -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pre", "text", "right"),
    [
        ("gpt-2", "hello 11\n\n1", ["hello", "Ġ", "11", "Ċ", "Ċ", "1"]),
        ("smollm", "hello 11\n\n1", ["hello", "Ġ", "1", "1", "ĊĊ", "1"]),
        ("qwen2", "hello 11\n\n1", ["hello", "Ġ", "1", "1", "ĊĊ", "1"]),
        ("llama-bpe", "hello 1111", ["<s>", "hello", "Ġ", "11", "1", "1"]),
        ("dbrx", "hello 1111", ["hello", "Ġ", "11", "1", "1"]),
        ("default", "hello 1111", ["hello", "Ġ", "11", "1", "1"]),
        (None, "hello 1111", ["hello", "Ġ", "11", "1", "1"]),
        ("gpt-4o", "hello 1111", ["hello", "Ġ", "11", "1", "1"]),
        ("tekken", "hello 11\n\n1", ["<s>", "hello", "Ġ", "1", "1", "ĊĊ", "1"]),
        ("deepseek-coder", "hello11\n\n", ["hello", "1", "1", "Ċ", "Ċ"]),
        ("deepseek-v3", "hello 1111", ["hello", "Ġ", "11", "1", "1"]),
    ],
)
def test_words_are_found_by_the_rule_that_the_file_names(pre, text, right):
    assert cut(text, pre=pre) == right


def test_a_word_that_is_a_token_is_that_token_where_its_family_says_so():
    assert cut("hel", pre="dbrx") == ["he", "l"]  # no merge makes it
    assert cut("hel", pre="llama-bpe", add_bos_token=False) == ["hel"]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_whatever_the_rule_every_text_comes_back(by_each_rule, text):
    for tokenizer in by_each_rule:
        assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.fixture(scope="module")
def by_each_rule():
    one_name_of_each = {rule: name for name, rule in RULES.items()}.values()
    return [read_gguf_tokenizer(bpe(pre=pre, add_bos_token=False)) for pre in one_name_of_each]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_gpt2s_own_vocabulary_has_gpt2s_ids(all_of_gpt2, text):
    assert all_of_gpt2.encode(text) == gpt2_tokenizer().encode(text)


@pytest.fixture(scope="module")
def all_of_gpt2(tmp_path_factory):
    gpt2_tokenizer().backend.model.save(str(tmp_path_factory.mktemp("gpt2")))
    lines = (tmp_path_factory.getbasetemp() / "gpt20" / "merges.txt").read_text(encoding="utf-8").split("\n")
    vocabulary = gpt2_tokenizer().backend.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.get)
    types = [1] * (len(tokens) - 1) + [3]
    return read_gguf_tokenizer(
        bpe(tokens=tokens, token_type=types, merges=[x for x in lines[1:] if x], bos_token_id=None)
    )


def test_bos_is_put_in_front_where_the_file_or_else_its_family_says_so():
    assert cut("hello", add_bos_token=True) == ["<s>", "hello"]
    assert cut("hello", add_bos_token=True, bos_token_id=1) == ["</s>", "hello"]
    assert cut("hello", add_bos_token=False, pre="llama-bpe") == ["hello"]
    assert cut("hello") == ["hello"]


def test_control_and_user_defined_tokens_are_found_as_they_are_typed():
    assert cut("hello</s><|user|>hello") == ["hello", "</s>", "<|user|>", "hello"]
    plain = cut("</s>", token_type=None)
    assert len(plain) == 4 and "".join(plain) == "</s>"


def test_a_space_is_put_in_front_where_the_file_says_so():
    assert cut("hello", add_space_prefix=True) == ["Ġ", "hello"]
    assert cut("hello", add_space_prefix=False) == ["hello"]


def test_a_token_without_a_text_gets_a_name():
    tokenizer = read_gguf_tokenizer(bpe(tokens=[*TOKENS, ""], token_type=[*TYPES, 5]))
    assert tokenizer.label(len(TOKENS)) == f"[EMPTY_{len(TOKENS)}]"


REFUSED = {
    "an unknown rule": ({"pre": "no-such-rule"}, "tokenizer.ggml.pre to 'no-such-rule'"),
    "an unknown model": ({"model": "rwkv"}, "tokenizer.ggml.model to 'rwkv'"),
    "a model that is no text": ({"model": 5}, "tokenizer.ggml.model to 5"),
    "a token behind": ({"add_eos_token": True}, "tokenizer.ggml.add_eos_token to True"),
    "a separator": ({"add_sep_token": True}, "tokenizer.ggml.add_sep_token to True"),
    "a space before another rule": ({"pre": "qwen2", "add_space_prefix": True}, "add_space_prefix to True"),
    "spaces taken out": ({"remove_extra_whitespaces": True}, "remove_extra_whitespaces to True"),
    "a charsmap": ({"precompiled_charsmap": [1, 2]}, "precompiled_charsmap to [1, 2]"),
    "no merges": ({"merges": None}, "no tokenizer.ggml.merges"),
    "merges of others": ({"merges": ["q qq"]}, "do not belong together"),
    "no tokens": ({"tokens": None}, "no list of tokens"),
    "a token twice": ({"tokens": [*TOKENS[:-1], "he"]}, "the same token twice"),
    "too few types": ({"token_type": [1]}, "token_type is not one number for each"),
    "a type beyond": ({"token_type": [9, *TYPES[1:]]}, "an unknown type"),
    "a BOS beyond": ({"bos_token_id": 5000}, "tokenizer.ggml.bos_token_id to 5000"),
    "an id below": ({"padding_token_id": -1}, "tokenizer.ggml.padding_token_id to -1"),
    "no BOS to put": ({"add_bos_token": True, "bos_token_id": None}, "no tokenizer.ggml.bos_token_id"),
    "NaN scores": ({"scores": [math.nan] * len(TOKENS)}, "scores contain a value that is not a number"),
    "an unknown setting": ({"lowercase": True}, "tokenizer.ggml.lowercase to True"),
}


@pytest.mark.parametrize("change", REFUSED)
def test_what_cannot_be_heeded_is_refused_by_its_name(change):
    settings, says = REFUSED[change]
    with pytest.raises(ValueError) as refused:
        read_gguf_tokenizer(bpe(**settings))
    assert says in str(refused.value) and len(str(refused.value)) < 250


def test_a_file_without_a_tokenizer_is_given_ids():
    with pytest.raises(ValueError, match="comes without a tokenizer"):
        read_gguf_tokenizer({}).encode("hello")


# ---- sentencepiece --------------------------------------------------------------------------------------------------


def sentencepiece(**changes) -> dict:
    """The settings of the model that `sentencepiece_model` makes."""
    names = pieces()
    settings = {
        "model": "llama",
        "tokens": names,
        "scores": [-float(i) for i in range(len(names))],
        "bos_token_id": 1,
        "token_type": [2, 3, 3, *([6] * 256), *([1] * (len(names) - 259))],
        **changes,
    }
    return {f"tokenizer.ggml.{name}": value for name, value in settings.items() if value is not None}


def with_type(kind: int, *of: str) -> list[int]:
    types = sentencepiece()["tokenizer.ggml.token_type"]
    return [kind if piece in of else usual for piece, usual in zip(pieces(), types, strict=True)]


LIKE = {  # settings, and the sentencepiece model that they describe
    "as Llama 2": ({}, {}),
    "no space in front": ({"add_space_prefix": False}, {"dummy_prefix": False}),
    "spaces taken out": ({"remove_extra_whitespaces": True}, {"remove_extra": True}),
    "user-defined": ({"token_type": with_type(4, "lo", "▁▁")}, {"types": {"lo": 4, "▁▁": 4}}),
    "unused": ({"token_type": with_type(5, "▁hel")}, {"types": {"▁hel": 5}}),
    "unigram": (
        {"model": "t5", "add_eos_token": False, "add_bos_token": True, "add_space_prefix": True},
        {"kind": "unigram"},
    ),
}


texts = st.lists(
    st.one_of(
        st.sampled_from(["hello", " ", "  ", "\n", "world", "é", "東", "<0x41>", "▁"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    ),
    max_size=6,
).map("".join)


@pytest.fixture(scope="module", params=LIKE)
def both(request):
    """What is read here, and the library with the model that the settings describe."""
    settings, model = LIKE[request.param]
    library = SentencePieceProcessor(model_proto=sentencepiece_model(**model))
    return read_gguf_tokenizer(sentencepiece(**settings)), library


@given(text=texts)
def test_ids_are_those_of_the_sentencepiece_library(both, text):
    ours, library = both
    if not any(name in text for name in ("<s>", "</s>")):
        assert ours.encode(text) == [1, *library.EncodeAsIds(text)]
        assert ours.decode(ours.encode(text)[1:]) == library.DecodeIds(library.EncodeAsIds(text))


def test_control_tokens_are_found_as_they_are_typed_and_each_part_is_a_text_of_its_own():
    ours, hello = read_gguf_tokenizer(sentencepiece()), pieces().index("▁hello")
    assert ours.encode("hello</s>hello") == [1, hello, 2, hello]
    assert read_gguf_tokenizer(sentencepiece(add_bos_token=False)).encode("hello") == [hello]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scores": None}, "no tokenizer.ggml.scores"),
        ({"merges": ["a b"]}, "tokenizer.ggml.merges to ['a b']"),
        ({"pre": "llama-bpe"}, "tokenizer.ggml.pre to 'llama-bpe'"),
        ({"add_eos_token": True}, "tokenizer.ggml.add_eos_token to True"),
        ({"model": "t5"}, "tokenizer.ggml.add_eos_token to True"),
        ({"token_type": with_type(1, "<0x41>")}, "make no sentencepiece model"),
        ({"precompiled_charsmap": [255] * 40}, "make no sentencepiece model"),
    ],
    ids=["no scores", "merges", "a rule", "a token behind", "t5's token behind", "a byte too few", "a charsmap"],
)
def test_what_a_sentencepiece_model_cannot_heed_is_refused_by_its_name(change, says):
    with pytest.raises(ValueError) as refused:
        read_gguf_tokenizer(sentencepiece(**change))
    assert says in str(refused.value)

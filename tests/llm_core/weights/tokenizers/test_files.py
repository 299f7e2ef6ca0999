"""A folder's tokenizer: its ids are those of the library that its files are for, and its texts that library's too."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor
from tokenizers import AddedToken, Tokenizer, pre_tokenizers, processors

from llm_core import generate, random_model
from llm_core.model.tokenizer import Tokenizer as Ours
from llm_core.model.tokenizer import gpt2_tokenizer
from llm_core.weights.tokenizers.folder import kept_tokenizer, read_folder_tokenizer
from tests.helpers.tokenizers_on_disk import (
    KINDS,
    byte_level,
    llama2,
    pieces,
    save_bpe,
    save_json,
    sentencepiece_model,
    word_pieces,
)

texts = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "hello",
                " hello",
                "  ",
                " ",
                "\n",
                "\n\n",
                "world",
                "1",
                "12",
                "</s>",
                "<s>",
                "東京",
                "é",
                "▁",
                "<0x41>",
                "\t",
            ]
        ),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    ),
    max_size=8,
).map("".join)


def refusal(folder) -> str:
    with pytest.raises(ValueError) as refused:
        read_folder_tokenizer(folder, "a-model")
    return str(refused.value)


# ---- tokenizer.json decides -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Of each kind what is read here from a folder, and what the library reads from its tokenizer.json."""
    where = tmp_path_factory.mktemp("kinds")
    classes = ["LlamaTokenizer", "GPT2Tokenizer", "PreTrainedTokenizerFast"]
    folders = [
        save_json(where / f"{n}", make(), tokenizer_class=classes[n % 3], legacy=False, add_bos_token=n % 2 == 0)
        for n, make in enumerate(KINDS.values())
    ]
    return [(read_folder_tokenizer(f, "a-model"), Tokenizer.from_file(str(f / "tokenizer.json"))) for f in folders]


@given(texts)
def test_ids_are_those_of_tokenizer_json_whatever_class_is_named_beside_it(both, text):
    for ours, right in both:
        assert ours.encode(text) == right.encode(text).ids
        assert ours.decode(ours.encode(text)) == right.decode(right.encode(text).ids, skip_special_tokens=False)


def test_right_values_by_hand(tmp_path):
    tokens = {piece: i for i, piece in enumerate(pieces())}
    ours = read_folder_tokenizer(
        save_json(tmp_path, llama2(), tokenizer_class="LlamaTokenizer", legacy=False), "a-model"
    )
    assert ours.encode("hello") == [1, tokens["▁hello"]]
    assert ours.encode(" hello") == [1, tokens["▁"], tokens["▁hello"]]
    assert ours.encode("é") == [1, tokens["▁"], tokens["<0xC3>"], tokens["<0xA9>"]]
    assert ours.prefix_ids == (1,)


def test_a_typed_special_token_is_that_token(tmp_path):
    ours = read_folder_tokenizer(save_json(tmp_path, byte_level()), "a-model")
    assert ours.encode("</s>") == [1]


def test_dropout_of_a_bpe_is_off(tmp_path):
    folder = save_json(tmp_path, byte_level())
    spec = json.loads((folder / "tokenizer.json").read_text())
    spec["model"]["dropout"] = 0.9
    (folder / "tokenizer.json").write_text(json.dumps(spec))
    right = byte_level().encode("hello how are you doing").ids
    assert (
        len({tuple(Tokenizer.from_str(json.dumps(spec)).encode("hello how are you doing").ids) for _ in range(9)}) > 1
    )
    assert all(read_folder_tokenizer(folder, "m").encode("hello how are you doing") == right for _ in range(9))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"model": 1}', b"[" * 100_000, b"\xff", b'{"model": {"vocab": {}}}']
)
def test_a_corrupt_tokenizer_json_is_named(tmp_path, content):
    (tmp_path / "tokenizer.json").write_bytes(content)
    sentence = refusal(tmp_path)
    assert sentence.startswith("the tokenizer of a-model cannot be read (tokenizer.json") and len(sentence) < 300


# ---- a tokenizer that means harm ------------------------------------------------------------------------------------


def changed(folder, **parts):
    """GPT-2's rules in small, with other parts."""
    spec = json.loads(byte_level().to_str())
    (folder / "tokenizer.json").write_text(json.dumps(spec | parts))
    return folder


def test_a_text_that_the_library_panics_over_is_refused_in_a_sentence(tmp_path):
    split = {"type": "Split", "pattern": {"Regex": "(x+x+)+y"}, "behavior": "Isolated", "invert": False}
    ours = read_folder_tokenizer(changed(tmp_path, pre_tokenizer=split), "m")
    with pytest.raises(ValueError, match=r"^this model's tokenizer cannot cut this text into tokens: try a shorter or"):
        ours.encode("x" * 60)
    assert ours.encode("hello")  # and goes on with others


@pytest.mark.parametrize("text", ["xxx", "a"])
def test_a_decoder_that_panics_over_one_token_is_no_panic_of_a_run(tmp_path, text):
    strip = {"type": "Strip", "content": "x", "start": 0, "stop": 5}
    ours = read_folder_tokenizer(changed(tmp_path, decoder=strip), "m")
    assert ours.prefix_ids == ()
    assert ours.encode(text)
    unknown = read_folder_tokenizer(
        changed(tmp_path, decoder=strip, model={"type": "BPE", "vocab": {"x": 0, "xx": 1}, "merges": [["x", "x"]]}), "m"
    )
    assert unknown.prefix_ids == () and unknown.encode("xxx")
    with pytest.raises(ValueError, match=r"^this model's tokenizer cannot write these tokens as a text: try"):
        unknown.decode([0, 0, 0])


def test_what_a_library_says_is_not_handed_on(tmp_path):
    sentence = refusal(changed(tmp_path, model={"type": "Unheard-of", "vocab": {}}))
    assert sentence == (
        "the tokenizer of a-model cannot be read (tokenizer.json cannot be understood: it is corrupt, or of a kind "
        "that the installed tokenizers library does not know; download the model again, or update that library)"
    )


def test_a_tokenizer_without_tokens_is_refused(tmp_path):
    empty = {"type": "BPE", "vocab": {}, "merges": []}
    assert "it has no tokens" in refusal(changed(tmp_path, model=empty, added_tokens=[]))


REPLACE = {"type": "Replace", "pattern": {"String": "x"}, "content": "xx"}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
ONCE = {"Sequence": {"id": "A", "type_id": 0}}
MANY = {  # of each of its pieces 20,000 ids
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "!", "type_id": 0}}] * 20_000 + [ONCE],
    "pair": [ONCE],
    "special_tokens": {"!": {"id": "!", "ids": [0] * 20_000, "tokens": ["!"] * 20_000}},
}


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"normalizer": {"type": "Sequence", "normalizers": [REPLACE] * 40}}, "its normalizer may make a text"),
        ({"normalizer": {**REPLACE, "pattern": {"Regex": ""}, "content": "y" * 10**6}}, "its normalizer may make"),
        ({"normalizer": {"type": "Prepend", "prepend": "y" * 10**6}}, "its normalizer may make a text"),
        ({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [BYTES] * 40}}, "its pre_tokenizer may make a text"),
        ({"decoder": {"type": "Sequence", "decoders": [REPLACE] * 40}}, "its decoder may make a text"),
        ({"post_processor": {"type": "TemplateProcessing", "single": [ONCE] * 1000}}, "repeats the text 1,000 times"),
        ({"post_processor": MANY}, "its post-processor puts 400,000,000 tokens around a text"),
        ({"post_processor": {"type": "Sequence", "processors": [MANY]}}, "puts 400,000,000 tokens around a text"),
        ({"model": {"type": "BPE", "vocab": {"a": 4_294_967_290}, "merges": []}}, "the id 4294967290"),
        ({"added_tokens": [{"id": 10**9, "content": "<s>"}]}, "the id 1000000000"),
    ],
    ids=[
        "doubling",
        "inserting",
        "prepending",
        "bytes of bytes",
        "decoding",
        "repeating",
        "adding",
        "in a list",
        "an id",
        "an added id",
    ],
)
def test_a_file_that_asks_for_all_memory_is_refused_before_a_text_is_cut(tmp_path, parts, says):
    assert says in refusal(changed(tmp_path, **parts))


# ---- vocab.json and merges.txt --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gpt2_by_two_files(tmp_path_factory):
    return read_folder_tokenizer(save_bpe(tmp_path_factory.mktemp("gpt2"), gpt2_tokenizer().backend), "gpt2")


@given(texts)
def test_vocab_and_merges_give_the_ids_of_gpt2(gpt2_by_two_files, text):
    assert gpt2_by_two_files.encode(text) == gpt2_tokenizer().encode(text)
    assert gpt2_by_two_files.encode("<|endoftext|>") == [50256]


def test_added_tokens_and_bos_beside_vocab_and_merges_are_heeded(tmp_path):
    size = byte_level().get_vocab_size()
    end = {str(size + 1): {"content": "<|end|>", "special": True, "lstrip": True}}
    folder = save_bpe(tmp_path, byte_level(), bos_token="<s>", add_bos_token=True, added_tokens_decoder=end)
    (folder / "added_tokens.json").write_text(json.dumps({"<|user|>": size}))
    right = byte_level()
    right.add_tokens(["<|user|>", AddedToken("<|end|>", lstrip=True, normalized=False)])
    ours = read_folder_tokenizer(folder, "m")
    text = "hello<|user|> how <|end|>"
    assert ours.encode(text) == [0, *right.encode(text).ids]
    assert ours.decode(ours.encode(text)[1:]) == "hello<|user|> how<|end|>"
    assert ours.encode("hello</s>")[-2:] != [1]  # no file says that it is more than a text


def test_qwen2_folders_cut_digits_apart_and_compose_characters(tmp_path):
    ours = read_folder_tokenizer(save_bpe(tmp_path, byte_level(), tokenizer_class="Qwen2TokenizerFast"), "m")
    labels = [ours.label(i) for i in ours.encode("12 34")]
    assert labels == ["1", "2", "␣", "3", "4"]
    assert ours.encode("e\u0301") == ours.encode("é")
    assert ours.encode("hello\n\nhow") == [i for part in ("hello", "\n\n", "how") for i in ours.encode(part)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: (f / "merges.txt").unlink(), "without the merges.txt"),
        (lambda f: (f / "merges.txt").write_text("a b c"), "merges.txt is corrupt"),
        (lambda f: (f / "merges.txt").write_text("q q"), "do not belong together: download the model again"),
        (lambda f: (f / "merges.txt").write_bytes(b"\xff\xfe"), "merges.txt is corrupt, it is no text in UTF-8"),
        (lambda f: [(f / "vocab.json").write_text("{}"), (f / "merges.txt").write_text("")], "it has no tokens"),
        (lambda f: (f / "vocab.json").write_text('{"a": "b"}'), "vocab.json is corrupt"),
        (lambda f: (f / "added_tokens.json").write_text('{"<x>": 5}'), "its files do not belong together"),
        (lambda f: (f / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}'), "BertTokenizer"),
        (lambda f: (f / "tokenizer_config.json").write_text("[]"), "tokenizer_config.json is corrupt"),
    ],
    ids=[
        "no merges",
        "three in a line",
        "unknown merges",
        "no text",
        "empty",
        "vocab",
        "a number taken",
        "another class",
        "settings",
    ],
)
def test_vocab_and_merges_that_cannot_be_read_are_refused(tmp_path, change, says):
    save_bpe(tmp_path, byte_level())
    change(tmp_path)
    assert says in refusal(tmp_path)


# ---- a sentencepiece model alone ------------------------------------------------------------------------------------

MODELS = {
    "bpe": sentencepiece_model(),
    "bpe, spaces removed": sentencepiece_model(remove_extra=True),
    "bpe, no space in front": sentencepiece_model(dummy_prefix=False),
    "unigram": sentencepiece_model("unigram"),
    "unigram, no bytes": sentencepiece_model("unigram", bytes_too=False),
    "char": sentencepiece_model("char"),
    "user-defined and unused": sentencepiece_model(types={"lo": 4, "▁▁": 4, "▁hel": 5, "</s>": 4}),
}


@pytest.fixture(scope="module")
def with_library(tmp_path_factory):
    """Of each model what is read here from a folder, and the library's own."""
    found = []
    for name, model in MODELS.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "tokenizer.model").write_bytes(model)
        found.append((read_folder_tokenizer(folder, "m"), SentencePieceProcessor(model_proto=model)))
    return found


@given(texts)
def test_ids_of_a_sentencepiece_model_are_the_librarys_with_bos_in_front(with_library, text):
    for ours, library in with_library:
        right = library.EncodeAsIds(text)
        assert ours.encode(text) == [1, *right]
        assert ours.prefix_ids == (1,)
        assert ours.decode(right) == library.DecodeIds(right)


def test_settings_beside_a_sentencepiece_model_are_heeded(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(MODELS["bpe"])
    size = len(pieces())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"add_bos_token": False}))
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<|user|>": size, "<s>": 1}))
    ours = read_folder_tokenizer(tmp_path, "m")
    hello = pieces().index("▁hello")
    assert ours.encode("hello<|user|>hello") == [hello, size, hello]
    assert ours.encode("<s>") == SentencePieceProcessor(model_proto=MODELS["bpe"]).EncodeAsIds("<s>")  # as text
    assert ours.size == size + 1 and ours.label(size) == "<|user|>" and ours.label(size + 1).startswith("⟨no text")
    assert ours.decode([hello, size, hello, 2]) == "hello<|user|> hello</s>"


def sentencepiece_folder(folder, *added):
    (folder / "tokenizer.model").write_bytes(MODELS["bpe"])
    numbered = {str(number): how for number, how in added}
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": numbered}))
    return folder


@pytest.mark.parametrize(
    ("number", "content"), [(3, "<zz>"), (1, "</s>"), (len(pieces()), "<s>"), (pieces().index("lo"), "el")]
)
def test_an_added_token_that_contradicts_the_sentencepiece_model_is_refused(tmp_path, number, content):
    folder = sentencepiece_folder(tmp_path, (1, {"content": "<s>"}), (number, {"content": content}))
    assert f"its added token '{content}' has the number {number}, and the vocabulary says otherwise" in refusal(folder)


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("right", [True, False])
def test_white_space_around_an_added_token_is_swallowed_where_it_says_so(tmp_path, left, right):
    size = len(pieces())
    how = {"content": "<|im|>", "special": True, "lstrip": left, "rstrip": right}
    ours = read_folder_tokenizer(sentencepiece_folder(tmp_path, (size, how)), "m")
    plain = read_folder_tokenizer(sentencepiece_folder(tmp_path, (size, {"content": "<|im|>"})), "m")
    expected = f"hello{'' if left else ' '}<|im|>{'' if right else ' '}hello"
    assert ours.encode("hello <|im|> hello") == plain.encode(expected)
    ours.save(tmp_path)
    assert kept_tokenizer(tmp_path).encode("hello <|im|> hello") == plain.encode(expected)


def test_an_added_token_that_is_a_word_of_its_own_is_refused_beside_a_sentencepiece_model(tmp_path):
    folder = sentencepiece_folder(tmp_path, (len(pieces()), {"content": "<|im|>", "single_word": True}))
    assert "single_word" in refusal(folder)


def test_tokens_of_a_sentencepiece_model_are_read_one_by_one(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(MODELS["bpe"])
    ours = read_folder_tokenizer(tmp_path, "m")
    labels = {piece: ours.label(i) for i, piece in enumerate(pieces())}
    assert labels["▁hello"] == "␣hello" and labels["<unk>"] == "<unk>" and labels["</s>"] == "</s>"
    assert labels["<0x41>"] == "A" and labels["<0xE6>"] == "⟨E6⟩" and labels["▁▁"] == "␣␣"


def test_llama_3s_original_file_is_refused_by_the_name_of_its_format(tmp_path):
    (tmp_path / "tokenizer.model").write_text("IQ== 0\nIg== 1\n")
    assert "tokenizer.model is in tiktoken's format" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"garbage" * 9, MODELS["bpe"][:-700], b"\0" * 100], ids=range(4))
def test_a_damaged_sentencepiece_model_is_refused(tmp_path, content):
    (tmp_path / "tokenizer.model").write_bytes(content)
    assert "tokenizer.model is truncated or no sentencepiece model" in refusal(tmp_path)


# ---- text and labels ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "labels"),
    [
        (byte_level, {"hello": ["he", "l", "lo"]}),
        (llama2, {"hello w": ["␣hello", "␣w"]}),
        (word_pieces, {"hello worlds": ["␣hello", "␣wor", "ld", "s"]}),
    ],
    ids=["bytes", "sentencepiece", "WordPiece"],
)
def test_one_token_for_reading(make, labels):
    ours = Ours(make())
    for text, right in labels.items():
        ids = ours.encode(text)[len(ours.prefix_ids) :]
        assert "".join(ours.label(i) for i in ids) == "".join(right)
        assert make is byte_level or [ours.label(i) for i in ids] == right


def test_a_token_that_is_no_bytes_in_a_vocabulary_of_bytes_is_read_as_it_is_written():
    spec = json.loads(byte_level().to_str())
    number = len(spec["model"]["vocab"])
    spec["model"]["vocab"] |= {"東京": number, "<0x41>": number + 1}
    ours = Ours(Tokenizer.from_str(json.dumps(spec)))
    assert ours.decode([number]) == ours.text(number) == ours.label(number) == "東京"
    assert ours.token_bytes(number) == "東京".encode()
    assert ours.label(number + 1) == "<0x41>"  # no byte: this decoder knows none


def test_a_run_reads_as_it_was_typed_and_half_characters_as_the_decoder_has_them(toy):
    model = random_model(toy.config, seed=1)
    model.tokenizer = Ours(llama2())
    run = generate(model, "hello world", 2)
    assert run.text.startswith("hello world")
    assert run.text == llama2().decode(run.ids, skip_special_tokens=False).removeprefix("<s> ")
    number = {piece: i for i, piece in enumerate(pieces())}
    assert model.tokenizer.decode([number["▁hello"], number["<0xF0>"], number["<0x9F>"]]) == "hello\ufffd\ufffd"
    assert model.tokenizer.decode([number["▁hello"], number["<0xC3>"], number["<0xA9>"]]) == "helloé"


@pytest.mark.parametrize("kind", KINDS)
def test_bos_is_found_whatever_letters_a_tokenizer_knows(kind):
    backend = KINDS[kind]()
    backend.add_special_tokens(["<begin>"])
    number = backend.token_to_id("<begin>")
    backend.post_processor = processors.TemplateProcessing(
        single="<begin> $A <begin>", special_tokens=[("<begin>", number)]
    )
    ours = Ours(backend)
    assert ours.prefix_ids == (number,)
    assert ours.encode("hello")[0] == number != ours.encode("hello")[-1]
    assert ours.encode("") == [number]


def test_a_tokenizer_is_not_asked_for_more_than_its_split(tmp_path):
    own = pre_tokenizers.Split("o", "isolated")
    ours = read_folder_tokenizer(save_json(tmp_path, byte_level(own), model_max_length=2), "m")
    assert ours.decode(ours.encode("how do you do")) == "how do you do"

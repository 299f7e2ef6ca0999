"""Small tokenizers of each kind, made by the libraries themselves, as files of a folder."""

import json
from pathlib import Path

from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

LINES = ["hello how are you doing", "the quick fox 12 34", "1. one\n\n2. two  3", "naïve 東京 😀"] * 20
SPECIAL = ["<s>", "</s>"]


def byte_level(split=None, **options) -> Tokenizer:
    """A BPE over bytes; split: what cuts words before GPT-2's rule does."""
    t = Tokenizer(models.BPE(**options))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if split is not None:
        t.pre_tokenizer = pre_tokenizers.Sequence([split, t.pre_tokenizer])
    t.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    t.train_from_iterator(
        LINES,
        trainers.BpeTrainer(vocab_size=340, special_tokens=SPECIAL, show_progress=False, initial_alphabet=alphabet),
    )
    return t


def pieces() -> list[str]:
    """The vocabulary of a small sentencepiece model with byte fallback."""
    letters = [*"▁helowardithgsnfucy", "▁h", "el", "lo", "▁hel", "▁hello", "wo", "rl", "▁w", "▁wo", "▁▁"]
    return list(dict.fromkeys(["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), *letters]))


PAIRS = [
    ("▁", "h"),
    ("e", "l"),
    ("l", "o"),
    ("▁h", "el"),
    ("▁hel", "lo"),
    ("w", "o"),
    ("r", "l"),
    ("▁", "w"),
    ("▁", "wo"),
    ("▁", "▁"),
]


def llama2() -> Tokenizer:
    """Llama 2's tokenizer.json in small: a space in front of a text, bytes for what is unseen, BOS by a template."""
    vocabulary = {piece: i for i, piece in enumerate(pieces())}
    t = Tokenizer(models.BPE(vocabulary, PAIRS, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    t.add_special_tokens([AddedToken(x, normalized=False) for x in ("<unk>", *SPECIAL)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return t


def metaspace() -> Tokenizer:
    """As newer Llama-like files have it: a space in front of the first word alone, by the pre-tokenizer."""
    t = llama2()
    t.normalizer = None
    t.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="first", split=False)
    return t


def word_pieces() -> Tokenizer:
    t = Tokenizer(models.WordPiece({"[UNK]": 0, "hello": 1, "wor": 2, "##ld": 3, "##s": 4, ",": 5}, unk_token="[UNK]"))
    t.pre_tokenizer, t.decoder = pre_tokenizers.Whitespace(), decoders.WordPiece(prefix="##", cleanup=True)
    return t


def unigram() -> Tokenizer:
    scores = [("<unk>", 0.0), ("▁", -2.0), ("▁hello", -3.0), ("h", -4.0), ("e", -4.0), ("l", -4.0), ("o", -4.0)]
    t = Tokenizer(models.Unigram(scores, unk_id=0, byte_fallback=False))
    t.pre_tokenizer, t.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    return t


KINDS = {
    "GPT-2's": byte_level,
    "SmolLM2's, digits apart": lambda: byte_level(pre_tokenizers.Digits(individual_digits=True)),
    "an own expression": lambda: byte_level(pre_tokenizers.Split(Regex("o+"), "isolated")),
    "Llama 2's": llama2,
    "Metaspace": metaspace,
    "WordPiece": word_pieces,
    "Unigram": unigram,
}


def save_json(folder: Path, tokenizer: Tokenizer, **settings: object) -> Path:
    """tokenizer.json, and beside it tokenizer_config.json where there are settings."""
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    if settings:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def save_bpe(folder: Path, tokenizer: Tokenizer, **settings: object) -> Path:
    """A BPE as vocab.json and merges.txt."""
    folder.mkdir(exist_ok=True)
    tokenizer.model.save(str(folder))
    if settings:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def sentencepiece_model(
    kind: str = "bpe",
    types: dict[str, int] | None = None,
    dummy_prefix: bool = True,
    remove_extra: bool = False,
    bytes_too: bool = True,
) -> bytes:
    """A serialised ModelProto of `pieces`: earlier ones score higher. types: of pieces that are not normal ones."""
    proto = sentencepiece_model_pb2.ModelProto()
    for i, piece in enumerate(pieces()):
        of_byte = 6 if bytes_too and len(piece) == 6 and piece.startswith("<0x") else 1
        kind_of = {"<unk>": 2, "<s>": 3, "</s>": 3}.get(piece, of_byte)
        proto.pieces.add(piece=piece, score=-float(i), type=(types or {}).get(piece, kind_of))
    proto.trainer_spec.model_type = {"unigram": 1, "bpe": 2, "word": 3, "char": 4}[kind]
    proto.trainer_spec.byte_fallback = bytes_too
    proto.normalizer_spec.add_dummy_prefix = dummy_prefix
    proto.normalizer_spec.remove_extra_whitespaces = remove_extra
    return proto.SerializeToString()

"""The tokenizer in a folder in the Hub's format: built from its own files by the library that they are for.

The first of these that is there decides, and alone says what is put in front of a text:
- tokenizer.json: all of it, as the `tokenizers` library reads it;
- vocab.json with merges.txt: a byte-level BPE, whose words are found by GPT-2's rule or Qwen2's;
- tokenizer.model: the sentencepiece library; BOS in front unless tokenizer_config.json says add_bos_token: false.
Beside the latter two, tokens that are added (added_tokens.json, tokenizer_config.json) are found in a text as they are
typed. Of the control symbols of a sentencepiece model that is not so: its library takes them for text.
"""

import json
import re
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as Backend

from llm_core.model.tokenizer import Tokenizer, failing_plainly, no_tokenizer
from llm_core.support.plain_files import present, read_bytes, read_json
from llm_core.support.plain_words import one_line
from llm_core.weights.tokenizers import bounds
from llm_core.weights.tokenizers.sentencepiece_model import BESIDE, SentencePieceTokenizer

MOST_BYTES = 200_000_000  # of each file: the largest in use, with 262,144 tokens, has 34 MB
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def read_folder_tokenizer(folder: Path, name: str) -> Tokenizer:
    """The folder's tokenizer, or a stand-in where it has none. name: what the model is called in a refusal.

    Raises ValueError for files that cannot be read, that no library here understands, or that hold what no tokenizer
    needs (see tokenizer_bounds).
    """
    try:
        found = _of_its_files(folder)
        if found is not None and not found.size:
            raise ValueError("it has no tokens: download the model again")
    except ValueError as error:
        raise ValueError(f"the tokenizer of {one_line(name, 100)} cannot be read ({error})") from error
    return no_tokenizer() if found is None else found


def _of_its_files(folder: Path) -> Tokenizer | None:
    if present(folder / "tokenizer.json"):
        return from_json(read_bytes(folder / "tokenizer.json", MOST_BYTES))
    if present(folder / "vocab.json"):
        return _byte_level(folder)
    return _sentencepiece(folder) if present(folder / "tokenizer.model") else None


def kept_tokenizer(folder: Path) -> Tokenizer:
    """What a tokenizer's `save` has written. Raises ValueError, or what reading damaged files raises."""
    if (folder / BESIDE).exists():
        return SentencePieceTokenizer.kept(folder)
    if not (folder / "tokenizer.json").exists():
        return no_tokenizer()
    return from_json((folder / "tokenizer.json").read_bytes())


def from_json(content: bytes) -> Tokenizer:
    """The tokenizer that the contents of a tokenizer.json describe. Raises ValueError where they describe none."""
    try:
        text = content.decode()
        spec = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("tokenizer.json is corrupt: download the model again") from error
    bounds.check_tokenizer(spec)
    with failing_plainly(
        "tokenizer.json cannot be understood: it is corrupt, or of a kind that the installed tokenizers library does "
        "not know; download the model again, or update that library"
    ):
        return Tokenizer(Backend.from_str(text))


# ---- a byte-level BPE as vocab.json and merges.txt ------------------------------------------------------------------


def _byte_level(folder: Path) -> Tokenizer:
    if not present(folder / "merges.txt"):
        raise ValueError("it has a vocab.json without the merges.txt that belongs to it: download the model again")
    vocabulary = read_json(folder / "vocab.json", MOST_BYTES)
    settings = _settings(folder)
    if not (isinstance(vocabulary, dict) and all(type(i) is int for i in vocabulary.values())):
        raise ValueError("vocab.json is corrupt, it does not give each token its id: download the model again")
    added = _added(folder, settings)
    ends = [t for t in ("<|endoftext|>",) if t in vocabulary and not settings.get("added_tokens_decoder")]
    added = {token: AddedToken(token, normalized=False, special=True) for token in ends} | added
    vocabulary |= {token: i for i, token in _ids(added, vocabulary, settings, folder).items()}
    bounds.check_tokenizer({"model": {"vocab": vocabulary}})
    merges = _merges(folder)
    with failing_plainly("vocab.json and merges.txt do not belong together: download the model again"):
        backend = Backend(models.BPE(vocabulary, merges))
    _split_words(backend, folder, settings)
    backend.decoder = decoders.ByteLevel()
    backend.add_tokens(list(added.values()))
    bos = _content(settings.get("bos_token"))
    if settings.get("add_bos_token") is True and bos is not None and backend.token_to_id(bos) is not None:
        put_in_front(backend, bos)
    return Tokenizer(backend)


def _merges(folder: Path) -> list[tuple[str, str]]:
    try:
        lines = read_bytes(folder / "merges.txt", MOST_BYTES).decode().split("\n")
    except UnicodeDecodeError as error:
        raise ValueError("merges.txt is corrupt, it is no text in UTF-8: download the model again") from error
    pairs = [line.rstrip("\r").split(" ") for line in lines if line and not line.startswith("#version")]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("merges.txt is corrupt, it has a line that is no pair of tokens: download the model again")
    return [(left, right) for left, right in pairs]


def _split_words(backend: Backend, folder: Path, settings: dict[str, Any]) -> None:
    kind = settings.get("tokenizer_class")
    if kind is None and present(folder / "config.json"):
        model = read_json(folder / "config.json", MOST_BYTES)
        kind = "Qwen2Tokenizer" if isinstance(model, dict) and model.get("model_type") in ("qwen2", "qwen3") else None
    kind = "GPT2Tokenizer" if kind is None else str(kind).removesuffix("Fast")
    space = settings.get("add_prefix_space") is True
    if kind == "GPT2Tokenizer":
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=space)
    elif kind == "Qwen2Tokenizer":
        backend.normalizer = normalizers.NFC()
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(space, use_regex=False)]
        )
    else:
        raise ValueError(
            f"its tokenizer_class is {one_line(kind, 60)}; a vocab.json with a merges.txt is read here as "
            "GPT2Tokenizer or Qwen2Tokenizer: look for the same model with a tokenizer.json"
        )


def put_in_front(backend: Backend, token: str) -> None:
    """Let a token stand in front of every text."""
    special = [(token, backend.token_to_id(token))]
    backend.post_processor = processors.TemplateProcessing(single=[token, "$A"], special_tokens=special)


# ---- what both kinds share: settings and added tokens ---------------------------------------------------------------


def _settings(folder: Path) -> dict[str, Any]:
    file = folder / "tokenizer_config.json"
    settings = read_json(file, MOST_BYTES) if present(file) else {}
    if not isinstance(settings, dict):
        raise ValueError(f"{file.name} is corrupt: download the model again")
    return settings


def _content(token: Any) -> str | None:
    """The text of a token in a settings file: a string, or an object with its content and how it is found."""
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) and content else None


def _added(folder: Path, settings: dict[str, Any]) -> dict[str, AddedToken]:
    """The tokens that are found in a text as they are typed, by their text."""
    found: dict[str, AddedToken] = {}
    for token in _numbered(folder, settings).values():
        content = _content(token)
        if content is None:
            raise ValueError("it adds a token without a text: download the model again")
        flags = token if isinstance(token, dict) else {}
        how = {flag: flags.get(flag) is True for flag in ("lstrip", "rstrip", "single_word", "normalized", "special")}
        found[content] = AddedToken(content, **how)
    for name in ("bos_token", "eos_token", "unk_token", "pad_token"):
        content = _content(settings.get(name))
        if content is not None and content not in found:
            found[content] = AddedToken(content, normalized=False, special=True)
    return found


def _numbered(folder: Path, settings: dict[str, Any]) -> dict[int, Any]:
    """Added tokens by their ids: those of added_tokens.json, then those of tokenizer_config.json."""
    file = folder / "added_tokens.json"
    beside = read_json(file, MOST_BYTES) if present(file) else {}
    numbered = settings.get("added_tokens_decoder") or {}
    try:
        return {int(i): token for token, i in beside.items()} | {int(i): token for i, token in numbered.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError("its added tokens are not numbered: download the model again") from error


def _ids(added: dict[str, AddedToken], known: dict[str, int], settings: dict[str, Any], folder: Path) -> dict[int, str]:
    """The ids of added tokens that the vocabulary lacks. One that no file numbers is not added."""
    numbers = {i: str(_content(token)) for i, token in _numbered(folder, settings).items()}
    taken = {i: token for token, i in known.items()}
    for i, token in numbers.items():
        if taken.get(i, token) != token or known.get(token, i) != i:
            raise ValueError(
                f"its added token {one_line(repr(token), 60)} has the number {i}, and the vocabulary says otherwise: "
                "its files do not belong together"
            )
    for token in set(added) - set(known) - set(numbers.values()):
        del added[token]
    return {i: token for i, token in numbers.items() if token not in known}


# ---- a sentencepiece model ------------------------------------------------------------------------------------------

_TIKTOKEN = re.compile(rb"[A-Za-z0-9+/]+={0,2} \d+\r?\n")


def _sentencepiece(folder: Path) -> Tokenizer:
    content = read_bytes(folder / "tokenizer.model", MOST_BYTES)
    if _TIKTOKEN.match(content):
        raise ValueError(
            "its tokenizer.model is in tiktoken's format, as Llama 3's original files have it, which is "
            "not read here: look for the same model with a tokenizer.json"
        )
    settings = _settings(folder)
    try:
        plain = SentencePieceTokenizer(content, {}, ())
    except ValueError as error:
        raise ValueError("tokenizer.model is truncated or no sentencepiece model: download the model again") from error
    added = _added(folder, settings)
    behind = {token: i for i, token in _ids(added, plain.pieces(), settings, folder).items()}
    for i in behind.values():
        bounds.check_id(i)
    for token in behind:
        if added[token].single_word:
            raise ValueError(
                f"its added token {one_line(repr(token), 60)} is a word of its own (single_word), which is not "
                "supported beside a tokenizer.model: look for the same model with a tokenizer.json"
            )
    bos = plain.bos_id if settings.get("add_bos_token") is not False else None
    return SentencePieceTokenizer(
        content,
        behind,
        () if bos is None else (bos,),
        strips_left=[token for token in behind if added[token].lstrip],
        strips_right=[token for token in behind if added[token].rstrip],
    )

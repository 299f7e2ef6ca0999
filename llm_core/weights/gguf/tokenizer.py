"""The tokenizer that a GGUF file's settings, tokenizer.ggml.*, describe: each is heeded, or refused by its name.

model "gpt2" is a byte-level BPE, built with the `tokenizers` library; "llama" and "t5" are sentencepiece models (BPE
and unigram), given to the sentencepiece library. Settings that are not there mean what they mean to llama.cpp, whose
format this is (src/llama-vocab.cpp): BOS in front of a text for "llama", and for "gpt2" where the family of the `pre`
has it; a "gpt2" file without a `pre` is cut by the rule "default". Control and user-defined tokens are found in a text
as they are typed. A token that would be put behind a text is refused: the text goes on.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as Backend

from llm_core.model.tokenizer import Tokenizer, failing_plainly, no_tokenizer
from llm_core.support.plain_words import one_line
from llm_core.weights.tokenizers.folder import QWEN2, put_in_front
from llm_core.weights.tokenizers.sentencepiece_model import SentencePieceTokenizer

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)

# ---- how words are found: llama.cpp's table (llm_tokenizer_bpe) and the families' own tokenizer.json ----------------

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_GPT4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_SHORT}|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_SHORT}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_DEEPSEEK3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"""
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"


@dataclass(frozen=True)
class _Rule:
    """A text is cut by each expression in turn, each match a piece of its own. whole_words: a piece that is a token is
    that token, whatever the merges say. bos: the family puts BOS in front of a text, unless the file says otherwise."""

    expressions: tuple[str, ...]
    whole_words: bool = False
    bos: bool = False


_OF_GPT2, _DIGITS_APART = _Rule((_GPT2,)), _Rule((r"\p{N}", _GPT2))
_OF_LLAMA3, _OF_QWEN2 = _Rule((_LLAMA3,), whole_words=True, bos=True), _Rule((QWEN2,))
RULES = {
    "default": _Rule((r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", "[0-9][0-9][0-9]")),
    **dict.fromkeys(["gpt-2", "phi-2", "mpt", "olmo", "jais", "exaone4", "mellum", "a.x-4.0", "gigachat"], _OF_GPT2),
    **dict.fromkeys(["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"], _DIGITS_APART),
    **dict.fromkeys(["llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "lfm2"], _OF_LLAMA3),
    **dict.fromkeys(["dbrx", "smaug-bpe"], _Rule((_LLAMA3,))),
    **dict.fromkeys(["qwen2", "stablelm2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez"], _OF_QWEN2),
    "tekken": _Rule((_TEKKEN,), whole_words=True, bos=True),
    **dict.fromkeys(["gpt-4o", "llama4", "kanana2"], _Rule((_GPT4O,))),
    "deepseek-coder": _Rule(("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _CJK, r"\p{N}")),
    "deepseek-v3": _Rule((r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", _DEEPSEEK3)),
}

# ---- the settings ---------------------------------------------------------------------------------------------------

_KINDS: dict[str, type] = {
    "model": str,
    "pre": str,
    "tokens": list,
    "token_type": list,
    "scores": list,
    "merges": list,
    "add_bos_token": bool,
    "add_eos_token": bool,
    "add_space_prefix": bool,
    "remove_extra_whitespaces": bool,
    "precompiled_charsmap": list,
    "bos_token_id": int,
    "eos_token_id": int,
    "unknown_token_id": int,
}
_NOT_OF_GPT2 = ("remove_extra_whitespaces", "precompiled_charsmap")


def read_gguf_tokenizer(settings: dict[str, Any]) -> Tokenizer:
    """The tokenizer of a GGUF header's settings; a stand-in where they describe none.

    Raises ValueError, naming the setting, for one that cannot be heeded, is of another kind or does not fit the others.
    """
    found = _Settings({n.removeprefix(_PREFIX): v for n, v in settings.items() if n.startswith(_PREFIX)})
    kind = found.get("model")
    if kind is None or kind in ("none", "no_vocab"):
        return no_tokenizer()
    if kind not in _BUILDERS:
        raise ValueError(f"{_named('model', kind)}: supported are {', '.join(_BUILDERS)}")
    found.check()
    return _BUILDERS[kind](found)


_PREFIX = "tokenizer.ggml."


def _named(name: str, value: Any) -> str:
    return f"it sets {_PREFIX}{one_line(name, 60)} to {one_line(repr(value), 60)}"


class _Settings:
    """The file's settings of a tokenizer, by their names without "tokenizer.ggml."."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def get(self, name: str, default: Any = None) -> Any:
        """A setting of its own kind. Raises ValueError where it is of another."""
        value = self.values.get(name, default)
        if value is not None and type(value) is not _KINDS[name]:
            raise ValueError(f"{_named(name, value)}, which is no {_KINDS[name].__name__}")
        return value

    def check(self) -> None:
        """Raises ValueError where lists do not belong together, ids are no tokens, or a setting is not known."""
        tokens = self.get("tokens")
        if not tokens or not all(isinstance(token, str) for token in tokens):
            raise ValueError(f"it has no list of tokens, {_PREFIX}tokens")
        for name, kinds in (("token_type", (int,)), ("scores", (float, int))):
            value = self.get(name)
            if value is not None and (len(value) != len(tokens) or not all(type(v) in kinds for v in value)):
                raise ValueError(f"its {_PREFIX}{name} is not one number for each of its {len(tokens):,} tokens")
        if not all(NORMAL <= kind <= BYTE for kind in self.get("token_type", [])):
            raise ValueError(f"its {_PREFIX}token_type contains an unknown type: types are the numbers from 1 to 6")
        if not all(map(math.isfinite, self.get("scores", []))):
            raise ValueError(f"its {_PREFIX}scores contain a value that is not a number")
        for name, value in self.values.items():
            if name.endswith("_token_id") and not (type(value) is int and 0 <= value < len(tokens)):
                raise ValueError(f"{_named(name, value)}, and its tokens go from 0 to {len(tokens) - 1:,}")
            harmless = name in _KINDS or name.endswith("_token_id") or name == "token_type_count" or value in (0, False)
            if not harmless:
                raise ValueError(f"{_named(name, value)}, which is not supported: its texts would be cut wrongly")
        if len(set(self.tokens)) != len(tokens):
            raise ValueError(f"its {_PREFIX}tokens hold the same token twice")
        if self.get("add_eos_token", self.values["model"] == "t5"):
            raise ValueError(
                f"{_named('add_eos_token', True)}, and the model would not continue a text that ends with an end token"
            )

    @property
    def tokens(self) -> list[str]:
        """The vocabulary; a token without a text gets a name, as llama.cpp gives it."""
        return [token or f"[EMPTY_{i}]" for i, token in enumerate(self.values["tokens"])]

    @property
    def types(self) -> list[int]:
        return self.get("token_type") or [NORMAL] * len(self.values["tokens"])

    def bos(self, default: bool) -> int | None:
        """The id of the token in front of a text."""
        if not self.get("add_bos_token", default):
            return None
        if self.get("bos_token_id") is None:
            raise ValueError(f"it puts a token in front of each text, and has no {_PREFIX}bos_token_id that names it")
        return int(self.get("bos_token_id"))


def _byte_level(settings: _Settings) -> Tokenizer:
    pre = settings.get("pre") or "default"
    if pre not in RULES:
        raise ValueError(f"{_named('pre', pre)}, a rule that is not known here: its texts would be cut wrongly")
    for name in _NOT_OF_GPT2:
        if settings.get(name):
            raise ValueError(f"{_named(name, settings.get(name))}, which a byte-level BPE does not support")
    if settings.get("merges") is None:
        raise ValueError(f"it has no {_PREFIX}merges, which its BPE needs")
    rule, tokens = RULES[pre], settings.tokens
    merges = settings.get("merges")
    with failing_plainly(f"its {_PREFIX}tokens and {_PREFIX}merges do not belong together"):
        pairs = [_pair(merge) for merge in merges]
        vocabulary = {token: i for i, token in enumerate(tokens)}
        backend = Backend(models.BPE(vocabulary, pairs, ignore_merges=rule.whole_words))
    backend.pre_tokenizer = _words(rule, settings.get("add_space_prefix", False))
    backend.decoder = decoders.ByteLevel()
    for token, kind in zip(tokens, settings.types, strict=True):
        if kind in (CONTROL, USER_DEFINED):
            backend.add_tokens([AddedToken(token, normalized=False, special=kind == CONTROL)])
    bos = settings.bos(default=rule.bos)
    if bos is not None:
        put_in_front(backend, tokens[bos])
    return Tokenizer(backend)


def _pair(merge: str) -> tuple[str, str]:
    space = merge.find(" ", 1)
    return merge[:space], merge[space + 1 :]


def _words(rule: _Rule, space_in_front: bool) -> pre_tokenizers.PreTokenizer:
    if rule == _OF_GPT2:
        return pre_tokenizers.ByteLevel(add_prefix_space=space_in_front)
    if space_in_front:
        raise ValueError(f"{_named('add_space_prefix', True)}, which its pre-tokenizer does not support")
    cuts = [pre_tokenizers.Split(Regex(expression), "isolated") for expression in rule.expressions]
    return pre_tokenizers.Sequence([*cuts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def _sentencepiece(settings: _Settings) -> Tokenizer:
    kind = settings.get("model")
    if settings.get("scores") is None:
        raise ValueError(f"it has no {_PREFIX}scores, which its sentencepiece model needs")
    for name in ("merges", "pre"):
        if settings.get(name) not in (None, "default", []):
            raise ValueError(f"{_named(name, settings.get(name))}, which a sentencepiece model does not support")
    tokens, types = settings.tokens, list(settings.types)
    if UNKNOWN not in types:
        types[settings.get("unknown_token_id", 0)] = UNKNOWN
    typed = {token: i for i, token in enumerate(tokens) if types[i] == CONTROL}
    bos = settings.bos(default=kind == "llama")
    try:
        return SentencePieceTokenizer(_proto(settings, tokens, types), typed, () if bos is None else (bos,))
    except ValueError as error:
        raise ValueError("its tokenizer's settings make no sentencepiece model") from error


def _proto(settings: _Settings, tokens: list[str], types: list[int]) -> bytes:
    """The sentencepiece model of these settings: its types of pieces have the same numbers."""
    from sentencepiece import sentencepiece_model_pb2

    llama = settings.get("model") == "llama"
    proto = sentencepiece_model_pb2.ModelProto()  # type: ignore[attr-defined]
    for token, score, kind in zip(tokens, settings.get("scores"), types, strict=True):
        proto.pieces.add(piece=token, score=score, type=kind)
    proto.trainer_spec.model_type = 2 if llama else 1
    proto.trainer_spec.byte_fallback = BYTE in types
    proto.normalizer_spec.add_dummy_prefix = settings.get("add_space_prefix", llama)
    proto.normalizer_spec.remove_extra_whitespaces = settings.get("remove_extra_whitespaces", False)
    proto.normalizer_spec.precompiled_charsmap = bytes(b & 255 for b in settings.get("precompiled_charsmap", []))
    return bytes(proto.SerializeToString())


_BUILDERS: dict[str, Callable[[_Settings], Tokenizer]] = {
    "gpt2": _byte_level,
    "llama": _sentencepiece,
    "t5": _sentencepiece,
}

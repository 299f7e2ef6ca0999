"""What a tokenizer.json may hold: a few bytes of it can ask for all memory, when it is read or when a text is cut."""

import base64
import binascii
import math
from collections.abc import Iterator
from typing import Any

MOST_ID = 10_000_000  # the largest vocabularies have 262,144 tokens
MOST_ADDED = 1000  # tokens that are put around a text; those in use put one or two there
MOST_GROWTH = 1000  # times the text's length, by all steps of a normalizer together

# How much longer these make a text at most, in bytes: U+FDFA is 18 characters in NFKD; each byte beyond ASCII is two
_GROWTH = {"NFD": 4, "NFC": 3, "NFKD": 12, "NFKC": 12, "Lowercase": 3, "ByteLevel": 2}


def check_tokenizer(spec: Any) -> None:
    """Raises ValueError where the contents of a tokenizer.json number tokens beyond reason, make a text many times
    longer, or put it into itself."""
    try:
        for token_id in _ids(spec):
            check_id(token_id)
        for step in ("normalizer", "pre_tokenizer", "decoder"):
            growth = math.prod(_growths(spec.get(step)))
            if growth > MOST_GROWTH:
                raise ValueError(
                    f"its {step} may make a text {min(growth, 10**9):,.0f} times longer, and at most "
                    f"{MOST_GROWTH:,} times is supported"
                )
        added = sum(map(_added, _parts(spec.get("post_processor"), "processors")))
        if added > MOST_ADDED:
            raise ValueError(
                f"its post-processor puts {added:,} tokens around a text, and at most {MOST_ADDED:,} are supported"
            )
        for processor in _parts(spec.get("post_processor"), "processors"):
            whole = [piece for piece in processor.get("single", []) if "Sequence" in piece]
            if processor.get("type") == "TemplateProcessing" and len(whole) != 1:
                raise ValueError(f"its post-processor repeats the text {len(whole):,} times, and not once")
    except (AttributeError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise ValueError("tokenizer.json is corrupt: download the model again") from error


def _added(processor: dict[str, Any]) -> int:
    """How many tokens a post-processor puts around one text, or around two: a piece of it stands for several ids."""
    if processor.get("type") != "TemplateProcessing":
        return 2
    ids = {name: len(token["ids"]) for name, token in (processor.get("special_tokens") or {}).items()}
    pieces = [*processor.get("single", []), *processor.get("pair", [])]
    return sum(ids.get(piece["SpecialToken"]["id"], 0) for piece in pieces if "SpecialToken" in piece)


def check_id(token_id: Any) -> None:
    """Raises ValueError for a token's id that is none."""
    if type(token_id) is not int or not 0 <= token_id <= MOST_ID:
        raise ValueError(f"it gives a token the id {token_id!r:.40}; ids go from 0 to {MOST_ID:,} at most")


def _ids(spec: Any) -> Iterator[Any]:
    vocabulary = spec["model"].get("vocab", {})
    if isinstance(vocabulary, dict):
        yield from vocabulary.values()
    yield from (token["id"] for token in spec.get("added_tokens") or [])


def _parts(spec: Any, within: str) -> Iterator[dict[str, Any]]:
    """A step's parts, in order: a Sequence has several, of sequences too."""
    if spec is None:
        return
    if spec.get("type") == "Sequence":
        for part in spec[within]:
            yield from _parts(part, within)
    else:
        yield spec


def _growths(spec: Any) -> Iterator[float]:
    within = next((w for w in ("normalizers", "pretokenizers", "decoders") if spec and w in spec), "")
    for part in _parts(spec, within):
        kind = part.get("type")
        if kind == "Replace":
            written = len(part["content"].encode())
            found = part["pattern"].get("String")
            yield max(1.0, written / len(found.encode())) if found else 1.0 + written  # an expression may match nothing
        elif kind == "Prepend":
            yield 1.0 + len(part["prepend"].encode())  # to each part of a text, and a part may be one character
        elif kind == "Precompiled":
            yield _longest_entry(part["precompiled_charsmap"])
        else:
            yield float(_GROWTH.get(str(kind), 1))


def _longest_entry(charsmap: str) -> float:
    """The longest text of a sentencepiece charsmap: the length of a trie, the trie, then texts that end with a zero."""
    try:
        blob = base64.b64decode(charsmap or "")
    except binascii.Error as error:
        raise ValueError("its normalizer's charsmap is corrupt: download the model again") from error
    texts = blob[4 + int.from_bytes(blob[:4], "little") :]
    return float(max(map(len, texts.split(b"\0")), default=1) or 1)

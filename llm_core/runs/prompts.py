"""What may be given as a prompt: a text, or token ids in any form that has whole numbers in one row."""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_core.model.transformer import Transformer
from llm_core.support.plain_words import counted

SEVERAL = "one run has one prompt: run each of them, as in [generate(model, prompt) for prompt in prompts]"
EXPECTED = "give a text, or a list of token ids"


class PromptTooLongError(ValueError):
    """A prompt of more tokens than its model takes."""

    def __init__(self, tokens: int, limit: int) -> None:
        super().__init__(
            f"this prompt has {tokens:,} tokens; the model takes at most {limit:,}: shorten it, or choose another model"
        )
        self.tokens, self.limit = tokens, limit


def check_prompt(model: Transformer, prompt: str | Iterable[int]) -> list[int]:
    """The prompt's token ids. Raises ValueError, with the value, the limit and the remedy, where it cannot be run.

    prompt: a text; or token ids, in a list or tuple, an array or tensor (n) or (1, n), or whatever else hands out
    whole numbers one after the other.
    """
    if isinstance(prompt, str):
        if not prompt.strip():
            raise ValueError("the text is blank: type at least one character that is not a space")
        ids = model.tokenizer.encode(prompt)
    else:
        ids = _given_ids(prompt, model.config.max_positions)
    return check_ids(model, ids)


def check_ids(model: Transformer, ids: Sequence[int]) -> list[int]:
    """The ids, where the model can be run with them. Raises ValueError where it cannot."""
    vocab, limit = model.config.vocab_size, model.config.max_positions
    if not ids:
        raise ValueError("the prompt has no tokens: type a text")
    wrong = [i for i in ids if not 0 <= i < vocab]
    if wrong:
        raise ValueError(
            f"token id {_short(wrong[0])} is not in the vocabulary of this model: ids go from 0 to {vocab - 1:,}"
        )
    if len(ids) > limit:
        raise PromptTooLongError(len(ids), limit)
    return list(ids)


def _given_ids(prompt: Any, limit: int) -> list[int]:
    """The ids of a prompt that is no text; of an endless one, few more than the model holds."""
    if prompt is None:
        raise ValueError(f"there is no prompt: {EXPECTED}")
    if isinstance(prompt, bytes | bytearray | memoryview):
        raise ValueError("the prompt is bytes, and a text is characters: decode it first, as in prompt.decode()")
    if isinstance(prompt, Mapping):
        raise ValueError("the prompt is a mapping: pass its token ids, as in prompt['input_ids']")
    if isinstance(prompt, set | frozenset):
        raise ValueError("the prompt is a set, which has no order: give a list of token ids")
    if isinstance(prompt, np.ndarray | Tensor):
        return _row(prompt)
    try:
        given = iter(prompt)
    except TypeError:
        raise ValueError(f"the prompt is {_kind(prompt)}: {EXPECTED}") from None
    first = list(islice(given, limit + 1))
    more = next(given, None) is not None if len(first) > limit else False
    ids = [_whole(item) for item in first]
    if more:
        raise ValueError(
            f"this prompt has more than {len(ids):,} tokens; the model takes at most {limit:,}: shorten it"
        )
    return ids


def _row(prompt: np.ndarray[Any, Any] | Tensor) -> list[int]:
    """The numbers of an array or tensor (n), or (1, n) as tokenizers hand them out."""
    if isinstance(prompt, Tensor) and prompt.is_meta:
        raise ValueError(f"the prompt is a tensor on the device meta, which holds no numbers: {EXPECTED}")
    if isinstance(prompt, Tensor) and prompt.layout != torch.strided:
        raise ValueError("the prompt is a sparse tensor: give it as a dense one, prompt.to_dense()")
    shape = tuple(prompt.shape)
    if len(shape) == 2 and shape[0] == 1:
        prompt = prompt[0]
    elif len(shape) == 2:
        raise ValueError(f"the prompt is {counted(shape[0], 'row')} of {counted(shape[1], 'token id')}: {SEVERAL}")
    elif len(shape) != 1:
        raise ValueError(f"the prompt has the shape {shape}, and token ids are one row of numbers: {EXPECTED}")
    numbers = prompt.tolist()
    return [_whole(number) for number in numbers]


def _whole(item: Any) -> int:
    if isinstance(item, str | bytes):
        raise ValueError(f"the prompt is a list of texts, and {SEVERAL}")
    if isinstance(item, bool | np.bool_) or (isinstance(item, Tensor) and str(item.dtype) == "torch.bool"):
        raise ValueError("the prompt has True or False where a token id belongs: a token id is a whole number")
    try:
        return operator.index(item)
    except (TypeError, RuntimeError, NotImplementedError):  # a tensor of fractions, of several numbers, of none
        pass
    if isinstance(item, Mapping):
        raise ValueError(
            "the prompt is a list of mappings, such as chat messages: make one text of them first, as the model's chat "
            "template does, and give that text"
        )
    if isinstance(item, Tensor | np.ndarray) and math.prod(item.shape) > 1:
        raise ValueError(f"the prompt is a list of lists, and {SEVERAL}")
    if isinstance(item, Iterable) and not isinstance(item, Tensor | np.generic):
        raise ValueError(f"the prompt is a list of lists, and {SEVERAL}")
    raise ValueError(f"the prompt has {_kind(item)} where a token id belongs: a token id is a whole number")


def _kind(value: Any) -> str:
    """A value and its type for a sentence: "1.5 (float)"."""
    shown = str(value) if isinstance(value, float | complex | bool | None) else ""
    shown = _short(value) if isinstance(value, int) and not isinstance(value, bool) else shown
    if isinstance(value, Tensor) and value.dim() == 0 and not value.is_meta:
        shown = str(value.item())
    word = type(value).__name__
    return f"{shown} ({word})" if shown else f"something of type {word}"


def _short(number: int) -> str:
    return str(number) if abs(number) < 10**20 else "of more than 20 digits"

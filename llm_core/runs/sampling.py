"""From logits to one token, stage by stage, then the draw.

Everything here is float64 over the whole vocabulary (v), in token-id order. Each stage is a distribution that can be
looked at; the last is what the token is drawn from. stages.py lists them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from llm_core.model.tokenizer import Tokenizer
from llm_core.runs.stages import STAGES, StageInput, StageKind, StageSettings
from llm_core.support.numeric import as_real, as_whole
from llm_core.support.plain_words import as_sentence, counted, one_line

MAX_SEED = 2**64 - 1


@dataclass(frozen=True)
class Sampling(StageSettings):
    """How the next token is chosen: a setting for each stage, and the seed of the dice.

    temperature: logits are divided by it; 0 takes the most likely token. top_k: keep the k most likely tokens; 0 is
    off. top_p: keep the most likely tokens that together reach this probability (nucleus sampling, Holtzman et al.,
    2020); 1 is off. seed: the dice. Raises ValueError outside these limits.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        for kind in STAGES:
            if not kind.whole:
                self._keep(kind.name, as_real, f"the {kind.title}", "a number")
        for name, title in [*((kind.name, kind.title) for kind in STAGES if kind.whole), ("seed", "the seed")]:
            self._keep(name, as_whole, title, "a whole number")
        for kind in STAGES:
            value = getattr(self, kind.name)
            if not kind.fits(value):
                raise ValueError(kind.refusal.format(value))
        if not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"the seed is {self.seed}; it must be between 0 and {MAX_SEED:,}")

    def _keep(self, name: str, kept: Callable[[object], float | None], title: str, kind: str) -> None:
        """Take a setting up as Python's own number, so that equal settings are written alike everywhere."""
        given = getattr(self, name)
        value = kept(given)
        if value is None:
            raise ValueError(f"{title} is {one_line(repr(given), 40)}; it must be {kind}")
        object.__setattr__(self, name, value)

    def in_words(self) -> str:
        """All settings in one line: "temperature 1, top-k off, top-p off, dice seed 0"."""
        return ", ".join([*self.stages_in_words, f"dice seed {self.seed}"])


@dataclass(frozen=True)
class Stage:
    """One distribution on the way to the token.

    name; title: in words, with its setting ("top-k 40"). kind and setting: of STAGES and its value; None for "softmax",
    the model's own distribution. probabilities (v), float64: after the stage; before (v): after the stage before it, of
    "softmax" itself the same.
    """

    name: str
    title: str
    kind: StageKind | None
    setting: float | None
    before: Tensor
    probabilities: Tensor

    @property
    def removed(self) -> Tensor:
        """bool (v): True for each token that could be drawn before this stage, and not after it."""
        return (self.before > 0) & (self.probabilities == 0)

    @property
    def left(self) -> int:
        """How many tokens can be drawn after this stage."""
        return int((self.probabilities > 0).sum())

    @property
    def removal(self) -> str:
        """How many tokens the stage leaves, and by which rule, as a sentence; empty where it removes none."""
        if self.kind is None or not self.removed.any():
            return ""
        before = counted(int((self.before > 0).sum()), "token")
        return as_sentence(f"{self.title} leaves {self.left:,} of {before}: {self.kind.rule}")


def stages(logits: Tensor, sampling: Sampling) -> list[Stage]:
    """logits (v) → the distributions "softmax", then of each of STAGES, each made from the one before.

    A setting that is off leaves its stage equal to the one before. Raises ValueError for logits that are not numbers.
    """
    z = logits.double()
    if not torch.isfinite(z.max()):  # the maximum of what holds a NaN is NaN
        raise ValueError("the logits hold NaN or infinity: no token can be drawn from them")
    p = z.softmax(-1)
    found = [Stage("softmax", "softmax", None, None, p, p)]
    for kind, value in zip(STAGES, sampling.stage_values.values(), strict=True):
        before, p = p, p if value == kind.off else kind.apply(StageInput(z, p), value)
        found.append(Stage(kind.name, kind.in_words(value), kind, value, before, p))
    return found


def uniform(seed: int, index: int) -> float:
    """The number in [0, 1) that decides token `index` of a run: it depends on the seed and the index alone.

    The counter-based generator Philox4x64-10 (Salmon et al., 2011) with the seed as key and the index as counter.
    """
    return float(np.random.Generator(np.random.Philox(key=seed, counter=[index, 0, 0, 0])).random())


def draw(probabilities: Tensor, u: float) -> int:
    """The token whose slice of the cumulative distribution holds u in [0, 1); never one of probability 0."""
    cumulative = probabilities.double().cumsum(-1)
    token = int(torch.searchsorted(cumulative, u * float(cumulative[-1]), right=True))
    if token < len(cumulative):
        return token
    return int(probabilities.nonzero()[-1])  # u · total was rounded up to the total itself


@dataclass(frozen=True, eq=False)
class Sampled:
    """The token that one step chose, and how. Made by `sample`.

    id of the token; index: which of the run's sampled tokens it is, from 0; probability: the model's own,
    softmax(logits)[id]; drawn_probability: in the distribution it was drawn from, after all stages; u: the dice's
    number; logits: gives the step's logits (v) again.
    """

    id: int
    index: int
    sampling: Sampling
    probability: float
    drawn_probability: float
    u: float
    tokenizer: Tokenizer = field(repr=False)
    logits: Callable[[], Tensor] = field(repr=False)

    @property
    def text(self) -> str:
        return self.tokenizer.text(self.id)

    @property
    def label(self) -> str:
        """The text for reading: a space as ␣."""
        return self.tokenizer.label(self.id)

    @property
    def stages(self) -> list[Stage]:
        """The stages, computed when looked at; the last is what the token was drawn from."""
        found = stages(self.logits(), self.sampling)
        # a setting that is off hands on the very tensor that it was given: who looks may change one and not the other
        after = [stage.probabilities.clone() for stage in found]
        before = [after[0], *after[:-1]]
        return [replace(s, before=b, probabilities=p) for s, b, p in zip(found, before, after, strict=True)]


def sample(
    logits: Tensor,
    sampling: Sampling,
    index: int,
    tokenizer: Tokenizer,
    again: Callable[[], Tensor] | None = None,
) -> Sampled:
    """logits (v) → the token that these settings draw from them; index counts the run's sampled tokens from 0.

    again: gives the same logits at a later look; without it these are kept. Raises ValueError for logits that are not
    numbers.
    """
    u = uniform(sampling.seed, index)
    first, *_, last = stages(logits, sampling)
    token = draw(last.probabilities, u)
    probability, drawn = float(first.probabilities[token]), float(last.probabilities[token])
    return Sampled(token, index, sampling, probability, drawn, u, tokenizer, again or (lambda: logits))

"""From logits to one token, stage by stage: temperature, top-k, top-p, draw.

Everything here is float64 over the whole vocabulary (v), in token-id order. Each stage is a distribution that can be
looked at; the last is what the token is drawn from.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from llm_core.tokenizer import Tokenizer

MAX_SEED = 2**64 - 1


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.

    temperature: logits are divided by it; 0 takes the most likely token. top_k: keep the k most likely tokens; 0 is
    off. top_p: keep the most likely tokens that together reach this probability (nucleus sampling, Holtzman et al.,
    2020); 1 is off. seed: the dice. Raises ValueError outside these limits.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (isinstance(self.top_k, int) and isinstance(self.seed, int)):
            raise ValueError(f"top-k is {self.top_k} and the seed is {self.seed}; both must be whole numbers")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise ValueError(f"the temperature is {self.temperature}; it must be a number of 0 or more")
        if self.top_k < 0:
            raise ValueError(f"top-k is {self.top_k}; it must be 0 (off) or more")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top-p is {self.top_p}; it must be above 0 and at most 1 (off)")
        if not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"the seed is {self.seed}; it must be between 0 and {MAX_SEED:,}")


@dataclass(frozen=True)
class Stage:
    """One distribution on the way to the token: probabilities (v), float64."""

    name: str
    probabilities: Tensor


def stages(logits: Tensor, sampling: Sampling) -> list[Stage]:
    """logits (v) → the distributions "softmax", "temperature", "top_k", "top_p", each made from the one before.

    A setting that is off leaves its stage equal to the one before. Raises ValueError for logits that are not numbers.
    """
    z = logits.double()
    if not torch.isfinite(z.max()):  # the maximum of what holds a NaN is NaN
        raise ValueError("the logits hold NaN or infinity: no token can be drawn from them")
    found = [Stage("softmax", z.softmax(-1))]
    tempered = found[0].probabilities if sampling.temperature == 1 else _tempered(z, sampling.temperature)
    found.append(Stage("temperature", tempered))
    found.append(Stage("top_k", _top_k(found[-1].probabilities, sampling.top_k)))
    found.append(Stage("top_p", _top_p(found[-1].probabilities, sampling.top_p)))
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


class Sampled:
    """The token that one step chose, and how.

    id, text and label (for reading) of the token; probability: the model's own, softmax(logits)[id];
    drawn_probability: in the distribution it was drawn from, after temperature, top-k and top-p; u: the dice's number.
    """

    def __init__(self, logits: Tensor, sampling: Sampling, index: int, tokenizer: Tokenizer) -> None:
        """logits (v); index counts the run's sampled tokens from 0."""
        self.sampling, self.index = sampling, index
        self._logits = logits
        self.u = uniform(sampling.seed, index)
        first, *_, last = self.stages
        self.id = draw(last.probabilities, self.u)
        self.text, self.label = tokenizer.text(self.id), tokenizer.label(self.id)
        self.probability = float(first.probabilities[self.id])
        self.drawn_probability = float(last.probabilities[self.id])

    @property
    def stages(self) -> list[Stage]:
        """softmax, temperature, top-k, top-p, computed when looked at; the last is what the token was drawn from."""
        return stages(self._logits, self.sampling)


def _tempered(z: Tensor, temperature: float) -> Tensor:
    if temperature == 0:
        return torch.nn.functional.one_hot(z.argmax(), len(z)).double()
    return ((z - z.max()) / temperature).softmax(-1)  # the maximum first: a tiny temperature must not overflow


def _top_k(p: Tensor, k: int) -> Tensor:
    if k == 0 or k >= len(p):
        return p
    kept = p.sort(descending=True, stable=True).indices[:k]  # stable: of equals, the lower id
    return _only(p, kept)


def _top_p(p: Tensor, top_p: float) -> Tensor:
    if top_p == 1:
        return p
    ordered, ids = p.sort(descending=True, stable=True)
    reached = ordered.cumsum(-1)
    before = torch.cat((reached.new_zeros(1), reached[:-1]))  # what the more likely tokens reach without this one
    return _only(p, ids[before < top_p])


def _only(p: Tensor, kept: Tensor) -> Tensor:
    q = torch.zeros_like(p)
    q[kept] = p[kept]
    return q / q.sum()

"""The sampler's stages as data: the setting that governs each, what it is called, and what it does to a distribution.

STAGES lists them in the order in which they act. Sampling, console, page, links, files, the notebook and the key of a
run read this list: one more stage is one entry here and one field of StageSettings.
"""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import torch
from torch import Tensor

# ---- what a stage is ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StageInput:
    """What a stage may read: the model's logits (v), and the probabilities (v) after the stage before; float64."""

    logits: Tensor
    probabilities: Tensor


@dataclass(frozen=True, eq=False)
class StageKind:
    """One stage of the sampler and its setting.

    name: of the setting, in Python, links and files. title: within a sentence. label: above the page's control.
    rule: what the stage does, and turned_off: what the value does that turns it off; each a part of a sentence.
    apply: the probabilities (v) after the stage, from what it reads and the setting's value; not called when it is off.
    fits: whether a value can be used. refusal: the sentence about one that cannot, with {} for the value.
    offered: the least and the largest value on the page and in its links. words: of values that have a word.
    """

    name: str
    title: str
    label: str
    rule: str
    apply: Callable[[StageInput, Any], Tensor]
    fits: Callable[[Any], bool]
    refusal: str
    offered: tuple[float, float]
    turned_off: str = ""
    words: Mapping[float, str] = field(default_factory=dict)

    @property
    def off(self) -> float:
        """The value at which the stage changes nothing."""
        return getattr(StageSettings, self.name)

    @property
    def whole(self) -> bool:
        """Whether the setting is a whole number."""
        return isinstance(self.off, int)

    @property
    def meaning(self) -> str:
        """What the setting does, and how it is turned off; a sentence without capital and full stop."""
        return "; ".join(filter(None, (self.rule, self.turned_off)))

    def in_words(self, value: float) -> str:
        """The stage with its setting, in words: "top-k 40"."""
        return f"{self.title} {self.words.get(value) or (value if self.whole else f'{value:g}')}"


# ---- what each stage does -------------------------------------------------------------------------------------------


def _temperature(given: StageInput, temperature: float) -> Tensor:
    z = given.logits
    if temperature == 0:
        return torch.nn.functional.one_hot(z.argmax(), len(z)).double()
    return ((z - z.max()) / temperature).softmax(-1)  # the maximum first: a tiny temperature must not overflow


def _top_k(given: StageInput, k: int) -> Tensor:
    p = given.probabilities
    if k >= len(p):
        return p
    kept = p.sort(descending=True, stable=True).indices[:k]  # stable: of equals, the lower id
    return only(p, kept)


def _top_p(given: StageInput, top_p: float) -> Tensor:
    ordered, ids = given.probabilities.sort(descending=True, stable=True)
    reached = ordered.cumsum(-1)
    before = torch.cat((reached.new_zeros(1), reached[:-1]))  # what the more likely tokens reach without this one
    return only(given.probabilities, ids[before < top_p])


def only(p: Tensor, kept: Tensor) -> Tensor:
    """The distribution p (v) over these tokens alone: kept holds their ids, or True for each of them (v)."""
    q = torch.zeros_like(p)
    q[kept] = p[kept]
    return q / q.sum()


# ---- the list -------------------------------------------------------------------------------------------------------

TEMPERATURE = StageKind(
    name="temperature",
    title="temperature",
    label="Temperature (0 = greedy)",
    rule="a higher temperature makes unlikely tokens more likely to be drawn; "
    "at 0 the most likely token is always taken",
    apply=_temperature,
    fits=lambda value: 0 <= value < float("inf"),
    refusal="the temperature is {}; it must be a number of 0 or more",
    offered=(0, 2),
    words={0: "0 (greedy)"},
)
TOP_K = StageKind(
    name="top_k",
    title="top-k",
    label="Top-k",
    rule="only the k most likely tokens can be drawn",
    turned_off="0 keeps all tokens",
    apply=_top_k,
    fits=lambda value: value >= 0,
    refusal="top-k is {}; it must be 0 (off) or more",
    offered=(0, 300_000),  # more than any vocabulary has
    words={0: "off"},
)
TOP_P = StageKind(
    name="top_p",
    title="top-p",
    label="Top-p",
    rule="only the most likely tokens that together reach this probability can be drawn",
    turned_off="1 keeps all tokens",
    apply=_top_p,
    fits=lambda value: 0 < value <= 1,
    refusal="top-p is {}; it must be above 0 and at most 1 (off)",
    offered=(0.01, 1),
    words={1: "off"},
)
STAGES = [TEMPERATURE, TOP_K, TOP_P]  # temperature first: it begins with the logits again


@dataclass(frozen=True)
class StageSettings:
    """The setting of each of STAGES, by its name; the default is the value at which the stage changes nothing."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    _: KW_ONLY  # a setting that is added below is given by its name alone: the dice seed stays the fourth argument

    @property
    def stage_values(self) -> dict[str, Any]:
        """Each setting's value by its name, in the order in which the stages act."""
        return {kind.name: getattr(self, kind.name) for kind in STAGES}

    @property
    def stages_on(self) -> list[StageKind]:
        """The stages that are not off."""
        return [kind for kind in STAGES if getattr(self, kind.name) != kind.off]

    @property
    def stages_in_words(self) -> list[str]:
        """Each stage with its setting: "top-k 40"."""
        return [kind.in_words(getattr(self, kind.name)) for kind in STAGES]

    @property
    def greedy(self) -> bool:
        """Whether the most likely token is always taken."""
        return self.temperature == 0


def all_titles() -> str:
    """The titles of all stages within a sentence: "temperature, top-k and top-p"."""
    *others, last = (kind.title for kind in STAGES)
    return f"{', '.join(others)} and {last}"

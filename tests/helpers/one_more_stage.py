"""One more stage of the sampler, as somebody would add it: an entry of the list and a field. Nothing else knows it."""

import sys
from dataclasses import dataclass, field

import torch
from torch import Tensor

from llm_core.runs import stages


def _min_p(given: stages.StageInput, share: float) -> Tensor:
    p = given.probabilities
    return stages.only(p, p >= share * p.max())


MIN_P = stages.StageKind(
    name="min_p",
    title="min-p",
    label="Min-p",
    rule="only tokens with this share of the largest probability can be drawn",
    turned_off="0 keeps all tokens",
    apply=_min_p,
    fits=lambda value: 0 <= value <= 1,
    refusal="min-p is {}; it must be from 0 (off) to 1",
    offered=(0, 1),
    words={0: "off"},
)


@dataclass(frozen=True)
class WithMinP(stages.StageSettings):
    """The settings with the new one."""

    min_p: float = field(default=0.0, kw_only=True)


def add_min_p() -> None:
    """Add the stage to this process, in which nothing has read the list yet: as if its two lines stood in stages.py."""
    assert "llm_core.runs.sampling" not in sys.modules
    stages.STAGES.append(MIN_P)
    stages.StageSettings = WithMinP
    torch.set_num_threads(1)

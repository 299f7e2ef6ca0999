"""Where a pass stops being numbers: the first matrix that holds NaN or infinity, and the first weight that does."""

import torch
from torch import Tensor

from llm_core import catalogue
from llm_core.model.cache import KVCache
from llm_core.model.transformer import Transformer

_ROWS = 64  # of a text are looked at together: no matrix of a long one is held whole


def where_it_began(model: Transformer, ids: list[int]) -> str:
    """A sentence about the matrices of a pass over these ids, whose logits hold NaN or infinity."""
    return _sentence(model, _not_finite(model, ids) | {"logits"})


def refuse_not_finite(model: Transformer, ids: list[int]) -> None:
    """Raises ValueError, with the first such matrix, where one of a pass over these ids holds NaN or infinity.

    For models with such weights: fused attention passes over a NaN of a short text, and answers as if nothing were
    wrong. Here attention is computed with every matrix apart, so that none is passed over.
    """
    found = _not_finite(model, ids)
    if found:
        raise ValueError(_sentence(model, found))


def _not_finite(model: Transformer, ids: list[int]) -> set[str]:
    """The names of the matrices of a pass over these ids that hold NaN or infinity; of the logits, the last row."""
    found: set[str] = set()
    cache, tap = KVCache(model.config, len(ids)), _Unsound(found)
    with torch.inference_mode():
        for start in range(0, len(ids), _ROWS):
            stream = model.stream(torch.tensor([ids[start : start + _ROWS]], device=model.device), cache, tap)
        model.logits(stream[:, -1:], tap)
    return found - {"probabilities"}


def _sentence(model: Transformer, found: set[str]) -> str:
    names = [entry.name for entry in catalogue.matrices(model.config)]
    first = next(name for name in names if name in found)
    weight = next((name for name, w in model.named_parameters() if not w.isfinite().all()), None)
    cause = f", and the first such weight is {weight}" if weight else ""
    if "logits" in found:
        consequence = "the logits hold NaN or infinity: no token can be drawn from them."
    else:
        consequence = "this run has a matrix that holds NaN or infinity: its tokens would mean nothing."
    return f"{consequence} The first such matrix is {first}{cause}"


class _Unsound:
    """A tap that notes the names of matrices that are no numbers; the mask's −∞ is meant."""

    def __init__(self, found: set[str], prefix: str = "") -> None:
        self.found, self.prefix = found, prefix

    def __call__(self, name: str, value: Tensor) -> Tensor:
        least = value.nan_to_num(nan=torch.inf, neginf=0.0) if name == "masked_scores" else value
        if not least.isfinite().all():
            self.found.add(self.prefix + name)
        return value

    def wants(self, *names: str) -> bool:
        return True

    def scope(self, prefix: str) -> "_Unsound":
        return _Unsound(self.found, f"{self.prefix}{prefix}.")

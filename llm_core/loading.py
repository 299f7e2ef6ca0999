"""Models by name: a preset with random weights from a seed."""

import hashlib
import math

import torch

from llm_core import catalogue
from llm_core.config import PRESETS, ModelConfig
from llm_core.model import Transformer
from llm_core.tokenizer import gpt2_tokenizer

MAX_WEIGHTS_SEED = 2**32 - 1  # torch's generator on the CPU reads no more bits of its seed than these


def load_model(name: str, seed: int = 0) -> Transformer:
    """The model of that name. seed: of a preset's random weights.

    Raises ValueError for a name or a seed that does not exist.
    """
    if name not in PRESETS:
        raise ValueError(f"there is no model named {name!r}; choose one of: {', '.join(PRESETS)}")
    return random_model(PRESETS[name], seed, name)


def random_model(config: ModelConfig, seed: int = 0, name: str = "custom") -> Transformer:
    """A model with GPT-2's tokenizer and random weights, distributed as PyTorch initialises nn.Embedding and nn.Linear.

    The weights depend on the config and the seed alone. Raises ValueError for a seed out of range.
    """
    if not 0 <= seed <= MAX_WEIGHTS_SEED:
        raise ValueError(f"the weights seed is {seed}; it must be between 0 and {MAX_WEIGHTS_SEED:,}")
    fingerprint = hashlib.sha256(f"{config}, seed {seed}".encode()).hexdigest()[:16]
    model = Transformer(config, gpt2_tokenizer(), name, fingerprint)
    generator = torch.Generator().manual_seed(seed)
    weights = dict(model.named_parameters())
    for entry in catalogue.weights(config):
        _initialise(weights[entry.name], entry, weights, generator)
    return model.eval()


def _initialise(
    weight: torch.Tensor, entry: catalogue.Entry, weights: dict[str, torch.nn.Parameter], generator: torch.Generator
) -> None:
    last = entry.name.rsplit(".", 1)[-1]
    with torch.no_grad():
        if entry.part == "embedding":
            weight.normal_(generator=generator)
        elif last == "scale":
            weight.fill_(1.0)
        elif last == "shift":
            weight.zero_()
        else:  # nn.Linear: both the weight and its bias uniform in ± 1/√(in)
            into = weights[_weight_of(entry.name)].shape[0]
            weight.uniform_(-1 / math.sqrt(into), 1 / math.sqrt(into), generator=generator)


def _weight_of(name: str) -> str:
    """The weight whose input width sets the scale of this parameter: for a bias, the weight beside it."""
    return name.replace(".b_", ".w_").replace("unembedding.bias", "unembedding.weight")

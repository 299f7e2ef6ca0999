"""Which weights a model has, and where they are from.

A model's weights never change: other weights are another model, with another version.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from llm_core.config.model_config import ModelConfig


@dataclass(frozen=True)
class Seed:
    """Drawn at random from this seed; nothing has changed them since."""

    seed: int


@dataclass(frozen=True)
class Files:
    """Read from this folder or file."""

    path: Path


@dataclass(frozen=True)
class Edited:
    """Those of another model but for some. of: the version of its weights; names: which weights differ."""

    of: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Trained:
    """Found by training. of: the version of the weights that it began with; steps: how many it took."""

    of: str
    steps: int


Source = Seed | Files | Edited | Trained


@dataclass(frozen=True)
class Weights:
    """version: 64 hex digits; any two models with different weights have different ones."""

    version: str
    source: Source


def version_of(content: str, config: ModelConfig, dtype: str) -> str:
    """The version of weights that are drawn or read: content says from what, which may be a digest of files.

    It also depends on the type of their numbers, and on the config's choices (a default says nothing).
    """
    chosen = {f.name: getattr(config, f.name) for f in fields(config) if getattr(config, f.name) != f.default}
    return hashlib.sha256(f"{content} {sorted(chosen.items())} {dtype}".encode()).hexdigest()


def changed_version(before: str, changed: Mapping[str, Tensor]) -> str:
    """The version of weights of version `before` once those in `changed` have taken the place of their namesakes."""
    digest = hashlib.sha256(before.encode())
    for name, values in sorted(changed.items()):
        digest.update(f" {name} ".encode())
        digest.update(values.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()

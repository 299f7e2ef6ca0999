"""The catalogue: one entry for each kind of matrix and each weight of a model.

The page, the console, exports and tests all read what a matrix is from here. `matrices(config)` lists a model's
matrices in order of computation, with the operands that each came from; `weights(config)` lists what it learned.
Nothing is computed. What an entry says is told in entry.py; the entries themselves stand in catalogue_matrices.py and
catalogue_weights.py.
"""

from functools import lru_cache

from llm_core.catalogue_matrices import all_matrices, door
from llm_core.catalogue_weights import all_weights
from llm_core.config import ModelConfig
from llm_core.entry import Entry

__all__ = ["Entry", "door", "entry", "matrices", "matrix", "weight", "weights"]


@lru_cache(maxsize=64)
def matrices(config: ModelConfig) -> tuple[Entry, ...]:
    """The entries of a model's matrices, in order of computation, operands resolved to full names."""
    return tuple(all_matrices(config))


@lru_cache(maxsize=64)
def weights(config: ModelConfig) -> tuple[Entry, ...]:
    """The entries of a model's weights, named as its parameters are, in the order of the model."""
    return tuple(all_weights(config))


def matrix(config: ModelConfig, name: str) -> Entry:
    """The entry of one matrix. Raises ValueError for a name that this model lacks."""
    return _find(_matrices_by_name(config), name, "matrix")


def weight(config: ModelConfig, name: str) -> Entry:
    """The entry of one weight. Raises ValueError for a name that this model lacks."""
    return _find(_weights_by_name(config), name, "weight")


def entry(config: ModelConfig, name: str) -> Entry:
    """The entry of one matrix or weight. Raises ValueError for a name that this model lacks."""
    return _weights_by_name(config).get(name) or matrix(config, name)


@lru_cache(maxsize=64)
def _matrices_by_name(config: ModelConfig) -> dict[str, Entry]:
    return {entry.name: entry for entry in matrices(config)}


@lru_cache(maxsize=64)
def _weights_by_name(config: ModelConfig) -> dict[str, Entry]:
    return {entry.name: entry for entry in weights(config)}


def _find(entries: dict[str, Entry], name: str, what: str) -> Entry:
    if name not in entries:
        raise ValueError(f"this model has no {what} named {name!r}; it has: {', '.join(list(entries)[:20])}, …")
    return entries[name]

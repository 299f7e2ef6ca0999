"""The catalogue: one entry for each kind of matrix and each weight of a model.

The page, the console, exports and tests all read what a matrix is from here. `matrices(config)` lists a model's
matrices in order of computation, with the operands that each came from; `weights(config)` lists what it learned.
Nothing is computed. What an entry says is told in entry.py; the entries themselves stand in matrix_entries.py, those
inside of attention and feed-forward beside it, and in weight_entries.py.
"""

import difflib
import fnmatch
import re
from collections.abc import Sequence
from functools import lru_cache

from llm_core.catalogue.entry import Entry
from llm_core.catalogue.matrix_entries import all_matrices
from llm_core.catalogue.weight_entries import all_weights
from llm_core.config.model_config import ModelConfig

__all__ = ["advice", "chosen", "door", "find", "matrices", "matrix", "nearest", "weight", "weights"]


@lru_cache(maxsize=64)
def matrices(config: ModelConfig) -> tuple[Entry, ...]:
    """The entries of a model's matrices, in order of computation, operands resolved to full names."""
    return tuple(all_matrices(config))


@lru_cache(maxsize=64)
def weights(config: ModelConfig) -> tuple[Entry, ...]:
    """The entries of a model's weights, named as its parameters are, in the order of the model."""
    return tuple(all_weights(config))


def door(config: ModelConfig, index: int) -> str:
    """The name of the stream that enters layer `index`, which a run keeps; index = layers: what leaves the last one."""
    return _doors(config)[index]


@lru_cache(maxsize=64)
def _doors(config: ModelConfig) -> tuple[str, ...]:
    """What is computed last before the first layer, and in each layer."""
    last = {entry.layer: entry.name for entry in matrices(config) if entry.part != "output"}
    return tuple(last.values())


def matrix(config: ModelConfig, name: str) -> Entry:
    """The entry of one matrix. Raises ValueError, with the nearest names, for one that this model lacks."""
    return _find(config, name, "matrix")


def weight(config: ModelConfig, name: str) -> Entry:
    """The entry of one weight. Raises ValueError for a name that this model lacks."""
    return _find(config, name, "weight")


def find(config: ModelConfig, name: str) -> Entry:
    """The entry of one matrix or weight. Raises ValueError for a name that this model lacks."""
    return _find(config, name, "matrix", "weight")


@lru_cache(maxsize=64)
def _matrices_by_name(config: ModelConfig) -> dict[str, Entry]:
    return {entry.name: entry for entry in matrices(config)}


@lru_cache(maxsize=64)
def _weights_by_name(config: ModelConfig) -> dict[str, Entry]:
    return {entry.name: entry for entry in weights(config)}


def chosen(config: ModelConfig, patterns: Sequence[str]) -> list[str]:
    """The names of a model's matrices that any of these names or patterns means, in order of computation.

    In a pattern, * stands for any part of a name. Raises ValueError for one that means no matrix.
    """
    names = [entry.name for entry in matrices(config)]
    found: set[str] = set()
    for pattern in patterns:
        if not set(pattern) & set("*?["):
            found.add(matrix(config, pattern).name)
            continue
        means = fnmatch.filter(names, pattern)
        if not means:
            raise ValueError(
                f"no matrix of this model has a name like {pattern!r:.80}; it has: {', '.join(names[:8])}, …"
            )
        found.update(means)
    return [name for name in names if name in found]


def _find(config: ModelConfig, name: str, what: str, *others: str) -> Entry:
    """What has this name; of kind `what`, or one of the others."""
    kinds = {"matrix": _matrices_by_name(config), "weight": _weights_by_name(config)}
    looked = [kinds[kind] for kind in (what, *others)]
    if not isinstance(name, str):
        raise ValueError(f"a {what} needs its name, a text like {next(iter(looked[0]))!r}, not {name!r:.60}")
    for entries in looked:
        if name in entries:
            return entries[name]
    elsewhere = next((kind for kind, entries in kinds.items() if name in entries), None)
    if elsewhere is not None:
        raise ValueError(f"{name} is a {elsewhere}, not a {what}: {_ELSEWHERE[elsewhere]}")
    every = [each for entries in looked for each in entries]
    raise ValueError(f"this model has no {what} named {name!r:.80}: {advice(name, every, config.layers)}")


_ELSEWHERE = {"weight": "model.weight(name) has its values", "matrix": "step.matrix(name) has its values"}


def advice(name: str, names: Sequence[str], layers: int) -> str:
    """What helps who has asked for a name that is none of `names`: the nearest ones, or how many layers there are."""
    numbered = re.match(r"layers\.(-?\d+)(?=\.|$)", name)
    if numbered and not 0 <= int(numbered[1][:9]) < layers:
        has = "1 layer, layers.0" if layers == 1 else f"{layers} layers, layers.0 to layers.{layers - 1}"
        return f"it has {has}"
    near = nearest(name, names)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"it has {', '.join(names[:8])}{', …' if len(names) > 8 else ''}"


def nearest(name: str, names: Sequence[str], most: int = 3) -> list[str]:
    """The names that are most like one that is wrong: that end with it, or differ in few letters; best first."""
    lower = name.strip().lower()[:100]
    ending = [each for each in names if lower and (each.lower() == lower or each.lower().endswith(f".{lower}"))]
    near = difflib.get_close_matches(lower, [each.lower() for each in names], most, cutoff=0.6)
    return list(dict.fromkeys([*ending, *(next(n for n in names if n.lower() == each) for each in near)]))[:most]

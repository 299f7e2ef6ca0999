"""How long each axis is: the sizes of the axis words, and from them the shapes of matrices and weights.

Whoever needs to know how large something is before it is computed, or whether it is as large as it must be, asks here.
"""

import math
from collections.abc import Sequence

from llm_core.config.model_config import ModelConfig


def axis_sizes(config: ModelConfig) -> dict[str, int]:
    """The axes that the architecture alone decides, by axis word. Those of tokens depend on the step besides."""
    return {
        "head": config.heads,
        "kv_head": config.kv_heads,
        "head_dim": config.head_dim,
        "model": config.model_dim,
        "hidden": config.feedforward_dim,
        "vocab": config.vocab_size,
    }


def matrix_shape(config: ModelConfig, axes: Sequence[str], positions: range) -> tuple[int, ...]:
    """The shape of a matrix with these axes in a step that reads these positions: it meets all keys up to the last."""
    rows = 1 if "vocab" in axes else len(positions)  # of the vocabulary the step has the sampled row alone
    sizes = axis_sizes(config) | {"position": rows, "query": rows, "key": positions.stop}
    return tuple(sizes[axis] for axis in axes)


def weight_shape(config: ModelConfig, axes: Sequence[str], heads: int = 1) -> tuple[int, ...]:
    """The shape of a weight with these axes. heads: how many lie side by side along its head_dim."""
    own = axis_sizes(config)
    sizes = own | {"position": config.max_positions, "head_dim": heads * own["head_dim"]}
    return tuple(sizes[axis] for axis in axes)


def row_size(config: ModelConfig, axes: Sequence[str], keys: int) -> int:
    """How many numbers one row of a matrix with these axes has, those of all heads together, where it meets so many
    keys."""
    sizes = axis_sizes(config) | {"key": keys}
    return math.prod(sizes[axis] for axis in (*axes[:-2], axes[-1]))


def widest_row(config: ModelConfig, keys: int) -> int:
    """How many numbers the longest row of a layer's matrices has, those of all heads together."""
    sizes = axis_sizes(config)
    return max(sizes["head"] * max(sizes["head_dim"], keys), sizes["hidden"], sizes["model"])

"""Every matrix of a model, computed a second time: in float64, in NumPy, over the whole sequence, without a cache.

The proof holds the engine against this, so nothing of the engine's own arithmetic is used here, only its config, its
weights and the names of its matrices. Shapes: n tokens, h heads, g KV heads, d head dimension, m model, f hidden.
"""

import math
from collections.abc import Callable, Container, Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from llm_core.config.model_config import FeedForwardKind, ModelConfig

Array = NDArray[np.float64]
_Compare = Callable[[dict[str, Array], range], None]
"""Given some matrices, and which rows of the sequence they hold. Of keys and values all rows are given."""
_Ours = Callable[[str, range], Tensor]
"""The engine's own rows of a matrix, by its name; of the logits those of one sampled position."""

SCORE_ROWS = 256  # the scores of so many rows are held at once


def compute_in_float64(
    config: ModelConfig,
    weights: Mapping[str, Tensor],
    ids: list[int],
    sampled: Container[int],
    compare: _Compare,
    ours: _Ours | None = None,
) -> None:
    """Hand every matrix of a pass over `ids` to `compare`, layer by layer. sampled: the positions with logits.

    ours: where it is given, each matrix is computed from the engine's own operands, so that what was rounded before it
    makes no difference. What lies between queries and the heads' outputs is then left to `inside_attention`.
    """
    reference = _Reference(config, weights, compare, ours)
    x = reference.embed(ids)
    for layer in range(config.layers):
        x = reference.layer(x, layer)
    reference.output(x, sampled)


def inside_attention(config: ModelConfig, at: str, ours: Mapping[str, Array], positions: range) -> dict[str, Array]:
    """The matrices between queries and the heads' outputs, each from the one before it as the engine has it.

    ours: the engine's matrices of some rows, at `positions`; keys and values (g, n, d) of all rows so far.
    """
    q, k, v = ours[at + next(name for name in _last("q") if at + name in ours)], ours[at + "keys"], ours[at + "values"]
    found = {}
    if config.position == "rope":
        unturned = ours[at + ("q_normed" if config.qk_norm else "q")]
        found[at + "q_rotated"] = _rotated(unturned, config, positions.start)
    group = [head * config.kv_heads // config.heads for head in range(config.heads)]
    found[at + "dot_products"] = np.stack([q[head] @ k[g].T for head, g in enumerate(group)])
    found[at + "scores"] = ours[at + "dot_products"] / math.sqrt(config.head_dim)
    query, key = np.arange(positions.start, positions.stop)[:, None], np.arange(k.shape[1])[None, :]
    hidden = key > query
    if config.window is not None:
        hidden |= query - key >= config.window
    found[at + "masked_scores"] = np.where(hidden, -np.inf, ours[at + "scores"])
    found[at + "weights"] = _softmax(ours[at + "masked_scores"])
    found[at + "head_output"] = np.stack([ours[at + "weights"][head] @ v[g] for head, g in enumerate(group)])
    return found


class _Reference:
    def __init__(
        self, config: ModelConfig, weights: Mapping[str, Tensor], compare: _Compare, ours: _Ours | None
    ) -> None:
        self.config, self.weights, self.compare, self.ours = config, weights, compare, ours

    def note(self, seen: dict[str, Array], name: str, value: Array, rows: range) -> Array:
        """Put a matrix beside those seen before. Returns what the next ones are computed from: it, or the engine's."""
        seen[name] = value
        return value if self.ours is None else self.ours(name, rows).double().numpy()

    def embed(self, ids: list[int]) -> Array:
        """(n) → what the first layer reads (n, m)."""
        c, n, rows = self.config, len(ids), range(len(ids))
        seen: dict[str, Array] = {}
        x = self.weights["embedding.token"][ids].double().numpy() * (
            math.sqrt(c.model_dim) if c.scaled_embedding else 1.0
        )
        x = self.note(seen, "token_embedding", x, rows)
        added: Array | None = None
        if c.position == "learned":
            added = self.weights["embedding.position"][:n].double().numpy()
        if c.position == "sinusoidal":
            angles = np.outer(np.arange(n), 10_000.0 ** -(np.arange(0, c.model_dim, 2) / c.model_dim))
            added = np.empty((n, c.model_dim))
            added[:, 0::2], added[:, 1::2] = np.sin(angles), np.cos(angles)
        if added is not None:
            x = x + self.note(seen, "position_embedding", added, rows)
        x = self.note(seen, "input", x, rows)
        self.compare(seen, rows)
        return x

    def layer(self, x: Array, layer: int) -> Array:
        """(n, m) → (n, m), or (n, f) where the block ends at its hidden layer."""
        at = f"layers.{layer}.attention."
        seen: dict[str, Array] = {}
        read = x
        if self.config.pre_norm:
            read = self.note(seen, at + "norm", self.norm(x, at[:-1] + "_norm"), range(len(x)))
        seen |= self.projections(read, at)
        q, k = (next(seen[at + name] for name in _last(x) if at + name in seen) for x in "qk")
        v, out = seen[at + "v"], []
        for start in range(0, len(x), SCORE_ROWS):
            rows = range(start, min(start + SCORE_ROWS, len(x)))
            part = slice(rows.start, rows.stop)
            block = {name: value[..., part, :] for name, value in seen.items()}
            block |= {at + "keys": k, at + "values": v}
            if self.ours is None:
                block |= self.attention(q[:, part], k, v, np.arange(rows.start, rows.stop), at)
                mixed = block[at + "head_output"]
            else:
                mixed = self.ours(at + "head_output", rows).double().numpy()
            out.append(self.rest(x[part], mixed, block, layer, rows))
            self.compare(block, rows)
        return np.concatenate(out)

    def projections(self, x: Array, at: str) -> dict[str, Array]:
        """(n, m) → q (h, n, d), k and v (g, n, d), and q and k normed and rotated where the model does so."""
        c, rows = self.config, range(len(x))
        seen: dict[str, Array] = {}
        for letter in "qkv":
            heads = self.linear(x, f"{at}w_{letter}").reshape(len(x), -1, c.head_dim)
            y = self.note(seen, at + letter, heads.transpose(1, 0, 2), rows)
            if letter == "v":
                continue
            if c.qk_norm:
                size = np.sqrt((y**2).mean(-1, keepdims=True) + c.norm_epsilon)
                normed = y / size * self.w(f"{at}{letter}_norm.scale")
                y = self.note(seen, f"{at}{letter}_normed", normed, rows)
            if c.position == "rope":
                seen[f"{at}{letter}_rotated"] = _rotated(y, c)
        return seen

    def attention(self, q: Array, k: Array, v: Array, positions: NDArray[np.int64], at: str) -> dict[str, Array]:
        """q (h, rows, d), k and v (g, n, d) → scores and shares (h, rows, n), and the heads' outputs (h, rows, d)."""
        c, keys = self.config, np.arange(k.shape[1])
        group = [head * c.kv_heads // c.heads for head in range(c.heads)]
        dots = np.stack([q[head] @ k[g].T for head, g in enumerate(group)])
        scores = dots / math.sqrt(c.head_dim)
        hidden = keys[None, :] > positions[:, None]
        if c.window is not None:
            hidden |= positions[:, None] - keys[None, :] >= c.window
        masked = np.where(hidden, -np.inf, scores)
        shares = _softmax(masked)
        mixed = np.stack([shares[head] @ v[g] for head, g in enumerate(group)])
        return {
            at + "dot_products": dots,
            at + "scores": scores,
            at + "masked_scores": masked,
            at + "weights": shares,
            at + "head_output": mixed,
        }

    def rest(self, x: Array, mixed: Array, block: dict[str, Array], layer: int, rows: range) -> Array:
        """Some rows of the stream (rows, m), their heads' outputs (h, rows, d) → the rows that the layer hands on."""
        c, at, ff = self.config, f"layers.{layer}.attention.", f"layers.{layer}.feedforward."
        attended = mixed.transpose(1, 0, 2).reshape(len(x), -1)
        if c.attention_output:
            attended = self.note(block, at + "output", self.linear(attended, at + "w_o"), rows)
        middle = x if c.parallel else attended
        if c.residuals and not c.parallel:
            middle = self.note(block, f"layers.{layer}.residual_middle", x + attended, rows)
            if c.post_norm:
                middle = self.note(block, at + "norm", self.norm(middle, at[:-1] + "_norm"), rows)
        read = middle
        if c.pre_norm:
            read = self.note(block, ff + "norm", self.norm(middle, ff[:-1] + "_norm"), rows)
        fed = self.feedforward(read, ff, block, rows)
        if not c.residuals:
            return fed
        out = self.note(block, f"layers.{layer}.residual", middle + fed + (attended if c.parallel else 0.0), rows)
        if c.post_norm:
            out = self.note(block, ff + "norm", self.norm(out, ff[:-1] + "_norm"), rows)
        return out

    def feedforward(self, x: Array, ff: str, block: dict[str, Array], rows: range) -> Array:
        """(rows, m) → (rows, m), or the hidden layer (rows, f) where the block ends there."""
        c = self.config
        up = self.note(block, ff + "up", self.linear(x, ff + "w_up"), rows)
        activation = IN_FLOAT64[c.feedforward]
        if c.gated:
            hidden = activation(self.note(block, ff + "gate", self.linear(x, ff + "w_gate"), rows)) * up
        else:
            hidden = activation(up)
        hidden = self.note(block, ff + "hidden", hidden, rows)
        if not c.feedforward_output:
            return hidden
        return self.note(block, ff + "output", self.linear(hidden, ff + "w_down"), rows)

    def output(self, x: Array, sampled: Container[int]) -> None:
        """The stream after the last layer (n, m) → logits and probabilities (1, v) of each sampled position."""
        if self.config.final_norm:
            seen: dict[str, Array] = {}
            x = self.note(seen, "final_norm", self.norm(x, "final_norm"), range(len(x)))
            self.compare(seen, range(len(x)))
        table = self.w("embedding.token").T if self.config.tied else self.w("unembedding.weight")
        bias = self.w("unembedding.bias") if self.config.unembedding_bias else 0.0
        for row in (row for row in range(len(x)) if row in sampled):
            seen, only = {}, range(row, row + 1)
            logits = self.note(seen, "logits", x[row : row + 1] @ table + bias, only)
            self.compare(seen | {"probabilities": _softmax(logits)}, only)

    def w(self, name: str) -> Array:
        return self.weights[name].detach().double().numpy()

    def linear(self, x: Array, name: str) -> Array:
        """x W + b, with the bias where the model has one."""
        bias = name.replace(".w_", ".b_")
        return x @ self.w(name) + (self.w(bias) if bias in self.weights else 0.0)

    def norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(-1, keepdims=True) if self.config.norm == "layernorm" else x
        normed = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + self.config.norm_epsilon)
        return normed * self.w(f"{name}.scale") + (self.w(f"{name}.shift") if self.config.norm == "layernorm" else 0.0)


def _last(letter: str) -> tuple[str, ...]:
    """What stands for a query or key when they meet: the latest of these that the model has."""
    return f"{letter}_rotated", f"{letter}_normed", letter


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _rotated(x: Array, config: ModelConfig, start: int = 0) -> Array:
    """Pairs (i, i + r/2) of the first r dimensions as complex numbers, turned by position × frequency; x (…, n, d), its
    first row at position `start`."""
    share = int(config.head_dim * config.rope_fraction)
    half = math.ceil(share / 2)  # an odd share rotates one dimension more
    angles = np.outer(np.arange(start, start + x.shape[-2]), _frequencies(config, share))  # (n, r/2)
    turned = (x[..., :half] + 1j * x[..., half : 2 * half]) * np.exp(1j * angles)
    return np.concatenate((turned.real, turned.imag, x[..., 2 * half :]), -1)


def _frequencies(config: ModelConfig, share: int) -> list[float]:
    """Radians for each position, of each pair, stretched for longer contexts where the model is (Llama 3.1)."""
    found, scaling = [], config.rope_scaling
    for first in range(0, share, 2):
        frequency = config.rope_theta ** (-first / share)
        if scaling is not None:
            turns = scaling.original_max_positions * frequency / (2 * math.pi)  # within the original context
            low, high = scaling.low_frequency_factor, scaling.high_frequency_factor
            kept = 0.0 if scaling.kind == "linear" else min(max((turns - low) / (high - low), 0.0), 1.0)
            frequency = kept * frequency + (1 - kept) * frequency / scaling.factor
        found.append(frequency)
    return found


def _gelu(x: Array) -> Array:
    return 0.5 * x * (1 + np.vectorize(math.erf, otypes=[np.float64])(x / math.sqrt(2)))


def _gelu_tanh(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


IN_FLOAT64: dict[FeedForwardKind, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "swiglu": lambda x: x / (1 + np.exp(-x)),
    "geglu": _gelu_tanh,
}
"""Of a gated feed-forward what is done to the gate."""

"""Every matrix of a model, computed a second time: in float64, in NumPy, over the whole sequence, without a cache.

The proof holds the engine against this, so nothing of the engine's own arithmetic is used here, only its config, its
weights and the names of its matrices. Shapes: n tokens, h heads, g KV heads, d head dimension, m model, f hidden.
"""

import math
from collections.abc import Callable, Container, Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from llm_core.config import ModelConfig

Array = NDArray[np.float64]
Compare = Callable[[dict[str, Array], range], None]
"""Given some matrices, and which rows of the sequence they hold. Of keys and values all rows are given."""

ROWS = 256  # the scores of so many rows are held at once


def compute(
    config: ModelConfig, weights: Mapping[str, Tensor], ids: list[int], sampled: Container[int], compare: Compare
) -> None:
    """Hand every matrix of a pass over `ids` to `compare`, layer by layer. sampled: the positions with logits."""
    reference = _Reference(config, weights, compare)
    x = reference.embed(ids)
    for layer in range(config.layers):
        x = reference.layer(x, layer)
    reference.output(x, sampled)


class _Reference:
    def __init__(self, config: ModelConfig, weights: Mapping[str, Tensor], compare: Compare) -> None:
        self.config, self.weights, self.compare = config, weights, compare

    def embed(self, ids: list[int]) -> Array:
        """(n) → what the first layer reads (n, m)."""
        c, n = self.config, len(ids)
        seen = {"token_embedding": self.weights["embedding.token"][ids].double().numpy()}
        x: Array = seen["token_embedding"]
        if c.position == "learned":
            seen["position_embedding"] = self.weights["embedding.position"][:n].double().numpy()
        if c.position == "sinusoidal":
            angles = np.outer(np.arange(n), 10_000.0 ** -(np.arange(0, c.model_dim, 2) / c.model_dim))
            waves = np.empty((n, c.model_dim))
            waves[:, 0::2], waves[:, 1::2] = np.sin(angles), np.cos(angles)
            seen["position_embedding"] = waves
        if "position_embedding" in seen:
            x = x + seen["position_embedding"]
        self.compare(seen | {"input": x}, range(n))
        return x

    def layer(self, x: Array, layer: int) -> Array:
        """(n, m) → (n, m), or (n, f) where the block ends at its hidden layer."""
        at = f"layers.{layer}.attention."
        seen = {at + "norm": self.norm(x, at + "norm")} if self.config.pre_norm else {}
        seen |= self.projections(seen.get(at + "norm", x), at)
        q, k = (next(seen[at + name] for name in _last(x) if at + name in seen) for x in "qk")
        v, out = seen[at + "v"], []
        for start in range(0, len(x), ROWS):
            rows = range(start, min(start + ROWS, len(x)))
            part = slice(rows.start, rows.stop)
            block = {name: value[..., part, :] for name, value in seen.items()}
            block |= {at + "keys": k, at + "values": v}
            block |= self.attention(q[:, part], k, v, np.arange(rows.start, rows.stop), at)
            out.append(self.rest(x[part], block, layer))
            self.compare(block, rows)
        return np.concatenate(out)

    def projections(self, x: Array, at: str) -> dict[str, Array]:
        """(n, m) → q (h, n, d), k and v (g, n, d), and q and k normed and rotated where the model does so."""
        c, seen = self.config, {}
        for letter in "qkv":
            heads = self.linear(x, f"{at}w_{letter}").reshape(len(x), -1, c.head_dim)
            seen[at + letter] = heads.transpose(1, 0, 2)
        for letter in "qk":
            y = seen[at + letter]
            if c.qk_norm:
                size = np.sqrt((y**2).mean(-1, keepdims=True) + c.norm_epsilon)
                y = seen[f"{at}{letter}_normed"] = y / size * self.w(f"{at}{letter}_norm.scale")
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
        return {at + "dot_products": dots, at + "scores": scores, at + "masked_scores": masked, at + "weights": shares,
                at + "head_output": mixed}  # fmt: skip

    def rest(self, x: Array, block: dict[str, Array], layer: int) -> Array:
        """Some rows of the stream (rows, m), and their heads' outputs in `block` → the rows that the layer hands on."""
        c, at, ff = self.config, f"layers.{layer}.attention.", f"layers.{layer}.feedforward."
        attended = block[at + "head_output"].transpose(1, 0, 2).reshape(len(x), -1)
        if c.attention_output:
            attended = block[at + "output"] = self.linear(attended, at + "w_o")
        middle = x if c.parallel else attended
        if c.residuals and not c.parallel:
            middle = block[f"layers.{layer}.residual_middle"] = x + attended
            if c.post_norm:
                middle = block[at + "norm"] = self.norm(middle, at + "norm")
        read = middle
        if c.pre_norm:
            read = block[ff + "norm"] = self.norm(middle, ff + "norm")
        fed = self.feedforward(read, ff, block)
        if not c.residuals:
            return fed
        out: Array = middle + fed + (attended if c.parallel else 0.0)
        block[f"layers.{layer}.residual"] = out
        if c.post_norm:
            out = block[ff + "norm"] = self.norm(out, ff + "norm")
        return out

    def feedforward(self, x: Array, ff: str, block: dict[str, Array]) -> Array:
        """(rows, m) → (rows, m), or the hidden layer (rows, f) where the block ends there."""
        c = self.config
        up = block[ff + "up"] = self.linear(x, ff + "w_up")
        if c.feedforward == "swiglu":
            gate = block[ff + "gate"] = self.linear(x, ff + "w_gate")
            hidden = gate / (1 + np.exp(-gate)) * up
        else:
            hidden = _ACTIVATIONS[c.feedforward](up)
        block[ff + "hidden"] = hidden
        if not c.feedforward_output:
            return hidden
        block[ff + "output"] = self.linear(hidden, ff + "w_down")
        return block[ff + "output"]

    def output(self, x: Array, sampled: Container[int]) -> None:
        """The stream after the last layer (n, m) → logits and probabilities (1, v) of each sampled position."""
        if self.config.final_norm:
            x = self.norm(x, "final_norm")
            self.compare({"final_norm": x}, range(len(x)))
        table = self.w("embedding.token").T if self.config.tied else self.w("unembedding.weight")
        bias = self.w("unembedding.bias") if self.config.unembedding_bias else 0.0
        for row in (row for row in range(len(x)) if row in sampled):
            logits = x[row : row + 1] @ table + bias
            self.compare({"logits": logits, "probabilities": _softmax(logits)}, range(row, row + 1))

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


def _rotated(x: Array, config: ModelConfig) -> Array:
    """Pairs (i, i + r/2) of the first r dimensions as complex numbers, turned by position × frequency; x (…, n, d)."""
    half = int(config.head_dim * config.rope_fraction) // 2
    angles = np.outer(np.arange(x.shape[-2]), _frequencies(config, half))  # (n, r/2)
    turned = (x[..., :half] + 1j * x[..., half : 2 * half]) * np.exp(1j * angles)
    return np.concatenate((turned.real, turned.imag, x[..., 2 * half :]), -1)


def _frequencies(config: ModelConfig, half: int) -> list[float]:
    """Radians for each position, of each pair, stretched for longer contexts where the model is (Llama 3.1)."""
    found, scaling = [], config.rope_scaling
    for pair in range(half):
        frequency = config.rope_theta ** (-pair / half)
        if scaling is not None:
            turns = scaling.original_max_positions * frequency / (2 * math.pi)  # within the original context
            low, high = scaling.low_frequency_factor, scaling.high_frequency_factor
            kept = 0.0 if scaling.kind == "linear" else min(max((turns - low) / (high - low), 0.0), 1.0)
            frequency = kept * frequency + (1 - kept) * frequency / scaling.factor
        found.append(frequency)
    return found


def _gelu(x: Array) -> Array:
    return 0.5 * x * (1 + np.vectorize(math.erf, otypes=[np.float64])(x / math.sqrt(2)))


_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "gelu": _gelu,
    "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
}

"""One attention for every model: one head, many heads, or groups of heads that share keys and values.

Axis letters: b batch, p position (the rows of this step, which ask), s cached positions (which answer), h head,
g KV head, d head dimension, m model. With g < h, h/g heads in a row share one KV head (Ainslie et al., 2023).
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llm_core.config.model_config import ModelConfig
from llm_core.model.cache import LayerCache
from llm_core.model.layers import RMSNorm, empty_weight, linear, rope_frequencies, rotate
from llm_core.model.tap import Tap

EXPLICIT = ("dot_products", "scores", "masked_scores", "weights")


def allowed_keys(positions: range, end: int, window: int | None, device: torch.device | None = None) -> Tensor:
    """True at (p, s) where query p may meet key s: not in its future, and among its `window` latest positions."""
    query = torch.arange(positions.start, positions.stop, device=device)[:, None]  # (p, 1)
    key = torch.arange(end, device=device)[None, :]  # (1, s)
    causal = key <= query
    return causal if window is None else causal & (key > query - window)  # (p, s)


@dataclass(frozen=True)
class Rows:
    """Which rows a pass computes: `positions`, meeting the first `end` positions as keys. Shared by all layers.

    device: where the model's weights are.
    """

    config: ModelConfig
    positions: range
    end: int
    device: torch.device

    @cached_property
    def index(self) -> Tensor:
        """The positions as a tensor (p)."""
        return torch.arange(self.positions.start, self.positions.stop, device=self.device)

    @cached_property
    def allowed(self) -> Tensor:
        """True at (p, s) where a query may meet a key."""
        return allowed_keys(self.positions, self.end, self.config.window, self.device)

    @cached_property
    def rotation(self) -> tuple[Tensor, Tensor] | None:
        """cos and sin of RoPE's angles, each (p, rotary_dim / 2), in float32; None for other kinds of position."""
        if self.config.position != "rope":
            return None
        angles = self.index[:, None].float() * rope_frequencies(self.config, self.device)  # (p, r/2)
        return angles.cos(), angles.sin()

    @property
    def windowed(self) -> bool:
        """True where the window hides some key that causality alone would not."""
        return self.config.window is not None and self.end > self.config.window


class Attention(nn.Module):
    """softmax(Q Kᵀ / √d) V for each head (Vaswani et al., 2017), then W_o where the model has one."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        m, d = config.model_dim, config.head_dim
        h, g, bias = config.heads, config.kv_heads, config.attention_bias
        self.w_q, self.b_q = empty_weight(m, h * d), empty_weight(h * d) if bias else None
        self.w_k, self.b_k = empty_weight(m, g * d), empty_weight(g * d) if bias else None
        self.w_v, self.b_v = empty_weight(m, g * d), empty_weight(g * d) if bias else None
        self.q_norm = RMSNorm(d, config.norm_epsilon) if config.qk_norm else None
        self.k_norm = RMSNorm(d, config.norm_epsilon) if config.qk_norm else None
        self.w_o = empty_weight(h * d, m) if config.attention_output else None
        self.b_o = empty_weight(m) if config.attention_output and config.attention_output_bias else None

    def forward(self, x: Tensor, rows: Rows, cache: LayerCache, tap: Tap) -> Tensor:
        """x (b, p, m) → (b, p, m), or (b, p, h·d) without an output projection."""
        q = tap("q", self._split(linear(x, self.w_q, self.b_q)))  # (b, h, p, d)
        k = tap("k", self._split(linear(x, self.w_k, self.b_k)))  # (b, g, p, d)
        v = tap("v", self._split(linear(x, self.w_v, self.b_v)))  # (b, g, p, d)
        if self.q_norm is not None and self.k_norm is not None:
            q, k = tap("q_normed", self.q_norm(q)), tap("k_normed", self.k_norm(k))
        if rows.rotation is not None:
            cos, sin = (angle.to(q.dtype) for angle in rows.rotation)
            q, k = tap("q_rotated", rotate(q, cos, sin)), tap("k_rotated", rotate(k, cos, sin))

        keys, values = cache.append(k, v)  # (b, g, s, d)
        keys, values = tap("keys", keys), tap("values", values)
        mix = self._explicit if tap.wants(*EXPLICIT) else self._fused
        z: Tensor = tap("head_output", mix(q, keys, values, rows, tap))  # (b, h, p, d)

        z = z.transpose(1, 2).flatten(2)  # (b, p, h·d): the heads side by side
        if self.w_o is None:
            return z
        output: Tensor = tap("output", linear(z, self.w_o, self.b_o))
        return output

    def _split(self, x: Tensor) -> Tensor:
        """(b, p, h·d) → (b, h, p, d)."""
        return x.view(*x.shape[:-1], -1, self.config.head_dim).transpose(1, 2)

    def _explicit(self, q: Tensor, keys: Tensor, values: Tensor, rows: Rows, tap: Tap) -> Tensor:
        """Attention as the paper writes it, every matrix apart."""
        share = self.config.heads // self.config.kv_heads
        keys, values = keys.repeat_interleave(share, 1), values.repeat_interleave(share, 1)  # (b, h, s, d)
        dot_products = tap("dot_products", q @ keys.mT)  # (b, h, p, s)
        scores = tap("scores", dot_products * self.config.attention_scale)
        masked = tap("masked_scores", scores.masked_fill(~rows.allowed, -torch.inf))
        weights = tap("weights", masked.softmax(-1))
        return weights @ values  # (b, h, p, d)

    def _fused(self, q: Tensor, keys: Tensor, values: Tensor, rows: Rows, tap: Tap) -> Tensor:
        """The same in one kernel that never holds the (p, s) matrices."""
        if len(rows.positions) == 1 and not rows.windowed:
            # every key is allowed, so the heads that share a KV head can stand as its rows: nothing is copied
            grouped = q.unflatten(1, (keys.shape[1], -1)).flatten(2, 3)  # (b, g, h/g, d)
            return F.scaled_dot_product_attention(grouped, keys, values).flatten(1, 2).unsqueeze(2)
        share = self.config.heads // self.config.kv_heads
        keys, values = keys.repeat_interleave(share, 1), values.repeat_interleave(share, 1)  # (b, h, s, d)
        if rows.positions.start == 0 and len(rows.positions) == rows.end and not rows.windowed:
            return F.scaled_dot_product_attention(q, keys, values, is_causal=True)
        return F.scaled_dot_product_attention(q, keys, values, attn_mask=rows.allowed)

"""Small parts that blocks are built from, and the tables that name them: norms, positions, feed-forwards.

Axis letters, here and in every file of the engine: b batch, p position (the rows of this step), s cached positions
(the keys that a query may meet), h head, g KV head, d head dimension, m model, f hidden (feed-forward), v vocabulary.
Weights are stored (in, out), so that a layer reads `x @ W` as in the paper.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llm_core.config.model_config import FeedForwardKind, ModelConfig, RopeScaling
from llm_core.model.tap import Tap


def empty_weight(*shape: int) -> nn.Parameter:
    """A parameter without values yet: loading fills it, from a seed or from a file."""
    return nn.Parameter(torch.empty(*shape), requires_grad=False)


def linear(x: Tensor, w: Tensor, bias: Tensor | None) -> Tensor:
    """x @ W + b, with x (…, in), W (in, out), b (out) or None → (…, out)."""
    y = x @ w
    return y if bias is None else y + bias


# ---- norms --------------------------------------------------------------------------------------------------------


class LayerNorm(nn.Module):
    """(x − mean) / √(variance + ε) · γ + β over the last axis (Ba et al., 2016)."""

    def __init__(self, size: int, epsilon: float) -> None:
        super().__init__()
        self.scale, self.shift, self.epsilon = empty_weight(size), empty_weight(size), epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.scale.shape, self.scale, self.shift, self.epsilon)


class RMSNorm(nn.Module):
    """x / √(mean(x²) + ε) · γ over the last axis (Zhang & Sennrich, 2019)."""

    def __init__(self, size: int, epsilon: float) -> None:
        super().__init__()
        self.scale, self.epsilon = empty_weight(size), epsilon

    def forward(self, x: Tensor) -> Tensor:
        x32 = x.float()
        x32 = x32 * torch.rsqrt(x32.square().mean(-1, keepdim=True) + self.epsilon)
        return self.scale * x32.to(x.dtype)


class NoNorm(nn.Module):
    """x, as it is."""

    def __init__(self, size: int, epsilon: float) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x


NORMS: dict[str, type[NoNorm | LayerNorm | RMSNorm]] = {"none": NoNorm, "layernorm": LayerNorm, "rmsnorm": RMSNorm}


def norm(config: ModelConfig) -> NoNorm | LayerNorm | RMSNorm:
    """The config's kind of norm, over the model's columns."""
    return NORMS[config.norm](config.model_dim, config.norm_epsilon)


# ---- positions ----------------------------------------------------------------------------------------------------


def sinusoidal(positions: Tensor, model_dim: int) -> Tensor:
    """positions (p) → (p, m): sin in the even columns, cos in the odd ones (Vaswani et al., 2017, section 3.5)."""
    even = torch.arange(0, model_dim, 2, device=positions.device)
    wavelengths = torch.exp(even * (-math.log(10_000.0) / model_dim))  # (m/2)
    angles = positions[:, None].float() * wavelengths  # (p, m/2)
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(-2)  # (p, m)


def rope_frequencies(config: ModelConfig, device: torch.device | None = None) -> Tensor:
    """The angle, in radians for each position, of every rotated pair: (rotary_dim / 2) (Su et al., 2021)."""
    exponents = torch.arange(0, config.rotary_dim, 2, dtype=torch.int64, device=device).float() / config.rotary_share
    frequencies = 1.0 / (config.rope_theta**exponents)
    return _rescale(frequencies, config.rope_scaling) if config.rope_scaling else frequencies


def _rescale(frequencies: Tensor, scaling: RopeScaling) -> Tensor:
    slow = frequencies / scaling.factor
    if scaling.kind == "linear":
        return slow
    # Llama 3.1: leave short wavelengths, divide long ones, blend in between (transformers: _compute_llama3_parameters)
    wavelengths = 2 * math.pi / frequencies
    turns = scaling.original_max_positions / wavelengths
    blend = (turns - scaling.low_frequency_factor) / (scaling.high_frequency_factor - scaling.low_frequency_factor)
    blend = blend.clamp(0, 1)
    return (1 - blend) * slow + blend * frequencies


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (i, i + r/2) of the first r dimensions by its angle; x (b, h, p, d), cos and sin (p, r/2)."""
    r = 2 * cos.shape[-1]
    left, right, rest = x[..., : r // 2], x[..., r // 2 : r], x[..., r:]
    return torch.cat((left * cos - right * sin, right * cos + left * sin, rest), -1)


# ---- feed-forward -------------------------------------------------------------------------------------------------


def gelu_tanh(x: Tensor) -> Tensor:
    """GELU by its tanh approximation, as GPT-2 computes it."""
    return F.gelu(x, approximate="tanh")


ACTIVATIONS: dict[FeedForwardKind, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": gelu_tanh,
    "swiglu": F.silu,
    "geglu": gelu_tanh,
}


class FeedForward(nn.Module):
    """Each row alone: activation(x W_1 + b_1) W_2 + b_2, or gated:
    (activation(x W_gate) ⊙ x W_up) W_down (Shazeer, 2020)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        m, f, bias = config.model_dim, config.feedforward_dim, config.feedforward_bias
        self.gated, self.has_output = config.gated, config.feedforward_output
        self.activation = ACTIVATIONS[config.feedforward]
        self.w_gate = empty_weight(m, f) if self.gated else None
        self.b_gate = empty_weight(f) if self.gated and bias else None
        self.w_up = empty_weight(m, f)
        self.b_up = empty_weight(f) if bias else None
        self.w_down = empty_weight(f, m) if self.has_output else None
        self.b_down = empty_weight(m) if self.has_output and bias else None

    def forward(self, x: Tensor, tap: Tap) -> Tensor:
        """x (b, p, m) → (b, p, m), or (b, p, f) where the block ends at its hidden layer."""
        if self.w_gate is not None:
            gate = tap("gate", linear(x, self.w_gate, self.b_gate))  # (b, p, f)
            up = tap("up", linear(x, self.w_up, self.b_up))
            hidden = tap("hidden", self.activation(gate) * up)
        else:
            up = tap("up", linear(x, self.w_up, self.b_up))  # (b, p, f)
            hidden = tap("hidden", self.activation(up))
        if self.w_down is None:
            return hidden
        return tap("output", linear(hidden, self.w_down, self.b_down))  # (b, p, m)

"""What the kinds of parts are called, in formulas and wherever a visitor reads of them."""

from collections.abc import Mapping

from llm_core.config.model_config import FeedForwardKind, Norm

FEEDFORWARD_TITLES: Mapping[FeedForwardKind, str] = {
    "relu": "ReLU",
    "gelu": "GELU",
    "gelu_tanh": "GELU",  # an approximation: nobody could see the difference
    "swiglu": "SwiGLU",
    "geglu": "GEGLU",
}

ACTIVATION_TITLES: Mapping[FeedForwardKind, str] = {**FEEDFORWARD_TITLES, "swiglu": "SiLU", "geglu": "GELU"}
"""The function that each kind of feed-forward applies; a gated one is called otherwise than its function."""

NORM_TITLES: Mapping[Norm, str] = {"none": "None", "layernorm": "LayerNorm", "rmsnorm": "RMSNorm"}

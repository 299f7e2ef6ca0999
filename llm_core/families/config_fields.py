"""What the fields of transformers' configs mean, where several families have them."""

from typing import Any

from llm_core.config.model_config import EXTREME, RopeScaling
from llm_core.support.plain_words import one_line

SIZE_FIELDS = "vocab_size hidden_size num_hidden_layers num_attention_heads max_position_embeddings tie_word_embeddings"
"""Fields that `common_fields` reads."""


# The names that transformers has for each activation (its ACT2FN): equal to 1e-6
ACTIVATION_NAMES = {"relu": "relu"}
ACTIVATION_NAMES |= dict.fromkeys(["gelu", "gelu_python"], "gelu")
ACTIVATION_NAMES |= dict.fromkeys(
    ["gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate"], "gelu_tanh"
)
GATED_NAMES = dict.fromkeys(["silu", "swish"], "swiglu")
GATED_NAMES |= {name: "geglu" for name, kind in ACTIVATION_NAMES.items() if kind == "gelu_tanh"}


def choice_of(table: dict[str, Any], value: str, what: str) -> Any:
    if value not in table:
        raise ValueError(f"this model's {what} is {one_line(repr(value), 60)}; supported are {', '.join(table)}")
    return table[value]


def known_field(c: Any, name: str, absent: Any) -> Any:
    """A field's value where the config's class knows it; what config.json names beyond that means nothing to it."""
    return getattr(c, name) if name in type(c).__dataclass_fields__ else absent


def common_fields(c: Any) -> dict[str, Any]:
    """What all families but for their parts have."""
    return dict(
        vocab_size=c.vocab_size,
        model_dim=c.hidden_size,
        max_positions=c.max_position_embeddings,
        layers=c.num_hidden_layers,
        heads=c.num_attention_heads,
        tied=c.tie_word_embeddings,
        final_norm=True,
        norm_place="pre",
    )


def refuse_other_head_dim(c: Any) -> None:
    """Raises ValueError for a head_dim that the config's class has no field for: in transformers its rotation takes it
    all the same, and its heads do not."""
    if getattr(c, "head_dim", None) not in (None, c.hidden_size // c.num_attention_heads):
        raise ValueError(
            f"this model's config sets head_dim to {c.head_dim}, which is not supported for type {c.model_type}: its "
            "results would be wrong"
        )


def rope_fields(c: Any, partial: bool = False) -> dict[str, Any]:
    """RoPE's settings from `rope_parameters`, where transformers gathers those of old configs too.

    partial: whether the family may rotate a part of each head alone; in others transformers passes over the setting.
    """
    p = dict(c.rope_parameters)
    kind = p.get("rope_type", "default")
    if kind not in ("default", "linear", "llama3"):
        raise ValueError(f"this model's rope_type is {one_line(repr(kind), 60)}; supported are default, linear, llama3")
    fraction = _number(p, "partial_rotary_factor", 1.0)
    if not 0 <= fraction <= 1:
        raise ValueError(f"this model's config sets partial_rotary_factor to {fraction:g}; it must be between 0 and 1")
    if fraction != 1.0 and not partial:
        raise ValueError(
            f"this model's config sets partial_rotary_factor to {fraction}, which is not supported for type "
            f"{c.model_type}: its results would be wrong"
        )
    if not int(fraction * (c.hidden_size // c.num_attention_heads)):
        return dict(position="none")  # no pair is rotated
    try:
        scaling = _rope_scaling(kind, p)
    except ValueError as error:
        said = str(error)
        for ours, field in _SCALING_FIELDS.items():
            said = said.replace(ours, f"{field} of this model's RoPE")
        raise ValueError(said) from error
    return dict(position="rope", rope_theta=_number(p, "rope_theta"), rope_scaling=scaling, rope_fraction=fraction)


# What our settings of a scaling are called in a model's files
_SCALING_FIELDS = {
    "the factor of the RoPE scaling": "factor",
    "low_frequency_factor": "low_freq_factor",
    "high_frequency_factor": "high_freq_factor",
    "original_max_positions": "original_max_position_embeddings",
}


def _rope_scaling(kind: str, settings: dict[str, Any]) -> RopeScaling | None:
    if kind == "linear":
        return RopeScaling("linear", _number(settings, "factor"))
    if kind == "llama3":
        low, high = _number(settings, "low_freq_factor"), _number(settings, "high_freq_factor")
        original = int(_number(settings, "original_max_position_embeddings"))
        return RopeScaling("llama3", _number(settings, "factor"), low, high, original)
    return None


def _number(settings: dict[str, Any], name: str, absent: float | None = None) -> float:
    value = settings.get(name, absent)
    if not isinstance(value, int | float) or isinstance(value, bool) or not -EXTREME <= value <= EXTREME:
        problem = "is missing" if value is None else f"is {one_line(repr(value), 60)}"
        raise ValueError(f"{name} of this model's RoPE {problem}; it must be a finite number")
    return float(value)

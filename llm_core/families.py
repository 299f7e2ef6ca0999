"""The architectures that checkpoints come in: how each one's config and tensors are written on disk.

A family is one entry of `FAMILIES`: a function from its transformers config to a `ModelConfig`, the fields that this
function understands, a name map from tensors on disk to weights, and where transformers holds the family's matrices.
Nothing outside this file and counterparts.py knows a family.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from llm_core import counterparts
from llm_core.config import ModelConfig, RopeScaling
from llm_core.counterparts import Counterpart

Layout = Literal["same", "transposed", "columns", "interleaved"]


@dataclass(frozen=True)
class Stored:
    """One tensor on disk and the weights (stored (in, out) in the model) that it holds.

    layout: "same"; "transposed" is nn.Linear's (out, in); "columns" holds several weights side by side in its last axis
    (GPT-2's c_attn); "interleaved" holds query, key and value rows head by head, (h·3·d, in) (GPT-NeoX).
    """

    disk: str
    weights: tuple[str, ...]
    layout: Layout = "same"

    def unpack(self, tensor: Tensor, config: ModelConfig) -> dict[str, Tensor]:
        """The weights in a tensor as it lies on disk."""
        if self.layout == "columns":
            parts = list(tensor.tensor_split(len(self.weights), -1))
        elif self.layout == "interleaved":
            heads = tensor.unflatten(0, (config.heads, len(self.weights), config.head_dim))  # (h, 3, d, …)
            parts = [heads[:, i].flatten(0, 1) for i in range(len(self.weights))]  # (h·d, …)
            parts = [part.t() for part in parts]  # a bias stays as it is
        else:
            parts = [tensor.t() if self.layout == "transposed" else tensor]
        return dict(zip(self.weights, parts, strict=True))


@dataclass(frozen=True)
class Family:
    """One architecture on disk. `prefix` stands before its tensors' names in most checkpoints, not in all;
    `counterparts` says where transformers' implementation holds the same matrices."""

    config: Callable[[Any], ModelConfig]
    stored: Callable[[ModelConfig], Iterator[Stored]]
    understood: frozenset[str]
    prefix: str
    counterparts: Callable[[ModelConfig], list[Counterpart]]


# Fields that say nothing about what the forward pass computes
HARMLESS = frozenset(
    [
        "architectures",
        "attention_dropout",
        "attn_pdrop",
        "bos_token_id",
        "chunk_size_feed_forward",
        "classifier_dropout",
        "dtype",
        "embd_pdrop",
        "eos_token_id",
        "extra_config_files",
        "extra_files",
        "hidden_dropout",
        "id2label",
        "initializer_range",
        "is_decoder",
        "label2id",
        "model_type",
        "output_hidden_states",
        "pad_token_id",
        "pretraining_tp",
        "problem_type",
        "reorder_and_upcast_attn",
        "resid_pdrop",
        "return_dict",
        "summary_activation",
        "summary_first_dropout",
        "summary_proj_to_labels",
        "summary_type",
        "summary_use_proj",
        "transformers_version",
        "use_cache",
    ]
)


def model_config(config: Any) -> ModelConfig:
    """The ModelConfig of a transformers config.

    Fields that the config's class does not know are ignored. Raises ValueError for a model type outside FAMILIES, and
    for a known field that is neither understood nor harmless nor at its default: better refused than run wrongly.
    """
    family = FAMILIES.get(config.model_type)
    if family is None:
        raise ValueError(f"this model is of type {config.model_type}; supported are {', '.join(sorted(FAMILIES))}")
    default = type(config)()
    for name in type(config).__dataclass_fields__:
        if name.startswith(("_", "base_")) or name in HARMLESS or name in family.understood:
            continue
        value, usual = getattr(config, name, None), getattr(default, name, None)
        if value != usual:
            raise ValueError(
                f"this model's config sets {name} to {value!r} (the usual value is {usual!r}), which is not supported: "
                "its results would be wrong"
            )
    return family.config(config)


def _choice(table: dict[str, Any], value: str, what: str) -> Any:
    if value not in table:
        raise ValueError(f"this model's {what} is {value!r}; supported are {', '.join(table)}")
    return table[value]


def _known(c: Any, name: str, absent: Any) -> Any:
    """A field's value where the config's class knows it; what config.json names beyond that means nothing to it."""
    return getattr(c, name) if name in type(c).__dataclass_fields__ else absent


def _common(c: Any) -> dict[str, Any]:
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


def _rope(c: Any) -> dict[str, Any]:
    """RoPE's settings from `rope_parameters`, where transformers gathers those of old configs too."""
    # of these families GPT-NeoX alone rotates a part of each head; transformers passes over the setting in the others
    p = dict(c.rope_parameters)
    kind = p.get("rope_type", "default")
    if kind not in ("default", "linear", "llama3"):
        raise ValueError(f"this model's rope_type is {kind!r}; supported are default, linear, llama3")
    fraction = float(p.get("partial_rotary_factor", 1.0))
    if fraction != 1.0 and c.model_type != "gpt_neox":
        raise ValueError(
            f"this model's config sets partial_rotary_factor to {fraction}, which is not supported for type "
            f"{c.model_type}: its results would be wrong"
        )
    scaling = None
    if kind == "linear":
        scaling = RopeScaling("linear", float(p["factor"]))
    if kind == "llama3":
        scaling = RopeScaling("llama3", float(p["factor"]), float(p["low_freq_factor"]), float(p["high_freq_factor"]),
                              int(p["original_max_position_embeddings"]))  # fmt: skip
    return dict(position="rope", rope_theta=float(p["rope_theta"]), rope_scaling=scaling,
                rope_fraction=fraction)  # fmt: skip


# ---- GPT-2 --------------------------------------------------------------------------------------------------------


def _gpt2_config(c: Any) -> ModelConfig:
    if not c.scale_attn_weights:
        raise ValueError("this model's config sets scale_attn_weights to False, which is not supported")
    kinds = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu": "gelu", "relu": "relu"}
    return ModelConfig(
        **_common(c),
        feedforward_dim=c.n_inner or 4 * c.n_embd,
        feedforward=_choice(kinds, c.activation_function, "activation_function"),
        position="learned",
        norm="layernorm",
        norm_epsilon=c.layer_norm_epsilon,
        attention_bias=True,
        attention_output_bias=True,
    )


def _gpt2_stored(config: ModelConfig) -> Iterator[Stored]:
    yield Stored("wte.weight", ("embedding.token",))
    yield Stored("wpe.weight", ("embedding.position",))
    for i in range(config.layers):
        ours, theirs = f"layers.{i}", f"h.{i}"
        yield from _layernorm(f"{theirs}.ln_1", f"{ours}.attention.norm")
        for end, b in (("weight", "w"), ("bias", "b")):  # Conv1D: stored (in, out) as we do
            yield Stored(f"{theirs}.attn.c_attn.{end}", tuple(f"{ours}.attention.{b}_{x}" for x in "qkv"), "columns")
            yield Stored(f"{theirs}.attn.c_proj.{end}", (f"{ours}.attention.{b}_o",))
            yield Stored(f"{theirs}.mlp.c_fc.{end}", (f"{ours}.feedforward.{b}_up",))
            yield Stored(f"{theirs}.mlp.c_proj.{end}", (f"{ours}.feedforward.{b}_down",))
        yield from _layernorm(f"{theirs}.ln_2", f"{ours}.feedforward.norm")
    yield from _layernorm("ln_f", "final_norm")
    yield from _head(config, "lm_head.weight")


# ---- Llama, Mistral, Qwen2, Qwen3 ---------------------------------------------------------------------------------


def _llama_config(c: Any) -> ModelConfig:
    _choice({"silu": 0}, c.hidden_act, "hidden_act")
    qwen2, qwen3 = c.model_type == "qwen2", c.model_type == "qwen3"
    bias = True if qwen2 else _known(c, "attention_bias", False)
    return ModelConfig(
        **_common(c),
        **_rope(c),
        feedforward_dim=c.intermediate_size,
        kv_heads=c.num_key_value_heads,
        head_dim=getattr(c, "head_dim", None) or 0,  # Qwen2's class does not know it, but its layers heed it
        feedforward="swiglu",
        feedforward_bias=_known(c, "mlp_bias", False),
        norm="rmsnorm",
        norm_epsilon=c.rms_norm_eps,
        attention_bias=bias,
        attention_output_bias=bias and not qwen2,
        qk_norm=qwen3,
        window=_window(c),
    )


def _window(c: Any) -> int | None:
    window = _known(c, "sliding_window", None)
    kinds = set(_known(c, "layer_types", None) or [])
    if not kinds:
        return window
    if kinds == {"full_attention"}:
        return None
    if kinds == {"sliding_attention"}:
        return window
    raise ValueError(f"this model mixes layers of types {', '.join(sorted(kinds))}, which is not supported")


def _llama_stored(config: ModelConfig) -> Iterator[Stored]:
    yield Stored("embed_tokens.weight", ("embedding.token",))
    for i in range(config.layers):
        at, ff, theirs = f"layers.{i}.attention", f"layers.{i}.feedforward", f"layers.{i}"
        yield Stored(f"{theirs}.input_layernorm.weight", (f"{at}.norm.scale",))
        yield Stored(f"{theirs}.post_attention_layernorm.weight", (f"{ff}.norm.scale",))
        for x in "qkvo":
            has_bias = config.attention_output_bias if x == "o" else config.attention_bias
            yield from _linear(f"{theirs}.self_attn.{x}_proj", f"{at}.w_{x}", has_bias)
        if config.qk_norm:
            yield Stored(f"{theirs}.self_attn.q_norm.weight", (f"{at}.q_norm.scale",))
            yield Stored(f"{theirs}.self_attn.k_norm.weight", (f"{at}.k_norm.scale",))
        for x in ("gate", "up", "down"):
            yield from _linear(f"{theirs}.mlp.{x}_proj", f"{ff}.w_{x}", config.feedforward_bias)
    yield Stored("norm.weight", ("final_norm.scale",))
    yield from _head(config, "lm_head.weight")


# ---- GPT-NeoX, Pythia ---------------------------------------------------------------------------------------------


def _neox_config(c: Any) -> ModelConfig:
    kinds = {
        "gelu": "gelu",
        "gelu_new": "gelu_tanh",
        "gelu_fast": "gelu_tanh",
        "gelu_pytorch_tanh": "gelu_tanh",
        "relu": "relu",
    }
    return ModelConfig(
        **_common(c),
        **_rope(c),
        feedforward_dim=c.intermediate_size,
        feedforward=_choice(kinds, c.hidden_act, "hidden_act"),
        norm="layernorm",
        norm_epsilon=c.layer_norm_eps,
        attention_bias=c.attention_bias,
        attention_output_bias=c.attention_bias,
        parallel=c.use_parallel_residual,
    )


def _neox_stored(config: ModelConfig) -> Iterator[Stored]:
    yield Stored("embed_in.weight", ("embedding.token",))
    for i in range(config.layers):
        at, ff, theirs = f"layers.{i}.attention", f"layers.{i}.feedforward", f"layers.{i}"
        yield from _layernorm(f"{theirs}.input_layernorm", f"{at}.norm")
        yield from _layernorm(f"{theirs}.post_attention_layernorm", f"{ff}.norm")
        yield Stored(f"{theirs}.attention.query_key_value.weight", tuple(f"{at}.w_{x}" for x in "qkv"), "interleaved")
        if config.attention_bias:
            yield Stored(f"{theirs}.attention.query_key_value.bias", tuple(f"{at}.b_{x}" for x in "qkv"), "interleaved")
        yield from _linear(f"{theirs}.attention.dense", f"{at}.w_o", config.attention_output_bias)
        yield from _linear(f"{theirs}.mlp.dense_h_to_4h", f"{ff}.w_up", True)
        yield from _linear(f"{theirs}.mlp.dense_4h_to_h", f"{ff}.w_down", True)
    yield from _layernorm("final_layer_norm", "final_norm")
    yield from _head(config, "embed_out.weight")


# ---- what they share ----------------------------------------------------------------------------------------------


def _layernorm(disk: str, ours: str) -> Iterator[Stored]:
    yield Stored(f"{disk}.weight", (f"{ours}.scale",))
    yield Stored(f"{disk}.bias", (f"{ours}.shift",))


def _linear(disk: str, ours: str, bias: bool) -> Iterator[Stored]:
    yield Stored(f"{disk}.weight", (ours,), "transposed")
    if bias:
        yield Stored(f"{disk}.bias", (ours.replace(".w_", ".b_"),))


def _head(config: ModelConfig, disk: str) -> Iterator[Stored]:
    if not config.tied:
        yield Stored(disk, ("unembedding.weight",), "transposed")


_SIZES = "vocab_size hidden_size num_hidden_layers num_attention_heads max_position_embeddings tie_word_embeddings"
_LLAMA = frozenset(
    f"""{_SIZES} num_key_value_heads head_dim intermediate_size hidden_act rms_norm_eps rope_parameters attention_bias
    mlp_bias sliding_window use_sliding_window max_window_layers layer_types""".split()
)

FAMILIES: dict[str, Family] = {
    "gpt2": Family(
        _gpt2_config,
        _gpt2_stored,
        frozenset(
            """vocab_size n_positions n_embd n_layer n_head n_inner activation_function layer_norm_epsilon
            scale_attn_weights tie_word_embeddings""".split()  # noqa: SIM905
        ),
        "transformer.",
        counterparts.gpt2,
    ),
    "llama": Family(_llama_config, _llama_stored, _LLAMA, "model.", counterparts.llama),
    "mistral": Family(_llama_config, _llama_stored, _LLAMA, "model.", counterparts.llama),
    "qwen2": Family(_llama_config, _llama_stored, _LLAMA, "model.", counterparts.llama),
    "qwen3": Family(_llama_config, _llama_stored, _LLAMA, "model.", counterparts.llama),
    "gpt_neox": Family(
        _neox_config,
        _neox_stored,
        frozenset(
            f"""{_SIZES} intermediate_size hidden_act layer_norm_eps rope_parameters attention_bias
            use_parallel_residual""".split()
        ),
        "gpt_neox.",
        counterparts.neox,
    ),
}

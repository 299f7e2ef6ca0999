"""Every architectural choice of a model, as data.

One frozen `ModelConfig` names each part of the one `Transformer`: the model looks its parts up in tables and never
asks which family it belongs to. `PRESETS` holds the models that need no download.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from llm_core.support.plain_words import one_line

Position = Literal["none", "sinusoidal", "learned", "rope"]
Norm = Literal["none", "layernorm", "rmsnorm"]
NormPlace = Literal["pre", "post"]
FeedForwardKind = Literal["relu", "gelu", "gelu_tanh", "swiglu", "geglu"]
_KINDS: dict[str, Any] = {"position": Position, "norm": Norm, "norm_place": NormPlace, "feedforward": FeedForwardKind}

MOST_LAYERS = 1_000  # the deepest models in use have a little over a hundred
MOST_POSITIONS = 10**9
MOST_PARAMETERS = 10**13  # 40 TB in float32
EXTREME = 1e30  # beyond it, and below 1e-30, products of numbers in float32 soon become infinite or 0


@dataclass(frozen=True)
class RopeScaling:
    """How rotary frequencies are stretched beyond the context that a model was first trained on.

    kind "linear" divides every angle by `factor`; "llama3" does so for long wavelengths only, blending between
    `low_frequency_factor` and `high_frequency_factor` (Llama 3.1, transformers' `_compute_llama3_parameters`).
    """

    kind: Literal["linear", "llama3"]
    factor: float
    low_frequency_factor: float = 1.0
    high_frequency_factor: float = 4.0
    original_max_positions: int = 8192

    def __post_init__(self) -> None:
        if self.kind not in ("linear", "llama3"):
            raise ValueError(f"the kind of the RoPE scaling is {self.kind!r}; choose one of: linear, llama3")
        _check_number("the factor of the RoPE scaling", self.factor, above=0)
        if self.kind == "llama3":
            _check_number("low_frequency_factor", self.low_frequency_factor, above=0)
            _check_number("high_frequency_factor", self.high_frequency_factor, above=self.low_frequency_factor)
            _check_size("original_max_positions", self.original_max_positions, MOST_POSITIONS)


@dataclass(frozen=True)
class ModelConfig:
    """The architecture of one decoder-only language model.

    Raises ValueError, with the value and the remedy, for a combination that cannot be built.
    """

    vocab_size: int
    model_dim: int
    feedforward_dim: int
    max_positions: int  # the context: prompt and new tokens together, in tokens
    layers: int = 1
    heads: int = 1
    kv_heads: int = 0  # 0: as many as heads
    head_dim: int = 0  # 0: model_dim / heads

    attention_bias: bool = False  # biases of the query, key and value projections
    attention_output: bool = True  # a projection W_o after the heads
    attention_output_bias: bool = False
    qk_norm: bool = False  # RMSNorm on each query and key (Qwen3)
    window: int | None = None  # attend to this many latest positions only (Mistral)

    scaled_embedding: bool = False  # tokens' rows are multiplied by √model_dim (Vaswani et al., 2017; Gemma)
    position: Position = "none"
    rope_theta: float = 10_000.0
    rope_fraction: float = 1.0  # the share of head_dim that is rotated (GPT-NeoX: 0.25)
    rope_scaling: RopeScaling | None = None

    norm: Norm = "none"
    norm_place: NormPlace = "pre"
    norm_epsilon: float = 1e-5
    final_norm: bool = False
    residuals: bool = True
    parallel: bool = False  # attention and feed-forward read the same input (GPT-NeoX)

    feedforward: FeedForwardKind = "relu"
    feedforward_bias: bool = True
    feedforward_output: bool = True  # False: the block ends at the hidden layer

    tied: bool = False  # the unembedding is the token embedding, transposed
    unembedding_bias: bool = False
    stop_ids: tuple[int, ...] = ()  # generation ends after one of these tokens

    def __post_init__(self) -> None:
        set_ = object.__setattr__  # a frozen dataclass fills in derived defaults this way
        if self.kv_heads == 0:
            set_(self, "kv_heads", self.heads)
        most = {"layers": MOST_LAYERS, "max_positions": MOST_POSITIONS}
        for name in ("vocab_size", "model_dim", "feedforward_dim", "max_positions", "layers", "heads", "kv_heads"):
            _check_size(name, getattr(self, name), most.get(name, MOST_PARAMETERS))
        if self.head_dim != 0:
            _check_size("head_dim", self.head_dim, MOST_PARAMETERS)
        else:
            if self.model_dim % self.heads:
                raise ValueError(
                    f"model_dim {self.model_dim} cannot be shared evenly by {self.heads} heads: "
                    "choose a model_dim that is a multiple of heads, or give head_dim"
                )
            set_(self, "head_dim", self.model_dim // self.heads)
        self._check()

    def _check(self) -> None:
        self._check_numbers()
        if self.heads % self.kv_heads:
            raise ValueError(
                f"{self.heads} heads cannot share {self.kv_heads} KV heads evenly: "
                "choose a number of KV heads that divides the number of heads"
            )
        for name, kinds in _KINDS.items():
            if getattr(self, name) not in get_args(kinds):
                raise ValueError(f"{name} is {getattr(self, name)!r}; choose one of: {', '.join(get_args(kinds))}")
        if not self.attention_output and self.heads * self.head_dim != self.model_dim:
            raise ValueError(
                f"without an output projection, heads × head_dim ({self.heads} × {self.head_dim}) must equal model_dim "
                f"({self.model_dim}): change one of them, or set attention_output=True"
            )
        if not self.feedforward_output and (self.residuals or self.layers > 1):
            raise ValueError(
                "feedforward_output=False ends the block at its hidden layer, whose width is not the model's: "
                "it allows neither residuals nor more than one layer; set residuals=False and layers=1"
            )
        if not self.feedforward_output and (self.norm != "none" or self.tied):
            raise ValueError("feedforward_output=False allows neither norms nor tied embeddings")
        if self.parallel and not self.residuals:
            raise ValueError("a parallel block needs residuals: both parts are added to the same residual stream")
        if self.norm == "none" and self.final_norm:
            raise ValueError("final_norm needs a kind of norm: choose layernorm or rmsnorm")
        if self.norm != "none" and self.norm_place == "post" and (not self.residuals or self.parallel):
            raise ValueError("post-norm normalises the sum of a residual: it needs residuals and no parallel block")
        if self.position == "rope" and not 2 <= self.rotary_dim <= self.head_dim:
            raise ValueError(
                f"RoPE rotates pairs, and {self.rotary_share} of head_dim {self.head_dim} is not an even number of at "
                "least 2: choose an even head dimension"
            )
        if self.position == "sinusoidal" and self.model_dim % 2:
            raise ValueError(f"sinusoidal positions need an even model_dim, not {self.model_dim}")
        if self.parameters > MOST_PARAMETERS:
            raise ValueError(
                f"these sizes make {self.parameters:.1e} weights, more than any machine holds: choose smaller ones"
            )

    def _check_numbers(self) -> None:
        _check_number("rope_theta", self.rope_theta, above=0)
        _check_number("norm_epsilon", self.norm_epsilon)
        if not isinstance(self.rope_fraction, int | float) or not 0 < self.rope_fraction <= 1:
            raise ValueError(f"rope_fraction is {self.rope_fraction!r}; it must be above 0 and at most 1")
        if self.window is not None:
            _check_size("window", self.window, MOST_PARAMETERS)
        if not all(isinstance(i, int) and not isinstance(i, bool) for i in self.stop_ids):
            raise ValueError(f"stop_ids is {one_line(repr(self.stop_ids), 60)}; it must hold token ids, whole numbers")
        for field in dataclasses.fields(self):
            if field.type is bool and not isinstance(getattr(self, field.name), bool):
                raise ValueError(f"{field.name} is {getattr(self, field.name)!r}; it must be true or false")

    @property
    def parameters(self) -> int:
        """How many numbers the weights' matrices hold together; norms and biases, which are few, are not counted."""
        m, f, d = self.model_dim, self.feedforward_dim, self.head_dim
        attention = m * d * (self.heads * (1 + self.attention_output) + 2 * self.kv_heads)
        block = attention + m * f * (1 + self.gated + self.feedforward_output)
        tables = self.vocab_size * (m + (0 if self.tied else self.stream_out_dim))
        return self.layers * block + tables + (self.max_positions * m if self.position == "learned" else 0)

    @property
    def rotary_share(self) -> int:
        """The share of a head's dimensions that RoPE is for, as a whole number: its frequencies are spread over it."""
        return int(self.head_dim * self.rope_fraction)

    @property
    def rotary_dim(self) -> int:
        """How many of a head's dimensions RoPE rotates: whole pairs, one more than an odd share (as transformers)."""
        return self.rotary_share + self.rotary_share % 2

    @property
    def stream_out_dim(self) -> int:
        """The width of what the last block hands to the unembedding."""
        return self.model_dim if self.feedforward_output else self.feedforward_dim

    @property
    def pre_norm(self) -> bool:
        return self.norm != "none" and self.norm_place == "pre"

    @property
    def post_norm(self) -> bool:
        return self.norm != "none" and self.norm_place == "post"

    @property
    def gated(self) -> bool:
        return self.feedforward in ("swiglu", "geglu")

    @property
    def attention_scale(self) -> float:
        """The number that each dot product of a query and a key is multiplied by: 1 / √head_dim."""
        return 1.0 / math.sqrt(self.head_dim)

    def with_(self, **changes: Any) -> "ModelConfig":
        """A copy with some fields changed, checked again; kv_heads and head_dim follow heads unless they are given."""
        if "heads" in changes:
            changes = {"kv_heads": 0, **changes}
        if "heads" in changes or "model_dim" in changes:
            changes = {"head_dim": 0, **changes}
        return dataclasses.replace(self, **changes)


def _check_size(name: str, value: Any, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is {one_line(repr(value), 60)}; it must be a whole number")
    if value < 1:
        raise ValueError(f"{name} is {one_line(str(value), 40)}; it must be at least 1")
    if value > most:
        raise ValueError(f"{name} is {one_line(str(value), 40)}; it must be at most {most:,}")


def _check_number(name: str, value: Any, above: float | None = None, most: float = EXTREME) -> None:
    """Raises ValueError unless the value is a finite number, at least 0 or above `above`, and at most `most`."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not -EXTREME < value < math.inf:
        raise ValueError(f"{name} is {one_line(repr(value), 60)}; it must be a finite number")
    if above is not None and value <= above:
        raise ValueError(f"{name} is {value:g}; it must be above {above:g}")
    least = 0 if above is None else 1 / EXTREME
    if not least <= value <= most:
        raise ValueError(f"{name} is {one_line(str(value), 40)}; it must be between {least:g} and {most:g}")


GPT2_VOCAB = 50_257

TOY = ModelConfig(
    vocab_size=GPT2_VOCAB,
    model_dim=8,
    feedforward_dim=16,
    max_positions=256,
    attention_output=False,
    residuals=False,
    feedforward_output=False,
    unembedding_bias=True,
)

TOY_6 = TOY.with_(
    layers=6,
    residuals=True,
    norm="layernorm",
    norm_place="post",
    attention_output=True,
    feedforward_output=True,
)

GPT2_NANO = ModelConfig(
    vocab_size=GPT2_VOCAB,
    model_dim=48,
    feedforward_dim=192,
    max_positions=256,
    layers=3,
    heads=3,
    attention_bias=True,
    attention_output_bias=True,
    position="learned",
    norm="layernorm",
    final_norm=True,
    feedforward="gelu_tanh",
    tied=True,
)

LLAMA_NANO = ModelConfig(
    vocab_size=GPT2_VOCAB,
    model_dim=64,
    feedforward_dim=160,
    max_positions=512,
    layers=4,
    heads=4,
    kv_heads=2,
    position="rope",
    norm="rmsnorm",
    final_norm=True,
    feedforward="swiglu",
    feedforward_bias=False,
)

PRESETS: dict[str, ModelConfig] = {"toy": TOY, "toy-6": TOY_6, "gpt2-nano": GPT2_NANO, "llama-nano": LLAMA_NANO}

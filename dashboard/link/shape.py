"""The shape of a model that a visitor puts together: a value, written in a link as readable text, checked here.

    v1,layers:2,dim:16,heads:2,kv:2,hidden:32,kind:relu,position:rope,norm:rmsnorm,place:pre,residuals:yes,…

A `Shape` has the choices that the page offers; what follows from them (a final norm, a bias of the unembedding) is set
by `config`, as the models do that are known by these choices.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

from llm_core import PRESETS, ModelConfig, catalogue
from llm_core.catalogue.part_titles import FEEDFORWARD_TITLES, NORM_TITLES
from llm_core.config.model_config import GPT2_VOCAB, FeedForwardKind, Norm, NormPlace, Position

_VERSION = "v1"

OPTIONS: dict[str, tuple[str, ...]] = {
    "kind": ("relu", "gelu", "swiglu"),
    "position": ("none", "sinusoidal", "learned", "rope"),
    "norm": ("none", "layernorm", "rmsnorm"),
    "place": ("pre", "post"),
    "biases": ("none", "feedforward", "all"),
}
RANGES: dict[str, tuple[int, int]] = {
    "layers": (1, 12),
    "dim": (2, 256),
    "heads": (1, 16),
    "kv": (1, 16),
    "hidden": (1, 1024),
    "context": (16, 1024),
}
MOST_SHAPED_PARAMETERS = 30_000_000  # 120 MB in float32
MOST_PARAMETERS_HOSTED = 10_000_000
LONGEST_SHAPE = 400  # characters of a written shape; the longest that is written here has about 160


@dataclass(frozen=True)
class Shape:
    """The choices. kv: key and value heads. hidden: the feed-forward's width. context: tokens, prompt and new ones."""

    layers: int = 2
    dim: int = 16
    heads: int = 2
    kv: int = 2
    hidden: int = 32
    kind: str = "relu"
    position: str = "learned"
    norm: str = "layernorm"
    place: str = "pre"
    residuals: bool = True
    biases: str = "feedforward"
    tied: bool = False
    context: int = 256


DEFAULT = Shape()


# ---- a shape as text ------------------------------------------------------------------------------------------------


def shape_text(shape: Shape) -> str:
    """The shape as text for a link: every choice, so that no later default changes what the link means."""
    said = [f"{name}:{_word(value)}" for name, value in vars(shape).items()]
    return ",".join([_VERSION, *said])


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def read_shape(text: str) -> Shape:
    """The shape that a text says. Raises ValueError, with a sentence, for what is no shape or out of range."""
    version, *pairs = text[:LONGEST_SHAPE].split(",")
    if len(text) > LONGEST_SHAPE or version != _VERSION:
        raise ValueError(f"a shape starts with {_VERSION} and has at most {LONGEST_SHAPE} characters")
    said: dict[str, str] = {}
    for pair in pairs:
        name, colon, value = pair.partition(":")
        if not colon or name not in _NAMES or name in said:
            raise ValueError(f"a shape says each of {', '.join(_NAMES)} once, as name:value")
        said[name] = value
    values: dict[str, Any] = {name: _value(name, value) for name, value in said.items()}
    return replace(DEFAULT, **values)


_NAMES = [field.name for field in fields(Shape)]


def _value(name: str, word: str) -> int | bool | str:
    if name in RANGES:
        least, most = RANGES[name]
        if not (word.isascii() and word.isdigit() and len(word) < 6 and least <= int(word) <= most):
            raise ValueError(f"{name} is a whole number from {least} to {most:,}")
        return int(word)
    options = OPTIONS.get(name, ("yes", "no"))
    if word not in options:
        raise ValueError(f"{name} is one of {', '.join(options)}")
    return word if name in OPTIONS else word == "yes"


# ---- a shape as a model ---------------------------------------------------------------------------------------------


def config(shape: Shape, hosted: bool = False) -> ModelConfig:
    """The model of this shape. Raises ValueError, saying what to change, where there is none or it is too large."""
    if shape.dim % shape.heads:
        even = divisors(shape.dim, RANGES["heads"][1])
        raise ValueError(
            f"{shape.heads} heads cannot share a model dimension of {shape.dim} evenly: choose {_or(even)} "
            f"{'head' if len(even) == 1 else 'heads'}, or another dimension"
        )
    if shape.heads % shape.kv:
        raise ValueError(
            f"{shape.heads} heads cannot share {shape.kv} KV heads evenly: choose {_or(divisors(shape.heads))} KV heads"
        )
    if shape.position == "rope" and (shape.dim // shape.heads) % 2:
        raise ValueError(
            f"RoPE rotates pairs of numbers, and each head has {shape.dim // shape.heads}: choose an even "
            "number, which is the model dimension divided by the heads, or another position"
        )
    if shape.position == "sinusoidal" and shape.dim % 2:
        raise ValueError(f"sines and cosines come in pairs, and the model dimension is {shape.dim}: choose an even one")
    if shape.norm != "none" and shape.place == "post" and not shape.residuals:
        raise ValueError(
            "post-norm needs residual connections: switch them on, or place the norm before attention and the "
            "feed-forward"
        )
    model = _config(shape)
    most = MOST_PARAMETERS_HOSTED if hosted else MOST_SHAPED_PARAMETERS
    if parameters(model) > most:
        raise ValueError(
            f"this model has {parameters(model):,} parameters, and a model here has at most {most:,}: "
            "choose a smaller model dimension, or tie the embeddings"
        )
    return model


def _config(shape: Shape) -> ModelConfig:
    return ModelConfig(
        vocab_size=GPT2_VOCAB,
        model_dim=shape.dim,
        feedforward_dim=shape.hidden,
        max_positions=shape.context,
        layers=shape.layers,
        heads=shape.heads,
        kv_heads=shape.kv,
        attention_bias=shape.biases == "all",
        attention_output_bias=shape.biases == "all",
        position=_POSITIONS[shape.position],
        norm=_NORMS[shape.norm],
        norm_place=_PLACES[shape.place] if shape.norm != "none" else "pre",
        final_norm=shape.norm != "none" and shape.place == "pre",  # nothing else brings the last stream to one size
        residuals=shape.residuals,
        feedforward=_KINDS[shape.kind],
        feedforward_bias=shape.biases != "none",
        unembedding_bias=shape.biases != "none" and not shape.tied,
        tied=shape.tied,
    )


# GELU is the tanh approximation, as in GPT-2
_KINDS: dict[str, FeedForwardKind] = {"relu": "relu", "gelu": "gelu_tanh", "swiglu": "swiglu"}
_POSITIONS: dict[str, Position] = {"none": "none", "sinusoidal": "sinusoidal", "learned": "learned", "rope": "rope"}
_NORMS: dict[str, Norm] = {"none": "none", "layernorm": "layernorm", "rmsnorm": "rmsnorm"}
_PLACES: dict[str, NormPlace] = {"pre": "pre", "post": "post"}


def of_preset(name: str) -> Shape:
    """The shape of a preset. Only the toy has none of its own: its block ends early, which no other model's does."""
    return of_config(PRESETS[name])


def of_config(c: ModelConfig) -> Shape:
    """The shape of a model, as far as the choices go. Raises KeyError for a part that is not among them."""
    biases = "all" if c.attention_bias else "feedforward" if c.feedforward_bias else "none"
    return Shape(
        c.layers,
        c.model_dim,
        c.heads,
        c.kv_heads,
        c.feedforward_dim,
        {kind: word for word, kind in _KINDS.items()}[c.feedforward],
        c.position,
        c.norm,
        c.norm_place,
        c.residuals,
        biases,
        c.tied,
        c.max_positions,
    )


def parameters(model: ModelConfig) -> int:
    """How many numbers the model has learned, or would."""
    return sum(_product(entry.shape) for entry in catalogue.weights(model))


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def matrices_per_step(model: ModelConfig) -> int:
    """How many matrices one step has, each head's counted with its kind."""
    return len(catalogue.matrices(model))


@lru_cache(maxsize=256)
def divisors(number: int, most: int = 10_000) -> tuple[int, ...]:
    """The whole numbers up to `most` that divide a number."""
    return tuple(d for d in range(1, min(number, most) + 1) if number % d == 0)


def _or(numbers: tuple[int, ...]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} or {last}" if first else last


# ---- a choice in words ----------------------------------------------------------------------------------------------

CHOICE_TITLES: Mapping[str, str] = {
    "layers": "Layers",
    "dim": "Model dimension",
    "heads": "Heads",
    "kv": "KV heads",
    "hidden": "Feed-forward dimension",
    "kind": "Feed-forward",
    "position": "Position",
    "norm": "Norm",
    "place": "Place of the norm",
    "residuals": "Residuals",
    "biases": "Biases",
    "tied": "Tied embeddings",
    "context": "Context",
}

OPTION_TITLES: Mapping[str, Mapping[str, str]] = {
    "kind": {word: FEEDFORWARD_TITLES[kind] for word, kind in _KINDS.items()},
    "position": {"none": "None", "sinusoidal": "Sinusoidal", "learned": "Learned", "rope": "RoPE"},
    "norm": {word: NORM_TITLES[norm] for word, norm in _NORMS.items()},
    "place": {"pre": "Before (pre)", "post": "After (post)"},
    "biases": {"none": "None", "feedforward": "Feed-forward", "all": "All"},
}

# What a choice does and who uses it, one sentence each
MEANINGS: Mapping[str, str] = {
    "layers": "The model has this many layers, one after the other. GPT-2 has 12, Llama 3 8B has 32.",
    "dim": "This many numbers stand for one token. GPT-2 has 768, Llama 3 8B has 4,096.",
    "heads": "This many attention heads look at the tokens in each layer. GPT-2 has 12.",
    "kv": "Heads that share keys and values make the KV cache smaller. Llama 3 8B has 8 KV heads for 32 heads, "
    "GPT-2 has one for each head.",
    "hidden": "Each row has this many features inside the feed-forward. GPT-2 has 4 × the model dimension.",
    "context": "The model takes at most this many tokens: the prompt and the new tokens. GPT-2 takes 1,024.",
    "kind:relu": "ReLU sets negative numbers to zero, as in the first Transformer (2017).",
    "kind:gelu": "GELU is a smooth version of ReLU, as in GPT-2 and GPT-3.",
    "kind:swiglu": "SwiGLU multiplies each feature by a gate, as in Llama, Mistral and Qwen.",
    "position:none": "The model gets no positions, only the mask, as in the toy here and in every fourth layer of "
    "SmolLM3.",
    "position:sinusoidal": "Sines and cosines of the position are added to the embeddings, as in the first "
    "Transformer (2017).",
    "position:learned": "A learned row for each position is added to the token embeddings, as in GPT-2.",
    "position:rope": "Queries and keys are rotated by an angle that grows with the position, as in Llama and Qwen.",
    "norm:none": "Rows keep their length, as in the toy here. Deep models without norms are hard to train.",
    "norm:layernorm": "Each row is rescaled to mean 0 and variance 1, as in GPT-2.",
    "norm:rmsnorm": "Each row is rescaled to the same length, as in Llama, Mistral and Qwen.",
    "place:pre": "Attention and feed-forward read a normed copy of the residual stream, as in GPT-2 and Llama.",
    "place:post": "The residual stream is normed after attention and after the feed-forward, as in the first "
    "Transformer (2017).",
    "residuals:yes": "Attention and feed-forward add to the residual stream, as in every large model.",
    "residuals:no": "Attention and feed-forward replace what they read, as in the toy here. This works only with "
    "very few layers.",
    "biases:none": "The model has no biases, as in Llama and Mistral.",
    "biases:feedforward": "The feed-forward has biases, and so have the logits if the embeddings are not tied, as in "
    "the toy here and GPT-J.",
    "biases:all": "Attention and feed-forward have biases, as in GPT-2.",
    "tied:yes": "The embedding table also computes the logits, as in GPT-2 and SmolLM2. This saves many parameters.",
    "tied:no": "A second table computes the logits, as in Llama 3 8B.",
}


def meaning(name: str, value: object) -> str:
    """What a choice does, and who uses it."""
    return MEANINGS.get(f"{name}:{_word(value)}") or MEANINGS[name]

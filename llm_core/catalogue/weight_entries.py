"""What each kind of weight is: of a model of some config, named as its parameters are."""

from collections.abc import Iterator

from llm_core.catalogue.axis_sizes import weight_shape
from llm_core.catalogue.entry import Entry, ModelPart
from llm_core.config.model_config import ModelConfig
from llm_core.support.plain_words import counted


def all_weights(config: ModelConfig) -> Iterator[Entry]:
    """The entries of a model's weights, in the order of the model."""
    yield from _embedding_weights(config)
    for layer in range(config.layers):
        yield from _attention_weights(config, layer)
        yield from _feedforward_weights(config, layer)
    if config.final_norm:
        yield from norm_weights(config, "final_norm")
    yield from _unembedding_weights(config)


def _weight(
    config: ModelConfig,
    name: str,
    *,
    title: str,
    symbol: str,
    axes: tuple[str, ...],
    part: ModelPart,
    meaning: str,
    layer: int | None = None,
    heads: int = 1,
) -> Entry:
    """One weight. heads: how many lie side by side along its head_dim."""
    return Entry(
        name=name,
        title=title,
        symbol=symbol,
        formula=symbol,
        axes=axes,
        meaning=meaning,
        part=part,
        layer=layer,
        shape=weight_shape(config, axes, heads),
    )


def _embedding_weights(config: ModelConfig) -> Iterator[Entry]:
    yield _weight(
        config,
        "embedding.token",
        title="Token embedding",
        symbol="E",
        axes=("vocab", "model"),
        part="embedding",
        meaning="This table has one row for each token of the vocabulary.",
    )
    if config.position == "learned":
        yield _weight(
            config,
            "embedding.position",
            title="Position embedding",
            symbol="P",
            axes=("position", "model"),
            part="embedding",
            meaning="This table has one row for each position.",
        )


def _unembedding_weights(config: ModelConfig) -> Iterator[Entry]:
    if not config.tied:
        yield _weight(
            config,
            "unembedding.weight",
            title="Unembedding",
            symbol="W_u",
            axes=("model" if config.feedforward_output else "hidden", "vocab"),
            part="output",
            meaning="These weights turn the last row into one logit for each token.",
        )
    if config.unembedding_bias:
        yield _weight(
            config,
            "unembedding.bias",
            title="Unembedding bias",
            symbol="b_u",
            axes=("vocab",),
            part="output",
            meaning="This bias is added to the logits.",
        )


# ---- norms ----------------------------------------------------------------------------------------------------------


def norm_weights(config: ModelConfig, name: str, layer: int | None = None) -> Iterator[Entry]:
    """The scale, and with LayerNorm the shift, of a norm: attention_norm, feedforward_norm or final_norm."""
    title, part = _NORMS[name]
    prefix = name if layer is None else f"layers.{layer}.{name}"
    yield _scale(config, f"{prefix}.scale", f"{title} scale", ("model",), part, layer)
    if config.norm == "layernorm":
        yield _weight(
            config,
            f"{prefix}.shift",
            title=f"{title} shift",
            symbol="β",
            axes=("model",),
            part=part,
            meaning="This shift is added to each column.",
            layer=layer,
        )


_NORMS: dict[str, tuple[str, ModelPart]] = {
    "attention_norm": ("Attention norm", "attention"),
    "feedforward_norm": ("Feed-forward norm", "feedforward"),
    "final_norm": ("Final norm", "output"),
}


def _scale(
    config: ModelConfig, name: str, title: str, axes: tuple[str, ...], part: ModelPart, layer: int | None
) -> Entry:
    meaning = "This scale multiplies each column."
    return _weight(config, name, title=title, symbol="γ", axes=axes, part=part, meaning=meaning, layer=layer)


# ---- attention ------------------------------------------------------------------------------------------------------

_WORDS = {"q": "Query", "k": "Key", "v": "Value"}


def _attention_weights(config: ModelConfig, layer: int) -> Iterator[Entry]:
    at = f"layers.{layer}.attention"
    if config.norm != "none":
        yield from norm_weights(config, "attention_norm", layer)
    for letter in _WORDS:
        yield from _projection_weights(config, layer, letter)
    if config.qk_norm:
        for letter in "qk":
            title = f"{_WORDS[letter]} norm scale"
            yield _scale(config, f"{at}.{letter}_norm.scale", title, ("head_dim",), "attention", layer)
    if config.attention_output:
        yield _weight(
            config,
            f"{at}.w_o",
            title="Output weights",
            symbol="W_o",
            axes=("head_dim", "model"),
            part="attention",
            meaning="These weights project the head outputs to the model dimension.",
            layer=layer,
            heads=config.heads,
        )
        if config.attention_output_bias:
            yield _weight(
                config,
                f"{at}.b_o",
                title="Output bias",
                symbol="b_o",
                axes=("model",),
                part="attention",
                meaning="This bias is added to the attention output.",
                layer=layer,
            )


def _projection_weights(config: ModelConfig, layer: int, letter: str) -> Iterator[Entry]:
    """What makes the queries (q), keys (k) or values (v), those of all heads side by side."""
    at, word = f"layers.{layer}.attention", _WORDS[letter]
    heads = config.heads if letter == "q" else config.kv_heads
    yield _weight(
        config,
        f"{at}.w_{letter}",
        title=f"{word} weights",
        symbol=f"W_{letter}",
        axes=("model", "head_dim"),
        part="attention",
        meaning=f"These weights turn each row into its {word.lower()}.",
        layer=layer,
        heads=heads,
    )
    if config.attention_bias:
        yield _weight(
            config,
            f"{at}.b_{letter}",
            title=f"{word} bias",
            symbol=f"b_{letter}",
            axes=("head_dim",),
            part="attention",
            meaning=f"This bias is added to each {word.lower()}.",
            layer=layer,
            heads=heads,
        )


# ---- feed-forward ---------------------------------------------------------------------------------------------------


def _feedforward_weights(config: ModelConfig, layer: int) -> Iterator[Entry]:
    if config.norm != "none":
        yield from norm_weights(config, "feedforward_norm", layer)
    into, back = ("model", "hidden"), ("hidden", "model")
    features, wide, narrow = counted(config.feedforward_dim, "feature"), config.feedforward_dim, config.model_dim
    titles = {"up": "Up", "down": "Down"} if config.gated else {"up": "First", "down": "Second"}
    symbols = {"up": "W_up", "down": "W_down"} if config.gated else {"up": "W_1", "down": "W_2"}
    if config.gated:
        meaning = f"These weights turn each row into a gate for each of the {wide:,} features."
        yield from _linear_weights(config, layer, "gate", "Gate", "W_gate", into, meaning)
    meaning = f"These weights expand each row to {features}."
    yield from _linear_weights(config, layer, "up", titles["up"], symbols["up"], into, meaning)
    if config.feedforward_output:
        meaning = f"These weights project the {wide:,} features back to {narrow:,} numbers."
        yield from _linear_weights(config, layer, "down", titles["down"], symbols["down"], back, meaning)


def _linear_weights(
    config: ModelConfig, layer: int, name: str, title: str, symbol: str, axes: tuple[str, str], meaning: str
) -> Iterator[Entry]:
    """One matrix of the feed-forward, and the bias beside it."""
    ff = f"layers.{layer}.feedforward"
    yield _weight(
        config,
        f"{ff}.w_{name}",
        title=f"{title} weights",
        symbol=symbol,
        axes=axes,
        part="feedforward",
        meaning=meaning,
        layer=layer,
    )
    if config.feedforward_bias:
        yield _weight(
            config,
            f"{ff}.b_{name}",
            title=f"{title} bias",
            symbol=symbol.replace("W", "b"),
            axes=axes[1:],
            part="feedforward",
            meaning="This bias is added to each row.",
            layer=layer,
        )

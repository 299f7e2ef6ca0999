"""What each kind of weight is: what a model of some config has learned, named as its parameters are."""

from collections.abc import Iterator

from llm_core.config import ModelConfig
from llm_core.entry import Entry, Part


def all_weights(config: ModelConfig) -> Iterator[Entry]:
    """The entries of a model's weights, in the order of the model."""
    yield _weight("embedding.token", "Token embedding", "E", (config.vocab_size, config.model_dim), ("vocab", "model"),
                  "embedding", "one learned row for each token of the vocabulary")  # fmt: skip
    if config.position == "learned":
        yield _weight("embedding.position", "Position embedding", "P", (config.max_positions, config.model_dim),
                      ("position", "model"), "embedding", "one learned row for each position")  # fmt: skip
    for layer in range(config.layers):
        yield from _attention_weights(config, layer)
        yield from _feedforward_weights(config, layer)
    if config.final_norm:
        yield from norm_weights(config, "final_norm")
    if not config.tied:
        yield _weight("unembedding.weight", "Unembedding", "W_u", (config.stream_out_dim, config.vocab_size),
                      ("model" if config.feedforward_output else "hidden", "vocab"), "output",
                      "turns the last row into a score for each token")  # fmt: skip
    if config.unembedding_bias:
        yield _weight("unembedding.bias", "Unembedding bias", "b_u", (config.vocab_size,), ("vocab",), "output",
                      "added to each token's score")  # fmt: skip


def _weight(name: str, title: str, symbol: str, shape: tuple[int, ...], axes: tuple[str, ...], part: Part,
            meaning: str, layer: int | None = None) -> Entry:  # fmt: skip
    return Entry(name, title, symbol, symbol, axes, "signed", meaning, part, layer=layer, shape=shape)


def norm_weights(config: ModelConfig, name: str, layer: int | None = None) -> Iterator[Entry]:
    """The scale, and with LayerNorm the shift, of a norm: attention.norm, feedforward.norm or final_norm."""
    title, part = _NORMS[name]
    prefix = name if layer is None else f"layers.{layer}.{name}"
    size, axes = (config.model_dim,), ("model",)
    yield _weight(f"{prefix}.scale", f"{title} scale", "γ", size, axes, part, "multiplies each column", layer)
    if config.norm == "layernorm":
        yield _weight(f"{prefix}.shift", f"{title} shift", "β", size, axes, part, "is added to each column", layer)


_NORMS: dict[str, tuple[str, Part]] = {
    "attention.norm": ("Attention norm", "attention"),
    "feedforward.norm": ("Feed-forward norm", "feedforward"),
    "final_norm": ("Final norm", "output"),
}


def _attention_weights(config: ModelConfig, layer: int) -> Iterator[Entry]:
    at = f"layers.{layer}.attention"
    if config.norm != "none":
        yield from norm_weights(config, "attention.norm", layer)
    widths = {
        "q": config.heads * config.head_dim,
        "k": config.kv_heads * config.head_dim,
        "v": config.kv_heads * config.head_dim,
    }
    words = {"q": "Query", "k": "Key", "v": "Value"}
    for letter, width in widths.items():
        word = words[letter]
        yield _weight(f"{at}.w_{letter}", f"{word} weights", f"W_{letter}", (config.model_dim, width),
                      ("model", "head_dim"), "attention", f"turns each row into its {word.lower()}", layer)  # fmt: skip
        if config.attention_bias:
            yield _weight(f"{at}.b_{letter}", f"{word} bias", f"b_{letter}", (width,), ("head_dim",), "attention",
                          f"is added to each {word.lower()}", layer)  # fmt: skip
    if config.qk_norm:
        for letter in "qk":
            yield _weight(f"{at}.{letter}_norm.scale", f"{words[letter]} norm scale", "γ", (config.head_dim,),
                          ("head_dim",), "attention", "multiplies each column", layer)  # fmt: skip
    if config.attention_output:
        yield _weight(f"{at}.w_o", "Output weights", "W_o", (widths["q"], config.model_dim), ("head_dim", "model"),
                      "attention", "brings the heads back to the stream's width", layer)  # fmt: skip
        if config.attention_output_bias:
            yield _weight(f"{at}.b_o", "Output bias", "b_o", (config.model_dim,), ("model",), "attention",
                          "is added to the attention output", layer)  # fmt: skip


def _feedforward_weights(config: ModelConfig, layer: int) -> Iterator[Entry]:
    ff = f"layers.{layer}.feedforward"
    wide, narrow = config.feedforward_dim, config.model_dim
    if config.norm != "none":
        yield from norm_weights(config, "feedforward.norm", layer)
    names = {"gate": "W_gate", "up": "W_up", "down": "W_down"} if config.gated else {"up": "W_1", "down": "W_2"}
    if not config.feedforward_output:
        del names["down"]
    titles = {"gate": "Gate", "up": "Up" if config.gated else "First", "down": "Down" if config.gated else "Second"}
    for name, symbol in names.items():
        back = name == "down"
        shape, axes = ((wide, narrow), ("hidden", "model")) if back else ((narrow, wide), ("model", "hidden"))
        yield _weight(f"{ff}.w_{name}", f"{titles[name]} weights", symbol, shape, axes, "feedforward",
                      f"the feed-forward's way {'back' if back else 'in'}", layer)  # fmt: skip
        if config.feedforward_bias:
            yield _weight(f"{ff}.b_{name}", f"{titles[name]} bias", symbol.replace("W", "b"), (shape[1],), (axes[1],),
                          "feedforward", "is added to each row", layer)  # fmt: skip

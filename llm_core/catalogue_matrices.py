"""What each kind of matrix is: what a model of some config computes on the way to its next token."""

from collections.abc import Iterator
from typing import Literal

from llm_core.catalogue_weights import norm_weights
from llm_core.config import ModelConfig
from llm_core.entry import Entry, Operation, Part, Quantity


def all_matrices(config: ModelConfig) -> Iterator[Entry]:
    """The entries of a model's matrices, in order of computation, operands resolved to full names."""
    yield from _embedding(config)
    for layer in range(config.layers):
        yield from _block(config, layer, door(config, layer))
    yield from _output(config, door(config, config.layers))


def door(config: ModelConfig, index: int) -> str:
    """The name of the stream that enters layer `index`, which a run keeps; index = layers: what leaves the last one."""
    if index == 0:
        return "input"
    layer = f"layers.{index - 1}"
    if not config.feedforward_output:
        return f"{layer}.feedforward.hidden"
    if config.post_norm:
        return f"{layer}.feedforward.norm"
    return f"{layer}.residual" if config.residuals else f"{layer}.feedforward.output"


def _embedding(config: ModelConfig) -> Iterator[Entry]:
    stream = ("position", "model")
    yield Entry("token_embedding", "Token embedding", "X_tok", "X_tok = E[token]", stream, "signed",
                "each token's own row of the embedding table", "embedding", "lookup", ("embedding.token",))  # fmt: skip
    if config.position == "learned":
        yield Entry("position_embedding", "Position embedding", "X_pos", "X_pos = P[position]", stream, "signed",
                    "each position's own row of a learned table", "embedding", "lookup",
                    ("embedding.position",))  # fmt: skip
    if config.position == "sinusoidal":
        yield Entry("position_embedding", "Position embedding", "X_pos",
                    "X_pos = sin, cos(position / 10000^(2i/model))", stream, "signed",
                    "waves of many lengths: each position has its own pattern", "embedding", "sinusoid")  # fmt: skip
    if config.position in ("learned", "sinusoidal"):
        yield Entry("input", "Input", "X", "X = X_tok + X_pos", stream, "signed",
                    "what the first layer reads: which token, and where", "embedding", "add",
                    ("token_embedding", "position_embedding"))  # fmt: skip
    else:
        yield Entry("input", "Input", "X", "X = X_tok", stream, "signed",
                    "what the first layer reads: the embeddings, with nothing added for the order", "embedding",
                    "copy", ("token_embedding",))  # fmt: skip


def _block(config: ModelConfig, layer: int, stream: str) -> Iterator[Entry]:
    attention_in, feedforward_in = stream, stream
    at, ff = f"layers.{layer}.attention", f"layers.{layer}.feedforward"
    rows = ("position", "model")

    entering = stream

    def symbol(name: str) -> str:
        return "X" if name == entering and not config.post_norm else _symbol(name)

    def norm(part: Literal["attention", "feedforward"], source: str, meaning: str) -> Entry:
        side = "after" if config.post_norm else "before"
        title = f"{_norm_name(config)} {side} {'attention' if part == 'attention' else 'the feed-forward'}"
        learned = (weight.name for weight in norm_weights(config, f"{part}.norm", layer))
        return Entry(f"layers.{layer}.{part}.norm", title, "X̂", f"X̂ = {_norm_name(config)}({symbol(source)})", rows,
                     "signed", meaning, part, "norm", (source, *learned), layer)  # fmt: skip

    def residual(name: str, title: str, operands: tuple[str, ...], part: Part, meaning: str) -> Entry:
        own = _symbol(name)
        return Entry(f"layers.{layer}.{name}", title, own, f"{own} = " + " + ".join(symbol(o) for o in operands), rows,
                     "signed", meaning, part, "add", operands, layer)  # fmt: skip

    if config.pre_norm:
        entry = norm("attention", stream, "each row brought to one size, so that attention reads its direction")
        attention_in = entry.name
        yield entry
    yield from _attention(config, layer, attention_in)
    attention_out = f"{at}.output" if config.attention_output else f"{at}.head_output"
    if config.residuals and not config.parallel:
        entry = residual("residual_middle", "Residual after attention", (stream, attention_out), "attention",
                         "the stream, with what attention adds to it")  # fmt: skip
        stream = feedforward_in = entry.name
        yield entry
        if config.post_norm:
            entry = norm("attention", stream, "the sum, each row brought to one size")
            stream = feedforward_in = entry.name
            yield entry
    elif not config.residuals:
        feedforward_in = attention_out
    if config.pre_norm:
        entry = norm("feedforward", feedforward_in, "each row brought to one size for the feed-forward")
        feedforward_in = entry.name
        yield entry
    yield from _feedforward(config, layer, feedforward_in)
    if config.residuals:
        operands = (stream, attention_out, f"{ff}.output") if config.parallel else (stream, f"{ff}.output")
        entry = residual("residual", "Residual", operands, "feedforward",
                         "the stream that this layer hands to the next")  # fmt: skip
        yield entry
        if config.post_norm:
            yield norm("feedforward", entry.name, "the sum, each row brought to one size: what the next layer reads")


def _attention(config: ModelConfig, layer: int, source: str) -> Iterator[Entry]:
    at = f"layers.{layer}.attention"
    scores = ("head", "query", "key")

    def entry(name: str, title: str, symbol: str, formula: str, axes: tuple[str, ...], meaning: str,
              operation: Operation, operands: tuple[str, ...], quantity: Quantity = "signed") -> Entry:  # fmt: skip
        return Entry(f"{at}.{name}", title, symbol, formula, axes, quantity, meaning, "attention", operation,
                     tuple(o if "." in o or o == "input" else f"{at}.{o}" for o in operands), layer)  # fmt: skip

    def projection(letter: str, title: str, meaning: str) -> Entry:
        bias = (f"{at}.b_{letter}",) if config.attention_bias else ()
        formula = f"{letter.upper()} = {_symbol(source)} W_{letter}" + (f" + b_{letter}" if bias else "")
        axes = ("head" if letter == "q" else "kv_head", "position", "head_dim")
        return entry(
            letter, title, letter.upper(), formula, axes, meaning, "product", (source, f"{at}.w_{letter}", *bias)
        )

    yield projection("q", "Queries", "what each token asks for")
    yield projection("k", "Keys", "what each token offers to be found by")
    yield projection("v", "Values", "what each token hands over when it is attended to")
    q, k = "q", "k"
    if config.qk_norm:
        for x, title, axis in (("q", "Queries", "head"), ("k", "Keys", "kv_head")):
            yield entry(f"{x}_normed", f"{title}, normed", f"{x.upper()}̂", f"{x.upper()}̂ = RMSNorm({x.upper()})",
                        (axis, "position", "head_dim"), "each row brought to one size", "norm",
                        (x, f"{at}.{x}_norm.scale"))  # fmt: skip
        q, k = "q_normed", "k_normed"
    if config.position == "rope":
        for x, source_name, title, axis in (("q", q, "Queries", "head"), ("k", k, "Keys", "kv_head")):
            yield entry(f"{x}_rotated", f"{title}, rotated", f"{x.upper()}ʳ",
                        f"{x.upper()}ʳ = RoPE({x.upper()}, position)", (axis, "position", "head_dim"),
                        "each pair of numbers turned by an angle that grows with the position", "rotate",
                        (source_name,))  # fmt: skip
        q, k = "q_rotated", "k_rotated"
    cached = ("kv_head", "key", "head_dim")
    yield entry("keys", "Cached keys", "K", "K = cache + this step's rows", cached,
                "every key so far: earlier rows wait in the KV cache", "copy", (k,))  # fmt: skip
    yield entry("values", "Cached values", "V", "V = cache + this step's rows", cached,
                "every value so far: earlier rows wait in the KV cache", "copy", ("v",))  # fmt: skip
    asking = {"q": "Q", "q_normed": "Q̂", "q_rotated": "Qʳ"}[q]
    yield entry("dot_products", "Dot products", "QKᵀ", f"QKᵀ = {asking} Kᵀ", scores,
                "each query times each key: how well the question fits the label", "product", (q, "keys"))  # fmt: skip
    yield entry("scores", "Scaled scores", "S", f"S = QKᵀ / √{config.head_dim}", scores,
                "the dot products, divided so that they do not grow with the head's width", "scale",
                ("dot_products",))  # fmt: skip
    hidden = (
        "in the future" if config.window is None else f"in the future, and {config.window:,} or more positions back"
    )
    yield entry("masked_scores", "Masked scores", "S_mask", f"S_mask = S, −∞ {hidden}", scores,
                "a token may not look at what comes after it"
                + ("" if config.window is None else f", nor further back than its {config.window:,} latest positions"),
                "mask", ("scores",))  # fmt: skip
    yield entry("weights", "Attention weights", "A", "A = softmax(S_mask)", scores,
                "each row shares out 100 % of a token's attention", "softmax", ("masked_scores",),
                "probability")  # fmt: skip
    yield entry("head_output", "Head output", "Z", "Z = A V", ("head", "position", "head_dim"),
                "the values, mixed in these shares", "product", ("weights", "values"))  # fmt: skip
    if config.attention_output:
        bias = (f"{at}.b_o",) if config.attention_output_bias else ()
        yield entry("output", "Attention output", "O", "O = Z W_o" + (" + b_o" if bias else ""), ("position", "model"),
                    "the heads side by side, brought back to the stream's width", "product",
                    ("head_output", f"{at}.w_o", *bias))  # fmt: skip


def _feedforward(config: ModelConfig, layer: int, source: str) -> Iterator[Entry]:
    ff = f"layers.{layer}.feedforward"
    hidden = ("position", "hidden")
    x = _symbol(source)

    def entry(name: str, title: str, symbol: str, formula: str, axes: tuple[str, ...], meaning: str,
              operation: Operation, operands: tuple[str, ...]) -> Entry:  # fmt: skip
        return Entry(f"{ff}.{name}", title, symbol, formula, axes, "signed", meaning, "feedforward", operation,
                     operands, layer)  # fmt: skip

    def bias(letter: str) -> tuple[str, ...]:
        return (f"{ff}.b_{letter}",) if config.feedforward_bias else ()

    up, down = ("W_up", "W_down") if config.gated else ("W_1", "W_2")
    b_up, b_down = (" + b_up", " + b_down") if config.gated else (" + b_1", " + b_2")
    if not config.feedforward_bias:
        b_up = b_down = ""
    if config.gated:
        yield entry("gate", "Gate", "G", f"G = {x} W_gate" + (" + b_gate" if config.feedforward_bias else ""), hidden,
                    "how far each hidden unit opens", "product", (source, f"{ff}.w_gate", *bias("gate")))  # fmt: skip
    yield entry("up", "Up projection" if config.gated else "Before the activation", "U", f"U = {x} {up}{b_up}",
                hidden, "each row alone, looked at from more sides", "product",
                (source, f"{ff}.w_up", *bias("up")))  # fmt: skip
    name = {"relu": "ReLU", "gelu": "GELU", "gelu_tanh": "GELU", "swiglu": "SiLU"}[config.feedforward]
    if config.gated:
        yield entry("hidden", "Hidden layer", "H", f"H = {name}(G) ⊙ U", hidden,
                    "each unit: how far it opens, times what it carries", "activate",
                    (f"{ff}.gate", f"{ff}.up"))  # fmt: skip
    else:
        yield entry("hidden", "Hidden layer", "H", f"H = {name}(U)", hidden,
                    "what is left of each unit after the activation", "activate", (f"{ff}.up",))  # fmt: skip
    if config.feedforward_output:
        yield entry("output", "Feed-forward output", "F", f"F = H {down}{b_down}", ("position", "model"),
                    "what the feed-forward adds to the stream", "product",
                    (f"{ff}.hidden", f"{ff}.w_down", *bias("down")))  # fmt: skip


def _output(config: ModelConfig, stream: str) -> Iterator[Entry]:
    if config.final_norm:
        learned = (weight.name for weight in norm_weights(config, "final_norm"))
        yield Entry("final_norm", f"Final {_norm_name(config)}", "X̂", f"X̂ = {_norm_name(config)}({_symbol(stream)})",
                    ("position", "model"), "signed", "the last stream, each row brought to one size", "output", "norm",
                    (stream, *learned))  # fmt: skip
        stream = "final_norm"
    table, symbol = ("embedding.token", "Eᵀ") if config.tied else ("unembedding.weight", "W_u")
    bias = ("unembedding.bias",) if config.unembedding_bias else ()
    yield Entry("logits", "Logits", "z", f"z = {_symbol(stream)}[last row] {symbol}" + (" + b_u" if bias else ""),
                ("position", "vocab"), "signed", "one score for each token of the vocabulary, from the last row only",
                "output", "product", (stream, table, *bias))  # fmt: skip
    yield Entry("probabilities", "Probabilities", "p", "p = softmax(z)", ("position", "vocab"), "probability",
                "the scores, turned into shares that add up to one", "output", "softmax", ("logits",))  # fmt: skip


_SYMBOLS = {"input": "X", "residual_middle": "X_mid", "residual": "X_out", "norm": "X̂", "final_norm": "X̂",
            "head_output": "Z", "hidden": "H", "token_embedding": "X_tok", "position_embedding": "X_pos"}  # fmt: skip


def _symbol(name: str) -> str:
    """The symbol of a matrix that other formulas read, from its name."""
    last = name.rsplit(".", 1)[-1]
    if last == "output":
        return "O" if ".attention." in name else "F"
    return _SYMBOLS[last]


def _norm_name(config: ModelConfig) -> str:
    return {"layernorm": "LayerNorm", "rmsnorm": "RMSNorm", "none": ""}[config.norm]

"""What each kind of matrix of attention is: from the queries to the output, in order of computation."""

import math
from collections.abc import Iterator

from llm_core.catalogue.entry import Entry
from llm_core.catalogue.part_titles import NORM_TITLES
from llm_core.catalogue.symbols import symbol_of
from llm_core.config.model_config import ModelConfig

_ROWS = ("position", "model")
_OF_HEAD = ("head", "position", "head_dim")
_OF_KV_HEAD = ("kv_head", "position", "head_dim")
_CACHED = ("kv_head", "key", "head_dim")
_SCORES = ("head", "query", "key")


def attention_matrices(config: ModelConfig, layer: int, source: str) -> Iterator[Entry]:
    """The entries of one layer's attention. source: the name of the matrix that it reads."""
    yield from _projections(config, layer, source)
    if config.qk_norm:
        yield from _normed(layer)
    if config.position == "rope":
        yield from _rotated(config, layer)
    yield from _cached(config, layer)
    yield from _scores(config, layer)
    yield from _weights(config, layer)
    yield from _outputs(config, layer)


def _projections(config: ModelConfig, layer: int, source: str) -> Iterator[Entry]:
    at = f"layers.{layer}.attention"
    meanings = {
        "q": ("Queries", "what each token looks for"),
        "k": ("Keys", "what each token can be matched on"),
        "v": ("Values", "what each token passes on to tokens that attend to it"),
    }
    for letter, (title, meaning) in meanings.items():
        symbol, bias = letter.upper(), (f"{at}.b_{letter}",) if config.attention_bias else ()
        yield Entry(
            name=f"{at}.{letter}",
            title=title,
            symbol=symbol,
            formula=f"{symbol} = {symbol_of(source)} W_{letter}" + (f" + b_{letter}" if bias else ""),
            axes=_OF_HEAD if letter == "q" else _OF_KV_HEAD,
            meaning=meaning,
            part="attention",
            operation="product",
            operands=(source, f"{at}.w_{letter}", *bias),
            layer=layer,
        )


_MATCHED = {"q": ("Queries", _OF_HEAD), "k": ("Keys", _OF_KV_HEAD)}  # titles and axes of what is normed and rotated


def _normed(layer: int) -> Iterator[Entry]:
    at = f"layers.{layer}.attention"
    for letter, (title, axes) in _MATCHED.items():
        symbol = letter.upper()
        yield Entry(
            name=f"{at}.{letter}_normed",
            title=f"{title}, normed",
            symbol=f"{symbol}̂",
            formula=f"{symbol}̂ = {NORM_TITLES['rmsnorm']}({symbol})",
            axes=axes,
            meaning="each row rescaled to the same length",
            part="attention",
            operation="norm",
            operands=(f"{at}.{letter}", f"{at}.{letter}_norm.scale"),
            layer=layer,
        )


def _rotated(config: ModelConfig, layer: int) -> Iterator[Entry]:
    at = f"layers.{layer}.attention"
    for letter, (title, axes) in _MATCHED.items():
        symbol = letter.upper()
        yield Entry(
            name=f"{at}.{letter}_rotated",
            title=f"{title}, rotated",
            symbol=f"{symbol}ʳ",
            formula=f"{symbol}ʳ = RoPE({symbol}, position)",
            axes=axes,
            meaning="pairs of numbers, each rotated by an angle that grows with the token's position",
            part="attention",
            operation="rotate",
            operands=(f"{at}.{letter}_normed" if config.qk_norm else f"{at}.{letter}",),
            layer=layer,
        )


def _met(config: ModelConfig, letter: str) -> str:
    """The last name of what queries (q) and keys (k) become before they meet."""
    return f"{letter}_rotated" if config.position == "rope" else f"{letter}_normed" if config.qk_norm else letter


def _cached(config: ModelConfig, layer: int) -> Iterator[Entry]:
    at = f"layers.{layer}.attention"
    yield Entry(
        name=f"{at}.keys",
        title="Cached keys",
        symbol="K",
        formula="K = cache + this step's rows",
        axes=_CACHED,
        meaning="the keys of all tokens so far; the rows of earlier steps come from the KV cache",
        part="attention",
        operation="copy",
        operands=(f"{at}.{_met(config, 'k')}",),
        layer=layer,
    )
    yield Entry(
        name=f"{at}.values",
        title="Cached values",
        symbol="V",
        formula="V = cache + this step's rows",
        axes=_CACHED,
        meaning="the values of all tokens so far; the rows of earlier steps come from the KV cache",
        part="attention",
        operation="copy",
        operands=(f"{at}.v",),
        layer=layer,
    )


def _scores(config: ModelConfig, layer: int) -> Iterator[Entry]:
    at = f"layers.{layer}.attention"
    queries = _met(config, "q")
    symbol = {"q": "Q", "q_normed": "Q̂", "q_rotated": "Qʳ"}[queries]
    yield Entry(
        name=f"{at}.dot_products",
        title="Dot products",
        symbol="QKᵀ",
        formula=f"QKᵀ = {symbol} Kᵀ",
        axes=_SCORES,
        meaning="each query times each key: how well the two match",
        part="attention",
        operation="product",
        operands=(f"{at}.{queries}", f"{at}.keys"),
        layer=layer,
    )
    yield Entry(
        name=f"{at}.scores",
        title="Scaled scores",
        symbol="S",
        formula=f"S = QKᵀ / √{config.head_dim}",
        axes=_SCORES,
        meaning="the dot products, divided by the square root of the head dimension to keep them small",
        part="attention",
        operation="scale",
        operands=(f"{at}.dot_products",),
        factor=1 / math.sqrt(config.head_dim),
        sign=f"÷ √{config.head_dim}",
        layer=layer,
    )


def _weights(config: ModelConfig, layer: int) -> Iterator[Entry]:
    at = f"layers.{layer}.attention"
    far = "" if config.window is None else f"{config.window:,} or more positions back"
    yield Entry(
        name=f"{at}.masked_scores",
        title="Masked scores",
        symbol="S_mask",
        formula="S_mask = S, −∞ in the future" + (f", and {far}" if far else ""),
        axes=_SCORES,
        meaning="the scores, with −∞ in place of the scores of later tokens" + (f" and of those {far}" if far else ""),
        part="attention",
        operation="mask",
        operands=(f"{at}.scores",),
        layer=layer,
    )
    yield Entry(
        name=f"{at}.weights",
        title="Attention weights",
        symbol="A",
        formula="A = softmax(S_mask)",
        axes=_SCORES,
        quantity="probability",
        meaning="how much each token attends to itself and to each earlier token; every row adds up to 100 %",
        part="attention",
        operation="softmax",
        operands=(f"{at}.masked_scores",),
        layer=layer,
    )


def _outputs(config: ModelConfig, layer: int) -> Iterator[Entry]:
    at = f"layers.{layer}.attention"
    yield Entry(
        name=f"{at}.head_output",
        title="Head output",
        symbol="Z",
        formula="Z = A V",
        axes=_OF_HEAD,
        meaning="the sum of the values, each multiplied by its attention weight",
        part="attention",
        operation="product",
        operands=(f"{at}.weights", f"{at}.values"),
        layer=layer,
    )
    if config.attention_output:
        bias = (f"{at}.b_o",) if config.attention_output_bias else ()
        yield Entry(
            name=f"{at}.output",
            title="Attention output",
            symbol="O",
            formula="O = Z W_o" + (" + b_o" if bias else ""),
            axes=_ROWS,
            meaning="the head outputs side by side, projected to the model dimension",
            part="attention",
            operation="product",
            operands=(f"{at}.head_output", f"{at}.w_o", *bias),
            layer=layer,
        )

"""What each kind of matrix is: what a model of some config computes on the way to its next token.

Here stands the way through the whole model and through a block; what happens inside of attention and feed-forward
stands in attention_entries.py and feedforward_entries.py.
"""

import math
from collections.abc import Iterator
from typing import Literal

from llm_core.catalogue.attention_entries import attention_matrices
from llm_core.catalogue.entry import Entry
from llm_core.catalogue.feedforward_entries import feedforward_matrices
from llm_core.catalogue.part_titles import NORM_TITLES
from llm_core.catalogue.symbols import symbol_of
from llm_core.catalogue.weight_entries import norm_weights
from llm_core.config.model_config import ModelConfig

_ROWS = ("position", "model")
_Side = Literal["attention", "feedforward"]


def all_matrices(config: ModelConfig) -> Iterator[Entry]:
    """The entries of a model's matrices, in order of computation, operands resolved to full names."""
    stream = ""
    for entry in _embedding(config):
        yield entry
        stream = entry.name
    for layer in range(config.layers):
        for entry in _block(config, layer, stream):
            yield entry
            stream = entry.name
    yield from _output(config, stream)


# ---- what the first layer reads -------------------------------------------------------------------------------------


def _embedding(config: ModelConfig) -> Iterator[Entry]:
    root = f"√{config.model_dim}"
    yield Entry(
        name="token_embedding",
        title="Token embedding",
        symbol="X_tok",
        formula="X_tok = E[token]" + (f" · {root}" if config.scaled_embedding else ""),
        axes=_ROWS,
        meaning="each token's row of the embedding table"
        + (", multiplied by the square root of the model dimension" if config.scaled_embedding else ""),
        part="embedding",
        operation="lookup",
        operands=("embedding.token",),
        factor=math.sqrt(config.model_dim) if config.scaled_embedding else 1.0,
        sign=f"× {root}" if config.scaled_embedding else "",
    )
    if config.position in _POSITION_EMBEDDINGS:
        yield _POSITION_EMBEDDINGS[config.position]
        yield Entry(
            name="input",
            title="Input",
            symbol="X",
            formula="X = X_tok + X_pos",
            axes=_ROWS,
            meaning="what the first layer reads: the token embedding plus the position embedding",
            part="embedding",
            operation="add",
            operands=("token_embedding", "position_embedding"),
        )
    else:
        yield Entry(
            name="input",
            title="Input",
            symbol="X",
            formula="X = X_tok",
            axes=_ROWS,
            meaning="what the first layer reads: the token embeddings, with no position embedding added",
            part="embedding",
            operation="copy",
            operands=("token_embedding",),
        )


_POSITION_EMBEDDINGS = {
    "learned": Entry(
        name="position_embedding",
        title="Position embedding",
        symbol="X_pos",
        formula="X_pos = P[position]",
        axes=_ROWS,
        meaning="each position's row of the table of position embeddings",
        part="embedding",
        operation="lookup",
        operands=("embedding.position",),
    ),
    "sinusoidal": Entry(
        name="position_embedding",
        title="Position embedding",
        symbol="X_pos",
        formula="X_pos = sin, cos(position / 10000^(2i/model))",
        axes=_ROWS,
        meaning="sines and cosines of many wavelengths: each position has its own pattern",
        part="embedding",
        operation="sinusoid",
    ),
}


# ---- one layer ------------------------------------------------------------------------------------------------------


def _block(config: ModelConfig, layer: int, stream: str) -> Iterator[Entry]:
    """One layer: attention, then feed-forward, around a residual stream where the model has one.

    stream: the name of the matrix that enters; the last entry is what leaves.
    """
    attention, feedforward = f"layers.{layer}.attention", f"layers.{layer}.feedforward"
    attended = f"{attention}.output" if config.attention_output else f"{attention}.head_output"
    middle = stream if config.parallel else attended

    if config.pre_norm:
        yield _norm(config, layer, "attention", stream, entering=stream)
    yield from attention_matrices(config, layer, f"{attention}.norm" if config.pre_norm else stream)
    if config.residuals and not config.parallel:
        yield _residual_middle(config, layer, (stream, attended), entering=stream)
        middle = f"layers.{layer}.residual_middle"
        if config.post_norm:
            yield _norm(config, layer, "attention", middle, entering=stream)
            middle = f"{attention}.norm"

    if config.pre_norm:
        yield _norm(config, layer, "feedforward", middle, entering=stream)
    yield from feedforward_matrices(config, layer, f"{feedforward}.norm" if config.pre_norm else middle)
    if config.residuals:
        added = (attended, f"{feedforward}.output") if config.parallel else (f"{feedforward}.output",)
        yield _residual(config, layer, (middle, *added), entering=stream)
        if config.post_norm:
            yield _norm(config, layer, "feedforward", f"layers.{layer}.residual", entering=stream)


def _norm(config: ModelConfig, layer: int, part: _Side, source: str, entering: str) -> Entry:
    title, side = NORM_TITLES[config.norm], "after" if config.post_norm else "before"
    return Entry(
        name=f"layers.{layer}.{part}.norm",
        title=f"{title} {side} {'attention' if part == 'attention' else 'the feed-forward'}",
        symbol="X̂",
        formula=f"X̂ = {title}({_symbol(config, source, entering)})",
        axes=_ROWS,
        meaning=f"{'the sum, ' if config.post_norm else ''}each row rescaled to the same length",
        part=part,
        operation="norm",
        operands=(source, *(weight.name for weight in norm_weights(config, f"{part}_norm", layer))),
        layer=layer,
    )


def _residual_middle(config: ModelConfig, layer: int, operands: tuple[str, ...], entering: str) -> Entry:
    return Entry(
        name=f"layers.{layer}.residual_middle",
        title="Residual after attention",
        symbol="X_mid",
        formula="X_mid = " + " + ".join(_symbol(config, name, entering) for name in operands),
        axes=_ROWS,
        meaning="the residual stream plus the attention output",
        part="attention",
        operation="add",
        operands=operands,
        layer=layer,
    )


def _residual(config: ModelConfig, layer: int, operands: tuple[str, ...], entering: str) -> Entry:
    return Entry(
        name=f"layers.{layer}.residual",
        title="Residual",
        symbol="X_out",
        formula="X_out = " + " + ".join(_symbol(config, name, entering) for name in operands),
        axes=_ROWS,
        meaning="the residual stream after this layer",
        part="feedforward",
        operation="add",
        operands=operands,
        layer=layer,
    )


def _symbol(config: ModelConfig, name: str, entering: str) -> str:
    """What a block's formulas call a matrix. The stream that enters is X, unless it is a norm's, which has a hat."""
    return "X" if name == entering and not config.post_norm else symbol_of(name)


# ---- from the last layer to the next token --------------------------------------------------------------------------


def _output(config: ModelConfig, stream: str) -> Iterator[Entry]:
    if config.final_norm:
        title = NORM_TITLES[config.norm]
        yield Entry(
            name="final_norm",
            title=f"Final {title}",
            symbol="X̂",
            formula=f"X̂ = {title}({symbol_of(stream)})",
            axes=_ROWS,
            meaning="the output of the last layer, each row rescaled to the same length",
            part="output",
            operation="norm",
            operands=(stream, *(weight.name for weight in norm_weights(config, "final_norm"))),
        )
    yield _logits(config, "final_norm" if config.final_norm else stream)
    yield Entry(
        name="probabilities",
        title="Probabilities",
        symbol="p",
        formula="p = softmax(z)",
        axes=("position", "vocab"),
        quantity="probability",
        meaning="the logits, turned into probabilities that add up to 100 %",
        part="output",
        operation="softmax",
        operands=("logits",),
    )


def _logits(config: ModelConfig, source: str) -> Entry:
    table, symbol = ("embedding.token", "Eᵀ") if config.tied else ("unembedding.weight", "W_u")
    bias = ("unembedding.bias",) if config.unembedding_bias else ()
    return Entry(
        name="logits",
        title="Logits",
        symbol="z",
        formula=f"z = {symbol_of(source)}[last row] {symbol}" + (" + b_u" if bias else ""),
        axes=("position", "vocab"),
        meaning="one number for each token of the vocabulary, computed from the last row only",
        part="output",
        operation="product",
        operands=(source, table, *bias),
    )

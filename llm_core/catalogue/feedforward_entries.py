"""What each kind of matrix of the feed-forward is, in order of computation."""

from collections.abc import Iterator

from llm_core.catalogue.entry import Entry
from llm_core.catalogue.part_titles import ACTIVATION_TITLES
from llm_core.catalogue.symbols import symbol_of
from llm_core.config.model_config import ModelConfig
from llm_core.support.plain_words import counted

_FEATURES = ("position", "hidden")


def feedforward_matrices(config: ModelConfig, layer: int, source: str) -> Iterator[Entry]:
    """The entries of one layer's feed-forward. source: the name of the matrix that it reads."""
    yield from _read(config, layer, source)
    yield _activated(config, layer)
    if config.feedforward_output:
        yield _written(config, layer)


def _read(config: ModelConfig, layer: int, source: str) -> Iterator[Entry]:
    ff = f"layers.{layer}.feedforward"
    x = symbol_of(source)
    up, b_up = ("W_up", "b_up") if config.gated else ("W_1", "b_1")
    if config.gated:
        yield Entry(
            name=f"{ff}.gate",
            title="Gate",
            symbol="G",
            formula=f"G = {x} W_gate" + (" + b_gate" if config.feedforward_bias else ""),
            axes=_FEATURES,
            meaning="how much of each hidden unit passes through",
            part="feedforward",
            operation="product",
            operands=(source, f"{ff}.w_gate", *_bias(config, f"{ff}.b_gate")),
            layer=layer,
        )
    yield Entry(
        name=f"{ff}.up",
        title="Up projection" if config.gated else "Pre-activation",
        symbol="U",
        formula=f"U = {x} {up}" + (f" + {b_up}" if config.feedforward_bias else ""),
        axes=_FEATURES,
        meaning=f"each token's row, expanded to {counted(config.feedforward_dim, 'feature')}",
        part="feedforward",
        operation="product",
        operands=(source, f"{ff}.w_up", *_bias(config, f"{ff}.b_up")),
        layer=layer,
    )


def _activated(config: ModelConfig, layer: int) -> Entry:
    ff = f"layers.{layer}.feedforward"
    function = ACTIVATION_TITLES[config.feedforward]
    if config.gated:
        return Entry(
            name=f"{ff}.hidden",
            title="Hidden layer",
            symbol="H",
            formula=f"H = {function}(G) ⊙ U",
            axes=_FEATURES,
            meaning="each feature of the up projection, multiplied by its activated gate",
            part="feedforward",
            operation="activate",
            operands=(f"{ff}.gate", f"{ff}.up"),
            layer=layer,
        )
    return Entry(
        name=f"{ff}.hidden",
        title="Hidden layer",
        symbol="H",
        formula=f"H = {function}(U)",
        axes=_FEATURES,
        meaning=f"each feature after the activation function {function}",
        part="feedforward",
        operation="activate",
        operands=(f"{ff}.up",),
        layer=layer,
    )


def _written(config: ModelConfig, layer: int) -> Entry:
    ff = f"layers.{layer}.feedforward"
    down, b_down = ("W_down", "b_down") if config.gated else ("W_2", "b_2")
    return Entry(
        name=f"{ff}.output",
        title="Feed-forward output",
        symbol="F",
        formula=f"F = H {down}" + (f" + {b_down}" if config.feedforward_bias else ""),
        axes=("position", "model"),
        meaning=f"the hidden layer, projected back to {config.model_dim:,} numbers for each token",
        part="feedforward",
        operation="product",
        operands=(f"{ff}.hidden", f"{ff}.w_down", *_bias(config, f"{ff}.b_down")),
        layer=layer,
    )


def _bias(config: ModelConfig, name: str) -> tuple[str, ...]:
    return (name,) if config.feedforward_bias else ()

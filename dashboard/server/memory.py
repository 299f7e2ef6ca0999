"""Whether a run, and looking into it, fits into the memory that is free: estimated before anything is computed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dashboard.server.turns import LONG
from llm_core import ModelConfig, Transformer, catalogue
from llm_core.catalogue.axis_sizes import row_size, widest_row
from llm_core.runs.budget import DERIVED
from llm_core.runs.derivation import rows_per_block
from llm_core.support import memory as machine
from llm_core.support.plain_words import counted

DERIVED_WHOLE = 32 * 2**20  # bytes of one matrix up to which it is derived in one go, and kept for the next look
_SIZE = 4  # bytes of a number, as float32; bfloat16 takes less


def needed(config: ModelConfig, prompt: int, new: int) -> int:
    """Bytes that a run of so many tokens takes at its peak, and one layer that is looked at."""
    tokens = prompt + new
    stream, hidden, vocab = (_row(config, name) for name in ("input", "layers.0.feedforward.hidden", "logits"))
    queries, keys, values = (_row(config, f"layers.0.attention.{letter}") for letter in "qkv")
    kept = (config.layers + 1) * stream + config.layers * (keys + values)
    at_once = 8 * stream + 4 * (queries + keys + values) + 4 * hidden  # in one layer's pass over the prompt
    mask = prompt * prompt * (1 + _SIZE) if config.window is not None and prompt > config.window else 0
    logits = (new + 1) * 6 * vocab  # with probabilities, stage by stage
    return _SIZE * (tokens * kept + prompt * at_once + logits) + mask + _looking(config, tokens)


def _row(config: ModelConfig, name: str) -> int:
    """How many numbers one row of a matrix has that does not grow with the tokens, those of all heads together."""
    return row_size(config, catalogue.matrix(config, name).axes, keys=0)


def _looking(config: ModelConfig, tokens: int) -> int:
    """Bytes that deriving one layer takes: its matrices whole where they are small, else block by block of rows."""
    layer = [entry for entry in catalogue.matrices(config) if entry.layer == 0]
    widest = widest_row(config, tokens)
    whole = len(layer) * min(DERIVED_WHOLE, _SIZE * tokens * widest)
    return whole + min(DERIVED.limit, whole) + 6 * _SIZE * min(tokens, rows_per_block(config, tokens)) * widest


def may_be_long(text: str) -> bool:
    """False where a text surely has fewer tokens than a long one: no token is shorter than a byte."""
    return len(text.encode(errors="replace")) >= LONG


def long_tokens(model: Transformer, text: str) -> int:
    """How many tokens a long text has; 0 for one that is short, or more than the model holds, which says so itself."""
    tokens = len(model.tokenizer.encode(text)) if may_be_long(text) else 0
    return tokens if LONG <= tokens <= model.config.max_positions else 0


@contextmanager
def kept_for(model: Transformer, tokens: int, new: int, make_room: Callable[[], None]) -> Iterator[None]:
    """Keep the memory that a run of so many tokens takes, while it is computed: another one may begin meanwhile.

    Raises ValueError with the sentence to show where it would not fit, whatever makes room.
    """
    with machine.PROMISES.lock:
        need = needed(model.config, tokens, new)
        _check(model, tokens, new, need, make_room)
        machine.PROMISES.add(need)
    try:
        yield
    finally:
        machine.PROMISES.add(-need)


def _check(model: Transformer, tokens: int, new: int, need: int, make_room: Callable[[], None]) -> None:
    if need <= machine.usable():
        return
    make_room()
    usable = machine.usable()
    if need <= usable:
        return
    if need <= usable + machine.PROMISES.bytes:
        raise ValueError(
            f"This text has {tokens:,} tokens, for which {model.name} needs {need / 1e9:.1f} GB of memory; other long "
            "texts are using the memory until they are done: try again in a minute"
        )
    most = _most(model.config, new, usable)
    remedy = f"shorten it to {counted(most, 'token')}, or choose" if most else "choose"
    raise ValueError(
        f"This text has {tokens:,} tokens, for which {model.name} needs {need / 1e9:.1f} GB of memory besides its "
        f"weights; {max(usable, 0) / 1e9:.1f} GB is free: {remedy} a smaller model"
    )


def _most(config: ModelConfig, new: int, usable: int) -> int:
    """How many tokens of a prompt would fit."""
    low, high = 0, config.max_positions
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if needed(config, middle, new) <= usable else (low, middle - 1)
    return low

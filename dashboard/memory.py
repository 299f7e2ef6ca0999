"""Whether a run, and looking into it, fits into the memory that is free: estimated before anything is computed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dashboard.readings import WHOLE
from dashboard.turns import LONG
from llm_core import ModelConfig, Transformer, catalogue
from llm_core import memory as machine
from llm_core.trace import DERIVED, rows_per_block

_SIZE = 4  # bytes of a number, as float32; bfloat16 takes less


def needed(config: ModelConfig, prompt: int, new: int) -> int:
    """Bytes that a run of so many tokens takes at its peak, and one layer that is looked at."""
    tokens = prompt + new
    wide = config.heads * config.head_dim + 2 * config.kv_heads * config.head_dim
    kept = (config.layers + 1) * config.model_dim + 2 * config.layers * config.kv_heads * config.head_dim
    at_once = 8 * config.model_dim + 4 * wide + 4 * config.feedforward_dim  # in one layer's pass over the prompt
    mask = prompt * prompt * (1 + _SIZE) if config.window is not None and prompt > config.window else 0
    logits = (new + 1) * 6 * config.vocab_size  # with probabilities, stage by stage
    return _SIZE * (tokens * kept + prompt * at_once + logits) + mask + _looking(config, tokens)


def _looking(config: ModelConfig, tokens: int) -> int:
    """Bytes that deriving one layer takes: its matrices whole where they are small, else block by block of rows."""
    layer = [entry for entry in catalogue.matrices(config) if entry.layer == 0]
    widest = max(config.heads * tokens, config.feedforward_dim, config.model_dim)
    whole = len(layer) * min(WHOLE, _SIZE * tokens * widest)
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
            f"This text is {tokens:,} tokens long, for which {model.name} needs {need / 1e9:.1f} GB of memory; other "
            "long texts are being computed and have it until they are done: try again in a minute"
        )
    most = _most(model.config, new, usable)
    remedy = f"shorten it to {most:,} tokens, or choose" if most else "choose"
    raise ValueError(
        f"This text is {tokens:,} tokens long, for which {model.name} needs {need / 1e9:.1f} GB of memory beside its "
        f"weights; {max(usable, 0) / 1e9:.1f} GB is free: {remedy} a smaller model"
    )


def _most(config: ModelConfig, new: int, usable: int) -> int:
    """How many tokens of a prompt would fit."""
    low, high = 0, config.max_positions
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if needed(config, middle, new) <= usable else (low, middle - 1)
    return low

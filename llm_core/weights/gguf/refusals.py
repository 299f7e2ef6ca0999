"""What a GGUF file says that its model would not be run with: such a file is refused, never run wrongly.

transformers, which reads the tensors, knows some settings and drops the rest. Here each setting of the file's
architecture must be run as it says, be harmless, or be at the value that changes nothing, and each tensor must have its
place. What the header alone shows to be wrong is refused before anything is built or read.
"""

import math
from collections.abc import Callable
from typing import Any

from llm_core.config.model_config import MOST_POSITIONS, ModelConfig
from llm_core.families.family import Family
from llm_core.support import memory
from llm_core.support.plain_words import counted, one_line
from llm_core.weights.checkpoint import refuse_left_over
from llm_core.weights.gguf.header import Header
from llm_core.weights.gguf.tensors import named

# A setting's name without the architecture before it, and what the model is run with
RUN_WITH: dict[str, Callable[[ModelConfig], Any]] = {
    "attention.head_count": lambda c: c.heads,
    "attention.head_count_kv": lambda c: c.kv_heads,
    "attention.key_length": lambda c: c.head_dim,
    "attention.layer_norm_epsilon": lambda c: c.norm_epsilon,
    "attention.layer_norm_rms_epsilon": lambda c: c.norm_epsilon,
    "attention.sliding_window": lambda c: c.window or 0,
    "attention.value_length": lambda c: c.head_dim,
    "block_count": lambda c: c.layers,
    "context_length": lambda c: c.max_positions,
    "embedding_length": lambda c: c.model_dim,
    "feed_forward_length": lambda c: c.feedforward_dim,
    "rope.dimension_count": lambda c: c.rotary_dim,
    "rope.freq_base": lambda c: c.rope_theta,
    "vocab_size": lambda c: c.vocab_size,
}

# The values at which llama.cpp computes as if these settings were not there
USUAL: dict[str, Any] = {
    "attention.causal": True,
    "expert_count": 0,
    "expert_used_count": 0,
    "rope.scale_linear": 1.0,
    "rope.scaling.attn_factor": 1.0,
    "rope.scaling.factor": 1.0,
    "rope.scaling.type": "none",
}

# They say how a file was made, or mean something beside a rope.scaling.type alone, which is looked at for itself
_HARMLESS = frozenset(["rope.scaling.finetuned", "rope.scaling.original_context_length", "tensor_data_layout"])

# Sizes that some tensor of the file has for an axis, or a part of one
_SIZES = (
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "embedding_length",
    "feed_forward_length",
    "rope.dimension_count",
    "vocab_size",
)
_COUNTS = (*_SIZES, "block_count", "context_length")
_BASES = ("rope.freq_base", "attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon")


def check_header(name: str, header: Header, width: int) -> None:
    """Raises ValueError, with the setting's name and value, for sizes that the file's own tensors do not bear out and
    numbers that mean nothing; also for a model that this machine cannot hold. width: bytes of a number in memory."""
    architecture = header.settings.get("general.architecture")
    if not isinstance(architecture, str):
        raise ValueError(f"{name} is corrupt: it has no general.architecture")
    parts = header.settings.get("split.count", 0)
    if isinstance(parts, int) and parts > 1:
        raise ValueError(
            f"{name} is one of {parts:,} parts of a model: put them together with llama.cpp's "
            "`llama-gguf-split --merge`"
        )
    layers = {tensor.split(".")[1] for tensor in header.tensors if tensor.startswith("blk.")}
    largest = max((size for tensor in header.tensors.values() for size in tensor.shape), default=0)
    for setting in header.settings:
        kind, _, what = setting.partition(".")
        if kind == architecture:
            _check_number(name, setting, header.settings[setting], what, len(layers), largest)
    _check_heads(name, architecture, header.settings)
    numbers = sum(math.prod(tensor.shape) for tensor in header.tensors.values())
    if numbers * width > memory.total():
        raise ValueError(
            f"{name} needs {math.ceil(numbers * width / 1e8) / 10:,.1f} GB of memory, and this machine has "
            f"{math.floor(memory.total() / 1e8) / 10:,.1f} GB in all: choose a smaller model"
        )


def _check_number(name: str, setting: str, value: Any, what: str, layers: int, largest: int) -> None:
    said = f"{name} sets {one_line(setting, 100)} to {one_line(repr(value), 60)}"
    if what in _COUNTS and type(value) is not int:
        raise ValueError(f"{said}; it must be a whole number")
    if what in _BASES and type(value) not in (int, float):
        raise ValueError(f"{said}; it must be a number")
    if isinstance(value, float) and (not math.isfinite(value) or (what in _BASES and value <= 0)):
        raise ValueError(f"{said}; it must be a finite number{' above 0' if what in _BASES else ''}")
    if what == "context_length" and not 1 <= value <= MOST_POSITIONS:
        raise ValueError(f"{said}; it must be a whole number from 1 to {MOST_POSITIONS:,}")
    if what == "block_count" and (type(value) is not int or not 1 <= value <= layers):
        raise ValueError(f"{said}, and it holds tensors of {counted(layers, 'layer')}: its header is corrupt")
    if what in _SIZES and type(value) is int and not 1 <= value <= largest:
        raise ValueError(f"{said}, and its longest tensor axis has {largest:,} numbers: its header is corrupt")


def _check_heads(name: str, architecture: str, settings: dict[str, Any]) -> None:
    width, heads = (settings.get(f"{architecture}.{what}") for what in ("embedding_length", "attention.head_count"))
    given = f"{architecture}.attention.key_length" in settings
    if type(width) is int and type(heads) is int and width % heads and not given:
        raise ValueError(
            f"{name} sets {architecture}.attention.head_count to {heads:,}, and {architecture}.embedding_length to "
            f"{width:,}, which so many heads cannot share evenly: its header is corrupt"
        )


def refuse_what_is_passed_over(name: str, header: Header, family: Family, config: ModelConfig) -> None:
    """Raises ValueError, with its name, for a setting that the model would not be run with, and for a tensor that it
    has no place for."""
    architecture = header.settings["general.architecture"]
    for setting, value in header.settings.items():
        kind, _, what = setting.partition(".")
        if kind == architecture:
            _check(name, setting, value, what, config)
    refuse_left_over(set(header.tensors) - {stored for _, stored in named(header, family, config)})


def _check(name: str, setting: str, value: Any, what: str, config: ModelConfig) -> None:
    if what in _HARMLESS or (what in USUAL and value == USUAL[what]):
        return
    if what not in RUN_WITH:
        problem = "which is not supported"
    elif value != RUN_WITH[what](config):
        problem = f"and it would be run with {RUN_WITH[what](config)}"
    else:
        return
    raise ValueError(
        f"{name} sets {one_line(setting, 100)} to {one_line(repr(value), 60)}, {problem}: its results would be wrong; "
        "look for the same model as safetensors"
    )

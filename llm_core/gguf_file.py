"""What a GGUF file says that transformers passes over without a word: such a file is refused, never run wrongly.

transformers reads the settings and tensors that it knows and drops the rest. Here each setting of the file's
architecture must be run as it says, be harmless, or be at the value that changes nothing, and each tensor must have its
place.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from llm_core.checkpoint import refuse_left_over
from llm_core.config import ModelConfig
from llm_core.families import Family
from llm_core.plain_words import one_line, plainly

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
HARMLESS = frozenset(["rope.scaling.finetuned", "rope.scaling.original_context_length", "tensor_data_layout"])


def refuse_what_is_passed_over(file: Path, family: Family, config: ModelConfig) -> None:
    """Raises ValueError, with its name, for a setting that the model would not be run with, and for a tensor that it
    has no place for; also for a file that cannot be read."""
    import gguf

    try:
        reader = gguf.GGUFReader(file)
        settings = {name: field.contents() for name, field in reader.fields.items()}
        names = {tensor.name for tensor in reader.tensors}
        architecture = settings["general.architecture"]
    except Exception as error:
        raise ValueError(f"{file.name} is truncated or corrupt ({plainly(error)})") from error
    for name, value in settings.items():
        kind, _, setting = name.partition(".")
        if kind == architecture:
            _check(file, name, value, setting, config)
    refuse_left_over(names - set(_taken(architecture, family, config)))


def _check(file: Path, name: str, value: Any, setting: str, config: ModelConfig) -> None:
    if setting in HARMLESS or (setting in USUAL and value == USUAL[setting]):
        return
    if setting not in RUN_WITH:
        told = "which is not supported"
    elif value != RUN_WITH[setting](config):
        told = f"and it would be run with {RUN_WITH[setting](config)}"
    else:
        return
    raise ValueError(
        f"{file.name} sets {one_line(name, 100)} to {one_line(repr(value), 60)}, {told}: its results would be wrong; "
        "look for the same model as safetensors"
    )


def _taken(architecture: str, family: Family, config: ModelConfig) -> Iterator[str]:
    """The names in a GGUF file of the tensors that the model is filled with."""
    import gguf

    kind = next(kind for kind, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    table = gguf.get_tensor_name_map(kind, config.layers)
    for entry in family.stored(config):
        for disk in (family.prefix + entry.disk, entry.disk):
            name = table.get_name(disk, (".weight", ".bias"))
            if name is not None:
                yield name

"""The model that a GGUF file's settings describe, by way of its family's config in transformers, as for a folder."""

import re
from typing import Any

from llm_core.config.model_config import ModelConfig
from llm_core.families.families import model_config
from llm_core.support.plain_words import one_line
from llm_core.weights.folder_config import not_accepted
from llm_core.weights.gguf.header import Header

ARCHITECTURES = ("gpt2", "llama", "qwen2", "qwen3")  # they are called in GGUF files as in transformers

# A setting's name without the architecture before it, and the field of transformers' config that says the same
_NEEDED = {
    "attention.head_count": "num_attention_heads",
    "block_count": "num_hidden_layers",
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
}
_GIVEN = {
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.layer_norm_epsilon": "layer_norm_epsilon",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
}
_USUAL_BASE = 10_000.0  # of RoPE, where a file says nothing


def read_gguf_config(name: str, header: Header) -> tuple[str, ModelConfig]:
    """The family of a file called `name`, and the shape of its model. Raises ValueError for another architecture, for
    settings that are missing, and for those that make no model."""
    from transformers import AutoConfig

    settings = header.settings
    kind = settings["general.architecture"]
    if kind not in ARCHITECTURES:
        raise ValueError(f"{name} is of architecture {one_line(kind, 60)}; supported are {', '.join(ARCHITECTURES)}")
    missing = [f"{kind}.{what}" for what in _NEEDED if f"{kind}.{what}" not in settings]
    if missing:
        raise ValueError(f"{name} is incomplete: it has no setting {missing[0]}")
    every = (_NEEDED | _GIVEN).items()
    said = {field: settings[f"{kind}.{what}"] for what, field in every if f"{kind}.{what}" in settings}
    try:
        theirs = AutoConfig.for_model(kind, **_fields(kind, said, header))
    except Exception as error:  # of transformers' own checks
        why = _by_setting(not_accepted(error), kind, settings)
        raise ValueError(f"{name} has settings that make no model{why}") from error
    try:
        shape = model_config(theirs)
    except ValueError as error:
        why = _by_setting(str(error).replace("this model's config", "it"), kind, settings)
        raise ValueError(f"{name} cannot be run: {why}") from error
    stop = settings.get("tokenizer.ggml.eos_token_id")
    if stop is not None and not (type(stop) is int and 0 <= stop < shape.vocab_size):
        raise ValueError(
            f"{name} sets tokenizer.ggml.eos_token_id to {one_line(repr(stop), 60)}, and its tokens go from 0 to "
            f"{shape.vocab_size - 1:,}"
        )
    return kind, shape.with_(stop_ids=() if stop is None else (stop,))


def _by_setting(sentence: str, kind: str, settings: dict[str, Any]) -> str:
    """A sentence that calls transformers' fields by the names that the file has for them."""
    names = {field: f"{kind}.{what}" for what, field in (_NEEDED | _GIVEN).items()}
    if f"{kind}.rope.dimension_count" in settings:
        names["head_dim"] = f"{kind}.rope.dimension_count"
    return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), sentence)


def _fields(kind: str, said: dict[str, Any], header: Header) -> dict[str, Any]:
    """The fields of transformers' config."""
    settings = header.settings
    table = header.tensors.get("token_embd.weight")
    rows = table.shape[0] if table is not None and table.shape else 0
    fields = {
        "tie_word_embeddings": "output.weight" not in header.tensors,
        "vocab_size": settings.get(f"{kind}.vocab_size", rows),
        "eos_token_id": settings.get("tokenizer.ggml.eos_token_id"),
    }
    if kind == "gpt2":
        return fields | said | {"n_inner": said["intermediate_size"]}
    base = settings.get(f"{kind}.rope.freq_base", _USUAL_BASE)
    if kind == "llama" and f"{kind}.rope.dimension_count" in settings:
        said = said | {"head_dim": settings[f"{kind}.rope.dimension_count"]}  # as transformers reads it
    return fields | said | {"rope_parameters": {"rope_type": "default", "rope_theta": base}}

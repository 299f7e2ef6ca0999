"""Gemma: the layout of Llama, with GELU as its gate, scaled embeddings, and norms that are stored otherwise."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from llm_core.config.model_config import ModelConfig
from llm_core.families.family import Family
from llm_core.families.llama import LLAMA
from llm_core.families.stored import Stored


def _config(c: Any) -> ModelConfig:
    if c.use_bidirectional_attention:
        raise ValueError(
            "this model's config sets use_bidirectional_attention to True, which is not supported: its tokens would "
            "see later ones"
        )
    return LLAMA.config(c).with_(scaled_embedding=True)


def _tensors(config: ModelConfig) -> Iterator[Stored]:
    for stored in LLAMA.stored(config):
        of_norm = stored.weights[0].endswith(".scale")
        yield replace(stored, layout="less one") if of_norm else stored


GEMMA = Family(
    _config,
    _tensors,
    LLAMA.understood | {"use_bidirectional_attention"},
    "model.",
    LLAMA.counterparts,
)

"""The families that checkpoints come in, by the type that their config names.

Each is a file of this folder, and nothing outside it knows one.
"""

from typing import Any

from llm_core.config.model_config import ModelConfig
from llm_core.families.config_fields import refuse_other_head_dim
from llm_core.families.family import Family
from llm_core.families.gemma import GEMMA
from llm_core.families.gpt2 import GPT2
from llm_core.families.gpt_neox import GPT_NEOX
from llm_core.families.llama import LLAMA
from llm_core.families.stablelm import STABLELM
from llm_core.support.plain_words import one_line

FAMILIES: dict[str, Family] = {
    "gpt2": GPT2,
    "llama": LLAMA,
    "mistral": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
    "gpt_neox": GPT_NEOX,
    "stablelm": STABLELM,
    "gemma": GEMMA,
}


# Fields that say nothing about what the forward pass computes; nor do those of dropout, which only training uses
_DROPOUT = ("_dropout", "_pdrop")
_HARMLESS = frozenset(
    [
        "architectures",
        "bos_token_id",
        "chunk_size_feed_forward",
        "dtype",
        "eos_token_id",
        "extra_config_files",
        "extra_files",
        "id2label",
        "initializer_range",
        "is_decoder",
        "label2id",
        "model_type",
        "output_hidden_states",
        "pad_token_id",
        "pretraining_tp",
        "problem_type",
        "reorder_and_upcast_attn",
        "return_dict",
        "summary_activation",
        "summary_proj_to_labels",
        "summary_type",
        "summary_use_proj",
        "transformers_version",
        "use_cache",
    ]
)


def model_config(config: Any) -> ModelConfig:
    """The ModelConfig of a transformers config.

    Fields that the config's class does not know are ignored. Raises ValueError for a model type outside FAMILIES, and
    for a known field that is neither understood nor harmless nor at its default: better refused than run wrongly.
    """
    family = FAMILIES.get(config.model_type)
    if family is None:
        raise ValueError(f"this model is of type {config.model_type}; supported are {', '.join(sorted(FAMILIES))}")
    if getattr(config, "is_causal", True) is not True:  # of no class a field, and yet heeded by transformers' masks
        raise ValueError(
            f"this model's config sets is_causal to {config.is_causal!r}, which is not supported: its tokens would see "
            "later ones"
        )
    default = type(config)()
    for name in type(config).__dataclass_fields__:
        if name.startswith(("_", "base_")) or name in _HARMLESS | family.understood or name.endswith(_DROPOUT):
            continue
        value, usual = getattr(config, name, None), getattr(default, name, None)
        if value != usual:
            raise ValueError(
                f"this model's config sets {name} to {one_line(repr(value), 60)} (the usual value is {usual!r}), which "
                "is not supported: its results would be wrong"
            )
    if "rope_parameters" in family.understood and "head_dim" not in family.understood:
        refuse_other_head_dim(config)
    return family.config(config)

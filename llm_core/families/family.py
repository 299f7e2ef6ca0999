"""What a family is: one architecture of checkpoints on disk."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from llm_core.config.model_config import ModelConfig
from llm_core.families.counterparts import Counterpart
from llm_core.families.stored import Stored


@dataclass(frozen=True)
class Family:
    """One architecture on disk. `prefix` stands before its tensors' names in most checkpoints, not in all;
    `counterparts` says where transformers' implementation holds the same matrices."""

    config: Callable[[Any], ModelConfig]
    stored: Callable[[ModelConfig], Iterator[Stored]]
    understood: frozenset[str]
    prefix: str
    counterparts: Callable[[ModelConfig], list[Counterpart]]

    def beside(self, name: str, config: ModelConfig) -> bool:
        """Whether a tensor belongs to a module beside the base model and its unembedding: a head for another task.

        Nothing that predicts tokens reads such a module, and transformers passes over it. False for what could be a
        part of the model itself that its config does not tell: a layer, a norm, a bias, a scale.
        """
        root, _, rest = name.partition(".")
        own = {entry.disk.split(".")[0] for entry in self.stored(config.with_(tied=False))} | {self.prefix[:-1]}
        return bool(rest) and root not in own | _HEADS and not _PARTS & set(re.split(r"[_\d]+", root.lower()))


# Words in the name of a module that could stand between the tokens and their logits
_PARTS = frozenset(
    """embed embedding embeddings emb position positions pos norm layernorm ln layer layers block blocks h proj project
    projection bias scale lora adapter base model transformer encoder decoder attn attention mlp""".split()  # noqa: SIM905
)


_HEADS = frozenset(["lm_head", "embed_out"])  # what the families call the unembedding

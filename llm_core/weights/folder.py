"""Models in folders in the Hub's format: config.json, safetensors (sharded too), a tokenizer."""

from pathlib import Path

from llm_core.config.model_config import ModelConfig
from llm_core.families.families import FAMILIES
from llm_core.model.identity import Files, Weights, version_of
from llm_core.model.transformer import Transformer
from llm_core.support.plain_files import file_size
from llm_core.support.plain_words import one_line
from llm_core.weights.checkpoint import (
    DTYPES,
    Progress,
    SafetensorsFiles,
    need_memory,
    read_weights,
    refuse_layers_that_are_not_there,
    stored_apart,
)
from llm_core.weights.folder_config import read_folder_config
from llm_core.weights.folder_files import weight_files
from llm_core.weights.tokenizers.folder import read_folder_tokenizer

_BESIDE = 1_000_000_000  # bytes that any checkpoint may hold besides its model
UNTIED = (
    "The config says that the unembedding is the token embedding, but the checkpoint holds an unembedding with other "
    "values: the checkpoint's unembedding is used, as transformers does."
)


def load_folder(folder: Path, name: str, dtype: str, progress: Progress) -> Transformer:
    """The model in a folder in the Hub's format: config.json, safetensors (sharded too), a tokenizer.

    What is left out of the folder, or run otherwise than its config says, is in the model's notes. Raises ValueError
    for what cannot be run rightly.
    """
    theirs, config = read_folder_config(folder, name)
    _refuse_outgrown(config, folder)
    config, unknown = _without_unknown_stops(config)
    family, tensors = FAMILIES[theirs.model_type], SafetensorsFiles(folder)
    refuse_layers_that_are_not_there(family, config, tensors)
    tokenizer = read_folder_tokenizer(folder, name)
    need_memory(config, name, DTYPES[dtype])
    untied = stored_apart(family, config, tensors, DTYPES[dtype])
    if untied:
        config = config.with_(tied=False)
        need_memory(config, name, DTYPES[dtype])
    read = read_weights(config, family, tensors, DTYPES[dtype], progress)
    weights = Weights(version_of(tensors.digest(), config, dtype), Files(folder))
    model = Transformer.of_tensors(config, tokenizer, name, weights, read.tensors)
    model.finite = read.finite
    model.notes = (*([UNTIED] if untied else []), *read.notes, *unknown)
    return model


def _without_unknown_stops(config: ModelConfig) -> tuple[ModelConfig, tuple[str, ...]]:
    """The config without end-of-text tokens that the vocabulary lacks, and a sentence about them where there are any:
    no run can ever come to one."""
    known = tuple(i for i in config.stop_ids if 0 <= i < config.vocab_size)
    unknown = [i for i in config.stop_ids if i not in known]
    if not unknown:
        return config, ()
    shown = ", ".join(one_line(str(i), 30) for i in unknown[:4]) + (", …" if len(unknown) > 4 else "")
    said = (
        f"The model's files name an end of text that its vocabulary does not have (token id {shown}; ids go from 0 to "
        f"{config.vocab_size - 1:,}): no run ends there."
    )
    return config.with_(stop_ids=known), (said,)


def _refuse_outgrown(config: ModelConfig, folder: Path) -> None:
    """Raises ValueError where the files hold far more than the model: all of it would be read for the version."""
    size = sum(map(file_size, weight_files(folder)))
    if size > 2 * 8 * config.parameters + _BESIDE:  # even in float64 most of it would be left out
        raise ValueError(
            f"the checkpoint has {size / 1e9:,.1f} GB, far more than a model of this config fills: config and weights "
            "do not belong together"
        )


def look(folder: Path, name: str, dtype: str) -> None:
    """Raises ValueError where a folder's config alone says that its model cannot be run here."""
    need_memory(read_folder_config(folder, name)[1], name, DTYPES[dtype])

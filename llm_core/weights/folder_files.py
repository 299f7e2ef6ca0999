"""Which of a folder's files hold the model: the ones that transformers would read, and never a file beside them.

Folders gather other files: a copy under another name, an index left behind by an earlier save, an adapter, Mistral's
consolidated.safetensors, the state of a training.
"""

import re
from collections.abc import Callable, Collection
from pathlib import Path, PureWindowsPath

from llm_core.support.plain_files import names_in, present, read_json
from llm_core.support.plain_words import one_line

SINGLE_FILE, INDEX = "model.safetensors", "model.safetensors.index.json"
MOST_CONFIG = 4_000_000  # bytes
_MOST_INDEX = 16_000_000  # bytes
_NAMED = "transformers_weights"  # the field of config.json that names the file of the weights, or their index

ADAPTER = (
    "is an adapter, not a model: merge it into its base model (peft's merge_and_unload, then save_pretrained) and give "
    "the folder that this makes"
)

_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.safetensors")
# Of an adapter, in Mistral's own format, of a training: none of them is a model in the Hub's format
_OTHERS = re.compile(
    r"(?i)((adapters?|loras?|consolidated|optim|optimizers?|schedulers?|random_states|rng|trainer|training)(?![a-z])"
    r"|shard-\d+-model-).*"
)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that are the model in a folder, in order: all shards of it.

    Raises ValueError, naming the files, where there are none, where one is missing, and where several could be meant.
    """
    names = [name for name in names_in(folder) if present(folder / name)]
    chosen = choose_files(
        names,
        one_line(folder.name, 100),
        shards=lambda index: shards(folder / index),
        there=lambda name: stays_below(name) and present(folder / name),
        named=named_in_config(folder),
    )
    return [folder / name for name in chosen]


def named_in_config(folder: Path) -> str | None:
    """What a folder's config.json sets transformers_weights to: the file, or the index, that transformers then reads
    whatever else is there. None where it sets nothing. Raises ValueError where that cannot be a file of the folder."""
    file = folder / "config.json"
    fields = read_json(file, MOST_CONFIG) if present(file) else None
    named = fields.get(_NAMED) if isinstance(fields, dict) else None
    if named is None:
        return None
    setting = f"config.json sets {_NAMED} to {one_line(repr(named), 100)}"
    if not isinstance(named, str) or not named.endswith((".safetensors", ".safetensors.index.json")):
        raise ValueError(
            f"{setting}; it must be the name of a *.safetensors file or of a *.safetensors.index.json file"
        )
    if not stays_below(named):
        raise ValueError(f"{setting}; it must be a file in the model's own folder")
    return named


def stays_below(name: str) -> bool:
    """Whether a path in a model's files leads to a file in its folder, or in a folder in it, on any system."""
    parts = name.replace("\\", "/").split("/")
    return ".." not in parts and "" not in parts and "\0" not in name and not PureWindowsPath(name).anchor


def choose_files(
    names: Collection[str],
    title: str,
    shards: Callable[[str], list[str]],
    there: Callable[[str], bool] | None = None,
    named: str | None = None,
) -> list[str]:
    """Of the names of a folder's files those of the model's weights, in transformers' order: what its config names;
    model.safetensors; the shards that the index names. Where none is there, one lone file, or one complete set of
    shards.

    title: what the folder is called in sentences. shards: reads the names in an index. there: whether a path that the
    config or an index names leads to a file; by default, whether it is among `names`. Raises ValueError as
    `weight_files` does.
    """
    there = names.__contains__ if there is None else there
    if named is not None and not there(named):
        raise ValueError(
            f"config.json names {one_line(repr(named), 100)}, which is not in the folder: download the model again"
        )
    if named is not None or SINGLE_FILE in names or INDEX in names:
        first = named or (SINGLE_FILE if SINGLE_FILE in names else INDEX)
        if not first.endswith(".json"):
            return [first]
        found = shards(first)
        missing = [name for name in found if not there(name)]
        if missing:
            raise ValueError(
                f"{one_line(first, 100)} names {one_line(repr(missing[0]), 100)}, which is not in the folder: download "
                "the model again"
            )
        return found
    lone = sorted(name for name in names if name.endswith(".safetensors") and not _OTHERS.match(name))
    if not lone:
        raise ValueError(no_weights(names, title))
    sets = {match.groups()[::2] for name in lone if (match := _SHARD.fullmatch(name))}
    if len(sets) == 1 and all(map(_SHARD.fullmatch, lone)):
        return _complete(lone, *sets.pop())
    if len(lone) > 1:
        raise ValueError(
            f"{title} has neither {SINGLE_FILE} nor {INDEX}, and each of {_listed(lone)} could be the model: rename "
            f"the right file to {SINGLE_FILE}, in a folder with its config.json"
        )
    return lone


def shards(index: Path) -> list[str]:
    """The names of the files in an index, sorted. Raises ValueError where it is corrupt; a name may be anything."""
    corrupt = f"{one_line(index.name, 100)} is corrupt: download the model again"
    try:
        names = sorted(str(name) for name in set(read_json(index, _MOST_INDEX)["weight_map"].values()))
    except (KeyError, AttributeError, TypeError) as error:
        raise ValueError(corrupt) from error
    if not names:
        raise ValueError(corrupt)
    return names


def _complete(names: list[str], stem: str, count: str) -> list[str]:
    wanted = [f"{stem}-{number:05}-of-{count}.safetensors" for number in range(1, int(count) + 1)]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ValueError(
            f"{names[0]} is one of {int(count):,} parts, and {missing[0]} is missing: download the model again"
        )
    if set(names) != set(wanted):
        raise ValueError(f"{names[0]} and its like are numbered wrongly: download the model again")
    return wanted


def no_weights(names: Collection[str], title: str) -> str:
    """The sentence for a folder without a model's weights: what is there instead, and what to do."""
    gguf = sorted(name for name in names if name.lower().endswith(".gguf"))
    if "adapter_config.json" in names or any(name.startswith("adapter_model.") for name in names):
        return f"{title} {ADAPTER}"
    if gguf:
        one = "a GGUF file" if len(gguf) == 1 else f"{len(gguf)} GGUF files"
        which = "" if len(gguf) == 1 else "one such "
        return f"{title} is a folder that holds {one}: give the path of {which or 'the '}file itself, {_listed(gguf)}"
    if any(name.startswith("consolidated") and name.endswith(".safetensors") for name in names):
        return f"{title} holds its weights in Mistral's own format alone: look for the same model in the Hub's format"
    passed = sorted(name for name in names if name.endswith(".safetensors") and _OTHERS.match(name))
    if any(name.endswith((".bin", ".pt", ".pth")) and not (passed and _OTHERS.match(name)) for name in names):
        return (
            f"{title} holds its weights as pickled files only, which can run any program when they are opened "
            "and are never read here: look for the same model as safetensors, or convert it where you trust it"
        )
    if passed:
        return (
            f"{title} holds no file that is its model for certain: files with names like {_listed(passed)} are usually "
            f"those of an adapter or a training; if the model is in one of them, rename that file to {SINGLE_FILE}"
        )
    return f"{title} has no *.safetensors file: it holds no weights that can be read here"


def standard(folder: Path) -> bool:
    """Whether the model's files are named as transformers expects them, or as its config says: it finds no others."""
    named = named_in_config(folder)
    return present(folder / SINGLE_FILE) or present(folder / INDEX) if named is None else present(folder / named)


def _listed(names: Collection[str]) -> str:
    shown = [one_line(name, 60) for name in names]
    return ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")

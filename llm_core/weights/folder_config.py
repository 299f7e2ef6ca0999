"""The config of a folder in the Hub's format: config.json and generation_config.json, looked at before they are used.

What means nothing is refused by the file's own words: transformers' classes would run it, hang or fail in theirs.
"""

import re
from pathlib import Path
from typing import Any

from llm_core.config.model_config import MOST_LAYERS, MOST_PARAMETERS, MOST_POSITIONS, ModelConfig
from llm_core.families.families import FAMILIES, model_config
from llm_core.support.plain_files import names_in, present, read_json
from llm_core.support.plain_words import one_line
from llm_core.weights.folder_files import MOST_CONFIG, no_weights
from llm_core.weights.quantised import refuse_quantised_config

MOST_LABELS = 1_000_000  # transformers makes a name for each
_CORRUPT = "is corrupt or names no model_type"

# Each a whole number of at least 1; of the last three null stands for the family's usual value
_SIZES = (
    "vocab_size",
    "hidden_size",
    "n_embd",
    "num_hidden_layers",
    "n_layer",
    "num_attention_heads",
    "n_head",
    "intermediate_size",
    "max_position_embeddings",
    "n_positions",
    "num_key_value_heads",
    "n_inner",
    "head_dim",
)
_MAY_BE_NULL = _SIZES[-3:]
_MOST = dict.fromkeys(["num_hidden_layers", "n_layer"], MOST_LAYERS)
_MOST |= dict.fromkeys(["max_position_embeddings", "n_positions"], MOST_POSITIONS)
# GPT-2's fields have these names too
_OTHER_NAMES = frozenset(["hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings"])
_EPSILONS = ("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon")
_BASES = ("rope_theta", "rotary_emb_base")


def read_folder_config(folder: Path, name: str) -> tuple[Any, ModelConfig]:
    """A folder's config, as transformers' class and as ours. Raises ValueError for what cannot be run rightly."""
    fields = _fields(folder, name)
    kind = fields["model_type"]
    if kind not in FAMILIES:
        raise ValueError(f"this model is of type {one_line(kind, 60)}; supported are {', '.join(sorted(FAMILIES))}")
    refuse_quantised_config(fields)
    _refuse_nonsense(kind, fields)
    theirs = _theirs(folder)
    try:
        return theirs, model_config(theirs).with_(stop_ids=_stop_ids(folder, theirs))
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"config.json cannot be understood{not_accepted(error)}") from error


def _fields(folder: Path, name: str) -> dict[str, Any]:
    file = folder / "config.json"
    if not present(file):
        names = names_in(folder)
        if any(other.lower().endswith(".gguf") or other.startswith("adapter_") for other in names):
            raise ValueError(no_weights(names, name))
        raise ValueError(f"{name} has no config.json: it is not a model in the Hub's format")
    fields = read_json(file, MOST_CONFIG, _CORRUPT)
    if not isinstance(fields, dict) or not isinstance(fields.get("model_type"), str):
        raise ValueError(f"{file.name} {_CORRUPT}: download the model again")
    if "configuration_files" in fields:
        raise ValueError("config.json refers to other config files, which is not supported: its results may be wrong")
    return fields


def _refuse_nonsense(kind: str, fields: dict[str, Any]) -> None:
    """Raises ValueError for a value that no model has. Of what its class does not know nothing is said."""
    known = (FAMILIES[kind].understood | _OTHER_NAMES) & fields.keys()
    for name in (name for name in _SIZES if name in known):
        value, most = fields[name], _MOST.get(name, MOST_PARAMETERS)
        if value is None and name in _MAY_BE_NULL:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            raise _nonsense(name, value, "a whole number")
        if not 1 <= value <= most:
            raise _nonsense(name, value, "at least 1" if value < 1 else f"at most {most:,}")
    for name in known.intersection(_EPSILONS):
        if not _finite(fields[name]) or fields[name] < 0:
            raise _nonsense(name, fields[name], "a finite number of at least 0")
    if "rope_parameters" in FAMILIES[kind].understood:
        _refuse_nonsense_of_rope(fields)
    if fields.get("per_layer_config"):
        raise _nonsense("per_layer_config", fields["per_layer_config"], "left out: all layers must be alike")
    labels = fields.get("num_labels")
    if isinstance(labels, int) and labels > MOST_LABELS:
        raise _nonsense("num_labels", labels, f"at most {MOST_LABELS:,}")


def _refuse_nonsense_of_rope(fields: dict[str, Any]) -> None:
    tables = {name: fields[name] for name in ("rope_parameters", "rope_scaling") if fields.get(name) is not None}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise _nonsense(name, table, "a table of settings")
    for settings in [fields, *tables.values()]:
        for name in _BASES:
            value = settings.get(name)
            if value is not None and not (_finite(value) and value > 0):
                raise _nonsense(name, value, "a finite number above 0")


def _finite(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return -1e300 < value < 1e300  # math.isfinite knows no whole numbers beyond a float's


def _nonsense(name: str, value: Any, wanted: str) -> ValueError:
    shown = "null" if value is None else one_line(repr(value), 40)
    return ValueError(f"config.json sets {name} to {shown}; it must be {wanted}")


def _theirs(folder: Path) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:
        raise ValueError(f"config.json cannot be understood{not_accepted(error)}") from error


def not_accepted(error: Exception) -> str:
    """The rest of a sentence: which field transformers stumbled over, where it says so. Its own sentences are for
    programmers."""
    field = re.search(r"[Ff]ield '(\w{1,60})'", str(error))
    if field:
        return f": {field[1]} has a value that transformers does not accept"
    missing = re.search(r"Missing required keys.{1,80}: \{([\w', ]{1,200})\}", str(error))
    if missing:
        return f": its settings of RoPE lack {missing[1]}"
    if "validate_architecture" in str(error):
        return ": hidden_size must be a multiple of num_attention_heads"
    if "even rotary dimension" in str(error):
        return ": head_dim must be an even number, as RoPE rotates pairs"
    return f": transformers does not accept it ({type(error).__name__})"


def _stop_ids(folder: Path, config: Any) -> tuple[int, ...]:
    """The end-of-text tokens: of generation_config.json where there is one, as transformers' generate has it."""
    file = folder / "generation_config.json"
    if not present(file):
        return _as_ids(config.eos_token_id, "config.json")
    fields = read_json(file, MOST_CONFIG)
    if not isinstance(fields, dict):
        raise ValueError(f"{file.name} is corrupt: download the model again")
    return _as_ids(fields.get("eos_token_id", config.eos_token_id), file.name)


def _as_ids(stop: Any, where: str) -> tuple[int, ...]:
    found = [i for i in (stop if isinstance(stop, list) else [stop]) if i is not None]
    if not all(isinstance(i, int) and not isinstance(i, bool) for i in found):
        raise ValueError(f"{where} is corrupt: download the model again")
    return tuple(found)

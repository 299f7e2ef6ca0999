"""The Python lines that bring back a run, and a matrix of it, to the value."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from llm_core import catalogue
from llm_core.config.model_config import PRESETS, ModelConfig
from llm_core.files.opened_run import FiledRun
from llm_core.model.identity import Files, Seed
from llm_core.model.transformer import Transformer
from llm_core.runs.generation import Run
from llm_core.runs.sampling import Sampling
from llm_core.weights.curated import CURATED
from llm_core.weights.loading import packaged_smollm2

_MOST_SHOWN = 120  # characters of a line; a longer call gets a line for each argument


@dataclass(frozen=True)
class _Weights:
    """What is known of a run's model: seed of random weights; loads_as and path of others; neither: given by hand."""

    name: str
    config: ModelConfig
    seed: int | None
    loads_as: str | None
    path: Path | None
    dtype: str
    version: str


def python_lines(run: Run | FiledRun, step: int = 0, name: str | None = None, head: int | None = None) -> str:
    """A program that makes this run again; with a name, its last line is that matrix of a step, or that weight.

    run: one that was computed here, or one from a file. head: of a matrix with an axis of heads, or KV heads, this one
    alone. Raises ValueError for weights that no name and no seed brings back, and for a name or step that is not there.
    """
    weights = _weights(run)
    loading, words = _loading(weights)
    lines = [
        _imports(words),
        "",
        f"model = {loading}",
        f'assert model.weights.version.startswith({json.dumps(weights.version[:16])}), "these are other weights"',
        f"run = {_generating(run)}",
    ]
    if name is not None:
        learned = catalogue.find(weights.config, name).learned
        if not learned and not 0 <= step < len(run.steps):
            raise ValueError(f"the run has no step {step}: choose one from 0 to {len(run.steps) - 1}")
        part = "" if head is None else f"[{head}]"
        found = f'model.weight("{name}")' if learned else f'run.steps[{step}].matrix("{name}").values{part}'
        lines += [f"values = {found}"]
    return "\n".join(lines) + "\n"


def loads_as(model: Transformer) -> str | None:
    """The name by which any machine loads this model: of a preset, of the curated list, or on the Hub; None: none."""
    source = model.weights.source
    if isinstance(source, Seed):
        return model.name if PRESETS.get(model.name) == model.config else None
    if not isinstance(source, Files):
        return None
    if source.path.is_dir():
        on_hub = model.name if "/" in model.name else None
        return next((short for short, entry in CURATED.items() if entry.hub == on_hub), on_hub) if on_hub else None
    return "smollm2-135m" if source.path == _packaged() else None


def seed_of(model: Transformer) -> int | None:
    """The seed that the weights were drawn from; None for others than random ones."""
    source = model.weights.source
    return source.seed if isinstance(source, Seed) else None


def prompt_text(run: Run) -> str | None:
    """The text that has these ids for a prompt; None where the ids were given and no text has them."""
    tokenizer = run.model.tokenizer
    prefix = list(tokenizer.prefix_ids)
    ids = run.prompt_ids[len(prefix) :] if run.prompt_ids[: len(prefix)] == prefix else run.prompt_ids
    text = tokenizer.decode(ids)
    try:
        return text if text.strip() and tokenizer.encode(text) == run.prompt_ids else None
    except ValueError:
        return None


def _packaged() -> Path | None:
    try:
        return packaged_smollm2()
    except ValueError:
        return None


def _weights(run: Run | FiledRun) -> _Weights:
    if isinstance(run, Run):
        model, weights = run.model, run.model.weights
        path = weights.source.path if isinstance(weights.source, Files) else None
        dtype = str(model.dtype).removeprefix("torch.")
        return _Weights(model.name, model.config, seed_of(model), loads_as(model), path, dtype, weights.version)
    if getattr(run, "from_file", False):
        return _Weights(run.model_name, run.config, run.seed, run.loads_as, None, run.dtype, run.weights_version)
    raise ValueError(f"the Python lines are those of a run, and this is of type {type(run).__name__}")


# ---- calls ----------------------------------------------------------------------------------------------------------


def _imports(words: list[str]) -> str:
    from_config = [word for word in words if word == "RopeScaling"]
    names = sorted({"Sampling", "generate", *(word for word in words if word not in from_config)})
    lines = [f"from llm_core import {', '.join(names)}"]
    return "\n".join(lines + [f"from llm_core.config.model_config import {word}" for word in from_config])


def _loading(model: _Weights) -> tuple[str, list[str]]:
    """The call that loads or makes the model, and the names that it needs."""
    name = model.loads_as
    if model.seed is not None:
        if name is not None:
            return _call("load_model", [repr(name), f"seed={model.seed}"]), ["load_model"]
        words = ["ModelConfig", "random_model", *(["RopeScaling"] if model.config.rope_scaling else [])]
        named = [] if model.name == "custom" else [f"name={model.name!r}"]
        return _call("random_model", [_config(model.config), f"seed={model.seed}", *named]), words
    if name is None and model.path is None:
        raise ValueError(
            "these weights were given by hand or trained, or are on another machine alone: no lines load "
            "them again; save the model first"
        )
    typed = [] if model.dtype == "float32" else [f"dtype={model.dtype!r}"]
    return _call("load_model", [repr(name or str(model.path)), *typed]), ["load_model"]


def _config(config: ModelConfig) -> str:
    """The config as a call, without what follows by itself."""
    plain = {f.name: f.default for f in dataclasses.fields(ModelConfig) if f.default is not dataclasses.MISSING}
    plain["kv_heads"] = config.heads
    if config.model_dim % config.heads == 0:
        plain["head_dim"] = config.model_dim // config.heads
    said = {f.name: getattr(config, f.name) for f in dataclasses.fields(ModelConfig)}
    return _call("ModelConfig", [f"{n}={v!r}" for n, v in said.items() if n not in plain or v != plain[n]])


def _generating(run: Run | FiledRun) -> str:
    text = prompt_text(run) if isinstance(run, Run) else None  # which ids a text has, the model's tokenizer knows
    default = Sampling()
    said = {f.name: getattr(run.sampling, f.name) for f in dataclasses.fields(Sampling)}
    sampling = [f"{name}={value!r}" for name, value in said.items() if value != getattr(default, name)]
    prompt = repr(run.prompt_ids if text is None else text)
    how = [f"max_new_tokens={run.max_new_tokens}", f"sampling=Sampling({', '.join(sampling)})"]
    return _call("generate", ["model", prompt, *how])


def _call(function: str, arguments: list[str]) -> str:
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= _MOST_SHOWN and "\n" not in line:
        return line
    inner = "".join(f"    {argument},\n".replace("\n    ", "\n        ") for argument in arguments)
    return f"{function}(\n{inner})"

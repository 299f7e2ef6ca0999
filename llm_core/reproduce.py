"""The Python lines that bring back a run, and a matrix of it, to the value."""

import dataclasses
from pathlib import Path

from llm_core.catalogue import weights
from llm_core.config import PRESETS, ModelConfig
from llm_core.curated import CURATED
from llm_core.generation import Run
from llm_core.loading import packaged_smollm2
from llm_core.model import Transformer
from llm_core.sampling import Sampling

_MOST_SHOWN = 120  # characters of a line; a longer call gets a line for each argument


def python_lines(run: Run, step: int = 0, name: str | None = None, head: int | None = None) -> str:
    """A program that makes this run again; with a name, its last line is that matrix of a step, or that weight.

    head: of a matrix with an axis of heads, or KV heads, this one alone. Raises ValueError for weights that no name
    and no seed brings back.
    """
    loading, words = _loading(run.model)
    lines = [
        _imports(words),
        "",
        f"model = {loading}",
        f'assert model.fingerprint.startswith("{run.model.fingerprint[:16]}"), "these are other weights"',
        f"run = {_generating(run)}",
    ]
    if name is not None:
        learned = any(entry.name == name for entry in weights(run.model.config))
        part = "" if head is None else f"[{head}]"
        found = f'model.get_parameter("{name}")' if learned else f'run.steps[{step}].matrix("{name}").values{part}'
        lines += [f"values = {found}"]
    return "\n".join(lines) + "\n"


def loads_as(model: Transformer) -> str | None:
    """The name by which any machine loads this model: of a preset, of the curated list, or on the Hub; None: none."""
    if isinstance(model.origin, int):
        return model.name if PRESETS.get(model.name) == model.config else None
    if model.origin is None:
        return None
    if model.origin.is_dir():
        on_hub = model.name if "/" in model.name else None
        return next((short for short, entry in CURATED.items() if entry.hub == on_hub), on_hub) if on_hub else None
    return "smollm2-135m" if model.origin == _packaged() else None


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


# ---- calls ----------------------------------------------------------------------------------------------------------


def _imports(words: list[str]) -> str:
    from_config = [word for word in words if word == "RopeScaling"]
    names = sorted({"Sampling", "generate", *(word for word in words if word not in from_config)})
    lines = [f"from llm_core import {', '.join(names)}"]
    return "\n".join(lines + [f"from llm_core.config import {word}" for word in from_config])


def _loading(model: Transformer) -> tuple[str, list[str]]:
    """The call that loads or makes the model, and the names that it needs."""
    name = loads_as(model)
    if isinstance(model.origin, int):
        if name is not None:
            return _call("load_model", [repr(name), f"seed={model.origin}"]), ["load_model"]
        words = ["ModelConfig", "random_model", *(["RopeScaling"] if model.config.rope_scaling else [])]
        named = [] if model.name == "custom" else [f"name={model.name!r}"]
        return _call("random_model", [_config(model.config), f"seed={model.origin}", *named]), words
    if name is None and model.origin is None:
        raise ValueError("these weights were given by hand or trained: no lines load them again; save the model first")
    dtype = str(model.dtype).removeprefix("torch.")
    typed = [] if dtype == "float32" else [f'dtype="{dtype}"']
    return _call("load_model", [repr(name or str(model.origin)), *typed]), ["load_model"]


def _config(config: ModelConfig) -> str:
    """The config as a call, without what follows by itself."""
    plain = {f.name: f.default for f in dataclasses.fields(ModelConfig) if f.default is not dataclasses.MISSING}
    plain["kv_heads"] = config.heads
    if config.model_dim % config.heads == 0:
        plain["head_dim"] = config.model_dim // config.heads
    said = {f.name: getattr(config, f.name) for f in dataclasses.fields(ModelConfig)}
    return _call("ModelConfig", [f"{n}={v!r}" for n, v in said.items() if n not in plain or v != plain[n]])


def _generating(run: Run) -> str:
    text = prompt_text(run)
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

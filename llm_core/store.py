"""Models kept on this machine in the engine's own layout, so that a later start only maps the file.

A kept model is a folder with weights.safetensors (named and laid out as the engine's weights), config.json and
tokenizer.json. It appears under its final name complete or not at all.
"""

import dataclasses
import json
import os
import shutil
import tempfile
from pathlib import Path

import psutil
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer as Backend

from llm_core.checkpoint import put_all
from llm_core.config import ModelConfig, RopeScaling
from llm_core.model import Transformer
from llm_core.plain_words import disk_is_full, plainly
from llm_core.tokenizer import Tokenizer

# Raise it when the layout changes, or files are refused that were kept before: older folders are then made anew
LAYOUT = 3


def cache_folder() -> Path:
    """Where models are kept: $XDG_CACHE_HOME/every-matrix, or ~/.cache/every-matrix."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "every-matrix"


def keep(model: Transformer, folder: Path) -> None:
    """Write a model to `folder`, atomically. Raises ValueError where it cannot be written."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        partial = Path(tempfile.mkdtemp(prefix=f".partial-{os.getpid()}-", dir=folder.parent))
    except OSError as error:
        raise ValueError(_cannot_write(error)) from error
    try:
        tensors = {name: p.detach() for name, p in model.named_parameters()}
        # a file holds rows: what lies column after column is written transposed, and mapped as it is
        lying = {name: t if t.is_contiguous() else t.mT for name, t in tensors.items()}
        save_file(lying, partial / "weights.safetensors")
        model.tokenizer.backend.save(str(partial / "tokenizer.json"))
        about = {"layout": LAYOUT, "name": model.name, "fingerprint": model.fingerprint,
                 "prefix_ids": model.tokenizer.prefix_ids, "config": dataclasses.asdict(model.config)}  # fmt: skip
        (partial / "config.json").write_text(json.dumps(about, indent=1))
        shutil.rmtree(folder, ignore_errors=True)  # of another layout, or damaged
        os.rename(partial, folder)  # fails where another process has finished meanwhile: as good as this one
    except (OSError, SafetensorError) as error:
        if not (folder / "config.json").exists():
            raise ValueError(_cannot_write(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _cannot_write(error: Exception) -> str:
    why = "the disk is full: free some space" if disk_is_full(error) else plainly(error)
    return f"the model cannot be kept on this machine: {why}, or set XDG_CACHE_HOME to another place"


def _sweep(folder: Path) -> None:
    """Remove what a killed process left half written."""
    for partial in folder.glob(".partial-*"):
        pid = partial.name.split("-")[1]
        if pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(partial, ignore_errors=True)


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid)


def kept(folder: Path) -> Transformer | None:
    """The model kept in `folder`, its weights mapped into memory; None where there is none that can be used."""
    try:
        about = json.loads((folder / "config.json").read_text())
        if about["layout"] != LAYOUT:
            return None
        config = _config(about["config"])
        tokenizer = Tokenizer(Backend.from_file(str(folder / "tokenizer.json")), about["prefix_ids"])
        with torch.device("meta"):
            model = Transformer(config, tokenizer, about["name"], about["fingerprint"])
        put_all(model, load_file(folder / "weights.safetensors"))
    except Exception:  # tokenizers raises nothing narrower
        return None  # made by another version, or damaged: the caller makes it anew
    return model.eval()


def _config(fields: dict[str, object]) -> ModelConfig:
    scaling = fields.pop("rope_scaling")
    stops = fields.pop("stop_ids")
    return ModelConfig(
        **fields,  # type: ignore[arg-type]
        rope_scaling=RopeScaling(**scaling) if isinstance(scaling, dict) else None,
        stop_ids=tuple(stops),  # type: ignore[arg-type]
    )

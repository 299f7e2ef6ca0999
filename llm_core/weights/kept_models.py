"""Models kept on this machine in the engine's own layout, so that a later start only maps the file.

A kept model is a folder with weights.safetensors (named and laid out as the engine's weights), config.json, the
tokenizer's files, and digests.json with a digest of each of them. It appears under its final name complete and on the
disk, or not at all; at each start the digests are compared, so that a damaged file is never run.
"""

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from llm_core.config.model_config import ModelConfig, RopeScaling
from llm_core.model.identity import Files, Weights
from llm_core.model.transformer import Transformer
from llm_core.support.plain_files import present
from llm_core.support.plain_words import disk_is_full, plainly
from llm_core.weights.checkpoint import as_kept
from llm_core.weights.tokenizers.folder import kept_tokenizer

# Raise it when the layout changes, or files are refused that were kept before: older folders are then made anew
LAYOUT = 7
WEIGHTS, CONFIG, DIGESTS = "weights.safetensors", "config.json", "digests.json"
BESIDE_WEIGHTS = 50_000_000  # bytes that the other files of a kept model may take


def _cache_folder() -> Path | None:
    """Where models are kept: $XDG_CACHE_HOME/every-matrix, or ~/.cache/every-matrix; None for a user without a home."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "every-matrix"
    except RuntimeError:
        return None


def place(content: str, dtype: str) -> Path | None:
    """The folder of the model that a file of this content (its SHA-256) makes; None where there is no place for it."""
    folder = _cache_folder()
    return folder and folder / f"{content[:32]}-{dtype}"


def may_hold(source: str, dtype: str) -> bool:
    """Whether a model of this type may have been kept from the file whose header has the digest `source`.

    To be certain takes the file's content, and to read that takes long. False where the place cannot be looked at.
    """
    folder = _cache_folder()
    try:
        return folder is not None and any(_may_be_of(source, kept) for kept in folder.glob(f"*-{dtype}"))
    except (OSError, ValueError):
        return False


def _may_be_of(source: str, folder: Path) -> bool:
    try:
        about = json.loads((folder / CONFIG).read_text())
        return bool(about["layout"] == LAYOUT and about["source"] == source)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # damaged
        return True


def why_not(folder: Path | None, size: int) -> str | None:
    """Why a model with weights of `size` bytes cannot be kept at `folder`, as a sentence; None where it can.

    Asked before the model is made, which may take long: tries whether the place can be written, and what is free there.
    Nothing of it stays: the model may yet be refused.
    """
    if folder is None:
        return _sentence("this user has no home folder: make one")
    place = next(parent for parent in folder.absolute().parents if present(parent))
    try:
        Path(tempfile.mkdtemp(prefix=_prefix(), dir=place)).rmdir()
        free = shutil.disk_usage(place).free
    except OSError as error:
        return _cannot_write(error)
    need = size + BESIDE_WEIGHTS
    if free >= need:
        return None
    return _sentence(f"it takes {need / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free there: free some space")


def keep(model: Transformer, folder: Path, source: str = "") -> None:
    """Write a model to `folder`, atomically. Raises ValueError, with a sentence as of `why_not`, where that fails.

    source: the digest of the header of the file that it was read from.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        partial = Path(tempfile.mkdtemp(prefix=_prefix(), dir=folder.parent))
    except OSError as error:
        raise ValueError(_cannot_write(error)) from error
    try:
        tensors = {name: p.detach() for name, p in model.named_parameters()}
        # a file holds rows: what lies column after column is written transposed, and mapped as it is
        lying = {name: t if t.is_contiguous() else t.mT for name, t in tensors.items()}
        save_file(lying, partial / WEIGHTS)
        model.tokenizer.save(partial)
        about = {
            "layout": LAYOUT,
            "name": model.name,
            "fingerprint": model.weights.version,
            "finite": model.finite,
            "source": source,
            "config": dataclasses.asdict(model.config),
        }
        (partial / CONFIG).write_text(json.dumps(about, indent=1))
        (partial / DIGESTS).write_text(json.dumps({file.name: digest(file) for file in sorted(partial.iterdir())}))
        for part in (*partial.iterdir(), partial):
            _flush(part)
        shutil.rmtree(folder, ignore_errors=True)  # of another layout, or damaged
        os.rename(partial, folder)  # fails where another process has finished meanwhile: as good as this one
        _flush(folder.parent)
    except (OSError, SafetensorError) as error:
        if not present(folder / CONFIG):
            raise ValueError(_cannot_write(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _prefix() -> str:
    return f".partial-{os.getpid()}-"


def _flush(path: Path) -> None:
    """Have what was written, or a folder's list of names, reach the disk before anything that counts on it."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(file: Path) -> str:
    """What tells a file from a damaged one, as 64 hex digits: the SHA-256 of the sums of its 4,096-byte blocks, taken
    as 64-bit numbers, and of the rest.

    Half a gigabyte takes a tenth of a second, less than its first run: a SHA-256 of all bytes takes ten times as long.
    It finds blocks that are missing, exchanged or of other bytes; it is no defence against whoever means harm.
    """
    size = file.stat().st_size
    blocks = size // 4096
    found = hashlib.sha256(str(size).encode())
    if blocks:
        numbers = torch.from_file(str(file), shared=False, size=blocks * 512, dtype=torch.int64)
        found.update(numbers.view(blocks, 512).sum(-1).numpy().tobytes())
    with file.open("rb") as stream:
        stream.seek(blocks * 4096)
        found.update(stream.read())
    return found.hexdigest()


def _cannot_write(error: Exception) -> str:
    if disk_is_full(error):
        return _sentence("the disk is full: free some space")
    return _sentence(plainly(error) if isinstance(error, OSError) else "its files cannot be written: check the disk")


def _sentence(why: str) -> str:
    return f"the model cannot be kept on this machine: {why}, or set XDG_CACHE_HOME to another place"


def _sweep(folder: Path) -> None:
    """Remove what a killed process left half written."""
    for partial in folder.glob(".partial-*"):
        pid = partial.name.split("-")[1]
        if pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(partial, ignore_errors=True)


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid)


def kept(folder: Path, file: Path, damaged: Callable[[], None] = lambda: None) -> Transformer | None:
    """The model kept in `folder`, its weights mapped into memory; None where there is none that can be used.

    file: the one that it would otherwise be read from, which may lie elsewhere than when the model was kept. damaged:
    called where there is one of this layout whose files are not what was written.
    """
    if not present(folder):
        return None
    try:
        return _read(folder, file)
    except PermissionError:  # of another user
        return None
    except Exception:  # tokenizers raises nothing narrower
        damaged()
        return None


def _read(folder: Path, file: Path) -> Transformer | None:
    """None for another layout; raises whatever damaged files lead to."""
    about = json.loads((folder / CONFIG).read_text())
    if about["layout"] != LAYOUT:
        return None
    digests = json.loads((folder / DIGESTS).read_text())
    if not {WEIGHTS, CONFIG} <= set(digests) or any(digest(folder / name) != d for name, d in digests.items()):
        raise ValueError("its files are not what was written")
    tokenizer = kept_tokenizer(folder)
    config, weights = _config(about["config"]), Weights(about["fingerprint"], Files(file))
    tensors = as_kept(config, load_file(folder / WEIGHTS))
    model = Transformer.of_tensors(config, tokenizer, about["name"], weights, tensors)
    model.finite = bool(about["finite"])
    return model


def _config(fields: dict[str, Any]) -> ModelConfig:
    scaling = fields.pop("rope_scaling")
    stops = fields.pop("stop_ids")
    return ModelConfig(
        **fields,
        rope_scaling=RopeScaling(**scaling) if isinstance(scaling, dict) else None,
        stop_ids=tuple(stops),
    )

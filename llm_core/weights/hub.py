"""Models from the Hugging Face Hub: downloaded once into its cache, with progress, refused in plain words."""

import errno
import glob
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llm_core.support.plain_words import disk_is_full, one_line, plainly
from llm_core.weights.checkpoint import Progress
from llm_core.weights.folder_files import (
    INDEX,
    SINGLE_FILE,
    choose_files,
    named_in_config,
    no_weights,
    shards,
    standard,
    weight_files,
)

_BESIDE = ["config.json", "generation_config.json", "tokenizer*", "vocab.*", "merges.txt", "added_tokens.json"]


def in_hub_cache(repo: str) -> bool:
    """True where the model's config and weights are in the Hub's cache already. Asks no network."""
    return _cached(repo) is not None


def _cached(repo: str) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(repo, allow_patterns=["config.json"], local_files_only=True))
        # what a cache holds under other names says nothing about what the Hub has
        found = standard(folder) and (folder / "config.json").exists() and weight_files(folder)
        return folder if found else None
    except Exception:  # not cached, not all of its shards, or a cache that cannot be read
        return None


def download(repo: str, progress: Progress, look: Callable[[Path], None]) -> Path:
    """The folder of a Hub model's config, tokenizer and safetensors; from the cache where it is complete.

    look: is given the folder when only small files are in it, and raises ValueError where the rest need not be fetched.
    Only the files that are the model are fetched: a whole file or shards, not both, and nothing else beside them.
    Raises ValueError, in plain words, for: no network, a gated or unknown model, a full disk, no safetensors.
    """
    cached = _cached(repo)
    if cached is not None:
        return cached
    folder = _fetch(repo, None, ["config.json", INDEX], lambda doing, share: None)
    names = _names(repo, folder.name)
    if "config.json" in names or not _elsewhere(names):
        look(folder)
    weights = _weights(repo, folder, names)
    return _fetch(repo, folder.name, [*_BESIDE, *weights], progress)


def _elsewhere(names: list[str]) -> bool:
    """Whether a repository without a config has something that can be told what to do with."""
    return any(name.lower().endswith(".gguf") or name == "adapter_config.json" for name in names)


def _weights(repo: str, folder: Path, names: list[str]) -> list[str]:
    """What must be fetched besides the small files: of the forms that transformers knows, the one that it takes."""
    named = named_in_config(folder)
    if named is not None or SINGLE_FILE in names or INDEX in names:
        return _chosen(repo, folder, names, named)
    if any(name.endswith((".bin", ".pt", ".pth")) for name in names) and "adapter_config.json" not in names:
        raise ValueError(
            f"{one_line(repo, 100)} has no safetensors files on the Hub; pickled weights can run any program when "
            "they are opened and are never read here: look for the same model as safetensors"
        )
    if any(name.endswith(".safetensors") for name in names) and not _elsewhere(names):
        raise ValueError(
            f"{one_line(repo, 100)} has neither {SINGLE_FILE} nor {INDEX} on the Hub: download it, and give its folder"
        )
    raise ValueError(no_weights(names, one_line(repo, 100)).replace("the path", "a downloaded copy, by the path"))


def _chosen(repo: str, folder: Path, names: list[str], named: str | None) -> list[str]:
    """The files of the model's weights, and the index that names them."""
    fetched: list[str] = []
    everywhere: list[str] = []  # also the files in the repository's folders, where some of them are meant

    def there(name: str) -> bool:
        if "/" in name and not everywhere:
            everywhere.extend(_names(repo, folder.name, recursive=True))
        return name in names or name in everywhere

    def parts(index: str) -> list[str]:
        fetched.append(index)
        if index != INDEX:
            _fetch(repo, folder.name, [glob.escape(index)], lambda doing, share: None)
        return shards(folder / index)

    chosen = choose_files(names, repo, parts, there, named)
    return [glob.escape(name) for name in (*fetched, *chosen)]  # names in the Hub's library's patterns


def _names(repo: str, commit: str, recursive: bool = False) -> list[str]:
    """The names of a repository's files; recursive: also of those in its folders."""
    from huggingface_hub import HfApi

    try:
        return [entry.path for entry in HfApi().list_repo_tree(repo, revision=commit, recursive=recursive)]
    except Exception as error:
        raise ValueError(_plainly(repo, error)) from error


def _fetch(repo: str, commit: str | None, patterns: list[str], progress: Progress) -> Path:
    """The cached folder of a repository's files by these names, of one commit or of the latest one."""
    from huggingface_hub import snapshot_download

    try:
        bar = _bar(repo, progress)
        return Path(snapshot_download(repo, revision=commit, allow_patterns=patterns, tqdm_class=bar))
    except Exception as error:
        raise ValueError(_plainly(repo, error)) from error


def _plainly(repo: str, error: Exception) -> str:
    from huggingface_hub import errors

    model = one_line(repo, 100)
    if isinstance(error, errors.LocalEntryNotFoundError):  # neither here nor there: the cause says why not there
        if isinstance(error.__cause__, errors.HfHubHTTPError):
            return _plainly(repo, error.__cause__)
        return f"{model} is not on this machine, and the Hub cannot be reached: check the network"
    if isinstance(error, errors.GatedRepoError):
        return (
            f"{model} is gated: accept its licence on its page at huggingface.co, then log in on this machine with "
            "`hf auth login`"
        )
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return f"the Hub has no model {one_line(repr(repo), 100)}, or it is private: check the spelling (owner/name)"
    if disk_is_full(error):
        return f"the disk is full while {model} is downloaded: free some space and try again"
    if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EROFS:
        return f"{model} cannot be kept on this machine: {plainly(error)}"
    if isinstance(error, errors.HfHubHTTPError):
        status = getattr(getattr(error, "response", None), "status_code", None)
        return f"the Hub answered with an error ({status}) for {model}: try again later"
    return f"{model} is not on this machine, and the Hub cannot be reached ({type(error).__name__}): check the network"


def _bar(repo: str, progress: Progress) -> type:
    """A tqdm that reports the bytes of all files together instead of drawing.

    The Hub's library counts the same bytes in two bars, as they arrive and as they are written: the one ahead counts.
    """
    from tqdm import tqdm

    lock = threading.Lock()
    bars: dict[int, tuple[float, float]] = {}

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["disable"] = False
            kwargs.pop("name", None)
            super().__init__(*args, **kwargs)

        def display(self, *args: Any, **kwargs: Any) -> bool:
            if self.unit != "B":
                return True
            with lock:
                bars[id(self)] = (float(self.n), float(self.total or 0))
                have, total = (max(x) for x in zip(*bars.values(), strict=True))
            if total:
                progress(f"downloading {repo}: {have / 1e6:,.0f} of {total / 1e6:,.0f} MB", min(have / total, 1.0))
            return True

    return Bar

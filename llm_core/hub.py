"""Models from the Hugging Face Hub: downloaded once into its cache, with progress, refused in plain words."""

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llm_core.checkpoint import Progress, weight_files
from llm_core.plain_words import disk_is_full, plainly

WANTED = ["config.json", "generation_config.json", "tokenizer*", "vocab.*", "merges.txt", "special_tokens_map.json",
          "*.safetensors", "model.safetensors.index.json"]  # fmt: skip


def on_this_machine(repo: str) -> bool:
    """True where the model's config and weights are in the Hub's cache already. Asks no network."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(repo, allow_patterns=WANTED, local_files_only=True))
        return (folder / "config.json").exists() and bool(weight_files(folder))
    except Exception:  # not cached, not all of its shards, or a cache that cannot be read
        return False


def download(repo: str, progress: Progress, look: Callable[[Path], None]) -> Path:
    """The folder of a Hub model's config, tokenizer and safetensors; from the cache where it is complete.

    look: is given the folder when only config.json is in it, and raises ValueError where the rest need not be fetched.
    Raises ValueError, in plain words, for: no network, a gated or unknown model, a full disk, no safetensors.
    """
    from huggingface_hub import snapshot_download

    if on_this_machine(repo):
        return Path(snapshot_download(repo, allow_patterns=WANTED, local_files_only=True))
    look(_fetch(repo, ["config.json"], lambda doing, share: None))
    folder = _fetch(repo, WANTED, progress)
    if not any(folder.glob("*.safetensors")):
        raise ValueError(
            f"{repo} has no safetensors files on the Hub; pickled weights can run any program when they are opened and "
            "are never read here: look for the same model as safetensors"
        )
    return folder


def _fetch(repo: str, patterns: list[str], progress: Progress) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repo, allow_patterns=patterns, tqdm_class=_bar(repo, progress)))
    except Exception as error:
        raise ValueError(_plainly(repo, error)) from error


def _plainly(repo: str, error: Exception) -> str:
    from huggingface_hub import errors

    if isinstance(error, errors.LocalEntryNotFoundError):  # neither here nor there: the cause says why not there
        if isinstance(error.__cause__, errors.HfHubHTTPError):
            return _plainly(repo, error.__cause__)
        return f"{repo} is not on this machine, and the Hub cannot be reached: check the network"
    if isinstance(error, errors.GatedRepoError):
        return (f"{repo} is gated: accept its licence on its page at huggingface.co, then log in on this machine with "
                "`hf auth login`")  # fmt: skip
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return f"the Hub has no model {repo!r}, or it is private: check the spelling (owner/name)"
    if disk_is_full(error):
        return f"the disk is full while {repo} is downloaded: free some space and try again"
    if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EROFS:
        return f"{repo} cannot be kept on this machine: {plainly(error)}"
    if isinstance(error, errors.HfHubHTTPError):
        status = getattr(getattr(error, "response", None), "status_code", None)
        return f"the Hub answered with an error ({status}) for {repo}: try again later"
    return f"{repo} is not on this machine, and the Hub cannot be reached ({type(error).__name__}): check the network"


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

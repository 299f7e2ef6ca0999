"""Models from the Hugging Face Hub: downloaded once into its cache, with progress, refused in plain words."""

import errno
import threading
from pathlib import Path
from typing import Any

from llm_core.checkpoint import Progress

WANTED = ["config.json", "generation_config.json", "tokenizer*", "vocab.*", "merges.txt", "special_tokens_map.json",
          "*.safetensors", "model.safetensors.index.json"]  # fmt: skip


def on_this_machine(repo: str) -> bool:
    """True where the model's config and weights are in the Hub's cache already. Asks no network."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(repo, allow_patterns=WANTED, local_files_only=True))
    except Exception:  # not cached, or a cache that cannot be read
        return False
    return (folder / "config.json").exists() and any(folder.glob("*.safetensors"))


def download(repo: str, progress: Progress) -> Path:
    """The folder of a Hub model's config, tokenizer and safetensors; from the cache where it is complete.

    Raises ValueError, in plain words, for: no network, a gated or unknown model, a full disk, no safetensors.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if on_this_machine(repo):
        return Path(snapshot_download(repo, allow_patterns=WANTED, local_files_only=True))
    try:
        return Path(snapshot_download(repo, allow_patterns=WANTED, tqdm_class=_bar(repo, progress)))
    except LocalEntryNotFoundError as error:
        raise ValueError(f"{repo} is not on this machine, and the Hub cannot be reached: check the network") from error
    except Exception as error:
        raise ValueError(_plainly(repo, error)) from error


def _plainly(repo: str, error: Exception) -> str:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return (f"{repo} is gated: accept its licence on its page at huggingface.co, then log in on this machine with "
                "`hf auth login`")  # fmt: skip
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return f"the Hub has no model {repo!r}, or it is private: check the spelling (owner/name)"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full while {repo} is downloaded: free some space and try again"
    if isinstance(error, errors.HfHubHTTPError):
        status = getattr(getattr(error, "response", None), "status_code", None)
        return f"the Hub answered with an error ({status}) for {repo}: try again later"
    return f"{repo} is not on this machine, and the Hub cannot be reached ({type(error).__name__}): check the network"


def _bar(repo: str, progress: Progress) -> type:
    """A tqdm that reports the bytes of all files together instead of drawing."""
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
                have, total = (sum(x) for x in zip(*bars.values(), strict=True))
            if total:
                progress(f"downloading {repo}: {have / 1e6:,.0f} of {total / 1e6:,.0f} MB", min(have / total, 1.0))
            return True

    return Bar

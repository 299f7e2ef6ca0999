"""Weights from files: tensors read one at a time, put where a family's name map says, nothing missing and nothing left.

Only safetensors files are read here: a pickled file can run any program when it is opened.
"""

import fnmatch
import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from llm_core import catalogue, memory
from llm_core.families import Family, Stored
from llm_core.model import Transformer
from llm_core.plain_words import one_line, plainly

Progress = Callable[[str, float], None]
"""Called with what is being done, in words, and how far it is, from 0 to 1."""

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

# Buffers that old checkpoints carry beside their parameters: causal masks and RoPE's frequencies
NOT_PARAMETERS = (
    "*.attn.bias",
    "*.attn.masked_bias",
    "*.attention.bias",
    "*.attention.masked_bias",
    "*.rotary_emb.inv_freq",
)


class SafetensorsFiles(Mapping[str, Tensor]):
    """The tensors of a folder's safetensors files, one or several, each read when it is asked for.

    Raises ValueError where the folder has no safetensors or a file is truncated or corrupt.
    """

    def __init__(self, folder: Path) -> None:
        self.files = weight_files(folder)
        self._handles = [_open(file) for file in self.files]
        self._where = {name: handle for handle in self._handles for name in handle.keys()}  # noqa: SIM118

    def __getitem__(self, name: str) -> Tensor:
        tensor: Tensor = self._where[name].get_tensor(name)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)

    def fingerprint(self) -> str:
        """The SHA-256 of all files' contents, in order, as 64 hex digits."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(file_sha256(file).encode())
        return digest.hexdigest()


def file_sha256(file: Path) -> str:
    """The SHA-256 of a file; the Hub's cache names its large files by it, which saves reading them."""
    blob = file.resolve().name
    if len(blob) == 64 and file.resolve().parent.name == "blobs" and set(blob) <= set("0123456789abcdef"):
        return blob
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """A folder's safetensors files, all shards of them. Raises ValueError where one is missing or there are none."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        try:
            names = sorted(str(name) for name in set(json.loads(index.read_text())["weight_map"].values()))
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise ValueError(f"{index.name} is corrupt: download the model again") from error
        missing = [name for name in names if Path(name).name != name or not (folder / name).is_file()]
        if missing:
            raise ValueError(f"{index.name} names {missing[0]!r}, which is not in the folder: download the model again")
        return [folder / name for name in names]
    files = sorted(folder.glob("*.safetensors"))
    if files:
        return files
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")) or any(folder.glob("*.pth")):
        raise ValueError(
            f"{folder.name} holds its weights as pickled files only, which can run any program when they are opened "
            "and are never read here: look for the same model as safetensors, or convert it where you trust it"
        )
    raise ValueError(f"{folder.name} has no *.safetensors file: it holds no weights that can be read here")


def _open(file: Path):  # type: ignore[no-untyped-def]  # safe_open has no type
    try:
        return safe_open(file, framework="pt")
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{file.name} is truncated or corrupt ({plainly(error)}): download it again") from error


def need_memory(model: Transformer, dtype: torch.dtype) -> None:
    """Raises ValueError where the model's weights would not fit into the free memory that may be used."""
    sizes = {name: p.numel() for name, p in model.named_parameters()}
    turned = max(size for name, size in sizes.items() if not name.startswith("embedding."))
    need = (sum(sizes.values()) + turned) * dtype.itemsize  # one is there twice while it is brought to (in, out)
    usable = memory.usable()
    if need > usable:
        # rounded away from each other: never two equal numbers
        raise ValueError(
            f"{model.name} needs {math.ceil(need / 1e8) / 10:.1f} GB of memory, and at most "
            f"{math.floor(max(usable, 0) / 1e8) / 10:.1f} GB of what is free may be used: close other programs, or "
            "choose a smaller model or bfloat16"
        )


def fill(
    model: Transformer, family: Family, tensors: Mapping[str, Tensor], dtype: torch.dtype, progress: Progress
) -> None:
    """Give each weight of the model its values from a checkpoint's tensors, as (in, out) and of type dtype.

    Raises ValueError for a tensor that is missing, left over or of another shape than the config says.
    """
    weights = dict(model.named_parameters())
    stored = list(family.stored(model.config))
    unused = set(tensors)
    for done, entry in enumerate(stored):
        name = next((n for n in (family.prefix + entry.disk, entry.disk) if n in tensors), None)
        if name is None:
            raise ValueError(f"the checkpoint lacks {entry.disk!r}: it is incomplete, or not of this architecture")
        unused.discard(name)
        for ours, values in _unpack(entry, tensors, name, model).items():
            if values.shape != weights[ours].shape:
                raise ValueError(
                    f"{name!r} gives {ours} the shape {tuple(values.shape)}, and the config says "
                    f"{tuple(weights[ours].shape)}: config and weights do not belong together"
                )
            put(model, ours, values.to(dtype))
        progress(f"reading weights into memory ({done + 1} of {len(stored)})", (done + 1) / len(stored))
    unused = {name for name in unused if not any(fnmatch.fnmatch("." + name, pattern) for pattern in NOT_PARAMETERS)}
    unused -= _tied_copies(model, tensors, unused)
    refuse_left_over(unused)


def refuse_left_over(names: Collection[str]) -> None:
    """Raises ValueError where there are any: names of a file's tensors that its model would be run without."""
    if names:
        count = "a tensor" if len(names) == 1 else f"{len(names)} tensors"
        raise ValueError(
            f"the checkpoint holds {count} that this architecture has no place for, such as "
            f"{one_line(repr(min(names)), 100)}: its results would be wrong without "
            f"{'it' if len(names) == 1 else 'them'}"
        )


def _unpack(entry: Stored, tensors: Mapping[str, Tensor], name: str, model: Transformer) -> dict[str, Tensor]:
    try:
        return entry.unpack(tensors[name], model.config)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{name!r} cannot be read ({plainly(error)}): download the model again") from error
    except RuntimeError as error:
        raise ValueError(f"{name!r} has a shape that does not fit the config: they do not belong together") from error


def _tied_copies(model: Transformer, tensors: Mapping[str, Tensor], unused: set[str]) -> set[str]:
    """An unembedding that a tied checkpoint stores a second time; only where it is the same."""
    heads = unused & {"lm_head.weight", "embed_out.weight"} if model.config.tied else set()
    table = model.embedding.token
    return {name for name in heads if torch.equal(tensors[name].to(table.dtype), table)}


def put(model: Transformer, name: str, values: Tensor) -> None:
    """Make `values` the model's weight of that name, laid out by `longer_axis_in_one_piece`."""
    module, _, last = name.rpartition(".")
    owner = model.get_submodule(module)
    setattr(owner, last, torch.nn.Parameter(longer_axis_in_one_piece(values), requires_grad=False))


def longer_axis_in_one_piece(w: Tensor) -> Tensor:
    """The same matrix, in memory row after row, or column after column where it is taller than wide.

    A decode step is one row times each matrix and takes as long as reading them takes: quickest along the longer axis,
    which matters most for a tied embedding (v, m), read as the unembedding (m, v).
    """
    return w.mT.contiguous().mT if w.dim() == 2 and w.shape[0] > w.shape[1] else w.contiguous()


def put_all(model: Transformer, tensors: Mapping[str, Tensor]) -> None:
    """Give the model tensors that are named as its own weights are and lie as in memory: a matrix that is kept column
    after column comes transposed. Raises ValueError unless they fit.
    """
    entries = {entry.name: entry.shape for entry in catalogue.weights(model.config)}
    if set(entries) != set(tensors):
        raise ValueError(f"the file's weights are not this model's: {sorted(set(entries) ^ set(tensors))[0]!r} differs")
    for name, shape in entries.items():
        values = tensors[name]
        if tuple(values.shape) != shape and values.dim() == 2:
            values = values.mT
        if tuple(values.shape) != shape:
            raise ValueError(f"{name} has shape {tuple(values.shape)} in the file, and {shape} in the config")
        put(model, name, values)

"""Weights from files: tensors read one at a time, put where a family's name map says, nothing missing and nothing left.

Only safetensors files are read here: a pickled file can run any program when it is opened.
"""

import fnmatch
import hashlib
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from llm_core import catalogue
from llm_core.config.model_config import ModelConfig
from llm_core.families.family import Family
from llm_core.families.stored import Stored
from llm_core.support import memory
from llm_core.support.plain_files import cannot_read, file_size
from llm_core.support.plain_words import counted, one_line
from llm_core.weights.folder_files import ADAPTER, weight_files
from llm_core.weights.quantised import refuse_quantised_tensors

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

    Raises ValueError where the folder has no safetensors, a file is truncated or corrupt, or the weights are quantised.
    """

    def __init__(self, folder: Path) -> None:
        self.files = weight_files(folder)
        self._handles = [_open(file) for file in self.files]
        self._where = {name: handle for handle in self._handles for name in handle.keys()}  # noqa: SIM118
        refuse_quantised_tensors({name: handle.get_slice(name).get_dtype() for name, handle in self._where.items()})

    def __getitem__(self, name: str) -> Tensor:
        tensor: Tensor = self._where[name].get_tensor(name)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)

    def digest(self) -> str:
        """The SHA-256 of all files' contents, in order, as 64 hex digits."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(file_sha256(file).encode())
        return digest.hexdigest()


def file_sha256(file: Path) -> str:
    """The SHA-256 of a file, by its bytes: a name that says it, as in the Hub's cache, proves nothing.

    Raises ValueError where the file cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise cannot_read(file, error) from error


def _open(file: Path):  # type: ignore[no-untyped-def]  # safe_open has no type
    file_size(file)
    try:
        with file.open("rb"):  # the library says of what may not be read that it is corrupt
            pass
        return safe_open(file, framework="pt")
    except (SafetensorError, FileNotFoundError) as error:
        raise ValueError(f"{one_line(file.name, 100)} is truncated or corrupt: download it again") from error
    except OSError as error:
        raise cannot_read(file, error) from error
    except (RuntimeError, MemoryError) as error:
        file_name = one_line(file.name, 100)
        raise ValueError(f"{file_name} cannot be mapped into memory: it is too large for this machine") from error


def need_memory(config: ModelConfig, name: str, dtype: torch.dtype) -> None:
    """Raises ValueError, naming the model, where its weights would not fit into the free memory that may be used."""
    sizes = {entry.name: math.prod(entry.shape) for entry in catalogue.weights(config)}
    turned = max(size for name, size in sizes.items() if not name.startswith("embedding."))
    need = (sum(sizes.values()) + turned) * dtype.itemsize  # one is there twice while it is brought to (in, out)
    usable = memory.usable()
    if need > usable:
        # rounded away from each other: never two equal numbers
        raise ValueError(
            f"{one_line(name, 100)} needs {math.ceil(need / 1e8) / 10:.1f} GB of memory, and at most "
            f"{math.floor(max(usable, 0) / 1e8) / 10:.1f} GB of what is free may be used: close other programs, or "
            "choose a smaller model or bfloat16"
        )


def refuse_layers_that_are_not_there(family: Family, config: ModelConfig, names: Collection[str]) -> None:
    """Raises ValueError where the config has more layers than a checkpoint, by its tensors' names, holds."""
    layer = re.compile(rf"(?:{re.escape(family.prefix)})?(?:h|layers)\.(\d{{1,9}})\.")
    held = len({match[1] for name in names if (match := layer.match(name))})
    if not held and _of_an_adapter(names):
        raise ValueError(f"the checkpoint {ADAPTER}")
    if held < config.layers:
        raise ValueError(
            f"the config says {counted(config.layers, 'layer')}, and the checkpoint holds {held or 'none'}: config and "
            "weights do not belong together"
        )


def stored_apart(family: Family, config: ModelConfig, tensors: Mapping[str, Tensor], dtype: torch.dtype) -> bool:
    """Whether a checkpoint holds an unembedding with other values than its token embedding, though its config says
    that they are one: transformers uses both, and so must we.
    """
    if not config.tied:
        return False
    table, *_ = family.stored(config)
    names = [family.prefix + table.disk, table.disk]
    name = next((name for name in names if name in tensors), None)
    head = next((name for name in table.also if name in tensors), None)
    if name is None or head is None:
        return False
    ours, other = _read(tensors, name).to(dtype), _read(tensors, head).to(dtype)
    return not (torch.equal(ours, other) or torch.equal(_bits(ours), _bits(other)))


def _bits(values: Tensor) -> Tensor:
    """The numbers' bits as whole numbers: a NaN equals no number, and its bits are those of its copy."""
    return values.contiguous().view({2: torch.int16, 4: torch.int32}[values.dtype.itemsize])


def check_shapes(config: ModelConfig, family: Family, tensors: Mapping[str, Tensor]) -> None:
    """Raises ValueError, as `read_weights` does, for a tensor that is missing or of another shape than the config says.
    Of the tensors the shapes alone are looked at: they may be on the device "meta"."""
    for _ in _fitting(config, family, tensors):
        pass


@dataclass(frozen=True)
class ReadWeights:
    """What a checkpoint gave a model: its weights by name, as (in, out); whether none of their numbers is NaN or
    infinite; sentences about what is left out because no token's logits depend on it."""

    tensors: dict[str, Tensor]
    finite: bool
    notes: tuple[str, ...]


def read_weights(
    config: ModelConfig, family: Family, tensors: Mapping[str, Tensor], dtype: torch.dtype, progress: Progress
) -> ReadWeights:
    """Each weight of a model of this config, from a checkpoint's tensors, of type dtype.

    Raises ValueError for a tensor that is missing, left over or of another shape than the config says.
    """
    stored = list(family.stored(config))
    unused = set(tensors)
    weights: dict[str, Tensor] = {}
    finite = True
    for done, (name, unpacked) in enumerate(_fitting(config, family, tensors)):
        unused.discard(name)
        for ours, values in unpacked.items():
            weights[ours] = longer_axis_in_one_piece(values.to(dtype))
            finite = finite and _is_finite(weights[ours])
        progress(f"reading weights into memory ({done + 1} of {len(stored)})", (done + 1) / len(stored))
    unused = {name for name in unused if not any(fnmatch.fnmatch("." + name, pattern) for pattern in NOT_PARAMETERS)}
    if config.tied:
        unused -= set(stored[0].also)  # equal to the table, or the model would not be tied
    heads = {name for name in unused if family.beside(name, config)}
    refuse_left_over(unused - heads)
    return ReadWeights(weights, finite, (_left_out(heads),) if heads else ())


def _fitting(
    config: ModelConfig, family: Family, tensors: Mapping[str, Tensor]
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Each tensor of a checkpoint that a model is made of: its name there, and the weights that are in it."""
    shapes = {entry.name: entry.shape for entry in catalogue.weights(config)}
    for entry in family.stored(config):
        name = next((n for n in (family.prefix + entry.disk, entry.disk, *entry.also) if n in tensors), None)
        if name is None:
            raise ValueError(_lacks(entry, tensors))
        unpacked = _unpack(entry, tensors, name, config)
        for ours, values in unpacked.items():
            if tuple(values.shape) != shapes[ours]:
                raise ValueError(
                    f"{name!r} gives {ours} the shape {tuple(values.shape)}, and the config says {shapes[ours]}: "
                    "config and weights do not belong together"
                )
        yield name, unpacked


def _lacks(entry: Stored, tensors: Collection[str]) -> str:
    if _of_an_adapter(tensors):
        return f"the checkpoint {ADAPTER}"
    if "unembedding.weight" in entry.weights:
        return (
            f"the checkpoint lacks {entry.disk!r}, the unembedding, without which no token can be predicted: it is "
            "incomplete, or a model for another task"
        )
    return f"the checkpoint lacks {entry.disk!r}: it is incomplete, or not of this architecture"


def _of_an_adapter(names: Collection[str]) -> bool:
    return any(".lora_" in name for name in names)


def _left_out(names: Collection[str]) -> str:
    """The sentence about heads for other tasks, by the first parts of their tensors' names."""
    roots = sorted({name.split(".")[0] for name in names})
    leftovers = ", ".join(one_line(root, 40) for root in roots[:4]) + (", …" if len(roots) > 4 else "")
    count = "a tensor" if len(names) == 1 else f"{len(names):,} tensors"
    if len(names) == 1:
        leftovers += "): it is left out, and no matrix of this run depends on it."
    else:
        leftovers += "): they are left out, and no matrix of this run depends on them."
    return f"The checkpoint also holds {count} for another task than predicting tokens ({leftovers}"


def refuse_left_over(names: Collection[str]) -> None:
    """Raises ValueError where there are any: names of a file's tensors that its model would be run without."""
    if names:
        count = "a tensor" if len(names) == 1 else f"{len(names)} tensors"
        raise ValueError(
            f"the checkpoint holds {count} that this architecture has no place for, such as "
            f"{one_line(repr(min(names)), 100)}: its results would be wrong without "
            f"{'it' if len(names) == 1 else 'them'}"
        )


def _unpack(entry: Stored, tensors: Mapping[str, Tensor], name: str, config: ModelConfig) -> dict[str, Tensor]:
    tensor = _read(tensors, name)
    try:
        return entry.unpack(tensor, config)
    except RuntimeError as error:
        raise ValueError(f"{name!r} has a shape that does not fit the config: they do not belong together") from error


def _read(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    try:
        return tensors[name]
    except (SafetensorError, OSError, RuntimeError) as error:
        tensor_name = one_line(repr(name), 100)
        raise ValueError(f"{tensor_name} cannot be read from the checkpoint: download the model again") from error


def longer_axis_in_one_piece(w: Tensor) -> Tensor:
    """The same matrix, in memory row after row, or column after column where it is taller than wide.

    A decode step is one row times each matrix and takes as long as reading them takes: quickest along the longer axis,
    which matters most for a tied embedding (v, m), read as the unembedding (m, v).
    """
    return w.mT.contiguous().mT if w.dim() == 2 and w.shape[0] > w.shape[1] else w.contiguous()


def _is_finite(w: Tensor) -> bool:
    """Whether no number of a weight is NaN or infinite. The extremes show it, thirty times faster than each number."""
    w = w if w.is_contiguous() else w.mT
    return not w.numel() or bool(torch.stack(torch.aminmax(w)).isfinite().all())


def as_kept(config: ModelConfig, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a model of this config, from tensors that are named as they are and lie as in memory: a matrix
    that is kept column after column comes transposed. Raises ValueError unless they fit.
    """
    entries = {entry.name: entry.shape for entry in catalogue.weights(config)}
    if set(entries) != set(tensors):
        raise ValueError(f"the file's weights are not this model's: {sorted(set(entries) ^ set(tensors))[0]!r} differs")
    weights = {}
    for name, shape in entries.items():
        values = tensors[name]
        if tuple(values.shape) != shape and values.dim() == 2:
            values = values.mT
        if tuple(values.shape) != shape:
            raise ValueError(f"{name} has shape {tuple(values.shape)} in the file, and {shape} in the config")
        weights[name] = longer_axis_in_one_piece(values)
    return weights

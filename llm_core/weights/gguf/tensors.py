"""A GGUF file's tensors, each expanded when it is asked for, named and laid out as its family's safetensors are.

llama.cpp's converter (convert_hf_to_gguf.py) renames tensors, orders the rows of Llama's queries and keys so that the
pairs that RoPE turns lie side by side, and stores GPT-2's matrices as (out, in): both are undone here.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm_core.config.model_config import ModelConfig
from llm_core.families.family import Family
from llm_core.support.plain_files import cannot_read
from llm_core.support.plain_words import one_line
from llm_core.weights.gguf.header import Header


class GGUFTensors(Mapping[str, Tensor]):
    """The tensors that a model of this family and config is filled with, float32, by their names in safetensors.

    Raises ValueError where one is asked for whose numbers are of a type that is not expanded here.
    """

    def __init__(self, file: Path, header: Header, family: Family, config: ModelConfig) -> None:
        self.file, self.header, self.config = file, header, config
        self.names = {theirs: name for theirs, name in named(header, family, config) if name in header.tensors}
        self.lacking = [theirs for theirs, name in named(header, family, config) if name not in header.tensors]
        try:
            self._bytes = np.memmap(file, np.uint8, "r")
        except OSError as error:
            raise cannot_read(file, error) from error

    def __getitem__(self, name: str) -> Tensor:
        stored = self.header.tensors[self.names[name]]
        raw = self._bytes[stored.begin : stored.begin + stored.size].reshape((*stored.shape[:-1], -1))
        values = self._expanded(raw, stored.kind)
        return self._as_in_safetensors(torch.tensor(values, dtype=torch.float32), self.names[name])

    def outlines(self) -> dict[str, Tensor]:
        """The tensors by name, without their numbers: on the device "meta". Raises ValueError, as reading them would,
        for a type of number that is not expanded here."""
        import gguf

        stored = {name: self.header.tensors[theirs] for name, theirs in self.names.items()}
        for kind in {tensor.kind for tensor in stored.values()}:
            _, width = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind)]
            self._expanded(np.zeros((1, width), np.uint8), kind)
        return {
            name: self._as_in_safetensors(torch.empty(tensor.shape, device="meta"), self.names[name])
            for name, tensor in stored.items()
        }

    def _expanded(self, raw: Any, kind: int) -> Any:
        import gguf

        type_ = gguf.GGMLQuantizationType(kind)
        try:
            return np.asarray(gguf.dequantize(raw, type_))
        except (NotImplementedError, ValueError) as error:
            raise ValueError(
                f"{one_line(self.file.name, 100)} holds numbers of type {type_.name}, which are not read here: look "
                "for the same model as safetensors or in another type"
            ) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def _as_in_safetensors(self, values: Tensor, name: str) -> Tensor:
        architecture, part = self.header.settings["general.architecture"], name.partition(".")[2].partition(".")[2]
        if architecture == "llama" and part in ("attn_q.weight", "attn_k.weight"):
            heads = self.config.heads if part == "attn_q.weight" else self.config.kv_heads
            # (h, d/2, 2, m) → (h, 2, d/2, m): the halves of each head's rows one after the other
            return values.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2)
        if architecture == "gpt2" and name.startswith("blk.") and values.dim() == 2:
            return values.t()
        return values


def named(header: Header, family: Family, config: ModelConfig) -> Iterator[tuple[str, str]]:
    """Each tensor that a model is filled with: its name in safetensors, and in a GGUF file of the same architecture."""
    import gguf

    architecture = header.settings["general.architecture"]
    kind = next(kind for kind, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    table = gguf.get_tensor_name_map(kind, config.layers)
    for entry in family.stored(config):
        for disk in (family.prefix + entry.disk, entry.disk):
            name = table.get_name(disk, (".weight", ".bias"))
            if name is not None:
                yield disk, name
                break

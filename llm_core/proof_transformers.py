"""What transformers computes with a model's original files, seen by hooks on its modules.

Axis letters: b batch, p position (rows of a chunk), s cached positions, v vocabulary.
"""

from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from llm_core.checkpoint import need_memory
from llm_core.counterparts import Counterpart
from llm_core.families import FAMILIES
from llm_core.model import Transformer
from llm_core.quiet import no_progress_bars

ROWS = 256  # transformers' eager attention holds the scores of so many rows at once
REASON = "no counterpart: transformers never holds it"
Compare = Callable[[dict[str, Tensor], range], None]


def read_original(model: Transformer) -> Any:
    """transformers' own model from the files that `model` was read from, in the same precision.

    Raises ValueError where the files are gone or cannot be read, and where memory is short of a second model.
    """
    from transformers import AutoModelForCausalLM

    origin = model.origin
    if not isinstance(origin, Path) or not origin.exists():
        raise ValueError(f"the files that {model.name} was read from are not there any more: load the model again")
    need_memory(model, model.dtype)
    if origin.is_dir():
        where: dict[str, Any] = {"pretrained_model_name_or_path": str(origin), "use_safetensors": True}
    else:
        where = {"pretrained_model_name_or_path": str(origin.parent), "gguf_file": origin.name}
    try:
        with no_progress_bars():
            theirs = AutoModelForCausalLM.from_pretrained(
                **where, dtype=model.dtype, attn_implementation="eager", local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # its own words may hold paths of this machine: they stay with the cause
        raise ValueError(
            f"transformers cannot read {origin.name} ({type(error).__name__}): its files may have changed, so "
            "load the model again"
        ) from error
    return theirs.eval()


@torch.inference_mode()
def compute(model: Transformer, ids: list[int], sampled: Container[int], compare: Compare) -> None:
    """Hand every matrix that transformers holds in a pass over `ids` to `compare`. sampled: positions with logits.

    compare is given some matrices and which rows of the sequence they hold; of keys and values all rows so far.
    """
    from transformers import DynamicCache

    theirs = read_original(model)
    cache = DynamicCache()  # without a config it keeps all positions, also of a model with a window
    counterparts = FAMILIES[theirs.config.model_type].counterparts(model.config)
    head = theirs.get_output_embeddings()
    for start in range(0, len(ids), ROWS):
        rows = range(start, min(start + ROWS, len(ids)))
        watch = _Watch(model, cache, rows, compare)
        handles = [watch.hook(theirs.base_model.get_submodule(c.module), c) for c in counterparts]
        try:
            theirs.base_model(torch.tensor([ids[rows.start : rows.stop]]), past_key_values=cache, use_cache=True)
        finally:
            for handle in handles:
                handle.remove()
        stream = watch.seen["final_norm"]
        compare(watch.seen, rows)
        for row in (row for row in rows if row in sampled):
            compare({"logits": head(stream[row - rows.start][None])}, range(row, row + 1))  # (1, v)


class _Watch:
    """Gathers what the modules take and return, and hands it on as soon as a layer is complete."""

    def __init__(self, model: Transformer, cache: Any, rows: range, compare: Compare) -> None:
        self.config, self.cache, self.rows, self.compare = model.config, cache, rows, compare
        self.seen: dict[str, Tensor] = {}

    def hook(self, module: torch.nn.Module, counterpart: Counterpart) -> Any:
        if counterpart.side == "in":
            return module.register_forward_pre_hook(lambda _, args: self._saw(counterpart, args))
        return module.register_forward_hook(lambda _, args, output: self._saw(counterpart, output))

    def _saw(self, counterpart: Counterpart, value: Any) -> None:
        if isinstance(value, tuple):
            value = value[1 if counterpart.view == "attention" else 0]
        self.seen[counterpart.matrix] = counterpart.read(value, self.config)
        if counterpart.matrix.endswith(".residual"):  # the last of a layer
            self._layer(int(counterpart.matrix.split(".")[1]))

    def _layer(self, layer: int) -> None:
        at = f"layers.{layer}.attention"
        done = {name: self.seen.pop(name) for name in list(self.seen) if name.startswith(f"layers.{layer}.")}
        done[f"{at}.keys"], done[f"{at}.values"] = (t[0] for t in (self.cache.layers[layer].keys,
                                                                  self.cache.layers[layer].values))  # fmt: skip
        if self.config.position == "rope":  # the cache holds keys after their rotation
            done[f"{at}.k_rotated"] = done[f"{at}.keys"][:, self.rows.start :]  # (g, p, d)
        self.compare(done, self.rows)

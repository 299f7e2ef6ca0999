"""What transformers computes with a model's original files, seen by hooks on its modules.

Axis letters: b batch, p position (rows of a chunk), s cached positions, v vocabulary.
"""

import json
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from llm_core.families.counterparts import Counterpart
from llm_core.families.families import FAMILIES
from llm_core.model.identity import Files
from llm_core.model.transformer import Transformer
from llm_core.support.plain_words import one_line
from llm_core.support.quiet import no_progress_bars
from llm_core.weights.checkpoint import Progress, need_memory
from llm_core.weights.folder_files import INDEX, SINGLE_FILE, standard, weight_files

HOOKED_ROWS = 256  # transformers' eager attention holds the scores of so many rows at once
REASON = "transformers does not show this matrix"
_Compare = Callable[[dict[str, Tensor], range], None]
Ours = Callable[[str, range], Tensor]
"""The engine's own rows of a matrix, by its name."""


def read_original(model: Transformer, progress: Progress = lambda doing, share: None) -> Any:
    """transformers' own model, in float32, from the files that `model` was read from.

    Raises ValueError where the files are gone or cannot be read, and where memory is short of a second model.
    """
    progress("starting transformers", 0.0)
    from transformers import AutoModelForCausalLM

    source = model.weights.source
    if not isinstance(source, Files) or not source.path.exists():
        raise ValueError(f"the files of {model.name} no longer exist: load the model again")
    path = source.path
    need_memory(model.config, model.name, torch.float32)
    if path.is_dir():
        where: dict[str, Any] = {"use_safetensors": True}
    else:
        where = {"gguf_file": path.name}
    reading = "transformers is reading the model's files"
    progress(reading, 0.2)
    try:
        with no_progress_bars(lambda share: progress(reading, 0.2 + 0.3 * share)), _folder(path) as folder:
            theirs = AutoModelForCausalLM.from_pretrained(
                folder,
                **where,
                dtype=torch.float32,
                attn_implementation="eager",
                local_files_only=True,
                trust_remote_code=False,
            )
    except Exception as error:  # its own words may hold paths of this machine: they stay with the cause
        raise ValueError(
            f"transformers cannot read {one_line(path.name, 100)} ({type(error).__name__}): its files may have "
            "changed, so load the model again"
        ) from error
    return theirs.eval()


@contextmanager
def _folder(path: Path) -> Iterator[str]:
    """Where transformers finds the model. Weights under other names than it knows are linked to by these names."""
    if not path.is_dir() or standard(path):
        yield str(path if path.is_dir() else path.parent)
        return
    with TemporaryDirectory() as made:
        links = Path(made)
        (links / "config.json").symlink_to(path / "config.json")
        files = weight_files(path)
        for file in files:
            (links / (SINGLE_FILE if len(files) == 1 else file.name)).symlink_to(file)
        if len(files) > 1:
            (links / INDEX).write_text(json.dumps({"weight_map": {file.name: file.name for file in files}}))
        yield made


@torch.inference_mode()
def compute_with_transformers(
    model: Transformer,
    ids: list[int],
    sampled: Container[int],
    compare: _Compare,
    ours: Ours | None = None,
    progress: Progress = lambda doing, share: None,
) -> None:
    """Hand every matrix that transformers holds in a pass over `ids` to `compare`. sampled: positions with logits.

    compare is given some matrices and which rows of the sequence they hold; of keys and values all rows so far. ours:
    the engine's own rows of a matrix; where it is given, transformers goes on with these after each comparison, so that
    a matrix is computed from the engine's own operands, and what was rounded before it makes no difference. Attention
    weights and heads' outputs are then left out: between our queries and them lie matrices that it doesn't expose.
    """
    from transformers import DynamicCache

    theirs = read_original(model, progress)
    progress("the first layer", 0.5)
    cache = DynamicCache()  # without a config it keeps all positions, also of a model with a window
    counterparts = FAMILIES[theirs.config.model_type].counterparts(model.config)
    head = theirs.get_output_embeddings()
    for start in range(0, len(ids), HOOKED_ROWS):
        rows = range(start, min(start + HOOKED_ROWS, len(ids)))
        watch = _Watch(model, cache, rows, compare, ours)
        handles = [watch.hook(theirs.base_model.get_submodule(c.module), c) for c in counterparts]
        try:
            theirs.base_model(torch.tensor([ids[rows.start : rows.stop]]), past_key_values=cache, use_cache=True)
        finally:
            for handle in handles:
                handle.remove()
        stream = watch.seen["final_norm"] if ours is None else ours("final_norm", rows).float()
        compare(watch.seen, rows)
        for row in (row for row in rows if row in sampled):
            compare({"logits": head(stream[row - rows.start][None])}, range(row, row + 1))  # (1, v)


class _Watch:
    """Gathers what the modules take and return, and hands it on as soon as a layer is complete."""

    def __init__(self, model: Transformer, cache: Any, rows: range, compare: _Compare, ours: Ours | None) -> None:
        self.config, self.cache, self.rows, self.compare, self.ours = model.config, cache, rows, compare, ours
        self.seen: dict[str, Tensor] = {}

    def hook(self, module: torch.nn.Module, counterpart: Counterpart) -> Any:
        if counterpart.side == "in":
            return module.register_forward_pre_hook(lambda _, args: self._saw(counterpart, args))
        return module.register_forward_hook(lambda _, args, output: self._saw(counterpart, output))

    def _saw(self, counterpart: Counterpart, value: Any) -> None:
        if isinstance(value, tuple):
            value = value[1 if counterpart.view == "attention" else 0]
        seen = counterpart.read(value, self.config)
        if self.ours is None:
            self.seen[counterpart.matrix] = seen
        elif counterpart.view == "attention":
            return
        elif counterpart.matrix.endswith(".head_output"):
            seen.copy_(self.ours(counterpart.matrix, self.rows))
        else:
            self.seen[counterpart.matrix] = seen.clone()
            seen.copy_(self.ours(counterpart.matrix, self.rows))
        if counterpart.matrix.endswith(".residual"):  # the last of a layer
            self._layer(int(counterpart.matrix.split(".")[1]))

    def _layer(self, layer: int) -> None:
        at = f"layers.{layer}.attention"
        done = {name: self.seen.pop(name) for name in list(self.seen) if name.startswith(f"layers.{layer}.")}
        done[f"{at}.keys"], done[f"{at}.values"] = (
            t[0] for t in (self.cache.layers[layer].keys, self.cache.layers[layer].values)
        )
        if self.config.position == "rope":  # the cache holds keys after their rotation
            done[f"{at}.k_rotated"] = done[f"{at}.keys"][:, self.rows.start :]  # (g, p, d)
        self.compare(done, self.rows)

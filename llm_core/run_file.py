"""A run as one file, which opens again without the model: what was asked, what came out, and chosen matrices.

The file is in the safetensors format, so numbers lie in it as they are and nothing in it can be executed. Its tensors
are named `steps.<index>.<matrix>`; its header holds one text, `run`, a JSON object:

- format, version: "every-matrix run", and a number that grows when a member changes its meaning
- model: name, loads_as (what `load_model` takes; null for weights that only one machine has), seed (of random weights),
  dtype, fingerprint, config
- settings: temperature, top_k, top_p, seed, new_tokens; versions of this project and of what it computed with
- prompt: text (null where only ids were given) and how many tokens it has; ids and labels of all tokens; ended
- named: where the file has a matrix as wide as the vocabulary, ids and labels of each step's likeliest tokens; files
  that were written before it was added lack it
- steps: for each sampled token its probabilities, the dice's number, the likeliest tokens, and the names of matrices
  that missed the run's next door
"""

import dataclasses
import json
import math
import platform
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from safetensors.torch import save as serialize
from torch import Tensor

from llm_core import __version__, catalogue, reproduce
from llm_core.explanation import shape_of
from llm_core.generation import Run
from llm_core.report import most_likely
from llm_core.untrusted import FILE_LIMIT, HEADER_LIMIT, MEGABYTE, TYPES

FORMAT, VERSION = "every-matrix run", 1
SUFFIX = ".safetensors"
LIKELIEST = 10  # tokens of each step that the file tells the probabilities of
NAMED = 20  # tokens of each step whose labels the file has for a matrix of all tokens
LONGEST_LABEL = 1_000  # characters
_ROOM = 4096  # bytes for what a header has in any case, when a size is told before it is known


def save_run(run: Run, names: Iterable[str], file: str | Path | BinaryIO, prompt: str | None = None) -> None:
    """Write a run with the matrices of these names, of each step, to a path or an open file.

    prompt: the text that was run, where it is known; told from the ids otherwise. Cells that are NaN or infinite are
    kept as they are. Raises ValueError for a name that the model lacks, and for what would be larger than is opened.
    """
    names = list(dict.fromkeys(names))
    if size_of(run, names) > FILE_LIMIT:
        raise ValueError(f"with these matrices the file would have {size_of(run, names) / MEGABYTE:,.0f} MB; at most "
                         f"{FILE_LIMIT // MEGABYTE} MB are opened: choose fewer matrices")  # fmt: skip
    tensors, missed = _tensors(run, names)
    told = _told(run, prompt, missed)
    if any("vocab" in catalogue.matrix(run.model.config, name).axes for name in names):
        told["named"] = _named(run)
    text = json.dumps(told, allow_nan=False)  # of a run, in which no token is drawn from logits that are no numbers
    if len(text) + _ROOM > HEADER_LIMIT:
        raise ValueError(f"this run has {len(run.ids):,} tokens, more than one file tells of: shorten the text")
    data = serialize(tensors, {"run": text})
    if isinstance(file, str | Path):
        try:
            Path(file).write_bytes(data)
        except OSError as error:
            raise ValueError(f"{file} cannot be written: {error.strerror}") from error
    else:
        file.write(data)


def size_of(run: Run, names: Iterable[str]) -> int:
    """About how many bytes a file with these matrices has; nothing is computed. Raises ValueError for unknown names."""
    itemsize, numbers, names = run.model.dtype.itemsize, 0, list(names)
    for step in run.steps:
        numbers += sum(math.prod(shape_of(step, name).values()) for name in names)
    header = _ROOM + 120 * len(names) * len(run.steps) + 40 * len(run.ids) + 1500 * len(run.steps)
    return numbers * itemsize + header


def _tensors(run: Run, names: Sequence[str]) -> tuple[dict[str, Tensor], list[list[str]]]:
    """The tensors by name, and of each step the matrices that missed the run's next door."""
    tensors: dict[str, Tensor] = {}
    missed: list[list[str]] = []
    for step in run.steps:
        matrices = step.matrices(names)
        missed.append([matrix.name for matrix in matrices if not matrix.arrives])
        for matrix in matrices:
            values = matrix.values if matrix.values.dtype in TYPES.values() else matrix.values.float()
            tensors[f"steps.{step.index}.{matrix.name}"] = values.contiguous().clone()  # none may share memory
    return tensors, missed


def _told(run: Run, prompt: str | None, missed: list[list[str]]) -> dict[str, object]:
    model = run.model
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": {
            "name": model.name[:300],
            "loads_as": reproduce.loads_as(model),
            "seed": model.origin if isinstance(model.origin, int) else None,
            "dtype": str(model.dtype).removeprefix("torch."),
            "fingerprint": model.fingerprint,
            "config": dataclasses.asdict(model.config),
        },
        "settings": dataclasses.asdict(run.sampling) | {"new_tokens": run.max_new_tokens},
        "versions": {"every-matrix": __version__, "python": platform.python_version(),
                     **{package: version(package) for package in ("torch", "numpy", "tokenizers")}},
        "prompt": {"text": reproduce.prompt_text(run) if prompt is None else prompt, "length": len(run.prompt_ids)},
        "ids": run.ids,
        "labels": [model.tokenizer.label(i)[:LONGEST_LABEL] for i in run.ids],
        "ended": run.ended,
        "steps": list(_steps_told(run, missed)),
    }  # fmt: skip


def _named(run: Run) -> list[list[object]]:
    found = {c.id: c.label[:LONGEST_LABEL] for step in run.steps for c in most_likely(step, NAMED)}
    return [[i, found[i]] for i in sorted(found)]


def _steps_told(run: Run, missed: list[list[str]]) -> Iterator[dict[str, object]]:
    for step, names in zip(run.steps, missed, strict=True):
        sampled = step.sampled
        yield {
            "probability": sampled.probability, "drawn_probability": sampled.drawn_probability, "u": sampled.u,
            "likeliest": [[c.id, c.label[:LONGEST_LABEL], c.probability] for c in most_likely(step, LIKELIEST)],
            "missed": names,
        }  # fmt: skip

"""A run as one file, which opens again without the model: what was asked, what came out, and chosen matrices.

run_format.py says what the file holds.
"""

import dataclasses
import json
import math
import platform
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import torch
from safetensors.torch import save as serialize
from torch import Tensor

from llm_core import catalogue
from llm_core.explanation.explanation import shape_of
from llm_core.files import python_lines
from llm_core.files.opened_run import open_run
from llm_core.files.run_format import FORMAT, FORMAT_VERSION, LIKELIEST, LONGEST_LABEL, NAMED
from llm_core.files.untrusted_file import AGAIN, DAMAGED, FILE_LIMIT, HEADER_LIMIT, MEGABYTE, OTHER, TYPES
from llm_core.runs.candidates import most_likely
from llm_core.runs.generation import Run, need_run
from llm_core.support import whole_file
from llm_core.support.version import VERSION

_ROOM = 4096  # bytes of a header besides its text, at least


def save_run(run: Run, names: Iterable[str], file: str | Path | BinaryIO, prompt: str | None = None) -> None:
    """Write a run with the matrices of these names, of each step, to a path or an open file.

    prompt: the text that was run, where it is known; told from the ids otherwise. Cells that are NaN or infinite are
    kept as they are. At a path the file appears complete or not at all: where it cannot be written, an older one
    stands. Raises ValueError for a name that the model lacks, for what could not be opened again, and for a place that
    cannot be written.
    """
    need_run(run, "to save a run")
    if not isinstance(names, Iterable):
        raise ValueError(f"the matrices to save must be a list of names, such as {run.steps[0].names[:1]}")
    names = list(dict.fromkeys([names] if isinstance(names, str) else names))
    if (size := run_file_size(run, names, prompt)) > FILE_LIMIT:
        raise ValueError(
            f"with these matrices the file would have {size / MEGABYTE:,.0f} MB; at most "
            f"{FILE_LIMIT // MEGABYTE} MB are opened: choose fewer matrices"
        )
    tensors, missed = _tensors(run, names)
    text = _text(run, names, prompt, missed)
    if len(text) + _ROOM > HEADER_LIMIT:
        raise ValueError(f"this run has {len(run.ids):,} tokens, more than one file can describe: shorten the text")
    data = serialize(tensors, {"run": text})
    _check_opens(data)
    whole_file.write_whole(file, data)


def _check_opens(data: bytes) -> None:
    """What is saved can be opened: nothing but opening it knows every limit."""

    try:
        open_run(data)
    except ValueError as error:
        why = str(error)
        for word in (f"; {AGAIN}", f"; {OTHER}", DAMAGED):  # they are for whoever opens a file, and there is none yet
            why = why.replace(word, "")
        raise ValueError(f"this run cannot be saved, since the file could not be opened again: {why}") from error


def run_file_size(run: Run, names: Iterable[str], prompt: str | None = None) -> int:
    """How many bytes `save_run` writes; no matrix is computed. Raises ValueError for unknown names.

    It is exact where every derived layer arrives at its next door and matrices have the model's number type.
    """
    names = list(dict.fromkeys(names))
    word, dtype = next((item for item in TYPES.items() if item[1] == run.model.dtype), ("F32", torch.float32))
    shapes = {f"steps.{step.index}.{name}": list(shape_of(step, name).values()) for step in run.steps for name in names}
    header: dict[str, object] = {"__metadata__": {"run": _text(run, names, prompt, [[] for _ in run.steps])}}
    end = 0
    for name, shape in sorted(shapes.items()):
        start, end = end, end + math.prod(shape) * dtype.itemsize
        header[name] = {"dtype": word, "shape": shape, "data_offsets": [start, end]}
    length = len(json.dumps(header, separators=(",", ":")))
    return 8 + math.ceil(length / 8) * 8 + end  # the header's length, itself, and the numbers


def _text(run: Run, names: Sequence[str], prompt: str | None, missed: list[list[str]]) -> str:
    """All that the file tells besides numbers."""
    document = _document(run, prompt, missed)
    if any("vocab" in catalogue.matrix(run.model.config, name).axes for name in names):
        document["named"] = _named(run)
    return json.dumps(document, allow_nan=False)  # of a run, in which no token is drawn from logits that are no numbers


def _tensors(run: Run, names: Sequence[str]) -> tuple[dict[str, Tensor], list[list[str]]]:
    """The tensors by name, and of each step the matrices that missed the run's next door."""
    tensors: dict[str, Tensor] = {}
    missed: list[list[str]] = []
    for step in run.steps:
        matrices = step.matrices(names)
        missed.append([matrix.name for matrix in matrices if not matrix.arrives])
        for matrix in matrices:
            values = matrix.shared if matrix.shared.dtype in TYPES.values() else matrix.shared.float()
            tensors[f"steps.{step.index}.{matrix.name}"] = values.contiguous().clone()  # none may share memory
    return tensors, missed


def _document(run: Run, prompt: str | None, missed: list[list[str]]) -> dict[str, object]:
    model = run.model
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "model": {
            "name": model.name[:300],
            "loads_as": python_lines.loads_as(model),
            "seed": python_lines.seed_of(model),
            "dtype": str(model.dtype).removeprefix("torch."),
            "fingerprint": model.weights.version,
            "config": dataclasses.asdict(model.config),
        },
        "settings": dataclasses.asdict(run.sampling) | {"new_tokens": run.max_new_tokens},
        "versions": {
            "every-matrix": VERSION,
            "python": platform.python_version(),
            **{package: version(package) for package in ("torch", "numpy", "tokenizers")},
        },
        "prompt": {"text": python_lines.prompt_text(run) if prompt is None else prompt, "length": len(run.prompt_ids)},
        "ids": run.ids,
        "labels": [model.tokenizer.label(i)[:LONGEST_LABEL] for i in run.ids],
        "ended": run.ended,
        "steps": list(_steps_told(run, missed)),
    }


def _named(run: Run) -> list[list[object]]:
    found = {c.id: c.label[:LONGEST_LABEL] for step in run.steps for c in most_likely(step, NAMED)}
    return [[i, found[i]] for i in sorted(found)]


def _steps_told(run: Run, missed: list[list[str]]) -> Iterator[dict[str, object]]:
    for step, names in zip(run.steps, missed, strict=True):
        sampled = step.sampled
        yield {
            "probability": sampled.probability,
            "drawn_probability": sampled.drawn_probability,
            "u": sampled.u,
            "likeliest": [[c.id, c.label[:LONGEST_LABEL], c.probability] for c in most_likely(step, LIKELIEST)],
            "missed": names,
        }

"""A run as one strict JSON document (RFC 8259), handed out in pieces.

The document's members:

- format, version: "llm_core run", and a number that grows when a member changes its meaning
- model: name, seed, fingerprint, config; settings: temperature, top_k, top_p, seed, new_tokens; versions
- prompt: text, ids, tokens; new_ids; text (prompt and continuation); ended: "length", "stop" or "context"
- steps, one for each sampled token: phase, positions, ids, tokens, sampled, most_likely, matrices

A matrix has name, title, symbol, formula, axes, shape, dtype, values, and arrives: false where its layer,
computed again, did not reach what the run handed on. Values are nested lists in full, logits and probabilities
in the order of token ids included, and each is exactly the run's own number. null stands for a number that JSON
cannot write: the −∞ of a masked score.
"""

import dataclasses
import json
import math
import platform
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from torch import Tensor

from llm_core.generation import Run, Step
from llm_core.report import in_order, most_likely
from llm_core.trace import Matrix

VERSION = 1


def chunks(run: Run, prompt: str, model_seed: int) -> Iterator[str]:
    """The document in pieces, one for each matrix, so that the whole is never held.

    All is ASCII, and no control characters are in it but line ends.
    """
    yield _open(_run_members(run, prompt, model_seed)) + ',\n"steps": ['
    for step in run.steps:
        yield (",\n" if step.index else "\n") + _open(_step_members(step)) + ',\n"matrices": ['
        for number, matrix in enumerate(in_order(step)):
            yield (",\n" if number else "\n") + _dumps(_matrix(matrix))
        yield "]}"
    yield "]}\n"


def _open(members: dict[str, Any]) -> str:
    """An object without its closing brace, so that more members can follow."""
    return _dumps(members).removesuffix("}")


def _dumps(value: Any) -> str:
    # DEL is the one control character that json leaves as it is
    return json.dumps(value, allow_nan=False).replace("\x7f", "\\u007f")


def _run_members(run: Run, prompt: str, model_seed: int) -> dict[str, Any]:
    model, tokenizer = run.model, run.model.tokenizer
    return {
        "format": "llm_core run",
        "version": VERSION,
        "model": {
            "name": model.name,
            "seed": model_seed if isinstance(run.model.origin, int) else None,  # only random weights have one
            "fingerprint": model.fingerprint,
            "config": dataclasses.asdict(model.config),
        },
        "settings": dataclasses.asdict(run.sampling) | {"new_tokens": run.max_new_tokens},
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in ("torch", "numpy", "tokenizers")},
        },
        "prompt": {
            "text": prompt,
            "ids": run.prompt_ids,
            "tokens": [tokenizer.text(i) for i in run.prompt_ids],
        },
        "new_ids": run.new_ids,
        "text": run.text,
        "ended": run.ended,
    }


def _step_members(step: Step) -> dict[str, Any]:
    sampled = step.sampled
    return {
        "phase": step.phase,
        "positions": list(step.positions),
        "ids": step.ids,
        "tokens": [step.run.model.tokenizer.text(i) for i in step.ids],
        "sampled": {
            "id": sampled.id,
            "text": sampled.text,
            "label": sampled.label,
            "probability": sampled.probability,
            "drawn_probability": sampled.drawn_probability,
            "u": sampled.u,
        },
        "most_likely": [dataclasses.asdict(candidate) for candidate in most_likely(step)],
    }


def _matrix(matrix: Matrix) -> dict[str, Any]:
    return {
        "name": matrix.name,
        "title": matrix.entry.title,
        "symbol": matrix.entry.symbol,
        "formula": matrix.entry.formula,
        "axes": matrix.axes,
        "shape": matrix.shape,
        "dtype": str(matrix.values.dtype).removeprefix("torch."),
        "arrives": matrix.arrives,
        "values": _values(matrix.values),
    }


def _values(values: Tensor) -> Any:
    return values.tolist() if bool(values.isfinite().all()) else _finite(values.tolist())


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return value if math.isfinite(value) else None

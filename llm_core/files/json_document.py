"""A run as one strict JSON document (RFC 8259), handed out in pieces.

The document's members:

- format, version: "llm_core run", and a number that grows when a member changes its meaning
- model: name, seed, fingerprint, config; settings: of each stage by its name, seed, new_tokens; versions
- prompt: text (null where ids were given), ids, tokens; new_ids; text (prompt and continuation); ended: "length",
  "stop" or "context"
- steps, one for each sampled token: phase, positions, ids, tokens, sampled, most_likely, matrices; sampled has the
  stages of the sampler: name, setting (null for softmax), the sampled token's probability after it, and how many tokens
  it has left

- proof, where it was asked for: ok, reference, own_weights (true where the reference took the weights from the model
  itself), tolerance, off (the names of matrices beyond the tolerance), and of each matrix errors and relative (null
  where it is infinite, or where reasons says why there is none)

A matrix has name, title, symbol, formula, axes, shape, dtype, values, and arrives: false where its layer,
computed again, did not reach what the run handed on. Values are nested lists in full, logits and probabilities
in the order of token ids included, and each is exactly the run's own number. null stands for a number that JSON
cannot write: the −∞ of a masked score.
"""

import dataclasses
import json
import math
import platform
from collections.abc import Collection, Iterator
from importlib.metadata import version
from typing import Any

from torch import Tensor

from llm_core.proof.compare import Proof
from llm_core.runs.candidates import in_order, most_likely
from llm_core.runs.generation import Run, Step, need_run
from llm_core.runs.matrix import Matrix

_VERSION = 1


def chunks(
    run: Run,
    prompt: str | None,
    model_seed: int,
    names: Collection[str] | None = None,
    proof: Proof | None = None,
) -> Iterator[str]:
    """The document in pieces, one for each row of a matrix, so that the whole is never held.

    prompt: the text, None where ids were given. names: of the matrices that it holds; all by default. proof: of this
    run, to be told at its end.
    All is ASCII, and no control characters are in it but line ends.
    """
    need_run(run, "to write a run as JSON")
    yield _open(_run_members(run, prompt, model_seed)) + ',\n"steps": ['
    for step in run.steps:
        yield (",\n" if step.index else "\n") + _open(_step_members(step)) + ',\n"matrices": ['
        for number, matrix in enumerate(in_order(step, names=names)):
            yield (",\n" if number else "\n") + _open(_matrix(matrix)) + ', "values": '
            yield from _values(matrix.shared)
            yield "}"
        yield "]}"
    yield "]" if proof is None else '],\n"proof": ' + _dumps(_proof(proof))
    yield "}\n"


def _open(members: dict[str, Any]) -> str:
    """An object without its closing brace, so that more members can follow."""
    return _dumps(members).removesuffix("}")


def _dumps(value: Any) -> str:
    # DEL is the one control character that json leaves as it is
    return json.dumps(value, allow_nan=False).replace("\x7f", "\\u007f")


def _run_members(run: Run, prompt: str | None, model_seed: int) -> dict[str, Any]:
    model, tokenizer = run.model, run.model.tokenizer
    return {
        "format": "llm_core run",
        "version": _VERSION,
        "model": {
            "name": model.name,
            "seed": model_seed if run.model.random_weights else None,  # only random weights have one
            "fingerprint": model.weights.version,
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
            "stages": [
                {
                    "name": stage.name,
                    "setting": stage.setting,
                    "probability": float(stage.probabilities[sampled.id]),
                    "left": stage.left,
                }
                for stage in sampled.stages
            ],
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
        "dtype": str(matrix.shared.dtype).removeprefix("torch."),
        "arrives": matrix.arrives,
    }


def _values(values: Tensor) -> Iterator[str]:
    """Nested lists, row by row."""
    if values.ndim == 1:
        yield _dumps([_finite(value) for value in values.tolist()])
        return
    yield "["
    for number, part in enumerate(values):
        yield ", " if number else ""
        yield from _values(part)
    yield "]"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _proof(proof: Proof) -> dict[str, Any]:
    return {
        "ok": proof.ok,
        "reference": proof.reference,
        "own_weights": proof.own_weights,
        "tolerance": proof.tolerance,
        "off": proof.off,
        "errors": {name: _finite(error) for name, error in proof.errors.items()},
        "relative": {name: _finite(error) for name, error in proof.relative.items()},
        "reasons": proof.reasons,
    }

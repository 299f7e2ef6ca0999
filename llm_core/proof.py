"""The proof: every matrix of a run held against an implementation that shares no arithmetic with the engine.

A model that was read from files is held against transformers with the same files; any other against a float64
computation, with the weights drawn once more from their seed where they came from one.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from llm_core import catalogue, proof_float64, proof_transformers
from llm_core.generation import Run, Step
from llm_core.loading import random_model
from llm_core.model import Transformer
from llm_core.trace import Matrix

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.1}
"""How far a matrix may be off, relative to its largest magnitude.

Two correct implementations add up in different orders, and each layer passes on what the last one rounded: over 30
layers of float32 (2⁻²⁴ ≈ 6e-8) that makes about 1e-5, and of bfloat16 (2⁻⁹ ≈ 2e-3) some hundredths. A wrong weight or
formula makes far more, in the first matrix that it touches.
"""


@dataclass(frozen=True)
class Proof:
    """What a run was held against, and how far each of its matrices is off. All names in order of computation.

    errors: the worst absolute error over all steps, or None without a counterpart; relative: the same, divided by the
    largest magnitude of the matrix; reasons: why, for each None. An error is infinite where other cells are infinite
    or NaN than in the reference.
    """

    reference: Literal["transformers", "float64"]
    errors: dict[str, float | None]
    relative: dict[str, float | None]
    reasons: dict[str, str]
    tolerance: float

    @property
    def off(self) -> list[str]:
        """The matrices beyond the tolerance."""
        return [name for name, error in self.relative.items() if error is not None and error > self.tolerance]

    @property
    def first_off(self) -> str | None:
        """The first matrix beyond the tolerance: what is wrong is wrong there, and the rest follows from it."""
        return next(iter(self.off), None)

    @property
    def ok(self) -> bool:
        return not self.off

    @property
    def worst(self) -> float:
        """The largest relative error of all."""
        return max(error for error in self.relative.values() if error is not None)


def prove(run: Run) -> Proof:
    """Hold every matrix of every step of a run against the reference that its model has.

    Raises ValueError where the model's original files are gone or memory is short of a second model.
    """
    comparison, ids = _Comparison(run), run.ids[: run.cache.length]
    sampled = {step.positions[-1] for step in comparison.steps}
    files = isinstance(run.model.origin, Path)
    if files:
        proof_transformers.compute(run.model, ids, sampled, comparison)
    else:
        proof_float64.compute(run.model.config, _weights(run.model), ids, sampled, comparison)
    names = [entry.name for entry in catalogue.matrices(run.model.config)]
    return Proof(
        "transformers" if files else "float64",
        {name: comparison.errors.get(name) for name in names},
        {name: comparison.relative(name) for name in names},
        {name: proof_transformers.REASON for name in names if name not in comparison.errors},
        TOLERANCE[run.model.dtype],
    )


def _weights(model: Transformer) -> Mapping[str, Tensor]:
    """The weights as they should be: drawn again from their seed, or, of a model without one, its own."""
    source = model if model.origin is None else random_model(model.config, int(str(model.origin)))
    return dict(source.named_parameters())


class _Comparison:
    """Called with a reference's matrices and which rows they hold; remembers the worst errors."""

    def __init__(self, run: Run) -> None:
        self.steps, self.config = run.steps, run.model.config
        self.errors: dict[str, float] = {}
        self.largest: dict[str, float] = {}

    def __call__(self, values: Mapping[str, Any], rows: range) -> None:
        for step in self.steps:
            start, stop = (min(max(r, step.positions.start), step.positions.stop) for r in (rows.start, rows.stop))
            if start < stop:
                self._step(step, values, rows, range(start, stop))

    def _step(self, step: Step, values: Mapping[str, Any], rows: range, common: range) -> None:
        first = step.positions.start
        entries = [catalogue.matrix(self.config, name) for name in values]
        names = [e.name for e in entries if "vocab" not in e.axes or step.positions[-1] in common]
        for matrix in step.matrices(names, range(common.start - first, common.stop - first)):
            reference = torch.as_tensor(values[matrix.name])
            self._compare(matrix, *_aligned(matrix, reference, rows, common))

    def _compare(self, matrix: Matrix, ours: Tensor, theirs: Tensor) -> None:
        difference, size = (ours - theirs).abs_(), theirs.abs()  # of float32 and float64: in float64
        if not math.isfinite(difference.max()):  # masked scores are −∞ on both sides
            same = (ours == theirs) & ours.isinf()
            difference = difference.nan_to_num(nan=torch.inf, posinf=torch.inf).masked_fill(same, 0.0)
            size = size.masked_fill(~theirs.isfinite(), 0.0)
        error, largest = float(difference.max()), float(size.max())
        name = matrix.name
        self.errors[name] = max(self.errors.get(name, 0.0), error)
        self.largest[name] = max(self.largest.get(name, 0.0), largest)

    def relative(self, name: str) -> float | None:
        if name not in self.errors:
            return None
        error, largest = self.errors[name], self.largest[name]
        return error if error in (0.0, float("inf")) else error / largest if largest else float("inf")


def _aligned(matrix: Matrix, theirs: Tensor, rows: range, common: range) -> tuple[Tensor, Tensor]:
    """The cells that both sides hold, of the common rows: a step's keys may go further than the reference's, or not."""
    ours, theirs = (t.float() if t.dtype == torch.bfloat16 else t for t in (matrix.values, theirs))
    for axis, word in enumerate(matrix.axes):
        if word in ("position", "query") and "vocab" not in matrix.axes:
            theirs = theirs.narrow(axis, common.start - rows.start, len(common))
        if word == "key":
            theirs = theirs.narrow(axis, 0, min(theirs.shape[axis], ours.shape[axis]))
    if matrix.axes[-1] == "key":  # shares of keys that are still to come, where the reference has no columns for them
        theirs = torch.nn.functional.pad(theirs, (0, ours.shape[-1] - theirs.shape[-1]))
    elif "key" in matrix.axes:
        axis = matrix.axes.index("key")
        ours = ours.narrow(axis, 0, theirs.shape[axis])
    return ours, theirs

"""The proof: every matrix of a run held against an implementation that shares no arithmetic with the engine.

A model that was read from files is held against transformers with the same files; any other against a float64
computation, with the weights drawn once more from their seed where they came from one. Weights that were edited or
trained can be had from nowhere else: the float64 computation takes the model's own, and the proof says so.

A run in bfloat16 is held against float32 and float64, matrix by matrix: each is computed from the engine's own matrices
that it comes from. Two correct runs in bfloat16 may drift apart over the layers as far as a wrong one would, since each
layer magnifies what the last one rounded; from one matrix to the next there are a few roundings and no more.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from llm_core import catalogue
from llm_core.catalogue.entry import TOKEN_ROWS
from llm_core.model.identity import Files, Seed
from llm_core.model.transformer import Transformer
from llm_core.proof import float64, transformers_side
from llm_core.proof.float64 import SCORE_ROWS
from llm_core.runs import derivation
from llm_core.runs.generation import Run, Step, need_run
from llm_core.runs.matrix import Matrix
from llm_core.weights.checkpoint import Progress
from llm_core.weights.loading import random_model

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.02}
"""How far a matrix may be off, relative to its largest magnitude.

Two correct implementations add up in different orders, and each layer passes on what the last one rounded: over 30
layers of float32 (2⁻²⁴ ≈ 6e-8) that makes about 1e-5. In bfloat16 (2⁻⁹ ≈ 2e-3) one matrix is at most five roundings
away from the ones that it comes from. A wrong weight or formula makes far more, in the first matrix that it touches.
"""
STREAM = 8 * torch.finfo(torch.bfloat16).eps
"""The same in bfloat16 for a layer's output: the run computed it by another kernel than the matrices inside the layer,
one that rounds no scores. As far as a layer that is derived again may arrive from it (see derivation.py)."""


@dataclass(frozen=True)
class Proof:
    """What a run was held against, and how far each of its matrices is off. All names in order of computation.

    errors: the worst absolute error over all steps, or None without a counterpart; relative: the same, divided by the
    largest magnitude of the matrix; reasons: why, for each None. An error is infinite where other cells are infinite
    or NaN than in the reference. wider: the tolerance of those matrices that have one of their own. own_weights: True
    where the reference took the weights from the model itself, since no seed and no file has them.
    """

    reference: Literal["transformers", "float64"]
    errors: dict[str, float | None]
    relative: dict[str, float | None]
    reasons: dict[str, str]
    tolerance: float
    wider: Mapping[str, float] = field(default_factory=dict)
    own_weights: bool = False

    @property
    def off(self) -> list[str]:
        """The matrices beyond the tolerance."""
        return [
            name
            for name, error in self.relative.items()
            if error is not None and error > self.wider.get(name, self.tolerance)
        ]

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


def prove(run: Run, progress: Progress = lambda doing, share: None) -> Proof:
    """Hold every matrix of every step of a run against the reference that its model has.

    progress: called with what is done next, in words, and which share of the whole is done. Raises ValueError where the
    model's original files are gone or memory is short of a second model.
    """
    need_run(run, "to prove a run")
    comparison, ids = _Comparison(run, progress), run.ids[: run.length]
    sampled = {step.positions[-1] for step in comparison.steps}
    source = run.model.weights.source
    files = isinstance(source, Files)
    coarse = run.model.dtype != torch.float32
    ours = _Own(run) if coarse else None
    if files:
        transformers_side.compute_with_transformers(run.model, ids, sampled, comparison, ours, comparison.before)
    else:
        float64.compute_in_float64(run.model.config, _weights(run.model), ids, sampled, comparison, ours)
    if coarse:
        _inside_attention(run, comparison)
    names = [entry.name for entry in catalogue.matrices(run.model.config)]
    return Proof(
        "transformers" if files else "float64",
        {name: comparison.errors.get(name) for name in names},
        {name: comparison.relative(name) for name in names},
        {name: transformers_side.REASON for name in names if name not in comparison.errors},
        TOLERANCE[run.model.dtype],
        {catalogue.door(run.model.config, i + 1): STREAM for i in range(run.model.config.layers)} if coarse else {},
        own_weights=not isinstance(source, Seed | Files),
    )


def _weights(model: Transformer) -> Mapping[str, Tensor]:
    """The weights as they should be: drawn again from their seed, or, of a model without one, its own."""
    source = model.weights.source
    drawn = random_model(model.config, source.seed) if isinstance(source, Seed) else model
    return dict(drawn.named_parameters())


class _Own:
    """A run's own rows of its matrices, in float32, of whichever steps; those of one layer are read at once.

    Of a matrix as wide as the vocabulary it has the rows of sampled tokens, one at a time.
    """

    def __init__(self, run: Run) -> None:
        self.run, self.config = run, run.model.config
        self._of: tuple[int | None, range] | None = None
        self._known: dict[str, Tensor] = {}

    def __call__(self, name: str, rows: range) -> Tensor:
        entry = catalogue.matrix(self.config, name)
        if "vocab" in entry.axes:
            return next(s.matrix(name).shared.float() for s in self.run.steps if s.positions[-1] == rows.start)
        of = entry.layer, rows
        if self._of != of:
            self._of, self._known = of, self._read(*of)
        return self._known[name]

    def _read(self, layer: int | None, rows: range) -> dict[str, Tensor]:
        entries = {
            e.name: e
            for e in catalogue.matrices(self.config)
            if e.layer == layer and "position" in e.axes and "vocab" not in e.axes
        }
        parts: dict[str, list[Tensor]] = {name: [] for name in entries}
        for step in self.run.steps:
            start, stop = (min(max(r, step.positions.start), step.positions.stop) for r in (rows.start, rows.stop))
            if start < stop:
                first = step.positions.start
                for matrix in step.matrices(list(entries), range(start - first, stop - first), keep=False):
                    parts[matrix.name].append(matrix.shared.float())
        return {name: torch.cat(parts[name], entry.axes.index("position")) for name, entry in entries.items()}


def _inside_attention(run: Run, comparison: "_Comparison") -> None:
    """Hold what lies between queries and the heads' outputs against float64, each from the matrix before it."""
    config = run.model.config
    for layer in range(config.layers):
        at = f"layers.{layer}.attention."
        names = [e.name for e in catalogue.matrices(config) if e.name.startswith(at) and e.name != at + "output"]
        for step in run.steps:
            for block in derivation.blocks(step):
                ours = {m.name: m.shared.double().numpy() for m in step.matrices(names, block, keep=False)}
                positions = step.positions[block.start : block.stop]
                reference = float64.inside_attention(config, at, ours, positions)
                comparison.of_step(step, reference, positions, positions)


class _Comparison:
    """Called with a reference's matrices and which rows they hold; remembers the worst errors, and tells how far it
    is."""

    def __init__(self, run: Run, progress: Progress) -> None:
        self.steps, self.config, self._progress = run.steps, run.model.config, progress
        self.errors: dict[str, float] = {}
        self.largest: dict[str, float] = {}
        self._layers = self.config.layers * math.ceil(run.length / SCORE_ROWS)  # each comes once for each chunk of rows
        self._done, self._before = 0, 0.0

    def before(self, doing: str, share: float) -> None:
        """What is done before the first layer, up to this share of the whole."""
        self._before = share
        self._progress(doing, share)

    def __call__(self, values: Mapping[str, Any], rows: range) -> None:
        layer = next((entry.layer for name in values for entry in [catalogue.matrix(self.config, name)]), None)
        if layer is not None:
            share = self._before + (1 - self._before) * self._done / self._layers
            self._progress(f"layer {layer} of {self.config.layers}", share)
            self._done += 1
        for step in self.steps:
            start, stop = (min(max(r, step.positions.start), step.positions.stop) for r in (rows.start, rows.stop))
            if start < stop:
                self.of_step(step, values, rows, range(start, stop))

    def of_step(self, step: Step, values: Mapping[str, Any], rows: range, common: range) -> None:
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
    ours, theirs = (t.float() if t.dtype == torch.bfloat16 else t for t in (matrix.shared, theirs))
    for axis, word in enumerate(matrix.axes):
        if word in TOKEN_ROWS and "vocab" not in matrix.axes:
            theirs = theirs.narrow(axis, common.start - rows.start, len(common))
        if word == "key":
            theirs = theirs.narrow(axis, 0, min(theirs.shape[axis], ours.shape[axis]))
    if matrix.axes[-1] == "key":  # shares of keys that are still to come, where the reference has no columns for them
        theirs = torch.nn.functional.pad(theirs, (0, ours.shape[-1] - theirs.shape[-1]))
    elif "key" in matrix.axes:
        axis = matrix.axes.index("key")
        ours = ours.narrow(axis, 0, theirs.shape[axis])
    return ours, theirs

"""The matrix or weight that is taken along: which one it is, how large, and its values."""

import re
from dataclasses import dataclass

from llm_core import Matrix, Step, catalogue
from llm_core.catalogue.entry import TOKEN_ROWS
from llm_core.explanation.explanation import shape_of
from llm_core.runs.derivation import VocabLabels


@dataclass(frozen=True)
class Taken:
    """One matrix, or weight, of a step. head: along its own axis of heads; None where it has none."""

    step: Step
    name: str
    head: int | None = None

    @property
    def learned(self) -> bool:
        return catalogue.find(self.step.run.model.config, self.name).learned

    @property
    def shape(self) -> dict[str, int]:
        """How many cells it has along each axis, all heads included; nothing is computed."""
        return shape_of(self.step, self.name)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of one head."""
        rows, columns = (1, *self.shape.values())[-2:]
        return rows, columns

    def matrix(self) -> Matrix:
        """Its values and labels; a weight's labels are numbers, and the tokens of the vocabulary."""
        if not self.learned:
            return self.step.matrix(self.name)
        entry = catalogue.weight(self.step.run.model.config, self.name)
        labels = tuple(
            VocabLabels(self.step) if axis == "vocab" else [str(i) for i in range(size)]
            for axis, size in self.shape.items()
        )
        return Matrix(entry, self.step.run.model.get_parameter(self.name).detach(), labels)

    def starts(self) -> dict[str, int]:
        """The number of the first cell along the axes of the step's rows: their position among all tokens."""
        positions = self.step.positions
        first = positions[-1] if "vocab" in self.shape else positions.start
        return dict.fromkeys(TOKEN_ROWS, 0 if self.learned else first)

    def file_name(self, suffix: str) -> str:
        """A name that every system takes: the model, the step, the matrix, the head."""
        phase = (
            ""
            if self.learned
            else f"prefill-{self.name}"
            if self.step.index == 0
            else (f"decode-{self.step.index}-{self.name}")
        )
        head = "" if self.head is None else f"-{next(iter(self.shape)).replace('_', '-')}-{self.head}"
        return f"{plain(self.step.run.model.name)}-{phase or self.name}{head}.{suffix}"


def plain(name: str) -> str:
    """A name without anything that a file's name may not have."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "model"

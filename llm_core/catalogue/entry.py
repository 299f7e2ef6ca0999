"""What the catalogue says of one matrix or one weight.

Axis words: position (a row for each token of the step), query, key (tokens that ask, tokens that answer), head,
kv_head, head_dim, model, hidden, vocab. A weight's head_dim runs through all heads side by side.
"""

from dataclasses import dataclass
from typing import Literal

Quantity = Literal["signed", "probability"]
ModelPart = Literal["embedding", "attention", "feedforward", "output"]
OperationName = Literal[
    "lookup", "sinusoid", "add", "product", "scale", "mask", "softmax", "norm", "rotate", "activate", "copy"
]


TOKEN_ROWS = ("position", "query")
"""The axes that have one row for each token of the step; a key is of any token so far."""


def growing_axis(axes: tuple[str, ...]) -> int | None:
    """Which axis has a row for each token of the step. None for cached keys and values, which have all rows so far, and
    for logits and probabilities, of which a step has the sampled row alone.
    """
    if axes[-1] == "vocab":
        return None
    return next((i for i, axis in enumerate(axes) if axis in TOKEN_ROWS), None)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one matrix, or one weight, is.

    formula is plain text with Unicode symbols; axes are the axis words of its values, in order; operands are the
    names of the matrices and weights that its operation reads, in the order of the formula. meaning: of a weight a
    sentence, since it is shown alone; of a matrix what stands after its title and formula, without a full stop.
    factor: what a "scale" or a "lookup" multiplies each number by; sign: the same, as it is written between two
    matrices, "÷ √64".
    """

    name: str
    title: str
    symbol: str
    formula: str
    axes: tuple[str, ...]
    quantity: Quantity = "signed"
    meaning: str
    part: ModelPart
    operation: OperationName | None = None  # None: a weight
    operands: tuple[str, ...] = ()
    factor: float = 1.0
    sign: str = ""
    layer: int | None = None
    shape: tuple[int, ...] = ()  # of a weight; a matrix's depends on the step: `axis_sizes.matrix_shape`

    @property
    def untrained(self) -> float | None:
        """What each number of a norm's scale or shift is in a random model: it changes nothing there. None for all
        other weights, which are drawn, and for matrices."""
        return {"scale": 1.0, "shift": 0.0}.get(self.name.rpartition(".")[2]) if self.learned else None

    @property
    def hides(self) -> bool:
        """True where the causal mask hides some of its cells (query, key) from attention."""
        return self.operation in ("mask", "softmax") and self.axes[-2:] == ("query", "key")

    @property
    def learned(self) -> bool:
        """True for a weight, which training sets; False for a matrix, which a run computes."""
        return self.operation is None

"""What the catalogue says of one matrix or one weight.

Axis words: position (a row for each token of the step), query, key (tokens that ask, tokens that answer), head,
kv_head, head_dim, model, hidden, vocab. A weight's head_dim runs through all heads side by side.
"""

from dataclasses import dataclass, field
from typing import Literal

Quantity = Literal["signed", "probability"]
Part = Literal["embedding", "attention", "feedforward", "output"]
Operation = Literal[
    "lookup", "sinusoid", "add", "product", "scale", "mask", "softmax", "norm", "rotate", "activate", "copy"
]


@dataclass(frozen=True)
class Entry:
    """What one matrix, or one weight, is.

    formula is plain text with Unicode symbols; axes are the axis words of its values, in order; operands are the
    names of the matrices and weights that its operation reads, in the order of the formula.
    """

    name: str
    title: str
    symbol: str
    formula: str
    axes: tuple[str, ...]
    quantity: Quantity
    meaning: str
    part: Part
    operation: Operation | None = None  # None: a weight
    operands: tuple[str, ...] = ()
    layer: int | None = None
    shape: tuple[int, ...] = field(default=())  # of a weight; a matrix's depends on the step

    @property
    def learned(self) -> bool:
        """True for a weight, which training sets; False for a matrix, which a run computes."""
        return self.operation is None

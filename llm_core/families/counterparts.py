"""Where transformers holds a family's matrices: what goes into or comes out of which of its modules.

What a family has no line for, no module of transformers takes or returns: queries after their rotation, and scores
before the softmax. Keys and values are in its cache.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from llm_core.config.model_config import ModelConfig

View = Literal["rows", "heads", "columns", "interleaved", "attention"]


@dataclass(frozen=True)
class Counterpart:
    """One matrix, by its name in the engine, and the module of transformers' base model that takes or returns it.

    view: "rows" as it is; "heads" side by side in each row; "columns" the part-th of three, then heads (GPT-2);
    "interleaved" the part-th of three in each head (GPT-NeoX); "attention" the second thing that the module returns.
    """

    matrix: str
    module: str
    side: Literal["in", "out"] = "out"
    view: View = "rows"
    part: int = 0

    def read(self, value: Tensor, config: ModelConfig) -> Tensor:
        """The matrix in what a module takes or returns for a batch of one, as a view of it."""
        value, d = value[0], config.head_dim
        if self.view in ("rows", "attention"):
            return value
        rows = value.flatten(1)  # (p, h·d), or all three of them
        if self.view == "columns":
            rows = rows.tensor_split(3, -1)[self.part]
        if self.view == "interleaved":
            return rows.unflatten(-1, (-1, 3, d))[:, :, self.part].transpose(0, 1)  # (h, p, d)
        return rows.unflatten(-1, (-1, d)).transpose(0, 1)  # (h, p, d)


def of_attention(at: str, module: str, projection: str) -> list[Counterpart]:
    return [
        Counterpart(f"{at}.weights", module, "out", "attention"),
        Counterpart(f"{at}.head_output", projection, "in", "heads"),
        Counterpart(f"{at}.output", projection),
    ]


def of_stream(config: ModelConfig, layer: int, block: str, first_norm: str, second_norm: str) -> list[Counterpart]:
    ours = f"layers.{layer}"
    middle = [] if config.parallel else [Counterpart(f"{ours}.residual_middle", second_norm, "in")]
    norms = [Counterpart(f"{ours}.attention.norm", first_norm), Counterpart(f"{ours}.feedforward.norm", second_norm)]
    return [*middle, *norms, Counterpart(f"{ours}.residual", block)]


def of_feedforward(ff: str, up: str, down: str) -> list[Counterpart]:
    return [Counterpart(f"{ff}.up", up), Counterpart(f"{ff}.hidden", down, "in"), Counterpart(f"{ff}.output", down)]

"""How a tensor lies on disk, and the tensors that several families store alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from llm_core.config.model_config import ModelConfig

Layout = Literal["same", "transposed", "columns", "interleaved", "less one"]


@dataclass(frozen=True)
class Stored:
    """One tensor on disk and the weights (stored (in, out) in the model) that it holds.

    layout: "same"; "transposed" is nn.Linear's (out, in); "columns" holds several weights side by side in its last axis
    (GPT-2's c_attn); "interleaved" holds query, key and value rows head by head, (h·3·d, in) (GPT-NeoX);
    "less one" holds the distance of each number from 1 (the scales of Gemma's norms).
    also: other names that a checkpoint may have for the tensor.
    """

    disk: str
    weights: tuple[str, ...]
    layout: Layout = "same"
    also: tuple[str, ...] = ()

    def unpack(self, tensor: Tensor, config: ModelConfig) -> dict[str, Tensor]:
        """The weights in a tensor as it lies on disk."""
        if self.layout == "columns":
            parts = list(tensor.tensor_split(len(self.weights), -1))
        elif self.layout == "interleaved":
            heads = tensor.unflatten(0, (config.heads, len(self.weights), config.head_dim))  # (h, 3, d, …)
            parts = [heads[:, i].flatten(0, 1) for i in range(len(self.weights))]  # (h·d, …)
            parts = [part.t() for part in parts]  # a bias stays as it is
        elif self.layout == "less one":
            parts = [1.0 + tensor.float()]  # in float32, whatever type the sum is rounded to later
        else:
            parts = [tensor.t() if self.layout == "transposed" else tensor]
        return dict(zip(self.weights, parts, strict=True))


def layernorm_tensors(disk: str, ours: str) -> Iterator[Stored]:
    yield Stored(f"{disk}.weight", (f"{ours}.scale",))
    yield Stored(f"{disk}.bias", (f"{ours}.shift",))


def linear_tensors(disk: str, ours: str, bias: bool) -> Iterator[Stored]:
    yield Stored(f"{disk}.weight", (ours,), "transposed")
    if bias:
        yield Stored(f"{disk}.bias", (ours.replace(".w_", ".b_"),))


def embedding_tensor(config: ModelConfig, disk: str, *head: str) -> Stored:
    """The token embedding: of a tied model the unembedding too, and stored under the name of either."""
    return Stored(disk, ("embedding.token",), also=head if config.tied else ())


def unembedding_tensor(config: ModelConfig, disk: str, *also: str) -> Iterator[Stored]:
    if not config.tied:
        yield Stored(disk, ("unembedding.weight",), "transposed", also)

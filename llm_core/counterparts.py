"""Where transformers holds a family's matrices: what goes into or comes out of which of its modules.

What a family has no line for, no module of transformers takes or returns: queries after their rotation, and scores
before the softmax. Keys and values are in its cache.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from llm_core.config import ModelConfig

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
        """The matrix in what a module takes or returns for a batch of one."""
        value, d = value[0], config.head_dim
        if self.view in ("rows", "attention"):
            return value
        rows = value.flatten(1)  # (p, h·d), or all three of them
        if self.view == "columns":
            rows = rows.tensor_split(3, -1)[self.part]
        if self.view == "interleaved":
            rows = rows.unflatten(-1, (-1, 3, d))[:, :, self.part].flatten(1)
        return rows.unflatten(-1, (-1, d)).transpose(0, 1)  # (h, p, d)


def gpt2(config: ModelConfig) -> list[Counterpart]:
    found = [Counterpart("token_embedding", "wte"), Counterpart("position_embedding", "wpe")]
    found += [Counterpart("input", "h.0", "in"), Counterpart("final_norm", "ln_f")]
    for i in range(config.layers):
        at, ff, block = f"layers.{i}.attention", f"layers.{i}.feedforward", f"h.{i}"
        found += [Counterpart(f"{at}.{x}", f"{block}.attn.c_attn", "out", "columns", n) for n, x in enumerate("qkv")]
        found += _attention(at, f"{block}.attn", f"{block}.attn.c_proj")
        found += _stream(config, i, block, f"{block}.ln_1", f"{block}.ln_2")
        found += _feedforward(ff, f"{block}.mlp.c_fc", f"{block}.mlp.c_proj")
    return found


def llama(config: ModelConfig) -> list[Counterpart]:
    """Also of Mistral, Qwen2 and Qwen3."""
    found = [Counterpart("token_embedding", "embed_tokens"), Counterpart("input", "layers.0", "in")]
    found += [Counterpart("final_norm", "norm")]
    for i in range(config.layers):
        at, ff, block = f"layers.{i}.attention", f"layers.{i}.feedforward", f"layers.{i}"
        found += [Counterpart(f"{at}.{x}", f"{block}.self_attn.{x}_proj", "out", "heads") for x in "qkv"]
        if config.qk_norm:
            found += [Counterpart(f"{at}.{x}_normed", f"{block}.self_attn.{x}_norm", "out", "heads") for x in "qk"]
        found += _attention(at, f"{block}.self_attn", f"{block}.self_attn.o_proj")
        found += _stream(config, i, block, f"{block}.input_layernorm", f"{block}.post_attention_layernorm")
        found += [Counterpart(f"{ff}.gate", f"{block}.mlp.gate_proj")]
        found += _feedforward(ff, f"{block}.mlp.up_proj", f"{block}.mlp.down_proj")
    return found


def neox(config: ModelConfig) -> list[Counterpart]:
    found = [Counterpart("token_embedding", "embed_in"), Counterpart("input", "layers.0", "in")]
    found += [Counterpart("final_norm", "final_layer_norm")]
    for i in range(config.layers):
        at, ff, block = f"layers.{i}.attention", f"layers.{i}.feedforward", f"layers.{i}"
        qkv = f"{block}.attention.query_key_value"
        found += [Counterpart(f"{at}.{x}", qkv, "out", "interleaved", n) for n, x in enumerate("qkv")]
        found += _attention(at, f"{block}.attention", f"{block}.attention.dense")
        found += _stream(config, i, block, f"{block}.input_layernorm", f"{block}.post_attention_layernorm")
        found += _feedforward(ff, f"{block}.mlp.dense_h_to_4h", f"{block}.mlp.dense_4h_to_h")
    return found


def _attention(at: str, module: str, projection: str) -> list[Counterpart]:
    return [
        Counterpart(f"{at}.weights", module, "out", "attention"),
        Counterpart(f"{at}.head_output", projection, "in", "heads"),
        Counterpart(f"{at}.output", projection),
    ]


def _stream(config: ModelConfig, layer: int, block: str, first_norm: str, second_norm: str) -> list[Counterpart]:
    ours = f"layers.{layer}"
    middle = [] if config.parallel else [Counterpart(f"{ours}.residual_middle", second_norm, "in")]
    norms = [Counterpart(f"{ours}.attention.norm", first_norm), Counterpart(f"{ours}.feedforward.norm", second_norm)]
    return [*middle, *norms, Counterpart(f"{ours}.residual", block)]


def _feedforward(ff: str, up: str, down: str) -> list[Counterpart]:
    return [Counterpart(f"{ff}.up", up), Counterpart(f"{ff}.hidden", down, "in"), Counterpart(f"{ff}.output", down)]

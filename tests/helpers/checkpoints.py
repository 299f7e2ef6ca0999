"""Tiny models on disk, made by transformers' own classes or as GGUF files, and what transformers computes with them.

Every parameter is perturbed: in a fresh model each norm's scale is 1 and each bias 0, so that a mistake in them would
not be seen.
"""

import json
from pathlib import Path
from tempfile import gettempdir

import gguf
import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

from llm_core import load_model
from tests.helpers.small_models import record

SIZES = {
    "vocab_size": 131,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "max_position_embeddings": 256,
    "num_attention_heads": 4,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
LLAMA = {**SIZES, "intermediate_size": 48, "tie_word_embeddings": False}
GROUPED = {**LLAMA, "num_key_value_heads": 2}
NEOX = {**SIZES, "intermediate_size": 56}
NEOX_ROPE = {"rope_type": "default", "rope_theta": 500.0}
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 300.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
WINDOW = 6
IDS = [5, 90, 3, 17, 4, 4, 130, 22, 61, 8]  # a prompt

# name → (transformers' config class without "Config", its settings)
ARCHITECTURES = {
    "gpt2": ("GPT2", SIZES),
    "gpt2, untied": ("GPT2", {**SIZES, "tie_word_embeddings": False}),
    "gpt2, other width, epsilon and activation": (
        "GPT2",
        {**SIZES, "n_inner": 40, "layer_norm_epsilon": 1e-2, "activation_function": "relu"},
    ),
    "llama, one KV head for each head": ("Llama", LLAMA),
    "llama, grouped, tied": ("Llama", {**GROUPED, "tie_word_embeddings": True}),
    "llama, one KV head for all": ("Llama", {**LLAMA, "num_key_value_heads": 1}),
    "llama, rope theta and epsilon": (
        "Llama",
        {**GROUPED, "rms_norm_eps": 1e-2, "rope_parameters": {"rope_type": "default", "rope_theta": 77.0}},
    ),
    "llama, llama3 rope": ("Llama", {**GROUPED, "rope_parameters": LLAMA3_ROPE}),
    "llama, linear rope": (
        "Llama",
        {**GROUPED, "rope_parameters": {"rope_type": "linear", "rope_theta": 900.0, "factor": 4.0}},
    ),
    "llama, attention biases": ("Llama", {**GROUPED, "attention_bias": True}),
    "llama, feed-forward biases": ("Llama", {**GROUPED, "mlp_bias": True}),
    "llama, wide heads": ("Llama", {**GROUPED, "head_dim": 12, "attention_bias": True, "mlp_bias": True}),
    "mistral, window": ("Mistral", {**GROUPED, "sliding_window": WINDOW}),
    "mistral, tied": ("Mistral", {**GROUPED, "tie_word_embeddings": True, "sliding_window": None}),
    "mistral, no window, one KV head": ("Mistral", {**LLAMA, "num_key_value_heads": 1, "sliding_window": None}),
    "qwen2": ("Qwen2", {**GROUPED, "tie_word_embeddings": True}),
    "qwen2, window in all layers": (
        "Qwen2",
        {**GROUPED, "use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 0},
    ),
    "qwen3": ("Qwen3", {**GROUPED, "head_dim": 16, "rms_norm_eps": 1e-2}),
    "qwen3, tied, biases, one KV head": (
        "Qwen3",
        {**LLAMA, "num_key_value_heads": 1, "head_dim": 8, "attention_bias": True, "tie_word_embeddings": True},
    ),
    "neox, parallel": ("GPTNeoX", {**NEOX, "rope_parameters": {**NEOX_ROPE, "partial_rotary_factor": 0.25}}),
    "neox, sequential, fully rotated": (
        "GPTNeoX",
        {
            **NEOX,
            "use_parallel_residual": False,
            "layer_norm_eps": 1e-2,
            "rope_parameters": {**NEOX_ROPE, "partial_rotary_factor": 1.0},
        },
    ),
    "neox, parallel, no attention biases": (
        "GPTNeoX",
        {
            **NEOX,
            "attention_bias": False,
            "hidden_act": "gelu_new",
            "rope_parameters": {**NEOX_ROPE, "partial_rotary_factor": 1.0},
        },
    ),
    "neox, an odd share rotated": (
        "GPTNeoX",
        {
            **NEOX,
            "hidden_size": 48,
            "eos_token_id": None,
            "rope_parameters": {**NEOX_ROPE, "partial_rotary_factor": 0.25},
        },
    ),
    "neox, sequential, tied, no attention biases": (
        "GPTNeoX",
        {
            **NEOX,
            "attention_bias": False,
            "use_parallel_residual": False,
            "tie_word_embeddings": True,
            "rope_parameters": {**NEOX_ROPE, "partial_rotary_factor": 0.25},
        },
    ),
    "stablelm": (
        "StableLm",
        {**GROUPED, "eos_token_id": None, "rope_parameters": {**NEOX_ROPE, "partial_rotary_factor": 0.25}},
    ),
    "stablelm, tied, biases, fully rotated": (
        "StableLm",
        {
            **GROUPED,
            "tie_word_embeddings": True,
            "use_qkv_bias": True,
            "layer_norm_eps": 1e-2,
            "rope_parameters": {**NEOX_ROPE, "partial_rotary_factor": 1.0},
        },
    ),
    "gemma": ("Gemma", {**GROUPED, "head_dim": 12, "tie_word_embeddings": True}),
    "gemma, untied, biases, one KV head": (
        "Gemma",
        {**LLAMA, "head_dim": 8, "num_key_value_heads": 1, "attention_bias": True, "rms_norm_eps": 1e-2},
    ),
}

# Of each family the architecture with most that is its own: for tests that are too slow to try all of them
EACH_FAMILY = ["gpt2", "llama, llama3 rope", "mistral, window", "qwen2", "qwen3", "neox, parallel", "stablelm", "gemma"]


def make(name: str, seed: int = 0, **changes: object) -> torch.nn.Module:
    """transformers' own model of one architecture, in eager attention, every parameter perturbed."""
    kind, settings = ARCHITECTURES[name]
    config = getattr(transformers, f"{kind}Config")(**{**settings, **changes})
    config._attn_implementation = "eager"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.25 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def save(model: torch.nn.Module, folder: Path, **options: object) -> Path:
    model.save_pretrained(folder, **options)
    return folder


def edit_config(folder: Path, remove: tuple[str, ...] = (), **changes: object) -> Path:
    """Rewrite a checkpoint's config.json by hand."""
    file = folder / "config.json"
    fields = json.loads(file.read_text())
    for field in remove:
        del fields[field]
    file.write_text(json.dumps(fields | changes))
    return folder


def without_rope_parameters(folder: Path, **fields: object) -> Path:
    """Rewrite a config as transformers wrote it before version 5."""
    return edit_config(folder, remove=("rope_parameters",), transformers_version="4.40.0", **fields)


def edit_weights(folder: Path, change) -> None:
    """Rewrite a checkpoint's tensors: `change` is given the dictionary of them and returns another."""
    file = folder / "model.safetensors"
    tensors = {name: tensor.clone() for name, tensor in load_file(file).items()}
    save_file({name: tensor.contiguous() for name, tensor in change(tensors).items()}, file, {"format": "pt"})


# ---- GGUF files ---------------------------------------------------------------------------------------------------


def write_gguf(file: Path, arch: str = "llama", seed: int = 0, leave_out: str = "", more=lambda writer: None) -> Path:
    """A tiny model with grouped queries and a byte vocabulary, its weights random; `more` adds to what is written."""
    layers, m, f, heads, groups, vocab = 2, 32, 48, 4, 2, 262
    writer = gguf.GGUFWriter(file, arch)
    writer.add_context_length(128)
    writer.add_embedding_length(m)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(f)
    writer.add_head_count(heads)
    writer.add_head_count_kv(groups)
    writer.add_layer_norm_rms_eps(1e-3)
    writer.add_rope_freq_base(700.0)
    writer.add_rope_dimension_count(m // heads)
    writer.add_vocab_size(vocab)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["<s>", "</s>", *_byte_letters(), "he", "ll", "hell", "hello"])
    writer.add_token_types([3, 3] + [1] * 260)
    writer.add_token_merges(["h e", "l l", "he ll", "hell o"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    rng = np.random.default_rng(seed)
    kv = m // heads * groups
    shapes = {"token_embd": (vocab, m), "output_norm": (m,)}
    for i in range(layers):
        shapes |= {
            f"blk.{i}.{name}": shape
            for name, shape in {
                "attn_norm": (m,),
                "attn_q": (m, m),
                "attn_k": (kv, m),
                "attn_v": (kv, m),
                "attn_output": (m, m),
                "ffn_norm": (m,),
                "ffn_gate": (f, m),
                "ffn_up": (f, m),
                "ffn_down": (m, f),
            }.items()
        }
    for name, shape in shapes.items():
        if name != leave_out:
            writer.add_tensor(f"{name}.weight", rng.normal(0, 0.3, shape).astype(np.float32))
    more(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _byte_letters() -> list[str]:
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [256 + i for i in range(256 - len(printable))]
    return [chr(i) for i in printable + rest]


# ---- what transformers computes -----------------------------------------------------------------------------------


class Reference:
    """A transformers model that shows its matrices, under the engine's names and without the batch axis."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.model, self.cache = model, None
        base = model.base_model
        self.blocks = getattr(base, "h", None) or base.layers
        self.seen: dict[str, Tensor] = {}
        for i, block in enumerate(self.blocks):
            attention = next(m for n, m in block.named_children() if n in ("attn", "self_attn", "attention"))
            self._watch(attention, f"layers.{i}.attention.output")
            self._watch(block.mlp, f"layers.{i}.feedforward.output")
            self._watch(block, f"layers.{i}.residual")  # hidden_states has the last one after the final norm only

    def _watch(self, module: torch.nn.Module, name: str) -> None:
        def hook(module, inputs, output) -> None:
            self.seen[name] = (output[0] if isinstance(output, tuple) else output)[0].clone()

        module.register_forward_hook(hook)

    @torch.no_grad()
    def __call__(self, ids: list[int], decode: bool = False) -> dict[str, Tensor]:
        """The matrices of one pass, in order of computation; with decode, after what the last passes have cached."""
        self.seen = {}
        out = self.model(
            torch.tensor([ids]),
            past_key_values=self.cache if decode else None,
            use_cache=True,
            output_hidden_states=True,
            output_attentions=True,
        )
        self.cache = out.past_key_values
        total = self.cache.get_seq_length()
        found = {"input": out.hidden_states[0][0]}
        for i, weights in enumerate(out.attentions):
            missing = total - weights.shape[-1]  # keys that a sliding cache has let go of: nobody attends to them
            found[f"layers.{i}.attention.weights"] = torch.nn.functional.pad(weights[0], (missing, 0))
            if self.cache.layers[i].keys.shape[2] == total:
                found[f"layers.{i}.attention.keys"] = self.cache.layers[i].keys[0].clone()
                found[f"layers.{i}.attention.values"] = self.cache.layers[i].values[0].clone()
            found |= {name: value for name, value in self.seen.items() if name.startswith(f"layers.{i}.")}
        return found | {"final_norm": out.hidden_states[-1][0], "logits": out.logits[0]}


# ---- the comparison -----------------------------------------------------------------------------------------------


def error(a: Tensor, b: Tensor) -> float:
    """The largest absolute difference, relative to max(1, the largest magnitude): seen from both sides."""
    if a.shape != b.shape or not (torch.isfinite(a).all() and torch.isfinite(b).all()):
        return float("inf")
    a, b = a.double(), b.double()
    difference = float((a - b).abs().max())
    return max(difference / max(1.0, float(side.abs().max())) for side in (a, b))


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor], tolerance: float = 1e-5) -> None:
    """Every one of `theirs` is among `ours`, of the same shape and within tolerance. If not: layer by layer."""
    assert theirs
    errors = {name: error(ours[name], value) if name in ours else float("inf") for name, value in theirs.items()}
    if all(e <= tolerance for e in errors.values()):
        return
    lines = [
        f"{name:<34} {e:10.2e} {'' if e <= tolerance else '  <-'}{_shapes(ours.get(name), theirs[name])}"
        for name, e in errors.items()
    ]
    raise AssertionError(f"errors, relative to max(1, largest); tolerance {tolerance:g}\n" + "\n".join(lines))


def assert_loads_right(folder: Path, name: str) -> None:
    """The checkpoint in this folder, loaded by us, computes what transformers' model of this architecture does."""
    assert_same(record(load_model(str(folder)), IDS), Reference(make(name))(IDS))


def _shapes(ours: Tensor | None, theirs: Tensor) -> str:
    if ours is None:
        return "  the engine has no such matrix"
    return "" if ours.shape == theirs.shape else f"  shape {tuple(ours.shape)}, expected {tuple(theirs.shape)}"


# ---- the refusal --------------------------------------------------------------------------------------------------


def refusal(name: Path | str, **options: str) -> str:
    """The sentence that refuses a model: for people, so one line without a traceback's words."""
    with pytest.raises(ValueError) as refused:
        load_model(str(name), **options)
    sentence = str(refused.value)
    assert "\n" not in sentence and "Traceback" not in sentence
    assert gettempdir() not in sentence or not Path(name).exists()  # no path of this machine, unless it was typed
    return sentence

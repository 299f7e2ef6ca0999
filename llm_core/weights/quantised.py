"""Checkpoints with quantised weights: refused by the name of the method, before anything is read.

Their tensors hold codes, which only the method's own library turns into weights.
"""

import re
from collections.abc import Mapping
from typing import Any

from llm_core.support.plain_words import one_line

# By which of a checkpoint's tensors a method is known, where its config does not tell
_TRACES = {
    "bitsandbytes, 4 bit": r"\.(absmax|quant_map|nested_absmax|nested_quant_map|quant_state\..*)$",
    "bitsandbytes, 8 bit": r"\.SCB$",
    "GPTQ": r"\.g_idx$",
    "GPTQ or AWQ": r"\.(qweight|qzeros)$",
    "fp8": r"\.(weight_scale_inv|activation_scale)$",
    "compressed-tensors": r"\.(weight_packed|weight_shape|weight_zero_point|weight_g_idx|weight_global_scale)$",
    "compressed-tensors or fp8": r"\.(weight_scale|input_scale|output_scale|k_scale|v_scale)$",
    "mxfp4": r"_(blocks|scales)$",
    "AQLM": r"\.(codes|codebooks)$",
    "HQQ": r"\.W_q$",
    "quanto": r"\.weight\._(data|scale|shift)$",
    "EETQ": r"\.weight_scales$",
    "MLX": r"\.(biases|scales)$",
}
_WORDS = {
    "bitsandbytes": "bitsandbytes",
    "gptq": "GPTQ",
    "awq": "AWQ",
    "aqlm": "AQLM",
    "hqq": "HQQ",
    "eetq": "EETQ",
}
_FLOATS = frozenset(["F64", "F32", "F16", "BF16"])  # by their names in safetensors' header


def refuse_quantised_config(fields: Mapping[str, Any]) -> None:
    """Raises ValueError where a config.json says that its weights are quantised."""
    for name in ("quantization_config", "compression_config", "quantization", "quant_config"):
        declared = fields.get(name)
        if declared:  # MLX writes its settings twice
            raise ValueError(_sentence(_method(declared, "quantization" if "quantization" in fields else name)))


def _method(declared: Any, name: str) -> str:
    if not isinstance(declared, dict):
        return one_line(str(declared), 60)
    method = declared.get("quant_method") or declared.get("quant_algo")
    if method is None:
        method = "bitsandbytes" if any(key.startswith(("load_in_", "bnb_", "_load_in_")) for key in declared) else None
    if method is None and name == "compression_config":
        method = "compressed-tensors"
    if method is None and name == "quantization":
        method = "MLX"
    bits = next(
        (declared[key] for key in ("bits", "w_bit", "weight_bits", "nbits") if isinstance(declared.get(key), int)),
        None,
    )
    bits = 4 if declared.get("load_in_4bit") else 8 if declared.get("load_in_8bit") else bits
    words = "a method that its config does not name" if method is None else one_line(str(method), 60)
    return _WORDS.get(words, words) + (f", {bits} bit" if bits else "")


def refuse_quantised_tensors(types: Mapping[str, str]) -> None:
    """Raises ValueError where a checkpoint's tensors are those of quantised weights.

    types: the type of each tensor, as safetensors calls it ("F32", "U8"), by the tensor's name.
    """
    for method, pattern in _TRACES.items():
        if any(re.search(pattern, name) for name in types):
            raise ValueError(_sentence(method))
    for name, kind in types.items():
        if name.endswith((".weight", ".bias")) and kind not in _FLOATS and not _MASK.search(name):
            raise ValueError(_sentence("fp8" if kind.startswith("F8") else f"stored as {one_line(kind, 20)}"))


_MASK = re.compile(r"\b(attn|attention)\.(bias|masked_bias)$")  # a causal mask, of an old checkpoint


def _sentence(method: str) -> str:
    return (
        f"the weights of this model are quantised ({method}), and only unquantised ones are read from safetensors: "
        "choose the checkpoint that it was quantised from, or the same model as a GGUF file"
    )

"""Quantised checkpoints are refused by the method's name: by their config, or by their tensors where it is silent."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from llm_core import load_model
from tests.helpers.checkpoints import assert_loads_right, edit_config, edit_weights, refusal

LLAMA = "llama, grouped, tied"


def sentence(method: str) -> str:
    return (
        f"the weights of this model are quantised ({method}), and only unquantised ones are read from safetensors: "
        "choose the checkpoint that it was quantised from, or the same model as a GGUF file"
    )


@pytest.mark.parametrize(
    ("fields", "method"),
    [
        ({"quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": False}, "bitsandbytes, 4 bit"),
        ({"load_in_8bit": True, "llm_int8_threshold": 6.0}, "bitsandbytes, 8 bit"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 32}, "GPTQ, 4 bit"),
        ({"quant_method": "awq", "bits": 4, "zero_point": True}, "AWQ, 4 bit"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8"),
        ({"quant_method": "compressed-tensors", "format": "pack-quantized"}, "compressed-tensors"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
        ({"quant_method": "a\nb" + "c" * 500}, "a b" + "c" * 56 + "…"),
        ({"group_size": 64, "bits": 4}, "a method that its config does not name, 4 bit"),
    ],
)
def test_by_its_config(model_folder, fields, method):
    assert refusal(edit_config(model_folder(), quantization_config=fields)) == sentence(method)


def test_by_the_config_of_mlx_which_tells_twice(model_folder):
    told = {"group_size": 64, "bits": 4}
    folder = edit_config(model_folder(), quantization=told, quantization_config=told)
    assert refusal(folder) == sentence("MLX, 4 bit")


@pytest.mark.parametrize("nothing", [None, {}])
def test_a_config_that_tells_of_nothing_is_no_reason(model_folder, nothing):
    assert_loads_right(edit_config(model_folder(), quantization_config=nothing), LLAMA)


def _int(*shape):
    return torch.zeros(*shape, dtype=torch.int32)


TRACES = {
    "bitsandbytes, 4 bit": lambda n, t: {
        n: torch.zeros(t.numel() // 2, 1, dtype=torch.uint8),
        f"{n}.absmax": torch.zeros(8),
        f"{n}.quant_map": torch.zeros(16),
    },
    "bitsandbytes, 8 bit": lambda n, t: {n: t.to(torch.int8), n.replace("weight", "SCB"): torch.ones(len(t))},
    "GPTQ": lambda n, t: {
        n.replace("weight", "qweight"): _int(4, len(t)),
        n.replace("weight", "g_idx"): _int(32),
        n.replace("weight", "scales"): torch.ones(1, len(t)),
    },
    "GPTQ or AWQ": lambda n, t: {
        n.replace("weight", "qweight"): _int(32, 4),
        n.replace("weight", "qzeros"): _int(1, 4),
    },
    "fp8": lambda n, t: {n: t.to(torch.float8_e4m3fn)},
    "compressed-tensors": lambda n, t: {f"{n}_packed": _int(4, 4), f"{n}_scale": torch.ones(4, 1)},
    "compressed-tensors or fp8": lambda n, t: {n: t.to(torch.float8_e4m3fn), f"{n}_scale": torch.ones(1)},
    "stored as I8": lambda n, t: {n: t.to(torch.int8)},
}


@pytest.mark.parametrize("method", TRACES)
def test_by_its_tensors_where_the_config_is_silent(model_folder, method):
    folder = model_folder()
    tensors = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        tensors |= TRACES[method](name, tensor) if "proj.weight" in name else {name: tensor}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    assert refusal(folder) == sentence(method)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_types_of_floating_point_are_no_quantisation(model_folder, dtype):
    folder = model_folder()
    edit_weights(folder, lambda tensors: {name: tensor.to(dtype) for name, tensor in tensors.items()})
    expected = load_file(folder / "model.safetensors")["model.norm.weight"].float()
    assert torch.equal(load_model(str(folder)).final_norm.scale, expected)


def test_masks_of_old_checkpoints_are_no_quantisation(model_folder):
    folder = model_folder("gpt2")
    mask = torch.ones(1, 1, 256, 256).tril().to(torch.uint8)
    edit_weights(folder, lambda tensors: tensors | {"transformer.h.0.attn.bias": mask})
    assert_loads_right(folder, "gpt2")

"""The other implementations of the same model, with the same weights: transformers, and TransformerLens over it."""

import os
from pathlib import Path
from typing import Any

import torch

from llm_core.weights.loading import packaged_smollm2

os.environ["HF_HUB_OFFLINE"] = "1"  # everything measured here is on this machine


def folder_of_safetensors(folder: Path) -> Path:
    """SmolLM2 as transformers itself saves it: its from_pretrained takes it from there as it does from the Hub."""
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    file = packaged_smollm2()
    where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    expanded = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    config = expanded.config
    del config.quantization_config  # of the GGUF file; these weights are expanded
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(expanded.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**where).save_pretrained(folder)
    return folder


def transformers_model(folder: Path) -> Any:
    """transformers' model from that folder; its generate never stops early."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    model.generation_config.eos_token_id = None
    return model


def lens(folder: Path) -> Any:
    """TransformerLens's model of the same weights; it wants attention computed explicitly, to hook into it."""
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return TransformerBridge.boot_transformers(str(folder), hf_model=model, tokenizer=tokenizer, device="cpu")

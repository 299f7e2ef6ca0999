"""A language model's inference, with every matrix on the way to the next token.

    from llm_core import Sampling, generate, load_model

    model = load_model("toy", seed=0)
    run = generate(model, "hello how are you?", max_new_tokens=3, sampling=Sampling(temperature=0.8, seed=1))
    run.steps[0].matrix("layers.0.attention.weights").values

Names are imported when they are first used, so that `import llm_core` takes no time.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llm_core.config import PRESETS, ModelConfig
    from llm_core.explanation import Explanation, contributions, explain, links_to
    from llm_core.filed_run import FiledRun, open_run
    from llm_core.generation import Run, Step, generate
    from llm_core.loading import load_model, random_model
    from llm_core.model import Transformer
    from llm_core.operations import Term
    from llm_core.proof import Proof, prove
    from llm_core.reproduce import python_lines
    from llm_core.run_file import save_run
    from llm_core.sampling import Sampled, Sampling, Stage
    from llm_core.trace import Matrix

__version__ = "0.1.0"  # as in pyproject.toml

# no module is named as a function that it offers: importing the one would hide the other
_MODULES = {
    "config": ("PRESETS", "ModelConfig"),
    "explanation": ("Explanation", "contributions", "explain", "links_to"),
    "filed_run": ("FiledRun", "open_run"),
    "generation": ("Run", "Step", "generate"),
    "loading": ("load_model", "random_model"),
    "model": ("Transformer",),
    "operations": ("Term",),
    "proof": ("Proof", "prove"),
    "reproduce": ("python_lines",),
    "run_file": ("save_run",),
    "sampling": ("Sampled", "Sampling", "Stage"),
    "trace": ("Matrix",),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "PRESETS", "Explanation", "FiledRun", "Matrix", "ModelConfig", "Proof", "Run", "Sampled", "Sampling", "Stage",
    "Step", "Term", "Transformer", "contributions", "explain", "generate", "links_to", "load_model", "open_run",
    "prove", "python_lines", "random_model", "save_run",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"llm_core.{_WHERE[name]}"), name)

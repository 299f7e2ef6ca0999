"""A language model's inference, with every matrix on the way to the next token.

    from llm_core import Sampling, generate, load_model

    model = load_model("toy", seed=0)
    run = generate(model, "hello how are you?", max_new_tokens=3, sampling=Sampling(temperature=0.8, seed=1))
    run.steps[0].matrix("layers.0.attention.weights").values

Names are imported when they are first used, so that `import llm_core` takes no time.
"""

import importlib
from typing import TYPE_CHECKING, Any

from llm_core.support.version import VERSION

if TYPE_CHECKING:
    from llm_core.config.model_config import PRESETS, ModelConfig
    from llm_core.explanation.explanation import Explanation, contributions, explain, links_to
    from llm_core.explanation.operations import Term
    from llm_core.files.opened_run import FiledRun, open_run
    from llm_core.files.python_lines import python_lines
    from llm_core.files.run_file import save_run
    from llm_core.model.transformer import Transformer
    from llm_core.proof.compare import Proof, prove
    from llm_core.runs.generation import Run, Step, generate
    from llm_core.runs.matrix import Matrix
    from llm_core.runs.sampling import Sampled, Sampling, Stage
    from llm_core.weights.loading import load_model, random_model

_MODULES = {
    "config.model_config": ("PRESETS", "ModelConfig"),
    "explanation.explanation": ("Explanation", "contributions", "explain", "links_to"),
    "explanation.operations": ("Term",),
    "files.opened_run": ("FiledRun", "open_run"),
    "files.python_lines": ("python_lines",),
    "files.run_file": ("save_run",),
    "model.transformer": ("Transformer",),
    "proof.compare": ("Proof", "prove"),
    "runs.generation": ("Run", "Step", "generate"),
    "runs.matrix": ("Matrix",),
    "runs.sampling": ("Sampled", "Sampling", "Stage"),
    "weights.loading": ("load_model", "random_model"),
}
__version__ = VERSION

_WHERE = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "PRESETS",
    "Explanation",
    "FiledRun",
    "Matrix",
    "ModelConfig",
    "Proof",
    "Run",
    "Sampled",
    "Sampling",
    "Stage",
    "Step",
    "Term",
    "Transformer",
    "contributions",
    "explain",
    "generate",
    "links_to",
    "load_model",
    "open_run",
    "prove",
    "python_lines",
    "random_model",
    "save_run",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"llm_core.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    """For tab completion: the public names, and not the folders that they come from."""
    return sorted([*__all__, "__doc__", "__version__"])

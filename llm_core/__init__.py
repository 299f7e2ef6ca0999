"""A language model's inference, with every matrix on the way to the next token.

from llm_core import Sampling, generate, load_model

model = load_model("toy", seed=0)
run = generate(model, "hello how are you?", max_new_tokens=3, sampling=Sampling(temperature=0.8, seed=1))
run.steps[0].matrix("layers.0.attention.weights").values
"""

from llm_core.config import PRESETS, ModelConfig
from llm_core.generation import Run, Step, generate
from llm_core.loading import load_model, random_model
from llm_core.model import Transformer
from llm_core.sampling import Sampled, Sampling, Stage
from llm_core.trace import Matrix

__all__ = [
    "PRESETS", "Matrix", "ModelConfig", "Run", "Sampled", "Sampling", "Stage", "Step", "Transformer", "generate",
    "load_model", "random_model",
]  # fmt: skip

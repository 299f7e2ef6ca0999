"""The tour's stops in order, as links name them, and where on the page each of them looks."""

from dashboard.link.models import Unusable
from llm_core import ModelConfig

STOPS = (
    "text",
    "embedding",
    "order",
    "qkv",
    "scores",
    "mask",
    "softmax",
    "mixing",
    "feedforward",
    "depth",
    "choosing",
    "again",
)
_STATIONS = {
    "text": "text",
    "embedding": "embedding",
    "feedforward": "feedforward",
    "depth": "logits",
    "choosing": "sample",
}


def checked_stop(text: str) -> str:
    """The name of a stop, which a link may also give as its number from 1. Raises Unusable."""
    if text in STOPS:
        return text
    if text.isascii() and text.isdigit() and len(text) < 3 and 1 <= int(text) <= len(STOPS):
        return STOPS[int(text) - 1]
    raise Unusable(f"it must be a stop of the tour, by number from 1 to {len(STOPS)} or by name: {', '.join(STOPS)}")


def step_of_stop(stop: str, steps: int) -> int:
    """The step that a stop is about: the prefill, and for the last stop the decode step after it, if there is one."""
    return 1 if stop == "again" and steps > 1 else 0


def view_of(stop: str, config: ModelConfig, steps: int) -> dict[str, int | str]:
    """What the page looks at while this stop is told: station, step, layer and head, as the settings name them."""
    where = _STATIONS.get(stop, "attention")
    if stop == "order" and config.position != "rope":
        where = "embedding"  # here positions are added, or not
    layer = config.layers - 1 if stop == "depth" else 0
    return {"station": where, "step": step_of_stop(stop, steps), "layer": layer, "head": 0}

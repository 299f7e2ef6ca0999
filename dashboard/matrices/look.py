"""Which layer and head of a model are looked at."""

from dashboard.figures.picture import MOST_CELLS
from dashboard.link.settings import Settings
from dashboard.matrices.pictures import Look
from llm_core import ModelConfig

PANEL_TITLES = {"heads": "All heads", "stream": "Residual stream", "exact": "Zoom into a matrix"}


def look_of(chosen: Settings, config: ModelConfig) -> Look:
    """What the settings look at, within what this model has."""
    return Look(
        min(chosen.layer, config.layers - 1),
        min(chosen.head, config.heads - 1),
        bool(chosen.skip_first),
        chosen.pooling,
        chosen.scale,
    )


def has_choice(config: ModelConfig) -> bool:
    """True where there is something to choose from: layers, heads, or the parts of a matrix that is larger than a
    picture. Where there is not, as in the toy, every cell is on screen."""
    largest = max(config.max_positions, config.model_dim, config.feedforward_dim)
    return config.layers > 1 or config.heads > 1 or largest > MOST_CELLS


def panels_of(config: ModelConfig) -> list[str]:
    """What can be shown as well: there must be several heads, or layers, to show them side by side."""
    return [p for p in PANEL_TITLES if {"heads": config.heads > 1, "stream": config.layers > 1}.get(p, True)]

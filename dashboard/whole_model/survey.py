"""All matrices of a step in one pass: of each a thumbnail for the map and its health for the table.

Each layer is derived once, in blocks of rows, and let go: what is kept of it is as small as the map. A survey belongs
to a model and the ids that it has read, and all visitors share it.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st
import torch

from dashboard.browser.thumbnail import Encoded, encode
from dashboard.server import turns
from dashboard.whole_model.shrink import Shrunk
from llm_core import ModelConfig, Step, catalogue
from llm_core.catalogue.entry import Entry
from llm_core.measures.health import Health, Tally, in_blocks

SURVEY_ROWS = 1024  # of a step that are looked at, its last ones: attention grows with the square of the prompt
_Part = int | None
"""A layer, or None: what lies outside of all layers."""


@dataclass(frozen=True)
class Seen:
    """What is kept of one part: thumbnails by cell (see `cell`), encoded; the health of each matrix."""

    thumbnails: dict[str, Encoded]
    health: list[Health]


class Survey:
    """What is known of a step so far; complete once each part has been seen."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seen: dict[_Part, Seen] = {}

    def health(self, config: ModelConfig) -> list[Health]:
        """Of all matrices, in order of computation."""
        order = {entry.name: place for place, entry in enumerate(catalogue.matrices(config))}
        return sorted((h for seen in self.seen.values() for h in seen.health), key=lambda h: order[h.name])


def survey(step: Step, progress: Callable[[float], None]) -> Survey:
    """The complete survey of a step. progress: called with the share that is done."""
    found = _kept(*survey_key(step))
    parts: Sequence[_Part] = (None, *range(step.run.model.config.layers))
    for number, part in enumerate(parts):
        with found.lock:
            if part not in found.seen:
                found.seen[part] = _look(step, part)
        progress((number + 1) / len(parts))
    return found


def is_complete(step: Step) -> bool:
    """True where nothing is left to be derived."""
    return len(_kept(*survey_key(step)).seen) == step.run.model.config.layers + 1


def survey_key(step: Step) -> tuple[str, tuple[int, ...], int]:
    """All that the matrices of a step depend on."""
    return step.run.model.weights.version, tuple(step.run.ids[: step.positions.stop]), step.index


@st.cache_resource(max_entries=24, show_spinner=False)  # 2 MB each of 22 layers × 32 heads, however long the prompt
def _kept(version: str, ids: tuple[int, ...], index: int) -> Survey:
    return Survey()


def rows_of(step: Step) -> range:
    """The rows of the step that are looked at."""
    count = len(step.positions)
    return range(max(0, count - SURVEY_ROWS), count)


def surveyed_entries(config: ModelConfig, part: _Part) -> list[Entry]:
    """The matrices of one layer, or of what lies outside of the layers, in order of computation."""
    return [entry for entry in catalogue.matrices(config) if entry.layer == part]


def cell(name: str, head: int | None) -> str:
    """How the map calls one thumbnail: a matrix by its name, one head of it with the head."""
    return name if head is None else f"{name}#{head}"


def _look(step: Step, part: _Part) -> Seen:
    names = [entry.name for entry in surveyed_entries(step.run.model.config, part)]
    shrunk: dict[str, Shrunk] = {}
    tallies: dict[str, Tally] = {}
    with turns.for_rows(len(rows_of(step))), torch.inference_mode():
        for matrix in in_blocks(step, names, rows_of(step)):
            shrunk.setdefault(matrix.name, Shrunk(matrix)).add(matrix)
            tallies.setdefault(matrix.name, Tally(matrix)).add(matrix)
    thumbnails = {
        cell(name, head if shrunk[name].attention else None): encode(thumbnail)
        for name in names
        for head, thumbnail in enumerate(shrunk[name].thumbnails())
    }
    return Seen(thumbnails, [found for name in names for found in tallies[name].result()])

"""What a text and a document both tell of a run: its matrices in order, and the likeliest next tokens."""

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from llm_core import catalogue
from llm_core.model.tokenizer import Tokenizer
from llm_core.runs.generation import Step, need_step
from llm_core.runs.matrix import Matrix


@dataclass(frozen=True)
class Candidate:
    """A token that might have come next; probability is the model's own, whatever the sampling."""

    id: int
    text: str
    label: str
    probability: float


def most_likely(step: Step, count: int = 10) -> list[Candidate]:
    """The likeliest next tokens after one step, the likeliest first; of equals, the lower id."""
    need_step(step, "to list the most likely tokens")
    probabilities = step.sampled.stages[0].probabilities  # (v)
    ids = probabilities.sort(descending=True, stable=True).indices[:count].tolist()
    tokenizer: Tokenizer = step.run.model.tokenizer
    return [Candidate(i, tokenizer.text(i), tokenizer.label(i), float(probabilities[i])) for i in ids]


def in_order(step: Step, rows: range | None = None, names: Collection[str] | None = None) -> Iterator[Matrix]:
    """The matrices of one step in order of computation, or `rows` of them; one layer at a time is held.

    names: of these alone; of all by default.
    """
    need_step(step, "to go through all matrices")
    entries = [e for e in catalogue.matrices(step.run.model.config) if names is None or e.name in names]
    for _, layer in itertools.groupby(entries, key=lambda entry: entry.layer):
        yield from step.matrices([entry.name for entry in layer], rows)

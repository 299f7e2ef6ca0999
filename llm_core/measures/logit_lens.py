"""The logit lens: what the model would say if it stopped after each layer.

The final norm and the unembedding are applied to the stream at every door (nostalgebraist, "interpreting GPT: the
logit lens", 2020). Axis letters: t door, p position, k top tokens, m model, v vocabulary.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from llm_core import catalogue
from llm_core.runs.generation import Step, need_step
from llm_core.support import threads
from llm_core.support.plain_words import counted

ROWS_PER_BLOCK = 64  # rows whose logits (64, v) are held at once


@dataclass(frozen=True)
class Lens:
    """The likeliest tokens at each door and position.

    doors: names of the streams, from the embeddings to the last layer; positions: of the sequence. ids and
    probabilities (t, p, k), the likeliest first. Of a chosen token: its rank (t, p), where 1 is the likeliest, and its
    probability (t, p); None without one.
    """

    doors: list[str]
    positions: range
    ids: Tensor
    probabilities: Tensor
    token: int | None = None
    rank: Tensor | None = None
    probability: Tensor | None = None

    @property
    def followed(self) -> tuple[int, Tensor, Tensor]:
        """The chosen token with its rank and probability. Raises ValueError where none was chosen."""
        if self.token is None or self.rank is None or self.probability is None:
            raise ValueError("this logit lens follows no token: choose one, as in lens(step, token=262)")
        return self.token, self.rank, self.probability


@torch.inference_mode()
def lens(step: Step, top: int = 5, rows: range | None = None, token: int | None = None) -> Lens:
    """The top tokens by layer and position of one step, or of some of its rows (0 is its first).

    A door of another width than the unembedding reads is left out: in a model that ends at its hidden layer, all but
    the last. Raises ValueError for rows that the step lacks, a token outside the vocabulary, or no tokens asked for.
    """
    need_step(step, "the logit lens")
    model = step.run.model
    config, rows = model.config, range(len(step.positions)) if rows is None else rows
    _check(step, top, rows, token)
    threads.settle()
    shown = [i for i, door in enumerate(step.node.doors) if door.shape[-1] == config.stream_out_dim]
    streams = torch.stack([step.node.doors[i][rows.start : rows.stop] for i in shown])  # (t, p, m)
    top = min(top, config.vocab_size)
    ids, probabilities, ranks, chosen = (torch.cat(x) for x in zip(*_blocks(step, streams, top, token), strict=True))
    grid = streams.shape[:2]
    return Lens(
        [catalogue.door(config, i) for i in shown],
        step.positions[rows.start : rows.stop],
        ids.view(*grid, top),
        probabilities.view(*grid, top),
        token,
        None if token is None else ranks.view(grid),
        None if token is None else chosen.view(grid),
    )


def _blocks(step: Step, streams: Tensor, top: int, token: int | None) -> Iterator[tuple[Tensor, ...]]:
    """For each block of rows, whatever door they are of: ids and probabilities (n, k), rank and probability (n)."""
    model = step.run.model
    for x in streams.flatten(0, 1).split(ROWS_PER_BLOCK):  # (n, m)
        logits = model.logits(x).float()  # (n, v)
        total = logits.logsumexp(-1, keepdim=True)
        best, ids = logits.topk(top)
        own = logits[:, [0 if token is None else token]]
        ranks = 1 + (logits > own).sum(-1)
        yield ids, (best - total).exp(), ranks, (own - total).exp()[:, 0]


def _check(step: Step, top: int, rows: range, token: int | None) -> None:
    count, vocab = len(step.positions), step.run.model.config.vocab_size
    if not (0 <= rows.start < rows.stop <= count and rows.step == 1):
        raise ValueError(f"rows {rows.start} to {rows.stop} are not among this step's {counted(count, 'row')}")
    if top < 1:
        raise ValueError(f"you asked for the {top} most likely tokens; ask for at least 1")
    if token is not None and not 0 <= token < vocab:
        raise ValueError(f"token id {token} is not in the vocabulary of this model: ids go from 0 to {vocab - 1:,}")

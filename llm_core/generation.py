"""Generation: prefill the prompt, then decode one token after the other. A run is what is left of it, and a value.

The same model, prompt and sampling give the same run, to the bit on one machine. Axis letters: b batch, p position,
m model, v vocabulary.
"""

import itertools
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from llm_core import catalogue, notebook, threads, trace
from llm_core.cache import KVCache
from llm_core.model import Transformer
from llm_core.sampling import Sampled, Sampling
from llm_core.trace import Matrix

_numbers = itertools.count()


@dataclass(frozen=True)
class Pass:
    """What one pass left behind: the positions it computed, the doors (layers + 1 tensors (p, m)), the logits (1, v) of
    its last row, and the token sampled from them."""

    positions: range
    doors: list[Tensor]
    logits: Tensor
    sampled: Sampled


class Step:
    """One pass of a run: the rows it computed, what it kept of them, and the token that it sampled.

    doors: the stream entering each layer, and after the last, layers + 1 tensors (p, m); logits (1, v).
    """

    def __init__(self, run: "Run", index: int) -> None:
        self.run, self.index = run, index
        kept = run.passes[index]
        self.positions, self.doors, self.logits, self.sampled = kept.positions, kept.doors, kept.logits, kept.sampled

    @property
    def phase(self) -> Literal["prefill", "decode"]:
        """prefill computes all rows of the prompt in parallel; decode computes one."""
        return "prefill" if self.index == 0 else "decode"

    @property
    def ids(self) -> list[int]:
        """The token ids of this step's rows."""
        return self.run.ids[self.positions.start : self.positions.stop]

    @property
    def names(self) -> list[str]:
        """The names of this step's matrices, in order of computation."""
        return [entry.name for entry in catalogue.matrices(self.run.model.config)]

    def matrix(self, name: str, rows: range | None = None) -> Matrix:
        """One matrix of this step, derived now unless it was kept. Raises ValueError for an unknown name or rows."""
        return self.matrices([name], rows)[0]

    def matrices(self, names: Sequence[str], rows: range | None = None, keep: bool = True) -> list[Matrix]:
        """Several matrices of this step; all that lie in one layer cost one pass of that layer together.

        keep: what is derived may stay for the next look; False for who goes through all layers once.
        """
        return trace.matrices(self, names, rows, keep)

    @property
    def kept(self) -> dict[str, Tensor]:
        """The matrices that the run itself kept, by name."""
        config = self.run.model.config
        return {catalogue.door(config, i): door for i, door in enumerate(self.doors)} | {"logits": self.logits}


class Run:
    """One inference: prompt_ids and new_ids (list[int]), steps (one for each sampled token), the KV cache, the text.

    ended: why no further token was sampled: "length" (as many as asked for), "stop" (an end-of-text token), "context"
    (the model holds no further position), or None while it goes on.
    """

    def __init__(self, model: Transformer, prompt_ids: list[int], sampling: Sampling, max_new_tokens: int) -> None:
        self.model, self.prompt_ids, self.sampling, self.max_new_tokens = model, prompt_ids, sampling, max_new_tokens
        self.new_ids: list[int] = []
        self.passes: list[Pass] = []
        self.ended: Literal["length", "stop", "context"] | None = None
        # the last sampled token is never run, so it needs no room
        capacity = min(len(prompt_ids) + max_new_tokens - 1, model.config.max_positions)
        self.cache = KVCache(model.config, capacity)
        self.number = next(_numbers)
        weakref.finalize(self, trace.DERIVED.forget, self.number)

    @property
    def steps(self) -> list[Step]:
        """Prefill, then the decode steps: one for each sampled token. Each holds on to its run, not the run to them."""
        return [Step(self, i) for i in range(len(self.passes))]

    @property
    def ids(self) -> list[int]:
        """The prompt's ids and the sampled ones."""
        return self.prompt_ids + self.new_ids

    @property
    def text(self) -> str:
        """The prompt and its continuation, without the BOS that the tokenizer put in front."""
        prefix = list(self.model.tokenizer.prefix_ids)
        ids = self.ids[len(prefix) :] if self.ids[: len(prefix)] == prefix else self.ids
        return self.model.tokenizer.decode(ids)

    def _repr_html_(self) -> str:
        return notebook.run_html(self)

    def _advance(self) -> None:
        """Run the rows that are not cached yet, and sample one token from the last."""
        ids = self.ids[self.cache.length :]
        positions = range(self.cache.length, len(self.ids))
        doors: list[Tensor] = []
        threads.settle()
        with torch.inference_mode():
            stream = self.model.stream(torch.tensor([ids]), self.cache, doors=doors)  # (1, p, m)
            logits = self.model.logits(stream[:, -1:])[0]  # (1, v): of the last row only
        self._sample(positions, [door[0] for door in doors], logits)

    def _take_prefill(self, other: "Run") -> None:
        """Start as a run of the same model and prompt did, from its prefill, and sample the first token anew."""
        if other.model is not self.model or other.prompt_ids != self.prompt_ids:
            raise ValueError("the prefill of another model or prompt cannot be taken over")
        prefill = other.passes[0]
        with torch.inference_mode():
            self.cache.copy_from(other.cache, len(self.prompt_ids))
        self._sample(prefill.positions, prefill.doors, prefill.logits)

    def _sample(self, positions: range, doors: list[Tensor], logits: Tensor) -> None:
        sampled = Sampled(logits[0], self.sampling, len(self.passes), self.model.tokenizer)
        self.passes.append(Pass(positions, doors, logits, sampled))
        self.new_ids.append(sampled.id)
        self.ended = self._end()

    def _end(self) -> Literal["length", "stop", "context"] | None:
        if self.new_ids[-1] in self.model.config.stop_ids:
            return "stop"
        if len(self.new_ids) >= self.max_new_tokens:
            return "length"
        return "context" if self.cache.length >= self.model.config.max_positions else None


def generate(
    model: Transformer,
    prompt: str | Sequence[int],
    max_new_tokens: int = 1,
    sampling: Sampling | None = None,
    prefilled: Run | None = None,
) -> Run:
    """Run the prompt (a text, or token ids) and sample up to `max_new_tokens` tokens.

    prefilled: a run of the same model and prompt; its prefill is taken over, to the bit, instead of computed again.
    Raises ValueError for a blank or invalid text, for a prompt over the model's context, and for ids it does not have.
    """
    *_, run = steps(model, prompt, max_new_tokens, sampling, prefilled)
    return run


def steps(
    model: Transformer,
    prompt: str | Sequence[int],
    max_new_tokens: int = 1,
    sampling: Sampling | None = None,
    prefilled: Run | None = None,
) -> Iterator[Run]:
    """As `generate`, but hands out the growing run after each step."""
    if max_new_tokens < 1:
        raise ValueError(f"{max_new_tokens} new tokens were asked for; ask for at least 1")
    run = Run(model, check_prompt(model, prompt), sampling or Sampling(), max_new_tokens)
    if prefilled is not None:
        run._take_prefill(prefilled)
        yield run
    while run.ended is None:
        run._advance()
        yield run


def check_prompt(model: Transformer, prompt: str | Sequence[int]) -> list[int]:
    """The prompt's token ids. Raises ValueError, with the value, the limit and the remedy, where it cannot be run."""
    if isinstance(prompt, str):
        if not prompt.strip():
            raise ValueError("the text is blank: type at least one character that is not a space")
        ids = model.tokenizer.encode(prompt)
    else:
        ids = [int(i) for i in prompt]
    vocab, limit = model.config.vocab_size, model.config.max_positions
    if not ids:
        raise ValueError("the prompt has no tokens: type a text")
    wrong = [i for i in ids if not 0 <= i < vocab]
    if wrong:
        raise ValueError(f"token id {wrong[0]} is not in the vocabulary of this model: ids go from 0 to {vocab - 1:,}")
    if len(ids) > limit:
        raise ValueError(
            f"this prompt is {len(ids):,} tokens; the model holds {limit:,}: shorten it or choose another model"
        )
    return ids

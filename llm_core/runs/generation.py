"""Generation: prefill the prompt, then decode one token after the other. A run is what is left of it, and a value.

The same model, prompt and sampling give the same run, to the bit on one machine. Axis letters: b batch, p position,
m model, v vocabulary.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from torch import Tensor

from llm_core import catalogue
from llm_core.model.transformer import Transformer
from llm_core.runs import derivation, html
from llm_core.runs.matrix import Matrix
from llm_core.runs.node import Node, prefill
from llm_core.runs.not_finite import refuse_not_finite, where_it_began
from llm_core.runs.prompts import check_prompt
from llm_core.runs.sampling import Sampled, Sampling, sample
from llm_core.support.numeric import as_whole
from llm_core.support.plain_words import counted, one_line


class Step:
    """One pass of a run: the rows it computed, what it kept of them, and the token that it sampled.

    node: the pass itself, as the engine keeps it, only ever to be read; what a step hands out are copies.
    """

    def __init__(self, run: "Run", index: int) -> None:
        self.run, self.index = run, index
        self.node, self.sampled = run.nodes[index], run.choices[index]
        self.positions = self.node.positions

    def __repr__(self) -> str:
        rows = counted(len(self.positions), "row")
        return f"<Step {self.index}: {self.phase} of {rows}, then {self.sampled.text!r}>"

    @property
    def phase(self) -> Literal["prefill", "decode"]:
        """prefill computes all rows of the prompt in parallel; decode computes one."""
        return "prefill" if self.index == 0 else "decode"

    @property
    def doors(self) -> Sequence[Tensor]:
        """The stream entering each layer, and behind the last: layers + 1 tensors (p, m)."""
        return Copies(self.node.doors)

    @property
    def logits(self) -> Tensor:
        """The logits (1, v) of the last row, from which the token was sampled."""
        return Copies([derivation.last_logits(self.node)])[0]

    def logits_of(self, rows: range | None = None) -> Tensor:
        """The logits (p, v) of these rows of the step (0 is its first), of all by default. Raises ValueError for rows
        that the step lacks."""
        return derivation.logits_of_rows(self, rows).to("cpu", copy=True)

    @property
    def ids(self) -> list[int]:
        """The token ids of this step's rows."""
        return list(self.node.ids)

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
        return derivation.derive_matrices(self, names, rows, keep)


class Copies(Sequence[Tensor]):
    """Tensors of the engine, each handed out as a copy that may be changed."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self._tensors = tensors

    def __len__(self) -> int:
        return len(self._tensors)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return Copies(self._tensors[index])
        return self._tensors[index].to("cpu", copy=True)


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """One inference, a value: prompt_ids and new_ids (list[int]), steps (one for each sampled token), the text.

    prompt: the prompt's ids; nodes: its passes, a path in the tree of what was computed; choices: the token sampled
    after each. Runs share nodes as far as they agree. length: how many positions were computed; the last sampled token
    was never run.
    """

    model: Transformer
    prompt: tuple[int, ...]
    sampling: Sampling
    max_new_tokens: int
    nodes: tuple[Node, ...] = ()
    choices: tuple[Sampled, ...] = ()

    @property
    def steps(self) -> list[Step]:
        """Prefill, then the decode steps: one for each sampled token. Each holds on to its run, not the run to them."""
        return [Step(self, i) for i in range(len(self.nodes))]

    @property
    def prompt_ids(self) -> list[int]:
        return list(self.prompt)

    @property
    def new_ids(self) -> list[int]:
        return [sampled.id for sampled in self.choices]

    @property
    def ids(self) -> list[int]:
        """The prompt's ids and the sampled ones."""
        return [*self.prompt, *self.new_ids]

    @property
    def length(self) -> int:
        """How many positions were computed, and have keys and values."""
        return self.nodes[-1].positions.stop if self.nodes else 0

    @property
    def text(self) -> str:
        """The prompt and its continuation, without the BOS that the tokenizer put in front."""
        prefix = list(self.model.tokenizer.prefix_ids)
        ids = self.ids[len(prefix) :] if self.ids[: len(prefix)] == prefix else self.ids
        return self.model.tokenizer.decode(ids)

    @property
    def ended(self) -> Literal["length", "stop", "context"] | None:
        """Why no further token was sampled: "length" (as many as asked for), "stop" (an end-of-text token), "context"
        (the model holds no further position), or None while it goes on."""
        if self.choices and self.choices[-1].id in self.model.config.stop_ids:
            return "stop"
        if len(self.choices) >= self.max_new_tokens:
            return "length"
        return "context" if self.length >= self.model.config.max_positions else None

    def shown_by(self, model: Transformer) -> "Run":
        """The same run, with the labels of this model's tokenizer; nothing is computed again.

        Raises ValueError for a model with other weights.
        """
        if model.weights.version != self.model.weights.version:
            raise ValueError(f"{model.name} has other weights than {self.model.name}, which this run is of")
        choices = tuple(replace(sampled, tokenizer=model.tokenizer) for sampled in self.choices)
        return replace(self, model=model, choices=choices)

    def __repr__(self) -> str:
        text = one_line(self.text, 60)
        return f"<Run of {self.model.name}: {len(self.prompt):,} + {len(self.choices):,} tokens, {text!r}>"

    def _repr_html_(self) -> str:
        tokenizer = self.model.tokenizer
        prompt = [tokenizer.label(i) for i in self.prompt[: html.MOST_TOKENS]]
        sampled = [(step.sampled.label, step.sampled.probability) for step in self.steps]
        return html.run_html(self.model.name, prompt, sampled, self.sampling, len(self.prompt))

    def longer(self) -> "Run":
        """This run and one more token: its last token is run, or the prompt, and the next one is sampled.

        Also where it has ended with "stop" or "length". Raises ValueError where the model holds no further position,
        and where the logits, or a matrix on the way to them, are no numbers.
        """
        if self.ended == "context":
            raise ValueError(f"this run fills all {self.model.config.max_positions:,} positions that the model holds")
        node = self.nodes[-1].then([self.choices[-1].id]) if self.nodes else prefill(self.model, self.prompt)
        key = self.sampling, len(self.choices), id(self.model.tokenizer)
        sampled = node.choices.get(key) or node.choices.add(key, self._sampled_after(node))
        return replace(self, nodes=(*self.nodes, node), choices=(*self.choices, sampled))

    def _sampled_after(self, node: Node) -> Sampled:
        logits = derivation.last_logits(node, keep=False).cpu()  # (1, v)
        if not logits.max().isfinite():  # the maximum of what holds a NaN is NaN
            raise ValueError(where_it_began(self.model, self.ids))
        if not self.model.finite:
            refuse_not_finite(self.model, self.ids)
        index, tokenizer = len(self.choices), self.model.tokenizer
        return sample(logits[0], self.sampling, index, tokenizer, again=lambda: derivation.last_logits(node)[0].cpu())


def generate(
    model: Transformer,
    prompt: str | Iterable[int],
    max_new_tokens: int = 1,
    sampling: Sampling | None = None,
) -> Run:
    """Run the prompt (a text, or token ids) and sample up to `max_new_tokens` tokens.

    Raises ValueError for a blank or invalid text, for a prompt over the model's context, for ids it does not have, and
    for what is no prompt (see prompts.py).
    """
    *_, run = steps(model, prompt, max_new_tokens, sampling)
    return run


def steps(
    model: Transformer,
    prompt: str | Iterable[int],
    max_new_tokens: int = 1,
    sampling: Sampling | None = None,
) -> Iterator[Run]:
    """As `generate`, but hands out longer and longer runs, one after each step; each is a value."""
    if not isinstance(model, Transformer):
        raise ValueError(
            f"a run needs a model, as load_model gives it, and was given something of type {type(model).__name__}"
        )
    count = as_whole(max_new_tokens)
    if count is None or count < 1:
        given = one_line(repr(max_new_tokens), 40)
        raise ValueError(f"{given} new tokens were asked for; ask for a whole number of at least 1")
    if not isinstance(sampling, Sampling | None):
        raise ValueError(
            "sampling must be a Sampling, as in Sampling(temperature=0.8, seed=1), and not of type "
            f"{type(sampling).__name__}"
        )
    run = Run(model, tuple(check_prompt(model, prompt)), sampling or Sampling(), count)
    while run.ended is None:
        run = run.longer()
        yield run


def need_step(step: object, what: str) -> None:
    """Raises ValueError, with the remedy, where this is no step of a run that was computed here."""
    if not isinstance(step, Step):
        _refuse(step, what, "a step of a run, such as run.steps[0]")


def need_run(run: object, what: str) -> None:
    """Raises ValueError, with the remedy, where this is no run that was computed here."""
    if not isinstance(run, Run):
        _refuse(run, what, "a run, as generate gives it")


def _refuse(given: object, what: str, expected: str) -> NoReturn:
    if getattr(given, "from_file", False):
        raise ValueError(
            f"{what} needs the model, and a run from a file comes without it: load the model and run it "
            "again; python_lines(run) gives the lines for that"
        )
    raise ValueError(f"{what} takes {expected}, and was given something of type {type(given).__name__}")

"""A run from a file (see run_format.py), which may be from anybody: everything is checked before it is used."""

import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from torch import Tensor

from llm_core import catalogue
from llm_core.catalogue.axis_sizes import matrix_shape
from llm_core.catalogue.entry import TOKEN_ROWS, Entry
from llm_core.config.model_config import MOST_LAYERS, ModelConfig, RopeScaling
from llm_core.files import untrusted_file
from llm_core.files.run_format import (
    FIRST_CHOICES,
    FIRST_STAGES,
    FORMAT,
    FORMAT_VERSION,
    LIKELIEST,
    LONGEST_LABEL,
    NAMED,
)
from llm_core.files.untrusted_file import AGAIN, OTHER
from llm_core.model.attention import allowed_keys
from llm_core.model.tokenizer import visible
from llm_core.runs import html
from llm_core.runs.candidates import Candidate
from llm_core.runs.derivation import check_rows, cut
from llm_core.runs.matrix import Matrix
from llm_core.runs.sampling import MAX_SEED, Sampling
from llm_core.runs.stages import STAGES
from llm_core.support.plain_words import counted, one_line

_LARGEST = 2**24  # of a model's dimensions
_NUMBER = sys.float_info.max
_COUNT = 2**63  # of new tokens asked for, or tokens to choose from: any number that is no joke


# ---- a run as it is in a file ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """A sampled token, as `llm_core.runs.sampling.Sampled` tells it, and the likeliest tokens of its step."""

    id: int
    label: str
    probability: float
    drawn_probability: float
    u: float
    most_likely: tuple[Candidate, ...]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(_LACKS.format("sampled token", name))


@dataclass(frozen=True)
class FiledStep:
    """One step of a run in a file. matrices: those that were saved, in order of computation."""

    from_file: ClassVar[bool] = True
    run: "FiledRun"
    index: int
    sampled: Drawn
    tensors: dict[str, Tensor]
    missed: frozenset[str]

    @property
    def phase(self) -> Literal["prefill", "decode"]:
        return "prefill" if self.index == 0 else "decode"

    @property
    def positions(self) -> range:
        end = self.run.prompt_length + self.index
        return range(0 if self.index == 0 else end - 1, end)

    @property
    def ids(self) -> list[int]:
        """The token ids of this step's rows."""
        return self.run.ids[self.positions.start : self.positions.stop]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(_LACKS.format("step", name))

    @property
    def names(self) -> list[str]:
        """The names of the saved matrices, in order of computation."""
        return [name for name in self.run.entries if name in self.tensors]

    def matrix(self, name: str, rows: range | None = None) -> Matrix:
        """One matrix of the file, or `rows` of it. Raises ValueError for one that was not saved, for a name that no
        matrix has, and for rows that the step lacks."""
        check_rows(rows, len(self.positions))
        if str(name) not in self.run.entries:
            said = catalogue.advice(str(name), list(self.run.entries), self.run.config.layers)
            raise ValueError(f"this run's model has no matrix named {name!r:.80}: {said}")
        if name not in self.tensors:
            raise ValueError(f"{name} was not saved with this step; it has: {', '.join(self.names[:20]) or 'none'}")
        entry = self.run.entries[name]
        values = cut(self.tensors[name], entry.axes, rows)
        positions = self.positions if rows is None else self.positions[rows.start : rows.stop]
        hidden = None
        if entry.hides:
            hidden = ~allowed_keys(positions, self.positions.stop, self.run.config.window)
        if "vocab" in entry.axes:  # of the sampled row alone
            positions = self.positions[-1:]
        labels = tuple(
            self.run.labels_of(axis, size, positions) for axis, size in zip(entry.axes, values.shape, strict=True)
        )
        return Matrix(entry, values, labels, hidden, name not in self.missed, positions.start)

    def matrices(self, names: Sequence[str], rows: range | None = None, keep: bool = True) -> list[Matrix]:
        """Several matrices of the file. Raises ValueError as `matrix` does. keep: as of a run that was computed here;
        of a file nothing is derived."""
        return [self.matrix(name, rows) for name in ([names] if isinstance(names, str) else names)]


class FiledRun:
    """A run from a file: as `llm_core.Run`, but nothing of it can be computed. See also `python_lines`.

    loads_as: what `load_model` takes to load its model; None for weights that only one machine has, and for random
    weights of a shape of their own. seed: of random weights. prompt: its text, or None where only ids were given.
    named: labels by id of likely tokens that are not in the run.
    """

    from_file = True

    def __init__(self, document: untrusted_file.Members) -> None:
        model, settings, prompt = document.members("model"), document.members("settings"), document.members("prompt")
        self.model_name = visible(model.text("name", 300)).replace("␣", " ")
        self.loads_as = model.text_or_none("loads_as", 300)
        self.seed = None if model.raw().get("seed") is None else model.whole("seed", 2**32 - 1)
        self.dtype = model.text("dtype", 20)
        self.weights_version = model.text("fingerprint", 64)
        self.config = _config(model.members("config"))
        self.sampling = _sampling(settings)
        self.max_new_tokens = settings.whole("new_tokens", _COUNT)
        versions = document.members("versions")
        self.versions = {name: visible(versions.text(name, 40)) for name in list(versions.raw())[:20]}
        self.prompt = prompt.text_or_none("text", untrusted_file.HEADER_LIMIT)
        most, vocab = self.config.max_positions + 1, self.config.vocab_size
        self.ids = document.wholes("ids", most, vocab - 1)
        self.labels = [_label(label) for label in document.texts("labels", most, LONGEST_LABEL)]
        self.prompt_length = prompt.whole("length", len(self.ids))
        self.ended = document.text_or_none("ended", 20)
        self.named = _named(document, NAMED * max(len(self.ids) - self.prompt_length, 0), vocab - 1)
        if not 0 < self.prompt_length < len(self.ids) or len(self.labels) != len(self.ids):
            raise ValueError(
                f"the file is damaged: its tokens, their labels and its prompt do not fit together; {AGAIN}"
            )
        self.entries: dict[str, Entry] = {}
        self.steps: list[FiledStep] = []

    @property
    def prompt_ids(self) -> list[int]:
        return self.ids[: self.prompt_length]

    @property
    def new_ids(self) -> list[int]:
        return self.ids[self.prompt_length :]

    def labels_of(self, axis: str, size: int, positions: range) -> Sequence[str]:
        """The labels along one axis of a matrix; of a vocabulary, whose texts are not in the file, the ids."""
        if axis in TOKEN_ROWS:
            return self.labels[positions.start : positions.stop]
        return self.labels[:size] if axis == "key" else _Numbers(size)

    def _repr_html_(self) -> str:
        prompt = self.labels[: min(self.prompt_length, html.MOST_TOKENS)]
        sampled = [(step.sampled.label, step.sampled.probability) for step in self.steps]
        return html.run_html(self.model_name, prompt, sampled, self.sampling, self.prompt_length)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(_LACKS.format("run", name))


_LACKS = (
    "a {} from a file has no {}: load the model and run it again to have it; llm_core.python_lines(run) gives the lines"
)


class _Numbers(Sequence[str]):
    """The numbers from 0 as labels, made when they are read."""

    def __init__(self, size: int) -> None:
        self._range = range(size)

    def __len__(self) -> int:
        return len(self._range)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return [str(i) for i in self._range[index]] if isinstance(index, slice) else str(self._range[index])


# ---- opening --------------------------------------------------------------------------------------------------------


def open_run(source: untrusted_file.Openable) -> FiledRun:
    """The run in a file (its path, its bytes, or the open file), which may be from anybody.

    Raises ValueError, in plain words, for a file that is too large, cut off, damaged, or no run file.
    """
    contents = untrusted_file.read_untrusted(source)
    members = untrusted_file.Members(_run_text(contents.texts), "the run")
    run = FiledRun(members)
    # not the remembered list: what strangers send must not push out, or stay beside, what is in use
    run.entries = {entry.name: entry for entry in catalogue.matrices.__wrapped__(run.config)}
    steps = members.items("steps", len(run.ids))
    if len(steps) != len(run.new_ids):
        has = f"{counted(len(steps), 'step')} for {counted(len(run.new_ids), 'new token')}"
        raise ValueError(f"the file is damaged: it has {has}; {AGAIN}")
    by_step = _by_step(contents.tensors, len(steps))
    for index, members in enumerate(steps):
        run.steps.append(_step(run, index, untrusted_file.Members(members, f"step {index}"), by_step[index]))
    return run


def _run_text(texts: dict[str, str]) -> dict[str, object]:
    if "run" not in texts:
        raise ValueError(f"this is a safetensors file, but not a run file: it contains no run; {OTHER}")
    members = untrusted_file.parse(texts["run"], "the run")
    if members.get("format") != FORMAT:
        raise ValueError(f"this is a safetensors file, but not a run file: its run has another format; {OTHER}")
    if members.get("version") != FORMAT_VERSION:
        raise ValueError(
            f"this run file is of version {one_line(repr(members.get('version')), 40)}, and {FORMAT_VERSION} is "
            "read here: open it with a newer version of this project"
        )
    return members


def _config(members: untrusted_file.Members) -> ModelConfig:
    fields = _fields(ModelConfig, members.raw(), FIRST_CHOICES)
    scaling = fields.get("rope_scaling")
    fields["rope_scaling"] = None if scaling is None else RopeScaling(**_fields(RopeScaling, scaling))
    fields["stop_ids"] = tuple(members.wholes("stop_ids", 1000, _LARGEST))
    if fields["layers"] > MOST_LAYERS:
        raise ValueError(
            f"the file's model has {fields['layers']:,} layers; at most {MOST_LAYERS:,} are shown: open a "
            "run of a smaller model"
        )
    try:
        return ModelConfig(**fields)
    except ValueError as error:
        raise ValueError(f"the file describes a model that is not possible: {error}") from error


def _sampling(members: untrusted_file.Members) -> Sampling:
    """The settings of a run. Without one that is not known here, the run would be shown as another one: refused."""
    known = {kind.name for kind in STAGES} | {"seed", "new_tokens"}
    unknown = next((name for name in members.raw() if name not in known), None)
    if unknown is not None:
        raise ValueError(
            f"the file's run has the setting {one_line(repr(unknown), 40)}, which is not known here: open it with a "
            "newer version of this project"
        )
    values: dict[str, Any] = {
        kind.name: members.whole(kind.name, _COUNT) if kind.whole else members.number(kind.name, _NUMBER)
        for kind in STAGES
        if kind.name in FIRST_STAGES or kind.name in members.raw()
    }
    return Sampling(**values, seed=members.whole("seed", MAX_SEED))


def _fields(kind: type, given: Any, needed: Collection[str] = ()) -> dict[str, Any]:
    """The fields of a dataclass of numbers, words and the like, each of its own type. needed: those that must be there,
    where not all must. Raises ValueError."""
    types = get_type_hints(kind)
    if not (isinstance(given, dict) and set(needed or types) <= set(given) <= set(types)):
        raise ValueError(
            "the file was written by another version of this project: its model has other parts; open it "
            "with that version"
        )
    for name, value in given.items():
        if not _fits(value, types[name]):
            raise ValueError(f"the file is damaged: its model's {name} is missing or out of range; {AGAIN}")
    return dict(given)


def _fits(value: Any, type_: Any) -> bool:
    if type_ is int:
        return type(value) is int and 0 <= value <= _LARGEST
    if type_ is float:
        return type(value) in (int, float) and 0 <= value <= _NUMBER
    if type_ is bool:
        return type(value) is bool
    kinds = get_args(type_)  # of a choice of words, of a type or None, of a tuple
    if isinstance(value, list):
        return get_origin(type_) is tuple  # looked at once more, number by number
    if isinstance(value, dict):
        return RopeScaling in kinds
    if value is None or isinstance(value, str):
        return (type(None) if value is None else value) in kinds
    return int in kinds and _fits(value, int)


def _by_step(tensors: dict[str, Tensor], count: int) -> list[dict[str, Tensor]]:
    """The tensors of each step, by the names of their matrices."""
    found: list[dict[str, Tensor]] = [{} for _ in range(count)]
    numbers = {str(index): index for index in range(count)}
    for name, values in tensors.items():
        word, _, rest = name.partition(".")
        index, _, matrix = rest.partition(".")
        if word != "steps" or index not in numbers:
            raise ValueError(f"the file is damaged: it has a matrix of a step that the run lacks; {AGAIN}")
        found[numbers[index]][matrix] = values
    return found


def _step(run: FiledRun, index: int, members: untrusted_file.Members, tensors: dict[str, Tensor]) -> FiledStep:
    position = run.prompt_length + index
    likeliest = tuple(_candidate(run, c) for c in members.items("likeliest", LIKELIEST))
    sampled = Drawn(
        run.ids[position],
        run.labels[position],
        members.number("probability", 1),
        members.number("drawn_probability", 1),
        members.number("u", 1),
        likeliest,
    )
    missed = frozenset(members.texts("missed", len(run.entries), 100))
    step = FiledStep(run, index, sampled, tensors, missed)
    for name, values in tensors.items():
        _check_matrix(step, name, values)
    return step


def _label(text: str) -> str:
    """A label as it was written: a space in one stands between the bytes of half a character, like ⟨F0 9F⟩."""
    return " ".join(map(visible, text.split(" ")))


def _named(members: untrusted_file.Members, most: int, largest: int) -> dict[int, str]:
    found = {}
    for pair in [] if members.raw().get("named") is None else members.items("named", most):
        if not (isinstance(pair, list) and len(pair) == 2):
            raise ValueError(f"the file is damaged: its tokens' labels cannot be read; {AGAIN}")
        token = untrusted_file.Members(dict(zip(("id", "label"), pair, strict=True)), "the tokens' labels")
        found[token.whole("id", largest)] = _label(token.text("label", LONGEST_LABEL))
    return found


def _candidate(run: FiledRun, listed: object) -> Candidate:
    if not (isinstance(listed, list) and len(listed) == 3):
        raise ValueError(f"the file is damaged: its most likely tokens cannot be read; {AGAIN}")
    token = untrusted_file.Members(
        dict(zip(("id", "label", "probability"), listed, strict=True)), "the most likely tokens"
    )
    label = _label(token.text("label", LONGEST_LABEL))
    return Candidate(token.whole("id", run.config.vocab_size - 1), label, label, token.number("probability", 1))


def _check_matrix(step: FiledStep, name: str, values: Tensor) -> None:
    """Raises ValueError for a matrix that the model lacks, or of a shape that it cannot have."""
    entry = step.run.entries.get(name)
    if entry is None:
        raise ValueError(f"the file is damaged: it has a matrix that its model lacks; {AGAIN}")
    shape = matrix_shape(step.run.config, entry.axes, step.positions)
    if tuple(values.shape) != shape:
        raise ValueError(
            f"the file is damaged: {name} of step {step.index} has {_by(values.shape)} cells and should "
            f"have {_by(shape)}; {AGAIN}"
        )


def _by(shape: Iterable[int]) -> str:
    return " × ".join(f"{n:,}" for n in shape)

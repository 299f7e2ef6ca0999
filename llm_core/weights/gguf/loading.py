"""Models in GGUF files: expanded once, kept on this machine, and mapped by later starts."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from llm_core.config.model_config import ModelConfig
from llm_core.families.families import FAMILIES
from llm_core.families.family import Family
from llm_core.model.identity import Files, Weights, version_of
from llm_core.model.tokenizer import Tokenizer
from llm_core.model.transformer import Transformer
from llm_core.support.plain_words import one_line
from llm_core.weights import kept_models
from llm_core.weights.checkpoint import DTYPES, Progress, check_shapes, file_sha256, need_memory, read_weights
from llm_core.weights.gguf import config, refusals
from llm_core.weights.gguf import tokenizer as gguf_tokenizer
from llm_core.weights.gguf.header import Header, read_header
from llm_core.weights.gguf.tensors import GGUFTensors

_DAMAGED = "What this machine had kept of this model was damaged, so it was read from its file again."


def load_gguf(file: Path, name: str, dtype: str, progress: Progress) -> Transformer:
    """The model in a GGUF file, whatever the file's name. Its tensors are expanded once; what comes of it is kept, and
    mapped by later starts. The tokenizer is built from the file's settings, see gguf_tokenizer.

    Raises ValueError, naming the file and what is wrong with it. What its header shows to be wrong is refused at once,
    before the file is read as a whole.
    """
    file_name = one_line(file.name, 100)
    progress(f"looking at {file_name}", 0.0)
    header = read_header(file)
    refusals.check_header(file_name, header, DTYPES[dtype].itemsize)
    notes: list[str] = []
    content = model = None
    if kept_models.may_hold(header.digest, dtype):
        content = file_sha256(file)
        place = kept_models.place(content, dtype)
        if place is not None:
            model = kept_models.kept(place, file, damaged=lambda: notes.append(_DAMAGED))
    if model is None:
        ready = _ready(file, header, name, dtype)
        content = file_sha256(file) if content is None else content
        model, why = _made(ready, header, content, dtype, progress)
        if why is not None:
            notes.append(f"{why[:1].upper()}{why[1:]}; until then each start reads the file as a whole.")
    model.name, model.notes = name, tuple(notes)
    return model


@dataclass(frozen=True)
class _Ready:
    """All that a file's header tells of its model, looked at."""

    file: Path
    name: str
    family: Family
    config: ModelConfig
    tokenizer: Tokenizer
    tensors: GGUFTensors


def _ready(file: Path, header: Header, name: str, dtype: str) -> _Ready:
    """Raises ValueError for whatever the header shows to be wrong, and where memory is short."""
    file_name = one_line(file.name, 100)
    kind, shape = config.read_gguf_config(file_name, header)
    family = FAMILIES[kind]
    refusals.refuse_what_is_passed_over(file_name, header, family, shape)
    tensors = GGUFTensors(file, header, family, shape)
    if tensors.lacking:
        raise ValueError(f"{file_name} lacks {min(tensors.lacking)!r}: it is incomplete, or not of this architecture")
    with _of_file(file_name):
        check_shapes(shape, family, tensors.outlines())
    need_memory(shape, name, DTYPES[dtype])
    return _Ready(file, name, family, shape, _read_tokenizer(file, header, shape.vocab_size), tensors)


def _made(
    ready: _Ready, header: Header, content: str, dtype: str, progress: Progress
) -> tuple[Transformer, str | None]:
    """The model, kept where that can be; otherwise also why not."""
    place = kept_models.place(content, dtype)
    weights = sum(math.prod(tensor.shape) for tensor in header.tensors.values())
    why = kept_models.why_not(place, weights * DTYPES[dtype].itemsize)
    if why is not None:
        progress(why, 0.05)
    model = _convert_gguf(ready.file, ready, content, dtype, progress)
    if place is None or why is not None:
        return model, why
    progress("keeping the model on this machine", 0.9)
    try:
        kept_models.keep(model, place, header.digest)
    except ValueError as error:  # the disk has become full meanwhile
        return model, str(error)
    return kept_models.kept(place, ready.file) or model, None


def _convert_gguf(file: Path, ready: _Ready, content: str, dtype: str, progress: Progress) -> Transformer:
    with _of_file(one_line(file.name, 100)):
        read = read_weights(
            ready.config,
            ready.family,
            ready.tensors,
            DTYPES[dtype],
            lambda doing, share: progress(doing, 0.1 + 0.8 * share),
        )
    weights = Weights(version_of(content, ready.config, dtype), Files(file))
    model = Transformer.of_tensors(ready.config, ready.tokenizer, ready.name, weights, read.tensors)
    model.finite = read.finite
    return model


@contextmanager
def _of_file(file_name: str) -> Iterator[None]:
    """Sentences about a checkpoint and its config as sentences about a GGUF file."""
    try:
        yield
    except ValueError as error:
        said = str(error).replace("the config says", "its settings say").partition(": config and weights")[0]
        raise ValueError(said if said.startswith(file_name) else f"{file_name} cannot be run: {said}") from error


def _read_tokenizer(file: Path, header: Header, vocab_size: int) -> Tokenizer:
    try:
        tokenizer = gguf_tokenizer.read_gguf_tokenizer(header.settings)
    except ValueError as error:
        raise ValueError(f"the tokenizer of {one_line(file.name, 100)} cannot be read: {error}") from error
    if tokenizer.size > vocab_size:
        raise ValueError(
            f"{one_line(file.name, 100)} is corrupt: it has {tokenizer.size:,} tokens, and embeddings for "
            f"{vocab_size:,} of them"
        )
    return tokenizer

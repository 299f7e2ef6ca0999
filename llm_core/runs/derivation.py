"""Any matrix of a run, derived when someone looks.

A run keeps what inference itself needs: token ids, the residual stream at each layer's door and the KV cache. Every
other matrix of a layer is computed again from these by the same `Block`, in fixed blocks of rows,
so that a value does not depend on what else was asked for. A derived layer must arrive at the next door.

Axis letters: b batch, p position (rows of the step), s cached positions, m model, v vocabulary.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

from llm_core import catalogue
from llm_core.catalogue.axis_sizes import widest_row
from llm_core.catalogue.entry import TOKEN_ROWS, Entry, growing_axis
from llm_core.config.model_config import ModelConfig
from llm_core.model.attention import Rows, allowed_keys
from llm_core.model.cache import CachedRows
from llm_core.model.tap import Recorder
from llm_core.model.transformer import Transformer
from llm_core.runs import budget
from llm_core.runs.matrix import Matrix
from llm_core.runs.node import Node
from llm_core.support import threads
from llm_core.support.plain_words import counted

FEWEST_ROWS, MOST_ROWS = 64, 512  # of a block: matrix products of fewer rows are slower, row for row
CELLS_PER_BLOCK = 4 * 2**20  # of the widest matrix of a block with more than the fewest rows
DOOR_TOLERANCE = 1e-5  # of float32, relative to the door's largest magnitude; wider for coarser types


class Ran(Protocol):
    """A run, as far as the labels of its matrices depend on it."""

    @property
    def model(self) -> Transformer: ...
    @property
    def ids(self) -> list[int]: ...


class Derivable(Protocol):
    """A step of a run, as far as its matrices are derived from it."""

    @property
    def run(self) -> Ran: ...
    @property
    def node(self) -> Node: ...
    @property
    def positions(self) -> range: ...


def rows_per_block(config: ModelConfig, end: int) -> int:
    """How many rows of a layer are derived at once where they meet `end` keys: as many as keep a block small."""
    fit = max(1, CELLS_PER_BLOCK // widest_row(config, end))
    return min(max(FEWEST_ROWS, 2 ** (fit.bit_length() - 1)), MOST_ROWS)


def blocks(step: Derivable, rows: range | None = None) -> Iterator[range]:
    """The rows of a step (0 is its first; all by default) in the blocks in which they are derived."""
    rows = range(len(step.positions)) if rows is None else rows
    for block in _whole_blocks(step, rows):
        yield range(max(block.start, rows.start), min(block.stop, rows.stop))


def _whole_blocks(step: Derivable, rows: range) -> list[range]:
    """The blocks that have some of these rows, each in full."""
    size, end = rows_per_block(step.run.model.config, step.positions.stop), len(step.positions)
    first = rows.start - rows.start % size
    return [range(start, min(start + size, end)) for start in range(first, rows.stop, size)]


def derive_matrices(
    step: Derivable, names: Sequence[str], rows: range | None = None, keep: bool = True
) -> list[Matrix]:
    """The named matrices of one step, each layer derived once for all of its names.

    rows: only these rows of the step (0 is its first), for a tile of a large matrix; all by default. keep: what is
    derived may stay for the next look; False for who goes through all layers once. Raises ValueError for a name that
    the model lacks and for rows that the step lacks.
    """
    config = step.run.model.config
    if not isinstance(names, Iterable):
        raise ValueError(f"matrices are asked for by their names, and not by something of type {type(names).__name__}")
    entries = [catalogue.matrix(config, name) for name in ([names] if isinstance(names, str) else names)]
    whole = range(len(step.positions))
    check_rows(rows, len(whole))
    found = _values(step, entries, None if rows == whole else rows, keep)
    return [_matrix(step, entry, found[entry.name], rows or whole) for entry in entries]


def check_rows(rows: range | None, count: int) -> None:
    """Raises ValueError unless these are some of a step's `count` rows, or all (None)."""
    if not isinstance(rows, range | None):
        raise ValueError(f"rows must be a range, as in range(0, 3), not a {type(rows).__name__}")
    if rows is not None and not (0 <= rows.start < rows.stop <= count and rows.step == 1):
        raise ValueError(f"rows {rows.start} to {rows.stop} are not among this step's {counted(count, 'row')}")


def _matrix(step: Derivable, entry: Entry, found: tuple[Tensor, bool], rows: range) -> Matrix:
    values, arrives = found
    positions = step.positions[rows.start : rows.stop]
    if entry.axes == ("position", "vocab"):  # of the sampled row alone
        positions = step.positions[-1:]
    labels = tuple(_labels(step, axis, size, positions) for axis, size in zip(entry.axes, values.shape, strict=True))
    hidden = None
    if entry.hides:
        hidden = ~allowed_keys(positions, step.positions.stop, step.run.model.config.window)
    return Matrix(entry, values, labels, hidden, arrives, positions.start)


def _labels(step: Derivable, axis: str, size: int, positions: range) -> Sequence[str]:
    tokenizer, ids = step.run.model.tokenizer, step.run.ids
    if axis in TOKEN_ROWS:
        return [tokenizer.label(ids[p]) for p in positions]
    if axis == "key":
        return [tokenizer.label(i) for i in ids[:size]]
    if axis == "vocab":
        return VocabLabels(step)
    return list(_numbers(size))


@lru_cache(maxsize=16)
def _numbers(size: int) -> tuple[str, ...]:
    return tuple(map(str, range(size)))


class VocabLabels(Sequence[str]):
    """The label of each token of the vocabulary, made when it is read."""

    def __init__(self, step: Derivable) -> None:
        self._tokenizer, self._size = step.run.model.tokenizer, step.run.model.config.vocab_size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self._tokenizer.label(i) for i in range(*index.indices(self._size))]
        return self._tokenizer.label(range(self._size)[index])


def _values(
    step: Derivable, entries: Sequence[Entry], rows: range | None, keep: bool
) -> dict[str, tuple[Tensor, bool]]:
    axes = {entry.name: entry.axes for entry in entries}
    found: dict[str, tuple[Tensor, bool]] = {}
    missing: dict[int | None, set[str]] = {}
    kept = _kept(step)
    for entry in entries:
        if entry.name in kept:
            found[entry.name] = cut(kept[entry.name], entry.axes, rows), True
            continue
        derived = budget.DERIVED.get((step.node.number, entry.name))
        if derived is not None and (rows is None or derived[1]):  # one that does not arrive is asked for its rows alone
            whole, arrives = derived
            found[entry.name] = cut(whole, entry.axes, rows), arrives
        else:
            missing.setdefault(entry.layer, set()).add(entry.name)
    one_block = len(step.positions) <= rows_per_block(step.run.model.config, step.positions.stop)
    for layer, names in missing.items():
        asked = None if one_block and layer is not None else rows  # some rows of a block cost as much as all of it
        for name, (value, arrives) in _derive(step, layer, names, asked).items():
            if keep and asked is None:
                budget.DERIVED.put((step.node.number, name), (value, arrives))
            found[name] = value if asked == rows else cut(value, axes[name], rows), arrives
    return found


def _kept(step: Derivable) -> dict[str, Tensor]:
    """The matrices that a node itself keeps, by name."""
    return {catalogue.door(step.run.model.config, i): door for i, door in enumerate(step.node.doors)}


@torch.inference_mode()
def _derive(step: Derivable, layer: int | None, names: set[str], rows: range | None) -> dict[str, tuple[Tensor, bool]]:
    """The named matrices of one layer, or those outside all layers (None), without the batch axis."""
    if layer is None:
        return {name: (value, True) for name, value in outside_layers(step, names, rows).items()}
    threads.settle()
    config = step.run.model.config
    wanted = range(len(step.positions)) if rows is None else rows
    whole = _whole_blocks(step, wanted)
    pieces: dict[str, list[Tensor]] = {name: [] for name in names}
    arrives = True
    for block in whole:
        values, arrived = _layer_rows(step, layer, names, block)
        arrives = arrives and arrived
        for name, value in values.items():
            pieces[name].append(value)
    trim = range(wanted.start - whole[0].start, wanted.stop - whole[0].start)
    return {
        name: (_joined(parts, catalogue.matrix(config, name).axes, trim), arrives) for name, parts in pieces.items()
    }


def _layer_rows(step: Derivable, layer: int, names: set[str], block: range) -> tuple[dict[str, Tensor], bool]:
    """Rows `block` of one layer, from its door and the cached positions; and whether they arrive."""
    values, out, appended = layer_rows(step.node, layer, names, block)
    return values, _arrive(step.node, layer, block, out, appended)


def layer_rows(
    node: Node, layer: int, names: set[str], block: range
) -> tuple[dict[str, Tensor], Tensor, tuple[Tensor, Tensor]]:
    """The named matrices of one layer for rows `block` of a node, from its door and the cached positions.

    With them what the layer hands over (p, m), and the keys and values (1, g, p, d) that it would cache: no number is
    read here, so it runs on any device without waiting for it.
    """
    positions = node.positions[block.start : block.stop]
    rows = Rows(node.model.config, positions, node.positions.stop, node.model.device)
    # explicit attention whatever is asked for: a value must not depend on its neighbours in the question
    recorder = Recorder(names | {f"layers.{layer}.attention.weights"})
    door = node.doors[layer][block.start : block.stop]  # (p, m)
    cached = CachedRows(node.buffer.cache.layers[layer], node.positions.stop)
    out = node.model.layers[layer](door[None], rows, cached, recorder.scope(f"layers.{layer}"))[0]
    assert cached.appended is not None
    return {name: recorder.values[name][0] for name in names}, out, cached.appended


def _arrive(node: Node, layer: int, block: range, out: Tensor, appended: tuple[Tensor, Tensor]) -> bool:
    """Whether derived rows reach the run's next door, and their keys and values are the cached ones."""
    arrived = _close(out, node.doors[layer + 1][block.start : block.stop])
    positions = node.positions[block.start : block.stop]
    for mine, kept in zip(appended, node.keys_and_values(layer), strict=True):
        arrived = arrived and _close(mine, kept[:, :, positions.start : positions.stop])
    return arrived


def _close(derived: Tensor, door: Tensor) -> bool:
    tolerance = max(DOOR_TOLERANCE, 8 * torch.finfo(door.dtype).eps)
    finite = door.isfinite()
    if not bool(finite.all()):  # the run itself overflowed: it must do so again, in the same cells
        if not torch.allclose(derived[~finite], door[~finite], equal_nan=True):
            return False
        derived, door = derived.masked_fill(~finite, 0), door.masked_fill(~finite, 0)
    difference, size = (derived - door).abs().max(), door.abs().max()
    return bool(difference <= tolerance * size)  # False for NaN


def _joined(parts: list[Tensor], axes: tuple[str, ...], trim: range) -> Tensor:
    axis = growing_axis(axes)
    if axis is None:  # cached rows: others may take their place in memory once no run holds them any more
        return parts[0].clone()
    whole = parts[0] if len(parts) == 1 else torch.cat(parts, axis)
    return cut(whole, axes, trim)


def cut(whole: Tensor, axes: tuple[str, ...], rows: range | None) -> Tensor:
    """These rows (all by default) of a whole matrix with these axes; a matrix without rows of its own as it is."""
    axis = growing_axis(axes)
    return whole if rows is None or axis is None else whole.narrow(axis, rows.start, len(rows))


@torch.inference_mode()
def last_logits(node: Node, keep: bool = True) -> Tensor:
    """The logits (1, v) of a node's last row, from which the next token is drawn; only ever to be read.

    Derived from the last door, whenever they are asked for, by the same product. keep: they may stay for the next look.
    """
    kept = budget.DERIVED.get((node.number, "logits"))
    if kept is not None:
        return kept[0]
    threads.settle()
    logits = node.model.logits(node.doors[-1][-1:])
    if keep:
        budget.DERIVED.put((node.number, "logits"), (logits, True))
    return logits


@torch.inference_mode()
def logits_of_rows(step: Derivable, rows: range | None = None) -> Tensor:
    """The logits (p, v) of some rows of a step (0 is its first; all by default), in fixed blocks of rows.

    The last row's differ in their last bits from those of `last_logits`, which are computed for that row alone. Raises
    ValueError for rows that the step lacks.
    """
    check_rows(rows, len(step.positions))
    wanted = range(len(step.positions)) if rows is None else rows
    threads.settle()
    whole = _whole_blocks(step, wanted)
    parts = [step.node.model.logits(step.node.doors[-1][block.start : block.stop]) for block in whole]
    return torch.cat(parts)[wanted.start - whole[0].start : wanted.stop - whole[0].start]


def outside_layers(step: Derivable, names: set[str], rows: range | None = None) -> dict[str, Tensor]:
    """The named matrices outside all layers, of some rows of the step (all by default)."""
    model = step.node.model
    positions = step.positions if rows is None else step.positions[rows.start : rows.stop]
    recorder = Recorder(names)
    if names & {"token_embedding", "position_embedding"}:
        first = step.positions.start
        ids = torch.tensor([step.node.ids[p - first] for p in positions], device=model.device)
        model.embedding(ids[None], Rows(model.config, positions, positions.stop, model.device), recorder)
    if "final_norm" in names and model.final_norm is not None:
        last = step.node.doors[-1] if rows is None else step.node.doors[-1][rows.start : rows.stop]
        recorder("final_norm", model.final_norm(last)[None])
    if names & {"logits", "probabilities"}:
        logits = last_logits(step.node)
        recorder("logits", logits[None])
        recorder("probabilities", logits.float().softmax(-1)[None])
    return {name: value[0] for name, value in recorder.values.items()}

"""Any matrix of a run, derived when someone looks.

A run keeps what inference itself needs: token ids, the residual stream at each layer's door, the KV cache and the
sampled logits. Every other matrix of a layer is computed again from these by the same `Block`, in fixed blocks of rows,
so that a value does not depend on what else was asked for. A derived layer must arrive at the next door.

Axis letters: b batch, p position (rows of the step), s cached positions, m model, v vocabulary.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from llm_core import catalogue, notebook, threads
from llm_core.attention import Rows, allowed_keys
from llm_core.cache import CachedRows
from llm_core.catalogue import Entry
from llm_core.config import ModelConfig
from llm_core.tap import Recorder

if TYPE_CHECKING:
    from llm_core.generation import Step

FEWEST_ROWS, MOST_ROWS = 64, 512  # of a block: matrix products of fewer rows are slower, row for row
CELLS_PER_BLOCK = 4 * 2**20  # of the widest matrix of a block with more than the fewest rows
DOOR_TOLERANCE = 1e-5  # of float32, relative to the door's largest magnitude; wider for coarser types


@dataclass(frozen=True)
class Matrix:
    """One matrix of one step: values with an axis word and labels for each axis, and its catalogue entry.

    mask: True where a cell of the last two axes (query, key) is hidden from attention; None where nothing is hidden.
    arrives: False where its layer, derived again, did not reach the run's next door, or its cached
    keys and values, within tolerance.
    """

    entry: Entry
    values: Tensor
    labels: tuple[Sequence[str], ...]
    mask: Tensor | None = None
    arrives: bool = True

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def axes(self) -> tuple[str, ...]:
        return self.entry.axes

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)

    def _repr_html_(self) -> str:
        return notebook.matrix_html(self)


class Budget:
    """Derived values of all runs, at most `limit` bytes together; the least recently used go first. Thread-safe."""

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0
        self._lock = threading.Lock()
        self._values: OrderedDict[tuple[int, int, str], tuple[Tensor, bool]] = OrderedDict()
        self._gone: deque[int] = deque()  # runs whose values are to be dropped

    def get(self, key: tuple[int, int, str]) -> tuple[Tensor, bool] | None:
        with self._lock:
            self._drop_gone()
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: tuple[int, int, str], value: tuple[Tensor, bool]) -> None:
        """Keep one value; one that is larger than the whole budget is not kept."""
        size = value[0].nbytes
        if size > self.limit:
            return
        with self._lock:
            self._drop_gone()
            if key in self._values:
                return
            while self.used + size > self.limit:
                _, (old, _) = self._values.popitem(last=False)
                self.used -= old.nbytes
            self._values[key] = value
            self.used += size

    def forget(self, run: int) -> None:
        """Drop all values of one run: now, or at the next get or put where the lock is taken.

        Garbage collection calls this, perhaps in the very thread that holds the lock, so it must not wait.
        """
        self._gone.append(run)
        if self._lock.acquire(blocking=False):
            try:
                self._drop_gone()
            finally:
                self._lock.release()

    def _drop_gone(self) -> None:
        while self._gone:
            run = self._gone.popleft()
            for key in [k for k in self._values if k[0] == run]:
                self.used -= self._values.pop(key)[0].nbytes


DERIVED = Budget(256 * 2**20)


def rows_per_block(config: ModelConfig, end: int) -> int:
    """How many rows of a layer are derived at once where they meet `end` keys: as many as keep a block small."""
    widest = max(config.heads * end, config.feedforward_dim, config.model_dim)
    fit = max(1, CELLS_PER_BLOCK // widest)
    return min(max(FEWEST_ROWS, 2 ** (fit.bit_length() - 1)), MOST_ROWS)


def blocks(step: "Step", rows: range | None = None) -> Iterator[range]:
    """The rows of a step (0 is its first; all by default) in the blocks in which they are derived."""
    rows = range(len(step.positions)) if rows is None else rows
    for block in _whole_blocks(step, rows):
        yield range(max(block.start, rows.start), min(block.stop, rows.stop))


def _whole_blocks(step: "Step", rows: range) -> list[range]:
    """The blocks that have some of these rows, each in full."""
    size, end = rows_per_block(step.run.model.config, step.positions.stop), len(step.positions)
    first = rows.start - rows.start % size
    return [range(start, min(start + size, end)) for start in range(first, rows.stop, size)]


def matrices(step: "Step", names: Sequence[str], rows: range | None = None, keep: bool = True) -> list[Matrix]:
    """The named matrices of one step, each layer derived once for all of its names.

    rows: only these rows of the step (0 is its first), for a tile of a large matrix; all by default. keep: what is
    derived may stay for the next look; False for who goes through all layers once. Raises ValueError for a name that
    the model lacks and for rows that the step lacks.
    """
    config = step.run.model.config
    entries = [catalogue.matrix(config, name) for name in names]
    whole = range(len(step.positions))
    if rows is not None and not (whole.start <= rows.start < rows.stop <= whole.stop and rows.step == 1):
        raise ValueError(f"rows {rows.start} to {rows.stop} are not among this step's {len(whole)} rows")
    found = _values(step, entries, None if rows == whole else rows, keep)
    return [_matrix(step, entry, found[entry.name], rows or whole) for entry in entries]


def _matrix(step: "Step", entry: Entry, found: tuple[Tensor, bool], rows: range) -> Matrix:
    values, arrives = found
    positions = step.positions[rows.start : rows.stop]
    if entry.axes == ("position", "vocab"):  # of the sampled row alone
        positions = step.positions[-1:]
    labels = tuple(_labels(step, axis, size, positions) for axis, size in zip(entry.axes, values.shape, strict=True))
    hidden = None
    if entry.operation in ("mask", "softmax") and entry.axes[-2:] == ("query", "key"):
        hidden = ~allowed_keys(positions, step.positions.stop, step.run.model.config.window)
    return Matrix(entry, values, labels, hidden, arrives)


def _labels(step: "Step", axis: str, size: int, positions: range) -> Sequence[str]:
    tokenizer, ids = step.run.model.tokenizer, step.run.ids
    if axis in ("position", "query"):
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

    def __init__(self, step: "Step") -> None:
        self._tokenizer, self._size = step.run.model.tokenizer, step.run.model.config.vocab_size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self._tokenizer.label(i) for i in range(*index.indices(self._size))]
        return self._tokenizer.label(range(self._size)[index])


def _values(step: "Step", entries: Sequence[Entry], rows: range | None, keep: bool) -> dict[str, tuple[Tensor, bool]]:
    axes = {entry.name: entry.axes for entry in entries}
    found: dict[str, tuple[Tensor, bool]] = {}
    missing: dict[int | None, set[str]] = {}
    kept = step.kept
    for entry in entries:
        if entry.name in kept:
            found[entry.name] = _cut(kept[entry.name], entry.axes, rows), True
            continue
        derived = DERIVED.get((step.run.number, step.index, entry.name))
        if derived is not None and (rows is None or derived[1]):  # one that does not arrive is asked for its rows alone
            whole, arrives = derived
            found[entry.name] = _cut(whole, entry.axes, rows), arrives
        else:
            missing.setdefault(entry.layer, set()).add(entry.name)
    one_block = len(step.positions) <= rows_per_block(step.run.model.config, step.positions.stop)
    for layer, names in missing.items():
        asked = None if one_block and layer is not None else rows  # some rows of a block cost as much as all of it
        for name, (value, arrives) in _derive(step, layer, names, asked).items():
            if keep and asked is None:
                DERIVED.put((step.run.number, step.index, name), (value, arrives))
            found[name] = value if asked == rows else _cut(value, axes[name], rows), arrives
    return found


@torch.inference_mode()
def _derive(step: "Step", layer: int | None, names: set[str], rows: range | None) -> dict[str, tuple[Tensor, bool]]:
    """The named matrices of one layer, or those outside all layers (None), without the batch axis."""
    if layer is None:
        return {name: (value, True) for name, value in _outside_layers(step, names, rows).items()}
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


def _layer_rows(step: "Step", layer: int, names: set[str], block: range) -> tuple[dict[str, Tensor], bool]:
    """Rows `block` of one layer, from its door and the cached positions; and whether they arrive.

    They arrive where they reach the run's next door, and where their keys and values are the cached ones.
    """
    run = step.run
    rows = Rows(run.model.config, step.positions[block.start : block.stop], step.positions.stop)
    # explicit attention whatever is asked for: a value must not depend on its neighbours in the question
    recorder = Recorder(names | {f"layers.{layer}.attention.weights"})
    door = step.doors[layer][block.start : block.stop]  # (p, m)
    cached = CachedRows(run.cache.layers[layer], step.positions.stop)
    out = run.model.layers[layer](door[None], rows, cached, recorder.scope(f"layers.{layer}"))[0]
    arrived = _close(out, step.doors[layer + 1][block.start : block.stop])
    for mine, kept in zip(cached.appended or (), cached.cache.first(step.positions.stop), strict=True):
        arrived = arrived and _close(mine, kept[:, :, rows.positions.start : rows.positions.stop])
    return {name: recorder.values[name][0] for name in names}, arrived


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
    axis = _row_axis(axes)
    whole = parts[0] if axis is None or len(parts) == 1 else torch.cat(parts, axis)
    return _cut(whole, axes, trim)


def _row_axis(axes: tuple[str, ...]) -> int | None:
    """Which axis counts the step's rows; None for cached keys and values, which have all rows in every block, and for
    the sampled row's logits and probabilities.
    """
    if axes[-1] == "vocab":
        return None
    return next((i for i, axis in enumerate(axes) if axis in ("position", "query")), None)


def _cut(whole: Tensor, axes: tuple[str, ...], rows: range | None) -> Tensor:
    axis = _row_axis(axes)
    return whole if rows is None or axis is None else whole.narrow(axis, rows.start, len(rows))


def _outside_layers(step: "Step", names: set[str], rows: range | None) -> dict[str, Tensor]:
    model = step.run.model
    positions = step.positions if rows is None else step.positions[rows.start : rows.stop]
    recorder = Recorder(names)
    if names & {"token_embedding", "position_embedding"}:
        ids = torch.tensor([step.run.ids[p] for p in positions])
        model.embedding(ids[None], Rows(model.config, positions, positions.stop), recorder)
    if "final_norm" in names and model.final_norm is not None:
        last = step.doors[-1] if rows is None else step.doors[-1][rows.start : rows.stop]
        recorder("final_norm", model.final_norm(last)[None])
    if "probabilities" in names:
        recorder("probabilities", step.logits.float().softmax(-1)[None])
    return {name: value[0] for name, value in recorder.values.items()}

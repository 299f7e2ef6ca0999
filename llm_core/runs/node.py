"""The tree of passes: a node is one pass of a model over some rows, and a run is a path of nodes.

A node never changes once it is made. Runs of one model share nodes as far as they agree: one more token, other dice and
another continuation are further nodes behind those that are there. Nodes point to their parents, and a tree knows its
nodes only as long as some run holds them.

Axis letters: p position (rows of the pass), s positions so far, g KV head, d head dimension, m model.
"""

import itertools
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from llm_core import catalogue
from llm_core.model.cache import KVCache
from llm_core.model.tap import Recorder
from llm_core.model.transformer import Transformer
from llm_core.runs import budget
from llm_core.runs.sampling import Sampled
from llm_core.support import threads

_numbers = itertools.count()
_Key = tuple[object, ...]
T = TypeVar("T")


class Alive(Generic[T]):
    """Values by what they were made from, as long as somebody holds them. Thread-safe."""

    def __init__(self) -> None:
        self._values: weakref.WeakValueDictionary[_Key, T] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def get(self, key: _Key) -> T | None:
        with self._lock:
            return self._values.get(key)

    def add(self, key: _Key, value: T) -> T:
        """The value that stays: where two threads have made the same, the first one."""
        with self._lock:
            return self._values.setdefault(key, value)


class PathBuffer:
    """The keys and values of a path of nodes, in one piece for attention to read.

    The node at its end may be followed in place by one other; whoever else goes on from one of its nodes copies the
    rows that are shared, once. Thread-safe: who has claimed rows is alone in writing them.
    """

    def __init__(self, model: Transformer, shared: "Node | None" = None) -> None:
        """shared: begin with the rows of all positions up to this node's last."""
        self.cache = KVCache(model.config, 0)  # it grows by chunks
        self._claimed, self._lock = 0, threading.Lock()
        if shared is not None:
            with torch.inference_mode():
                self.cache.copy_from(shared.buffer.cache, shared.positions.stop)
            self._claimed = shared.positions.stop

    def claim(self, rows: range) -> bool:
        """True where these rows come next and nobody else has claimed them."""
        with self._lock:
            if self._claimed != rows.start:
                return False
            self._claimed = rows.stop
            return True

    def release(self, rows: range) -> None:
        """Give claimed rows back that no node holds any more, if they are the last ones.

        Garbage collection calls this, perhaps in the very thread that holds the lock, so it does not wait: rows that
        are not given back only cost a copy later.
        """
        if self._lock.acquire(blocking=False):
            try:
                if self._claimed == rows.stop:
                    self.cache.cut_off(rows.start)
                    self._claimed = rows.start
            finally:
                self._lock.release()


@dataclass(frozen=True, eq=False, repr=False)
class Node:
    """One pass: the token ids it read, their positions, what it kept, and the pass before it. It never changes.

    doors: the residual stream entering each layer, and behind the last: layers + 1 tensors (p, m), only ever to be
    read. The rows of keys and values lie in buffer, at `positions`. number tells a node from all others of the process.
    choices: the tokens that runs have sampled after this pass, by how they were sampled.
    """

    model: Transformer
    parent: "Node | None"
    ids: tuple[int, ...]
    positions: range
    doors: tuple[Tensor, ...]
    buffer: PathBuffer
    number: int = field(default_factory=lambda: next(_numbers))
    choices: Alive[Sampled] = field(default_factory=Alive)
    _children: "Alive[Node]" = field(default_factory=Alive)

    def __post_init__(self) -> None:
        for finalizer in (
            weakref.finalize(self, self.buffer.release, self.positions),
            weakref.finalize(self, _forget, self.number),
        ):
            finalizer.atexit = False

    @property
    def path(self) -> list["Node"]:
        """This node and those before it, the first one first."""
        found, node = [], self
        while True:
            found.append(node)
            if node.parent is None:
                return found[::-1]
            node = node.parent

    @property
    def path_ids(self) -> list[int]:
        """The token ids of all positions up to this node's last."""
        return [i for node in self.path for i in node.ids]

    def keys_and_values(self, layer: int) -> tuple[Tensor, Tensor]:
        """One layer's keys and values of all positions up to this node's last, each (1, g, s, d); only to be read."""
        return self.buffer.cache.layers[layer].first(self.positions.stop)

    def then(self, ids: Sequence[int]) -> "Node":
        """The pass over these ids, behind this one: the one that is there, or a new one."""
        key = _key(ids)
        return self._children.get(key) or self._children.add(key, _pass(self.model, self, tuple(ids)))


def _forget(number: int) -> None:
    budget.DERIVED.forget(number)


def prefill(model: Transformer, ids: Sequence[int]) -> Node:
    """The pass over a whole prompt: the one that some run of the model still holds, or a new one."""
    nodes, key = _roots(model), _prefill_key(model, ids)
    return nodes.get(key) or nodes.add(key, _pass(model, None, tuple(ids)))


def prefilled(model: Transformer, ids: Sequence[int]) -> Node | None:
    """The pass over a whole prompt that some run of the model holds, which stays as long as the answer is held too."""
    return _roots(model).get(_prefill_key(model, ids))


def storages(nodes: Sequence[Node]) -> dict[int, int]:
    """The memory that these nodes hold: an id of each piece, and its bytes. What several share is one piece."""
    doors = {id(door): door.nbytes for node in nodes for door in node.doors}
    return doors | {id(node.buffer): node.buffer.cache.nbytes for node in nodes}


_trees: weakref.WeakKeyDictionary[nn.Module, Alive[Node]] = weakref.WeakKeyDictionary()
_trees_lock = threading.Lock()


def _roots(model: Transformer) -> Alive[Node]:
    """The prefills of these weights. A model that only labels its tokens otherwise has the same embedding."""
    with _trees_lock:
        return _trees.setdefault(model.embedding, Alive())


def _prefill_key(model: Transformer, ids: Sequence[int]) -> _Key:
    """What a prefill's numbers depend on, to the bit; the last is which weights there are, and how often each was
    written to, as far as PyTorch counts it."""
    written = tuple((id(w), 0 if w.is_inference() else w._version, w.dtype, w.device) for w in model.parameters())
    return *_key(ids), written


def _key(ids: Sequence[int]) -> _Key:
    """What the numbers of a pass depend on, to the bit, besides those of the passes before it."""
    return tuple(ids), torch.get_num_threads()


def _pass(model: Transformer, parent: Node | None, ids: tuple[int, ...]) -> Node:
    start = 0 if parent is None else parent.positions.stop
    rows = range(start, start + len(ids))
    buffer = None if parent is None else parent.buffer
    if buffer is None or not buffer.claim(rows):
        buffer = PathBuffer(model, parent)
        buffer.claim(rows)
    names = [catalogue.door(model.config, i) for i in range(model.config.layers + 1)]
    tap = Recorder(frozenset(names))
    threads.settle()
    try:
        with torch.inference_mode():
            model.stream(torch.tensor([ids], device=model.device), buffer.cache, tap)
    except BaseException:
        buffer.release(rows)
        raise
    return Node(model, parent, ids, rows, tuple(tap.values[name][0] for name in names), buffer)

"""The KV cache: the keys and values of every position so far, so that a decode step computes one row only.

Axis letters: b batch, g KV head, p position (rows of this step), s cached positions, d head dimension.
"""

from typing import Protocol

import torch
from torch import Tensor

from llm_core.config.model_config import ModelConfig

CHUNK = 64  # positions by which the room for keys and values grows: growing copies what is there


class LayerCache(Protocol):
    """What attention appends this step's rows to, and reads all rows from."""

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """k and v (b, g, p, d) of this step → keys and values (b, g, s, d) of all positions so far, these included."""
        ...


class GrowingCache:
    """One layer's keys and values; room for `capacity` positions, and for a chunk more when it runs out.

    Nothing is evicted. A row never changes once it is there; when the room grows, who holds views of the old one keeps
    it in memory, so ask `first` anew each time.
    """

    def __init__(self, capacity: int) -> None:
        self.length, self.capacity = 0, capacity
        self._keys: Tensor | None = None
        self._values: Tensor | None = None

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        end = self.length + k.shape[2]
        if self._keys is None or self._values is None or end > self._keys.shape[2]:
            self._keys, self._values = self._grown(self._keys, k, end), self._grown(self._values, v, end)
        self._keys[:, :, self.length : end] = k
        self._values[:, :, self.length : end] = v
        self.length = end
        return self.first(end)

    def first(self, end: int) -> tuple[Tensor, Tensor]:
        """The keys and values of the first `end` positions (b, g, end, d), as views."""
        assert self._keys is not None and self._values is not None
        return self._keys[:, :, :end], self._values[:, :, :end]

    def cut_off(self, length: int) -> None:
        """Forget all positions from `length` on; the next ones are written in their place."""
        self.length = min(self.length, length)

    def _grown(self, old: Tensor | None, like: Tensor, end: int) -> Tensor:
        b, g, _, d = like.shape
        room = self.capacity if end <= self.capacity else -(-end // CHUNK) * CHUNK
        new = torch.empty(b, g, room, d, dtype=like.dtype, device=like.device)
        if old is not None:
            new[:, :, : self.length] = old[:, :, : self.length]
        return new


class CachedRows:
    """A read-only view of the first `end` positions: appending to it changes nothing and returns the cached rows.

    With it a layer can be computed again, for any of its rows, as it was computed in the run. `appended` holds the rows
    that were offered, to be compared with the cached ones.
    """

    def __init__(self, cache: GrowingCache, end: int) -> None:
        self.cache, self.end = cache, end
        self.appended: tuple[Tensor, Tensor] | None = None

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        self.appended = k, v
        return self.cache.first(self.end)


class KVCache:
    """The caches of all layers. `capacity` is in positions; give it where it is known, to allocate once."""

    def __init__(self, config: ModelConfig, capacity: int = 64) -> None:
        self.layers = [GrowingCache(capacity) for _ in range(config.layers)]

    @property
    def length(self) -> int:
        """How many positions are cached."""
        return self.layers[0].length

    def copy_from(self, other: "KVCache", length: int) -> None:
        """Fill this empty cache with the first `length` positions of another, to go on from there in another way."""
        for mine, theirs in zip(self.layers, other.layers, strict=True):
            mine.append(*theirs.first(length))

    def cut_off(self, length: int) -> None:
        """Forget all positions from `length` on."""
        for layer in self.layers:
            layer.cut_off(length)

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values held, reserved room included."""
        return sum(t.nbytes for c in self.layers for t in (c._keys, c._values) if t is not None)

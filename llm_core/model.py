"""The Transformer: one forward pass for every model, in prefill and in decode.

Axis letters: b batch, p position (the rows of this step), m model, v vocabulary.

Prefill and decode are the same pass: prefill runs the prompt's rows on an empty cache, decode runs one row on the
cache that prefill has filled.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from llm_core.attention import Attention, Rows
from llm_core.cache import KVCache, LayerCache
from llm_core.config import ModelConfig
from llm_core.layers import FeedForward, linear, norm, sinusoidal, weight
from llm_core.tap import NO_TAP, Tap
from llm_core.tokenizer import Tokenizer


class Embedding(nn.Module):
    """A table of rows for tokens, and one for positions where they are learned."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.token = weight(config.vocab_size, config.model_dim)
        self.position = weight(config.max_positions, config.model_dim) if config.position == "learned" else None

    def forward(self, ids: Tensor, rows: Rows, tap: Tap) -> Tensor:
        """ids (b, p) → the input of the first layer (b, p, m)."""
        x = tap("token_embedding", self.token[ids])  # (b, p, m)
        positions = self.of_positions(rows)
        if positions is not None:
            x = x + tap("position_embedding", positions)
        return tap("input", x)

    def of_positions(self, rows: Rows) -> Tensor | None:
        """The rows (1, p, m) that are added for the positions, or None."""
        if self.position is not None:
            return self.position[rows.index][None]
        if self.config.position == "sinusoidal":
            return sinusoidal(rows.index, self.config.model_dim)[None].to(self.token.dtype)
        return None


class Block(nn.Module):
    """One layer: attention, then feed-forward, around a residual stream where the model has one."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.attention = Attention(config)
        self.feedforward = FeedForward(config)

    def forward(self, x: Tensor, rows: Rows, cache: LayerCache, tap: Tap) -> Tensor:
        """x (b, p, m) → (b, p, m), or (b, p, f) where the block ends at its hidden layer."""
        config = self.config
        attention_tap, feedforward_tap = tap.scope("attention"), tap.scope("feedforward")

        read = attention_tap("norm", self.attention.norm(x)) if config.pre_norm else x
        attended = self.attention(read, rows, cache, attention_tap)
        if config.parallel:
            middle = x
        elif config.residuals:
            middle = tap("residual_middle", x + attended)
            if config.post_norm:
                middle = attention_tap("norm", self.attention.norm(middle))
        else:
            middle = attended

        read = feedforward_tap("norm", self.feedforward.norm(middle)) if config.pre_norm else middle
        fed: Tensor = self.feedforward(read, feedforward_tap)
        if not config.residuals:
            return fed
        out = tap("residual", middle + attended + fed if config.parallel else middle + fed)
        return feedforward_tap("norm", self.feedforward.norm(out)) if config.post_norm else out


class Transformer(nn.Module):
    """A decoder-only language model. Its weights are read-only and may be shared by any number of runs.

    name is how people know the model; fingerprint tells apart any two models with different weights. origin is where
    the weights are from: a folder or file that they were read from, a seed that they were drawn from, or None (given
    or trained). Whoever changes the weights sets it to None: a proof takes the weights as they should be from there.
    """

    origin: Path | int | None = None

    def __init__(self, config: ModelConfig, tokenizer: Tokenizer, name: str, fingerprint: str) -> None:
        super().__init__()
        self.config, self.tokenizer = config, tokenizer
        self.name, self.fingerprint = name, fingerprint
        self.embedding = Embedding(config)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.final_norm = norm(config) if config.final_norm else None
        self.unembedding = Unembedding(config)

    def forward(self, ids: Tensor, cache: KVCache | None = None, tap: Tap = NO_TAP) -> Tensor:
        """ids (b, p), following what the cache holds → logits (b, p, v). Fills the cache."""
        return self.logits(self.stream(ids, cache, tap), tap)

    def stream(
        self, ids: Tensor, cache: KVCache | None = None, tap: Tap = NO_TAP, doors: list[Tensor] | None = None
    ) -> Tensor:
        """ids (b, p) → what the last layer hands over (b, p, m), final norm applied.

        `doors` receives the stream at the door of each layer and after the last: layers + 1 tensors (b, p, m).
        """
        cache = KVCache(self.config, ids.shape[1]) if cache is None else cache
        positions = range(cache.length, cache.length + ids.shape[1])
        rows = Rows(self.config, positions, positions.stop)
        x = self.embedding(ids, rows, tap)
        for i, layer in enumerate(self.layers):
            if doors is not None:
                doors.append(x)
            x = layer(x, rows, cache.layers[i], tap.scope(f"layers.{i}"))
        if doors is not None:
            doors.append(x)
        return x if self.final_norm is None else tap("final_norm", self.final_norm(x))

    def logits(self, x: Tensor, tap: Tap = NO_TAP) -> Tensor:
        """The stream after the final norm (b, p, m) → a score for each token of the vocabulary (b, p, v)."""
        logits = tap("logits", self.unembedding(x, self.embedding.token))
        if tap.wants("probabilities"):
            tap("probabilities", logits.softmax(-1))
        return logits

    @property
    def dtype(self) -> torch.dtype:
        return self.embedding.token.dtype


class Unembedding(nn.Module):
    """x W_u + b_u; tied models have no W_u of their own and use the token embedding, transposed."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight = None if config.tied else weight(config.stream_out_dim, config.vocab_size)
        self.bias = weight(config.vocab_size) if config.unembedding_bias else None

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """x (b, p, m) and the token embedding (v, m) → (b, p, v)."""
        return linear(x, table.mT if self.weight is None else self.weight, self.bias)

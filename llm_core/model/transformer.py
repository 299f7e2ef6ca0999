"""The Transformer: one forward pass for every model, in prefill and in decode.

Axis letters: b batch, p position (the rows of this step), m model, v vocabulary.

Prefill and decode are the same pass: prefill runs the prompt's rows on an empty cache, decode runs one row on the
cache that prefill has filled.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from llm_core import catalogue
from llm_core.config.model_config import ModelConfig
from llm_core.model.attention import Attention, Rows
from llm_core.model.cache import KVCache, LayerCache
from llm_core.model.identity import Edited, Seed, Trained, Weights, changed_version
from llm_core.model.layers import FeedForward, empty_weight, linear, norm, sinusoidal
from llm_core.model.tap import NO_TAP, Tap
from llm_core.model.tokenizer import Tokenizer


class Embedding(nn.Module):
    """A table of rows for tokens, and one for positions where they are learned."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.token = empty_weight(config.vocab_size, config.model_dim)
        self.position = empty_weight(config.max_positions, config.model_dim) if config.position == "learned" else None

    def forward(self, ids: Tensor, rows: Rows, tap: Tap) -> Tensor:
        """ids (b, p) → the input of the first layer (b, p, m)."""
        x = self.token[ids]  # (b, p, m)
        if self.config.scaled_embedding:
            x = x * math.sqrt(self.config.model_dim)
        x = tap("token_embedding", x)
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
        self.attention_norm, self.attention = norm(config), Attention(config)
        self.feedforward_norm, self.feedforward = norm(config), FeedForward(config)

    def forward(self, x: Tensor, rows: Rows, cache: LayerCache, tap: Tap) -> Tensor:
        """x (b, p, m) → (b, p, m), or (b, p, f) where the block ends at its hidden layer."""
        config = self.config
        attention_tap, feedforward_tap = tap.scope("attention"), tap.scope("feedforward")

        read = attention_tap("norm", self.attention_norm(x)) if config.pre_norm else x
        attended = self.attention(read, rows, cache, attention_tap)
        if config.parallel:
            middle = x
        elif config.residuals:
            middle = tap("residual_middle", x + attended)
            if config.post_norm:
                middle = attention_tap("norm", self.attention_norm(middle))
        else:
            middle = attended

        read = feedforward_tap("norm", self.feedforward_norm(middle)) if config.pre_norm else middle
        fed: Tensor = self.feedforward(read, feedforward_tap)
        if not config.residuals:
            return fed
        out = tap("residual", middle + attended + fed if config.parallel else middle + fed)
        return feedforward_tap("norm", self.feedforward_norm(out)) if config.post_norm else out


class Transformer(nn.Module):
    """A decoder-only language model. Its weights are read-only and may be shared by any number of runs and models.

    name is how people know the model; weights.version tells apart any two models with different weights, and
    weights.source is where these are from: a proof takes the weights as they should be from there.
    notes are sentences for whoever opened the model: what of its files is left out, or used otherwise than they say.
    finite: False where a weight that was read or edited is NaN or infinite.
    """

    notes: tuple[str, ...] = ()
    finite: bool = True

    def __init__(self, config: ModelConfig, tokenizer: Tokenizer, name: str, weights: Weights) -> None:
        super().__init__()
        self.config, self.tokenizer = config, tokenizer
        self.name, self._weights = name, weights
        self.embedding = Embedding(config)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.final_norm = norm(config) if config.final_norm else None
        self.unembedding = Unembedding(config)

    def forward(self, ids: Tensor, cache: KVCache | None = None, tap: Tap = NO_TAP) -> Tensor:
        """ids (b, p), following what the cache holds → logits (b, p, v). Fills the cache."""
        return self.logits(self.stream(ids, cache, tap), tap)

    def stream(self, ids: Tensor, cache: KVCache | None = None, tap: Tap = NO_TAP) -> Tensor:
        """ids (b, p) → what the last layer hands over: the residual stream behind it (b, p, m)."""
        cache = KVCache(self.config, ids.shape[1]) if cache is None else cache
        positions = range(cache.length, cache.length + ids.shape[1])
        rows = Rows(self.config, positions, positions.stop, ids.device)
        x = self.embedding(ids, rows, tap)
        for i, layer in enumerate(self.layers):
            x = layer(x, rows, cache.layers[i], tap.scope(f"layers.{i}"))
        return x

    def logits(self, x: Tensor, tap: Tap = NO_TAP) -> Tensor:
        """What the last layer hands over (…, m) → a score for each token of the vocabulary (…, v)."""
        if self.final_norm is not None:
            x = tap("final_norm", self.final_norm(x))
        logits = tap("logits", self.unembedding(x, self.embedding.token))
        if tap.wants("probabilities"):
            tap("probabilities", logits.softmax(-1))
        return logits

    def weight(self, name: str) -> Tensor:
        """A copy of one weight's values, which may be changed; shape as its catalogue entry has it.

        `get_parameter` has the weight itself: to change that changes the model. Raises ValueError for a name that the
        model lacks.
        """
        catalogue.weight(self.config, name)
        return self.get_parameter(name).detach().to("cpu", copy=True)

    @property
    def weights(self) -> Weights:
        """Which weights these are, and where they are from. Other weights are another model, see `with_weights`."""
        return self._weights

    @property
    def random_weights(self) -> bool:
        """True where they were drawn from a seed, and nothing has changed them."""
        return isinstance(self.weights.source, Seed)

    @property
    def dtype(self) -> torch.dtype:
        return self.embedding.token.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embedding.token.device

    @classmethod
    def of_tensors(
        cls, config: ModelConfig, tokenizer: Tokenizer, name: str, weights: Weights, tensors: Mapping[str, Tensor]
    ) -> "Transformer":
        """A model of these tensors: one for each of its weights, shaped as its catalogue entry has it, not copied."""
        with torch.device("meta"):  # no memory for weights that are there already
            model = cls(config, tokenizer, name, weights)
        for weight, values in tensors.items():
            part, _, last = weight.rpartition(".")
            setattr(model.get_submodule(part), last, nn.Parameter(values, requires_grad=False))
        return model.eval()

    def with_weights(self, changed: Mapping[str, Tensor], source: Edited | Trained | None = None) -> "Transformer":
        """Another model: some of its weights, by name, have these values, which are copied; all others are shared.

        source: what has changed them; by default they were edited. Raises ValueError for a name that the model lacks,
        and for values of another shape than the weight's.
        """
        if not isinstance(changed, Mapping):
            raise ValueError(f"changed weights are given by their names, and not as a {type(changed).__name__}")
        copies = {}
        for name, values in changed.items():
            shape = catalogue.weight(self.config, name).shape
            if not isinstance(values, Tensor):
                raise ValueError(f"the new values of {name} must be a tensor, and not of type {type(values).__name__}")
            if tuple(values.shape) != shape:
                raise ValueError(f"{name} has the shape {shape}, and the new values have {tuple(values.shape)}")
            copies[name] = torch.empty_like(self.get_parameter(name)).copy_(values)  # lies in memory as the old one
        weights = Weights(
            changed_version(self.weights.version, copies), source or Edited(self.weights.version, tuple(sorted(copies)))
        )
        tensors = dict(self.named_parameters()) | copies
        model = self.of_tensors(self.config, self.tokenizer, self.name, weights, tensors)
        model.notes = self.notes
        model.finite = all(bool(w.isfinite().all()) for n, w in tensors.items() if n in copies or not self.finite)
        return model


class Unembedding(nn.Module):
    """x W_u + b_u; tied models have no W_u of their own and use the token embedding, transposed."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight = None if config.tied else empty_weight(config.stream_out_dim, config.vocab_size)
        self.bias = empty_weight(config.vocab_size) if config.unembedding_bias else None

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """x (b, p, m) and the token embedding (v, m) → (b, p, v)."""
        return linear(x, table.mT if self.weight is None else self.weight, self.bias)

"""From the engine's matrices and weights to the pictures that figures are made of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from torch import Tensor

from dashboard.figures.picture import Origin, Picture, Pooling, WeightSource, axis_word, pool
from dashboard.figures.scale import Scale, ScaleKind, finite, reaching, scale_of
from dashboard.matrices.readings import Reading, read_matrices, share_of
from dashboard.matrices.shared_heads import own_head, slice_of
from llm_core import Step, Transformer, catalogue
from llm_core.catalogue.entry import Entry

TOP, FEW = 20, 8  # tokens of the vocabulary that a picture shows; beside cells that have room for their numbers


@dataclass(frozen=True)
class Tokens:
    """Some tokens of the vocabulary, whose columns stand for all `of` of them, and their labels."""

    ids: Sequence[int]
    labels: Sequence[str]
    of: int

    @classmethod
    def likeliest(cls, step: Step, most: int = TOP) -> "Tokens":
        """Those with the largest logits of a step, and always the drawn one: of the whole vocabulary a picture would
        show nothing."""
        logits = step.logits[0]
        ids = logits.topk(min(most, len(logits))).indices.tolist()
        if step.sampled.id not in ids:
            ids[-1] = step.sampled.id
        return cls(ids, [step.run.model.tokenizer.label(i) for i in ids], len(logits))


@dataclass(frozen=True)
class Look:
    """What of a deep model is looked at, and how. skip_first: the first token is left out of attention's scale."""

    layer: int = 0
    head: int = 0
    skip_first: bool = False
    pooling: Pooling = "largest"  # what a cell of a large matrix says of those that it stands for
    scale: ScaleKind = "robust"  # what sets the scale


class Pictures:
    """The pictures of one step, for one layer and one head. The matrices in `names` are read together, when needed."""

    def __init__(self, step: Step, look: Look | None = None, names: Sequence[str] = ()) -> None:
        self.step, self.look = step, look or Look()
        self.model = step.run.model
        self.run = step.run  # it stays alive as long as its pictures are made
        self.config = step.run.model.config
        self.names = tuple(names) or tuple(step.names)
        self._all = set(step.names)

    def __contains__(self, name: str) -> bool:
        return name in self._all

    @cached_property
    def _readings(self) -> dict[str, Reading]:
        return read_matrices(self.step, [n for n in self.names if catalogue.matrix(self.config, n).axes[-1] != "vocab"])

    def values(self, name: str, rows: range | None = None) -> Tensor:
        """The values of a matrix, or of some of its rows, as they are."""
        return self.step.matrix(name, rows).values

    def matrix(self, name: str, tokens: Tokens | None = None) -> Picture:
        """One matrix of the step, the chosen head of it; of the vocabulary, the columns of some tokens."""
        entry = catalogue.matrix(self.config, name)
        if tokens is not None:
            grid = self.values(name)[:, list(tokens.ids)]
            picture = _picture(entry, grid, tokens, self.look, columns=tokens.ids)
            last = [self.model.tokenizer.label(self.step.ids[-1])]
            return replace(picture, row_start=self.step.positions[-1], row_names=last)
        reading = self._readings[name]
        head = own_head(self.config, entry, self.look.head)
        index = head or 0
        cached = entry.axes[-2] == "key"
        scale = reading.scale(index, self._skips(reading), self.look.scale)
        picture = Picture(
            name,
            entry.symbol,
            shape_in_words(reading.shape),
            reading.pooled[self.look.pooling][index],
            quantity=entry.quantity,
            kind="cache" if cached else "activation",
            row_word=axis_word(entry.axes[-2]),
            column_word=axis_word(entry.axes[-1]),
            row_start=0 if cached else self.step.positions.start,
            column_start=0 if entry.axes[-1] == "key" else None,
            cached=self.step.positions.start // reading.tile[0] if cached else 0,
            column_labels=reading.labels[1] if entry.axes[-1] == "key" else None,
            column_names=reading.labels[1] if entry.axes[-1] == "key" else None,
            row_names=reading.labels[0],
            hidden=reading.hidden,
            window=self.config.window,
            tile=reading.tile,
            size=reading.shape,
            **_scaled(scale),
            scale_from=self._scale_from(reading),
            notes=self._notes(reading),
            origin=Origin(reading.shape, head),
        )
        return picture if self._prefill is None else picture.with_scale_of(self._prefill.matrix(name), "as in prefill")

    @cached_property
    def _prefill(self) -> "Pictures | None":
        """Of a decode step the first one's pictures: steps are compared, so all of a run have its scales."""
        return Pictures(self.run.steps[0], self.look, self.names) if self.step.index else None

    def labelled(self, name: str) -> Picture:
        """One matrix with its tokens at the left: the first one of an equation."""
        picture = self.matrix(name)
        return replace(picture, row_labels=picture.row_names)

    def last_row(self, name: str) -> Picture:
        """The last row of a matrix, exactly."""
        last = len(self.step.positions) - 1
        entry, position = catalogue.matrix(self.config, name), self.step.positions[-1]
        matrix = self.step.matrix(name, range(last, last + 1))
        labels = list(matrix.labels[-2])
        picture = _picture(entry, matrix.values, None, self.look, rows=last)
        return replace(
            picture,
            row_start=position,
            row_labels=labels,
            row_names=labels,
            notes=(*(("last row",) if last else ()), *picture.notes),
        )

    def weight(
        self, name: str, rows: Sequence[int] | None = None, tokens: Tokens | None = None, whole: bool = False
    ) -> Picture:
        """A weight; of the vocabulary, the rows or the columns of some tokens; of heads, the chosen one's part, or the
        whole."""
        entry = catalogue.weight(self.config, name)
        grid = self.model.get_parameter(name).detach()
        grid = grid if grid.ndim == 2 else grid[None]
        notes: tuple[str, ...] = ()
        where: dict[str, int | Sequence[int] | bool] = {}
        part = None if whole else slice_of(self.config, name, self.look.head)
        if part is not None:
            axis, span, note = part
            grid, notes = grid.narrow(axis, span.start, len(span)), (note,)
            where["columns" if axis else "rows"] = span.start
        if rows is not None:
            grid, notes = grid[list(rows)], (f"{len(rows):,} of {entry.shape[0]:,} rows",)
            where["rows"] = rows
        if tokens is not None and entry.axes[0] == "vocab" and len(entry.axes) == 2:  # tied: the embedding, transposed
            entry, grid = replace(entry, symbol=f"{entry.symbol}ᵀ", axes=entry.axes[::-1]), grid.mT
            where["turned"] = True
        if tokens is not None:
            grid = grid[:, list(tokens.ids)]
            where["columns"] = tokens.ids
        picture = _picture(entry, grid, tokens, self.look, **where)
        notes = (*notes, *picture.notes)
        return replace(picture, kind="weight", source=weights_from(self.model, entry), notes=notes)

    def _skips(self, reading: Reading) -> bool:
        """Attention's scale may leave the first token out: a sink there would leave the others pale."""
        return self.look.skip_first and reading.entry.quantity == "probability" and reading.shape[1] > 1

    def _scale_from(self, reading: Reading) -> str:
        return "of all heads" if self.look.scale == "heads" and len(reading.values) > 1 else ""

    def _notes(self, reading: Reading) -> tuple[str, ...]:
        notes = pooled_in_words(reading.tile, self.look.pooling)
        if not reading.arrives:
            notes = ("this layer was computed again and differs from the run", *notes)
        return (*notes, "first token left out of the scale") if self._skips(reading) else notes


def weights_from(model: Transformer, entry: Entry) -> WeightSource:
    """Where the numbers of one of a model's weights come from, in a word."""
    if not model.random_weights:
        return "learned"
    return "random" if entry.untrained is None else "untrained"


def shape_in_words(shape: Sequence[int]) -> str:
    return "×".join(f"{size:,}" for size in shape)


def pooled_in_words(tile: tuple[int, int], how: Pooling = "largest") -> tuple[str, ...]:
    """What each cell of a pooled picture stands for."""
    return () if tile == (1, 1) else (f"each cell shows the {how} of {tile[0] * tile[1]:,} numbers",)


def pooled_sentence(tile: tuple[int, int]) -> tuple[str, ...]:
    """The same of cells that show the largest number, as a sentence."""
    return (
        ()
        if tile == (1, 1)
        else (f"Each cell shows the number of largest magnitude in a block of {tile[0]} × {tile[1]}.",)
    )


def _scaled(scale: Scale) -> dict[str, Any]:
    return {"scale": scale[0], "off_scale": scale[1]}


def _picture(entry: Entry, grid: Tensor, tokens: Tokens | None, look: Look, **where: Any) -> Picture:
    """A picture of these values, pooled where there are too many cells, with a scale of its own; where: its origin."""
    whole = grid.float().numpy()
    row_word, column_word = map(axis_word, ("", *entry.axes)[-2:])
    values, tile = pool(whole, how=look.pooling)
    scale = scale_of(finite(whole, None), share_of(entry, whole.shape[1]))
    notes = () if tokens is None else (f"{len(tokens.ids)} of {tokens.of:,} columns",)
    return Picture(
        entry.name,
        entry.symbol,
        shape_in_words(whole.shape),
        values,
        quantity=entry.quantity,
        row_word=row_word,
        column_word=column_word,
        tile=tile,
        size=whole.shape,
        **_scaled(reaching(scale) if look.scale == "matrix" else scale),
        notes=(*notes, *pooled_in_words(tile, look.pooling)),
        column_labels=tokens.labels if tokens else None,
        column_names=tokens.labels if tokens else None,
        origin=Origin(whole.shape, **where),
    )

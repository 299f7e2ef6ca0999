"""Which matrices stand in one equation, from the catalogue alone: a step in, equations in order of computation out.

An operation with several operands begins an equation. One with a single operand (scale, mask, softmax, activation)
goes on where the one before it ended, so that scores are followed from left to right; so do the norm and the rotation
of queries and keys.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dashboard.figures.codes import coarse
from dashboard.figures.equation import MOST_NUMBERS_IN_CELLS
from dashboard.figures.geometry import NUMBERED, ROOM, Again, EquationPart
from dashboard.figures.picture import Picture
from dashboard.matrices.pictures import FEW, TOP, Look, Pictures, Tokens
from dashboard.matrices.readings import HEADS
from dashboard.matrices.shared_heads import slice_of
from llm_core import ModelConfig, Step, catalogue
from llm_core.catalogue.entry import Entry
from llm_core.catalogue.part_titles import ACTIVATION_TITLES, NORM_TITLES

STATION_OF_PART = {"embedding": "embedding", "attention": "attention", "feedforward": "feedforward", "output": "logits"}
FAINT = 5  # a matrix on a scale of more than this many times its own would be faint
_GOES_ON = ("scale", "mask", "softmax", "activate")


@dataclass(frozen=True)
class Equation:
    """One row of the page: the matrices that it computes, and what is drawn for them."""

    key: str
    station: str
    entries: tuple[Entry, ...]
    parts: list[EquationPart]
    of_head: bool = False  # it shows one head's part of a matrix or weight
    alternative: str = ""  # what is drawn, in words
    pooled: bool = False  # of some matrix each cell stands for several
    of_sampled: bool = False  # which columns it shows depends on the token that was drawn


def equations(step: Step, look: Look | None = None, station: str | None = None) -> list[Equation]:
    """The equations of one step, in order of computation: those of one layer, and of one station if it is given.

    Every matrix of the catalogue is computed in one of them, or is of another layer.
    """
    look = look or Look()
    config = step.run.model.config
    shown = [group for group in groups(config, look.layer) if station in (None, STATION_OF_PART[group[0].part])]
    pictures = Pictures(step, look, _names(config, shown))
    return _told_once([_equation(group, pictures) for group in shown])


def sampled_equation(step: Step, look: Look) -> Equation:
    """The one whose columns depend on the token that was drawn: the logits and probabilities."""
    config = step.run.model.config
    group = next(group for group in groups(config, look.layer) if group[0].name == "logits")
    return _equation(group, Pictures(step, look, _names(config, [group])))


def _equation(group: tuple[Entry, ...], pictures: Pictures) -> Equation:
    return Equation(
        _key(group[0]),
        STATION_OF_PART[group[0].part],
        group,
        _parts(group, pictures),
        _of_head(group, pictures.config),
        of_sampled=group[0].name == "logits",
    )


def _of_head(group: tuple[Entry, ...], config: ModelConfig) -> bool:
    """True where an equation shows, of some matrix or weight, the part of one head."""
    weights = {entry.name for entry in catalogue.weights(config)}
    names = {name for entry in group for name in (entry.name, *entry.operands)}
    return any(
        slice_of(config, name, 0) is not None
        if name in weights
        else not set(HEADS).isdisjoint(catalogue.matrix(config, name).axes)
        for name in names
    )


def _told_once(rows: list[Equation]) -> list[Equation]:
    """The same equations; a large matrix that one above shows is but a symbol where a weight or an operation meets it.

    Where two computed matrices meet, both are shown: their rows and columns are what there is to see.
    """
    seen: set[str] = set()
    told = []
    for row in rows:
        first, *rest = row.parts
        weighed = any(isinstance(part, Picture) and part.kind == "weight" for part in rest)
        if (
            isinstance(first, Picture)
            and first.name in seen
            and (weighed or row.entries[0].operation in _GOES_ON)
            and coarse(first.values, first.hidden)
        ):
            row = replace(row, parts=[Again(first.symbol), *_labelled(rest)])
        seen |= {part.name for part in row.parts if isinstance(part, Picture)}
        told.append(row)
    return told


def _labelled(parts: list[EquationPart]) -> list[EquationPart]:
    """The first picture that has a row for each token gets their labels."""
    for index, part in enumerate(parts):
        if isinstance(part, Picture) and part.row_names:
            return [*parts[:index], replace(part, row_labels=part.row_names), *parts[index + 1 :]]
    return parts


def _key(entry: Entry) -> str:
    """Alike in all layers: what stands in one place of the page has one name."""
    name = entry.name if entry.layer is None else entry.name.replace(f"layers.{entry.layer}.", "layers.0.")
    return name.replace(".", "-")


def _names(config: ModelConfig, shown: Iterable[tuple[Entry, ...]]) -> list[str]:
    """The matrices that these equations show, results and operands."""
    weights = {entry.name for entry in catalogue.weights(config)}
    entries = [entry for group in shown for entry in group]
    names = [name for entry in entries for name in (*entry.operands, entry.name) if name not in weights]
    return list(dict.fromkeys(names))


def groups(config: ModelConfig, layer: int | None = None) -> list[tuple[Entry, ...]]:
    """The catalogue's entries in order, those that share an equation together; of one layer, or of all."""
    found: list[list[Entry]] = []
    for entry in catalogue.matrices(config):
        if layer is not None and entry.layer not in (None, layer):
            continue
        home = next((group for group in reversed(found) if _continues(group[-1], entry)), None)
        if home is not None:
            home.append(entry)
        elif found and _shares(found[-1][-1], entry):
            found[-1].append(entry)
        else:
            found.append([entry])
    return [tuple(group) for group in found]


def _continues(before: Entry, entry: Entry) -> bool:
    """Queries and keys are normed and turned where they were made, although others are made in between."""
    of_heads = entry.axes[-1] == "head_dim" and entry.operation in ("norm", "rotate")
    return of_heads and before.name == entry.operands[0]


def _shares(before: Entry, entry: Entry) -> bool:
    if entry.operation == "copy":  # the input is the embedding; values stand beside keys
        return before.operation == "lookup" or (before.operation == "copy" and before.part == entry.part)
    if entry.name == "probabilities":
        return True
    return entry.operation in _GOES_ON and before.operation in _GOES_ON and before.name in entry.operands


def _parts(group: tuple[Entry, ...], pictures: Pictures) -> list[EquationPart]:
    first = group[0]
    if first.name == "logits":
        return _logits(first, pictures)
    if first.operation == "lookup":
        return _lookup(group, pictures)
    if first.operation == "sinusoid":
        return [pictures.labelled(first.name)]
    if first.operation == "copy":
        return [pictures.labelled(first.name), *(pictures.matrix(entry.name) for entry in group[1:])]
    if first.operation == "activate" and len(first.operands) == 2:
        return _gated(first, pictures)
    if first.operation in _GOES_ON:
        return _chain(group, pictures)
    if first.operation == "norm":
        return _norm(first, pictures.labelled(first.operands[0]), pictures)
    parts: list[EquationPart] = [*_operands(first, pictures), _equals(first, pictures), _result(first, pictures)]
    for entry in group[1:]:
        parts += [_turn(parts, entry, pictures), pictures.matrix(entry.name)]
    return _below_weight(parts)


def _below_weight(parts: list[EquationPart]) -> list[EquationPart]:
    """The result of a product below the weight whose columns it shares, where its numbers have room there alone."""
    *before, weight, sign, result = parts
    if not (isinstance(weight, Picture) and isinstance(result, Picture) and weight.kind == "weight"):
        return parts
    columns = sum(part.columns for part in parts if isinstance(part, Picture))
    small = max(weight.rows, weight.columns) <= MOST_NUMBERS_IN_CELLS and result.columns == weight.columns
    if sign != "=" or not small or columns * NUMBERED <= ROOM + NUMBERED:
        return parts
    named = replace(result, row_labels=result.row_names)
    return [*before, replace(weight, below=(*weight.below, ("=", named)))]


def _equals(entry: Entry, pictures: Pictures) -> str:
    """One head's product with its rows of W_o is a part of the output: the other heads add theirs."""
    others = pictures.config.heads - 1
    if not (entry.name.endswith("attention.output") and others):
        return "="
    return f"+ {others} other head{'s' if others > 1 else ''} ="


def _turn(parts: list[EquationPart], entry: Entry, pictures: Pictures) -> str:
    """The arrow from queries or keys to what is made of them."""
    if entry.operation == "rotate":
        return "RoPE"
    source = parts[-1]
    assert isinstance(source, Picture)
    parts[-1] = replace(source, below=_below(entry, pictures))
    return NORM_TITLES["rmsnorm"]


def _norm(entry: Entry, source: Picture, pictures: Pictures) -> list[EquationPart]:
    """A norm reads each row alone; its scale and shift stand below the columns that they are for."""
    return [replace(source, below=_below(entry, pictures)), NORM_TITLES[pictures.config.norm], _result(entry, pictures)]


def _below(entry: Entry, pictures: Pictures) -> tuple[tuple[str, Picture], ...]:
    return tuple(zip("×+", (pictures.weight(name) for name in entry.operands[1:]), strict=False))


def _gated(entry: Entry, pictures: Pictures) -> list[EquationPart]:
    gate, up = entry.operands
    name = ACTIVATION_TITLES[pictures.config.feedforward]
    return [f"{name}(", pictures.labelled(gate), ") ⊙", pictures.matrix(up), "=", _result(entry, pictures)]


def _result(entry: Entry, pictures: Pictures) -> Picture:
    """A computed matrix. Of several rows only the last one leads to the next token."""
    picture = pictures.matrix(entry.name)
    last = entry.name == _last(pictures.config)
    deepest = entry.layer in (None, pictures.config.layers - 1)  # in others the next layer still reads all rows
    predicts = deepest and entry.axes[0] != "kv_head" and picture.rows > 1
    notes = ("◀ only this row predicts",) if predicts and last else ()
    return replace(picture, predicts=predicts, notes=(*picture.notes, *notes))


def _last(config: ModelConfig) -> str:
    """The matrix whose last row the logits are made from."""
    return catalogue.matrix(config, "logits").operands[0]


def _operands(entry: Entry, pictures: Pictures) -> list[EquationPart]:
    """The operands and the signs between them. A bias stands below the weight whose columns it shares."""
    parts: list[EquationPart] = []
    for name in entry.operands:
        if name not in pictures:
            picture = pictures.weight(name)
            if len(catalogue.weight(pictures.config, name).shape) == 1 and isinstance(parts[-1], Picture):
                said = tuple(note for note in picture.notes if note not in parts[-1].notes)
                parts[-1] = replace(parts[-1], below=(("+", replace(picture, notes=said)),))
                continue
        elif not parts or catalogue.matrix(pictures.config, name).axes[-2] == "key":
            picture = pictures.labelled(name)
        else:
            picture = pictures.matrix(name)
        if parts and isinstance(parts[-1], Picture):
            parts[-1] = _inner(parts[-1], picture)
            parts.append("+" if entry.operation == "add" else "×")
            picture = replace(picture, transposed=entry.axes[-1] == "key")
        parts.append(picture)
    return parts


def _inner(left: Picture, right: Picture) -> Picture:
    """The left factor, with the word for its columns that the right one has for its rows."""
    if right.kind != "weight" or left.column_word == right.row_word:
        return left
    return replace(left, column_word=f"{left.column_word} = {right.row_word}")


def _lookup(group: tuple[Entry, ...], pictures: Pictures) -> list[EquationPart]:
    """The rows of the table that belong to the tokens or positions: all 50,257 would be a picture of nothing."""
    of_positions = group[0].name == "position_embedding"
    rows = list(pictures.step.positions) if of_positions else pictures.step.ids
    table = pictures.weight(group[0].operands[0], rows=rows)
    labels = pictures.labelled(group[0].name).row_labels
    parts: list[EquationPart] = [
        replace(table, row_labels=labels, row_start=pictures.step.positions.start, row_word="token")
    ]
    for entry in group:
        parts += [entry.sign or "=", pictures.matrix(entry.name)]
    return parts


def _chain(group: tuple[Entry, ...], pictures: Pictures) -> list[EquationPart]:
    """One matrix through several operations. What is still the same kind of number shares one scale, so that one sees
    it shrink; unless it shrinks too much to be seen."""
    signs = {"mask": "mask", "softmax": "softmax", "activate": ACTIVATION_TITLES[pictures.config.feedforward]}
    compared = pictures.labelled(group[0].operands[0])
    parts: list[EquationPart] = [compared]
    for entry in group:
        result = _result(entry, pictures) if entry is group[-1] else pictures.matrix(entry.name)
        if entry.operation == "scale" and result.scale * FAINT < compared.scale:
            compared = result
        elif entry.quantity == "signed":
            result = result.with_scale_of(compared)
        parts += [entry.sign or signs[str(entry.operation)], result]
    return _stacked(parts) if compared.rows == 1 else parts


def _stacked(parts: list[EquationPart]) -> list[EquationPart]:
    """The chain of a single row, each result below the one that it is made of: so all stay as wide as one."""
    first, *rest = parts
    assert isinstance(first, Picture)
    results = [replace(part, column_labels=None) for part in rest if isinstance(part, Picture)]
    signs = [part for part in rest if isinstance(part, str)]
    return [replace(first, below=tuple(zip(signs, results, strict=True)))]


def tokens_of_logits(step: Step) -> Tokens:
    """The tokens whose columns the equation of the logits shows."""
    roomy = step.run.model.config.stream_out_dim <= MOST_NUMBERS_IN_CELLS
    return Tokens.likeliest(step, FEW if roomy else TOP)


def _logits(entry: Entry, pictures: Pictures) -> list[EquationPart]:
    """The last row times the columns of the most likely tokens; what has the same columns stands below them."""
    source, table, *biases = entry.operands
    last = pictures.last_row(source)
    tokens = tokens_of_logits(pictures.step)
    weight = pictures.weight(table, tokens=tokens)
    probabilities = pictures.matrix("probabilities", tokens)
    below = [("+", pictures.weight(name, tokens=tokens)) for name in biases]
    below += [("=", pictures.matrix(entry.name, tokens)), ("softmax", probabilities.in_powers_of_ten())]
    said = set(weight.notes)
    below = [
        (sign, replace(picture, column_labels=None, notes=tuple(note for note in picture.notes if note not in said)))
        for sign, picture in below
    ]
    weight = replace(weight, notes=(*weight.notes, "including the drawn token's column"), below=tuple(below))
    return [last, "×", weight]

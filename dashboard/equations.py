"""Which matrices stand in one equation, from the catalogue alone: a step in, equations in order of computation out.

An operation with several operands begins an equation. One with a single operand (scale, mask, softmax, activation)
goes on where the one before it ended, so that scores are followed from left to right.
"""

from dataclasses import dataclass, replace

from dashboard.figures.geometry import Part
from dashboard.figures.picture import Picture
from dashboard.pictures import Pictures, Tokens
from llm_core import ModelConfig, Step, catalogue
from llm_core.catalogue import Entry

STATIONS = {"embedding": "embedding", "attention": "attention", "feedforward": "feedforward", "output": "logits"}
TOP = 20
_GOES_ON = ("scale", "mask", "softmax", "activate")
_ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU", "gelu_tanh": "GELU", "swiglu": "SiLU"}


@dataclass(frozen=True)
class Equation:
    """One row of the page: the matrices that it computes, and what is drawn for them."""

    key: str
    station: str
    entries: tuple[Entry, ...]
    parts: list[Part]


def equations(step: Step, layer: int = 0) -> list[Equation]:
    """The equations of one step, in order of computation, with those of one layer.

    Every matrix of the catalogue is computed in one of them, or is of another layer.
    """
    pictures = Pictures(step)
    return [
        Equation(group[0].name.replace(".", "-"), STATIONS[group[0].part], group, _parts(group, pictures))
        for group in groups(step.run.model.config)
        if group[0].layer in (None, layer)
    ]


def groups(config: ModelConfig) -> list[tuple[Entry, ...]]:
    """The catalogue's entries in order, those that share an equation together."""
    found: list[list[Entry]] = []
    for entry in catalogue.matrices(config):
        if found and _shares(found[-1][-1], entry):
            found[-1].append(entry)
        else:
            found.append([entry])
    return [tuple(group) for group in found]


def _shares(before: Entry, entry: Entry) -> bool:
    if entry.operation == "copy":  # the input is the embedding; values stand beside keys
        return before.operation == "lookup" or (before.operation == "copy" and before.part == entry.part)
    if entry.name == "probabilities":
        return True
    return entry.operation in _GOES_ON and before.operation in _GOES_ON and before.name in entry.operands


def _parts(group: tuple[Entry, ...], pictures: Pictures) -> list[Part]:
    first = group[0]
    if first.name == "logits":
        return _logits(first, pictures)
    if first.operation == "lookup":
        return _lookup(group, pictures)
    if first.operation == "copy":
        return [pictures.labelled(first.name), *(pictures.matrix(entry.name) for entry in group[1:])]
    if first.operation in _GOES_ON and len(first.operands) == 1:
        return _chain(group, pictures)
    return [*_operands(first, pictures), "=", _result(first, pictures)]


def _result(entry: Entry, pictures: Pictures) -> Picture:
    """A computed matrix. Of several rows only the last one leads to the next token."""
    picture = pictures.matrix(entry.name)
    predicts = entry.axes[0] != "kv_head" and picture.rows > 1
    notes = ("◀ only this row predicts",) if predicts and entry.name == _last(pictures.model.config) else ()
    return replace(picture, predicts=predicts, notes=(*picture.notes, *notes))


def _last(config: ModelConfig) -> str:
    """The matrix whose last row the logits are made from."""
    return catalogue.matrix(config, "logits").operands[0]


def _operands(entry: Entry, pictures: Pictures) -> list[Part]:
    """The operands and the signs between them. A bias stands below the weight whose columns it shares."""
    parts: list[Part] = []
    for name in entry.operands:
        if name not in pictures:
            picture = pictures.weight(name)
            if len(catalogue.weight(pictures.model.config, name).shape) == 1 and isinstance(parts[-1], Picture):
                parts[-1] = replace(parts[-1], below=(("+", picture),))
                continue
        elif not parts or catalogue.matrix(pictures.model.config, name).axes[-2] == "key":
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


def _lookup(group: tuple[Entry, ...], pictures: Pictures) -> list[Part]:
    """The rows of the table that belong to the tokens or positions: all 50,257 would be a picture of nothing."""
    of_positions = group[0].name == "position_embedding"
    rows = list(pictures.step.positions) if of_positions else pictures.step.ids
    table = pictures.weight(group[0].operands[0], rows=rows)
    labels = pictures.labelled(group[0].name).row_labels
    parts: list[Part] = [replace(table, row_labels=labels, row_start=pictures.step.positions.start, row_word="token")]
    for entry in group:
        parts += ["=", pictures.matrix(entry.name)]
    return parts


def _chain(group: tuple[Entry, ...], pictures: Pictures) -> list[Part]:
    """One matrix through several operations. What is still the same kind of number shares one scale."""
    config = pictures.model.config
    signs = {"scale": f"÷ √{config.head_dim}", "mask": "mask", "softmax": "softmax",
             "activate": _ACTIVATIONS[config.feedforward]}  # fmt: skip
    source = pictures.labelled(group[0].operands[0])
    parts: list[Part] = [source]
    for entry in group:
        result = _result(entry, pictures) if entry is group[-1] else pictures.matrix(entry.name)
        parts += [signs[str(entry.operation)],
                  result.with_scale(source.scale) if entry.quantity == "signed" else result]  # fmt: skip
    return parts


def _logits(entry: Entry, pictures: Pictures) -> list[Part]:
    """The last row times the columns of the most likely tokens; what has the same columns stands below them."""
    source, table, *biases = entry.operands
    z = pictures.values(entry.name)[0]
    ids = z.topk(min(TOP, len(z))).indices.tolist()
    tokens = Tokens(ids, [pictures.model.tokenizer.label(i) for i in ids], len(z))
    last = pictures.labelled(source)
    assert last.row_labels is not None
    row = replace(last, values=last.values[-1:], row_start=pictures.step.positions[-1], shape=f"1×{last.columns}",
                  row_labels=last.row_labels[-1:], notes=("last row",) if last.rows > 1 else ())  # fmt: skip
    below = [("+", pictures.weight(name, tokens=tokens)) for name in biases]
    below += [("=", pictures.matrix(entry.name, tokens)), ("softmax", pictures.matrix("probabilities", tokens))]
    below = [(sign, replace(picture, column_labels=None)) for sign, picture in below]
    return [row, "×", replace(pictures.weight(table, tokens=tokens), below=tuple(below))]

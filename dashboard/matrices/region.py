"""Any part of any matrix or weight, exactly: a range of rows and columns, of which just these rows are derived."""

from dataclasses import replace

import streamlit as st
from torch import Tensor

from dashboard.figures.alternative import equation_in_words
from dashboard.figures.equation import equation
from dashboard.figures.geometry import cell_for_numbers
from dashboard.figures.picture import MOST_CELLS, Origin, Picture, axis_word
from dashboard.figures.scale import finite, scale_of
from dashboard.link import visit
from dashboard.link.region import Region, read_region
from dashboard.link.settings import Settings
from dashboard.matrices.pictures import Look, shape_in_words, weights_from
from dashboard.matrices.readings import share_of
from dashboard.matrices.shared_heads import own_head
from dashboard.matrices.words import A_PART, END_OF_SPAN
from dashboard.server.on_screen import step_index
from dashboard.shell.fields import choice, field
from dashboard.shell.fragments import change
from dashboard.shell.pictures import draw_figure
from dashboard.shell.reads import looks_at
from llm_core import ModelConfig, Run, Step, catalogue
from llm_core.catalogue.entry import TOKEN_ROWS, Entry, growing_axis
from llm_core.explanation.explanation import shape_of
from llm_core.support.plain_words import counted

_ROWS, _COLUMNS = 16, 8  # that are shown at first: as many as have all of their digits written in
_OF_STATION = {
    "attention": "attention.weights",
    "feedforward": "feedforward.hidden",
    "logits": "logits",
    "sample": "probabilities",
}


def layer_entries(config: ModelConfig, layer: int) -> dict[str, Entry]:
    """The matrices and weights of one layer and those outside of layers, by their names without the layer."""
    found = [*catalogue.matrices(config), *catalogue.weights(config)]
    return {e.name.replace(f"layers.{layer}.", ""): e for e in found if e.layer in (None, layer)}


def rows_and_columns(step: Step, entry: Entry) -> tuple[int, int]:
    """Rows and columns of one matrix (of one head) or weight; nothing is derived."""
    rows, columns = (1, *shape_of(step, entry.name).values())[-2:]
    return rows, columns


# ---- which part -----------------------------------------------------------------------------------------------------


def _part_of(step: Step, chosen: Settings, position: int) -> Region:
    """The part that is asked for; of a step that lacks it, and where none is, one of the chosen station's matrix."""
    options = layer_entries(step.run.model.config, _layer(step, chosen))
    if chosen.exact:
        part = read_region(chosen.exact)
        if part.name in options and _lacks(step, options[part.name], part) is None:
            return part
    return first_part(step, options, _OF_STATION.get(chosen.station, "input"), position)


def first_part(step: Step, options: dict[str, Entry], name: str, position: int) -> Region:
    """Of this matrix as much as has its digits written in: around the chosen token, where an axis is of tokens."""
    entry = options[name]
    middles = []
    for axis, size in zip(("", *entry.axes)[-2:], rows_and_columns(step, entry), strict=True):
        positions = _positions(step, entry, axis, range(size))
        of_tokens = 0 if positions is None else position - positions.start
        middles.append(step.sampled.id if axis == "vocab" and not entry.learned else of_tokens)
    spans = (_around(*of) for of in zip(middles, rows_and_columns(step, entry), (_ROWS, _COLUMNS), strict=True))
    return Region(name, *spans)


def _around(index: int, size: int, most: int) -> range:
    """`most` of `size` numbers, up to and with this one."""
    stop = min(max(index + 1, most), size)
    return range(max(0, stop - most), stop)


def _lacks(step: Step, entry: Entry, part: Region) -> str | None:
    """Why this part cannot be shown, in words; None where it can."""
    for word, span, size in zip(
        ("row", "column"), (part.rows, part.columns), rows_and_columns(step, entry), strict=True
    ):
        if not 0 <= span.start < span.stop <= size:
            return f"this matrix has {counted(size, word)}: it has no {_named(word, span)}"
        if len(span) > MOST_CELLS:
            return f"you asked for {len(span):,} {word}s; a picture shows at most {MOST_CELLS}"
    return None


def _named(word: str, span: range) -> str:
    """Some rows or columns by their numbers: "row 3", "rows 3 to 5"."""
    return f"{word} {span[0]:,}" if len(span) == 1 else f"{word}s {span.start:,} to {span.stop - 1:,}"


def check_region(run: Run, chosen: Settings, step: Step) -> None:
    """Take a part that this step does not have out of the link, and say why."""
    why = _why_not(run, chosen, step)
    if why is not None:
        visit.refuse("exact", why)


def _why_not(run: Run, chosen: Settings, step: Step) -> str | None:
    """Why the part that the link names cannot be shown, in words; None where it can."""
    if not chosen.exact:
        return None
    part = read_region(chosen.exact)
    entry = layer_entries(run.model.config, _layer(step, chosen)).get(part.name)
    return "this model has no such matrix" if entry is None else _lacks(step, entry, part)


@looks_at("exact")
def _has_part(chosen: Settings, run: Run) -> bool:
    return _why_not(run, chosen, run.steps[step_index(chosen, run)]) is None


def _layer(step: Step, chosen: Settings) -> int:
    return min(chosen.layer, step.run.model.config.layers - 1)


# ---- its picture ----------------------------------------------------------------------------------------------------


def region_picture(step: Step, look: Look, entry: Entry, rows: range, columns: range) -> Picture:
    """These rows and columns, as they are. Raises ValueError for a part that the matrix lacks or that is too large."""
    why = _lacks(step, entry, Region(entry.name, rows, columns))
    if why is not None:
        raise ValueError(why)
    shape, config = rows_and_columns(step, entry), step.run.model.config
    values, masked = _cells(step, look, entry, rows)
    part = slice(columns.start, columns.stop)
    whole = values[:, part].float().numpy()
    hidden = None if masked is None else masked[:, part].numpy()
    scale, off_scale = scale_of(finite(whole, hidden), share_of(entry, shape[1]))
    row_word, column_word = ("", *entry.axes)[-2:]
    down, across = (_positions(step, entry, *axis) for axis in ((row_word, rows), (column_word, columns)))
    return Picture(
        entry.name,
        entry.symbol,
        shape_in_words(shape),
        whole,
        quantity=entry.quantity,
        kind="weight" if entry.learned else "activation",
        row_word=axis_word(row_word),
        column_word=axis_word(column_word),
        hidden=hidden,
        source=weights_from(step.run.model, entry),
        window=config.window,
        row_labels=_labels(step, row_word, rows, down),
        row_start=None if down is None else down.start,
        column_labels=_labels(step, column_word, columns, across),
        column_start=None if across is None else across.start,
        scale=scale,
        off_scale=off_scale,
        exact=True,
        notes=(f"{_named('row', rows)}, {_named('column', columns)}",),
        origin=Origin(whole.shape, own_head(config, entry, look.head), rows.start, columns.start),
    )


def _cells(step: Step, look: Look, entry: Entry, rows: range) -> tuple[Tensor, Tensor | None]:
    """The asked rows of all columns, and what of them the mask hides."""
    if entry.learned:
        weight = step.run.model.get_parameter(entry.name).detach()
        weight = weight if weight.ndim == 2 else weight[None]
        return weight[rows.start : rows.stop], None
    grows = growing_axis(entry.axes) is not None
    matrix = step.matrix(entry.name, rows if grows else None)
    values = matrix.values
    head = own_head(step.run.model.config, entry, look.head)
    if head is not None:
        values = values[head]
    return (values, matrix.mask) if grows else (values[rows.start : rows.stop], None)


def _positions(step: Step, entry: Entry, axis: str, numbers: range) -> range | None:
    """The positions that these rows or columns are; None where the axis is not of positions."""
    if entry.learned or axis not in (*TOKEN_ROWS, "key"):
        return None
    start = 0 if axis == "key" else step.positions.stop - 1 if entry.axes[-1] == "vocab" else step.positions.start
    return range(start + numbers.start, start + numbers.stop)


def _labels(step: Step, axis: str, numbers: range, positions: range | None) -> list[str]:
    """What rows or columns are: tokens with their position or id, or just numbered."""
    label, ids = step.run.model.tokenizer.label, step.run.ids
    if axis == "vocab":
        return [f"{i} · {label(i)}" for i in numbers]
    return [str(i) for i in numbers] if positions is None else [f"{p} · {label(ids[p])}" for p in positions]


def region_remark(part: Region, sentence: str) -> dict[str, tuple[str, str]]:
    """What is to be said of a part as long as it is shown, as `change` notes it."""
    return {"exact-remark": (str(part), sentence)}


# ---- on the page ----------------------------------------------------------------------------------------------------


def region_panel(step: Step, look: Look, chosen: Settings, position: int) -> None:
    """The choice of a matrix and of a part of it, and the part. The URL remembers what is chosen by hand."""
    options = layer_entries(step.run.model.config, look.layer)
    part = _part_of(step, chosen, position)
    entry = options[part.name]
    names = choice("exact-matrix", part.name, list(options), _choose_matrix, step, options, position)
    st.selectbox("Matrix", format_func=lambda n: f"{options[n].title} · {n}", **names)
    with st.container(horizontal=True, gap="small"):
        for word, span, size in zip(
            ("row", "column"), (part.rows, part.columns), rows_and_columns(step, entry), strict=True
        ):
            _ends(part, word, span, size)
    try:
        picture = region_picture(step, look, entry, part.rows, part.columns)
    except ValueError as error:  # what was typed is shown as it is, with the reason
        st.text(f"{str(error).capitalize()}.")
        return
    about, sentence = st.session_state.get("exact-remark", ("", ""))
    if sentence and about == str(part):
        st.text(sentence)
    figure = equation([picture], len(part.rows), cell=cell_for_numbers(picture.rows, picture.columns))
    said = A_PART.format(title=entry.title, picture=equation_in_words([picture]))
    draw_figure(figure, key="chart-exact", alt=said, step=step.index)


def _ends(part: Region, word: str, span: range, size: int) -> None:
    """Two numbers to type: the first and the last row or column."""
    for end, value in (("First", span.start), ("Last", span.stop - 1)):
        number = field(f"exact-{part.name}-{word}-{end}-{size}", value, _choose_end, part, word, end)
        st.number_input(END_OF_SPAN.format(end=end, word=word, last=size - 1), 0, size - 1, **number)


def _choose_matrix(name: str, step: Step, options: dict[str, Entry], position: int) -> None:
    change(exact=str(first_part(step, options, name, position)))


def _choose_end(typed: int, part: Region, word: str, end: str) -> None:
    """Take the typed end; the other one gives way where they would cross, or where the part would be too large."""
    span = getattr(part, f"{word}s")
    if end == "First":
        wanted = range(typed, max(span.stop, typed + 1))
        shown = wanted[:MOST_CELLS]
    else:
        wanted = range(min(span.start, typed), typed + 1)
        shown = wanted[-MOST_CELLS:]
    chosen = replace(part, rows=shown) if word == "row" else replace(part, columns=shown)
    remark = {}
    if shown != wanted:
        other, at = ("last", shown[-1]) if end == "First" else ("first", shown[0])
        remark = region_remark(chosen, f"A picture shows at most {MOST_CELLS} {word}s: the {other} one is now {at:,}.")
    change(remark, exact=str(chosen))

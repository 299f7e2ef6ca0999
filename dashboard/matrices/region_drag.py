"""A region that was dragged over a picture: the cells that it stands for are shown exactly."""

from typing import Any

from dashboard.figures.equation import MOST_NUMBERS_IN_CELLS
from dashboard.link import visit
from dashboard.link.region import Region
from dashboard.link.trail import whole
from dashboard.matrices.look import has_choice, look_of
from dashboard.matrices.readings import HEADS
from dashboard.matrices.region import layer_entries, region_remark, rows_and_columns
from dashboard.matrices.shared_heads import kv_head_of, sharers
from dashboard.shell.fragments import change
from llm_core import ModelConfig, Step
from llm_core.catalogue.entry import Entry


def show(asked: Any, step: Step) -> None:
    """Open the exact cells of a region. What makes no sense is ignored: it comes from a browser."""
    config = step.run.model.config
    look = look_of(visit.current(), config)
    try:
        part, cut = part_of(asked, step, look.layer)
        entry = layer_entries(config, look.layer)[part.name]
        head = _head(config, entry, asked.get("head"), look.head)
    except (ValueError, TypeError, KeyError, AttributeError):
        return
    if not has_choice(config):
        return
    other_head = {"head": head} if head != look.head else {}
    change(region_remark(part, cut), panel="exact", exact=str(part), **other_head)


def part_of(asked: Any, step: Step, layer: int) -> tuple[Region, str]:
    """The part of a matrix that a region stands for, and in words what of it is too large to be shown.

    asked: `matrix`, its name; `rows` and `columns`, the first and the last of each. Raises ValueError, TypeError or
    KeyError for what this step, in this layer, does not have.
    """
    options = layer_entries(step.run.model.config, layer)
    name = next((short for short, entry in options.items() if entry.name == asked["matrix"]), None)
    if name is None:
        raise ValueError("this layer has no such matrix")
    spans, cut = [], []
    for word, size in zip(("rows", "columns"), rows_and_columns(step, options[name]), strict=True):
        first, last = (whole(number, size) for number in asked[word])
        if not first <= last:
            raise ValueError(f"the first of the {word} comes after the last")
        if last - first >= MOST_NUMBERS_IN_CELLS:
            cut.append(f"{last - first + 1:,} {word}")
        spans.append(range(first, min(last + 1, first + MOST_NUMBERS_IN_CELLS)))
    shown = f"the first {MOST_NUMBERS_IN_CELLS}" + (" of each" if len(cut) > 1 else "")
    said = f"You dragged over {' and '.join(cut)}. The page shows {shown}." if cut else ""
    return Region(name, *spans), said


def _head(config: ModelConfig, entry: Entry, asked: Any, current: int) -> int:
    """The head whose cells were dragged over; of a KV head the current one, where it reads it, or the first that does.

    Raises ValueError for a head that the model lacks.
    """
    if entry.axes[0] not in HEADS or asked is None:
        return current
    if entry.axes[0] == "head":
        return whole(asked, config.heads)
    kv_head = whole(asked, config.kv_heads)
    return current if kv_head_of(config, current) == kv_head else sharers(config, kv_head)[0]

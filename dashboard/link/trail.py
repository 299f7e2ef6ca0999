"""The explained cell and the way to it, as a link holds them: `layers.0.attention.scores/0.3.2~layers.0…`.

An address is a matrix or weight and the cell's index; a third part names the step where it is not the one on screen
(a cached row leads to the step that computed it). The last address is the cell that is explained.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from dashboard.link.models import Unusable
from llm_core import Run, Step, catalogue, links_to
from llm_core.catalogue.entry import TOKEN_ROWS, growing_axis
from llm_core.explanation.cells import TOKEN_IDS, Operand
from llm_core.explanation.explanation import check_index, shape_of

LONGEST_TRAIL = 16  # cells of a trail: of a longer one the first are forgotten
LARGEST_TILE = 2_048  # rows or columns that one cell of a picture may stand for
_ADDRESS = re.compile(
    r"(?P<name>[a-z_]+(\.[a-z0-9_]+){0,6})/(?P<index>\d{1,9}(\.\d{1,9}){0,2})(/(?P<step>\d{1,4}))?", re.ASCII
)
_EARLIER_NORM = re.compile(r"(?<=\.)(attention|feedforward)\.norm\.(?=scale$|shift$)")  # as links have said before
_FORM = "it must be a matrix and a cell, as in layers.0.attention.scores/0.3.2"


@dataclass(frozen=True)
class Address:
    """One cell. step: None is the step on screen."""

    name: str
    index: tuple[int, ...]
    step: int | None = None

    def __str__(self) -> str:
        where = "" if self.step is None else f"/{self.step}"
        return f"{self.name}/{'.'.join(map(str, self.index))}{where}"


Trail = tuple[Address, ...]


def read_trail(text: str) -> Trail:
    """The addresses that a link holds, the explained cell last. Raises Unusable."""
    parts = text.split("~", LONGEST_TRAIL) if text else []
    if len(parts) > LONGEST_TRAIL:
        raise Unusable(f"it must be at most {LONGEST_TRAIL} cells")
    return tuple(map(_address, parts))


def _address(text: str) -> Address:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise Unusable(_FORM)
    step = found["step"]
    name = _EARLIER_NORM.sub(r"\1_norm.", found["name"])
    return Address(name, tuple(map(int, found["index"].split("."))), None if step is None else int(step))


def trail_text(trail: Trail) -> str:
    return "~".join(map(str, trail))


def checked_trail(text: str) -> str:
    """The text, if it is a trail. Raises Unusable."""
    return trail_text(read_trail(text))


def follow(trail: Trail, address: Address) -> Trail:
    """The trail, gone on to another cell; back to a cell that it has passed already, where it has."""
    if address in trail:
        return trail[: trail.index(address) + 1]
    return (*trail, address)[-LONGEST_TRAIL:]


# ---- in a run -------------------------------------------------------------------------------------------------------


def step_of_cell(address: Address, on_screen: Step) -> Step:
    """The step of this cell. Raises ValueError where the run has no such step."""
    if address.step is None:
        return on_screen
    steps = on_screen.run.steps
    if address.step >= len(steps):
        raise ValueError(f"this run has no step {address.step}: choose one from 0 to {len(steps) - 1}")
    return steps[address.step]


def check_trail(trail: Trail, on_screen: Step) -> None:
    """Raises ValueError where the run lacks one of these cells, with the sentence that says why."""
    for address in trail:
        shape = shape_of(step_of_cell(address, on_screen), address.name)
        check_index(address.name, address.index, tuple(shape.values()), tuple(shape))


def unbroken(trail: Trail, on_screen: Step) -> Trail:
    """The end of the trail in which each cell was computed from others, of which the next one is one.

    What comes before it is no way to the explained cell: a link made by hand, or one of another step or text.
    """
    broken = [i for i, (cell, operand) in enumerate(pairwise(trail), 1) if not _leads(cell, operand, on_screen)]
    return trail[broken[-1] :] if broken else trail


def _leads(cell: Address, operand: Address, on_screen: Step) -> bool:
    step = step_of_cell(cell, on_screen)
    if cell.name == TOKEN_IDS:
        drawn = drawn_from(step.run, step.positions[cell.index[0]])
        return drawn is not None and address_of(drawn, on_screen) == _as_linked(operand, on_screen)
    there = step_of_cell(operand, on_screen)
    learned = operand.name != TOKEN_IDS and catalogue.find(step.run.model.config, operand.name).learned
    link = (operand.name, operand.index) if learned else (there, operand.name, operand.index)
    return links_to(step, cell.name, cell.index, link)


def _as_linked(address: Address, on_screen: Step) -> Address:
    """An address without the step on screen, which a link may name all the same."""
    return replace(address, step=None) if address.step == on_screen.index else address


def drawn_from(run: Run, position: int) -> tuple[Step, str, tuple[int, ...]] | None:
    """The probability with which the token at this position was drawn; None for one of the prompt."""
    number = position - len(run.prompt_ids)
    return None if number < 0 else (run.steps[number], "probabilities", (0, run.ids[position]))


def address_of(link: Operand, on_screen: Step) -> Address:
    """Where an operand's link leads."""
    if len(link) == 2:
        return Address(*link)
    step, name, index = link
    return Address(name, index, None if step.index == on_screen.index else step.index)


def starts(step: Step, name: str) -> dict[str, int]:
    """What the first cell along each axis is called: rows of a step go by their tokens' positions, all else from 0."""
    learned = name != TOKEN_IDS and catalogue.find(step.run.model.config, name).learned
    return {
        axis: step.positions.stop - size if axis in TOKEN_ROWS and not learned else 0
        for axis, size in shape_of(step, name).items()
    }


def nearest_cell(name: str, coordinates: dict[str, int], on_screen: Step) -> Address:
    """The cell of this matrix nearest to these coordinates, by axis word and as people count them; else the first one.

    Raises ValueError for a name that is not there.
    """
    shape, first = shape_of(on_screen, name), starts(on_screen, name)
    alike = {"query": "position", "position": "query", "kv_head": "head"}
    wanted = {axis: coordinates.get(axis, coordinates.get(alike.get(axis, ""), 0)) - first[axis] for axis in shape}
    return Address(name, tuple(max(0, min(wanted[axis], size - 1)) for axis, size in shape.items()))


# ---- from a picture's cell to the matrix's --------------------------------------------------------------------------


def picked(step: Step, name: str, head: int | None, rows: Sequence[int], columns: Sequence[int]) -> Address:
    """The cell of largest magnitude among these rows and columns, those that the mask hides left out if it can be.

    Raises ValueError for cells that the matrix lacks.
    """
    shape = shape_of(step, name)
    if name == TOKEN_IDS or (head is None) == (len(shape) == 3):
        raise ValueError(f"{name} has no picture with such cells")
    leading = () if head is None else (head,)
    for end in (min, max):
        corner = (*leading, end(rows), end(columns))[-len(shape) :]
        check_index(name, corner, tuple(shape.values()), tuple(shape))
    if len(rows) == len(columns) == 1:
        return Address(name, corner)
    values, hidden = _tile(step, name, head, rows)
    part = values[:, list(columns)].float().abs()
    if hidden is not None and not (gone := hidden[:, list(columns)]).all():
        part = part.masked_fill(gone, -1)
    row, column = divmod(int(part.nan_to_num(torch.inf).argmax()), len(columns))
    return Address(name, (*leading, rows[row], columns[column])[-len(shape) :])


def _tile(step: Step, name: str, head: int | None, rows: Sequence[int]) -> tuple[Tensor, Tensor | None]:
    """These rows of one matrix (of one head) or weight, all of their columns, and what the mask hides of them."""
    weights = dict(step.run.model.named_parameters())
    if name in weights:
        values = weights[name].detach()
        return (values[None] if values.ndim == 1 else values[list(rows)]), None
    axes = tuple(shape_of(step, name))
    grows = growing_axis(axes) is not None
    first = min(rows) if grows else 0
    matrix = step.matrix(name, range(first, max(rows) + 1) if grows else None)
    part = [row - first for row in rows]
    values = matrix.values if head is None else matrix.values[head]
    return values[part], None if matrix.mask is None else matrix.mask[part]


def stored(step: Step, address: Address) -> float:
    """The cell as the run has it, and as a picture shows it: read, not recomputed from its operands."""
    if address.name == TOKEN_IDS:
        return float(step.ids[address.index[0]])
    head = address.index[0] if len(address.index) == 3 else None
    row, column = (0, *address.index)[-2:]
    values, _ = _tile(step, address.name, head, range(row, row + 1))
    return float(values[0, column])


def whole(text: object, limit: int) -> int:
    """A whole number that a browser has sent. Raises ValueError for anything else."""
    if type(text) is not int or not 0 <= text < limit:
        raise ValueError("not a whole number within bounds")
    return text


def whole_numbers(found: object) -> list[int]:
    """The rows or columns behind a clicked cell, as a browser has sent them. Raises ValueError."""
    if not isinstance(found, list) or not 0 < len(found) <= LARGEST_TILE:
        raise ValueError("not the rows or columns of a tile")
    return [whole(number, 10**9) for number in found]

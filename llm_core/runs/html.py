"""How a matrix and a run show themselves in a notebook: small matrices as coloured tables, large ones in words.

All text is escaped: a token may be markup, and stays text.
"""

import html
from collections.abc import Sequence

import torch
from torch import Tensor

from llm_core.catalogue.entry import Entry
from llm_core.runs.sampling import Sampling

_MOST_CELLS, MOST_HEADS, MOST_TOKENS = 16, 4, 200
_BLUE, _ORANGE, _TEAL, _GREY = "37, 99, 235", "217, 92, 6", "13, 148, 136", "128, 132, 142"
_STRONGEST = 0.74  # of full colour: text stays readable on it, on a light and on a dark page
_CELL = "padding: 2px 6px; text-align: right; font-family: monospace"
_HEADING = "padding: 2px 6px; font-family: monospace; font-weight: normal; white-space: pre"
_CHIP = (
    "display: inline-block; margin: 2px; padding: 1px 6px; border: {} solid rgba({}, 0.9); border-radius: 4px; "
    "font-family: monospace; white-space: pre"
)


def matrix_html(
    entry: Entry, values: Tensor, labels: tuple[Sequence[str], ...], mask: Tensor | None = None, arrives: bool = True
) -> str:
    """A matrix with its name, formula, shape and range; of at most 16 × 16 cells, each with its number and colour.

    values (…, row, column), labels of each axis, mask (row, column) and arrives are those of a `Matrix`.
    """
    values = values.detach().float()
    lines = [
        f"<b>{_text(entry.title)}</b> <code>{_text(entry.formula)}</code>",
        f"{_text(entry.name)} · {' × '.join(f'{size:,}' for size in values.shape)} "
        f"({_text(', '.join(entry.axes))}) · {range_of(values)}",
        *([] if arrives else ["this layer was computed again and differs from the run"]),
    ]
    return f"<div>{'<br>'.join(lines)}{''.join(_tables(entry, values, labels, mask))}</div>"


def run_html(
    name: str, prompt: Sequence[str], sampled: Sequence[tuple[str, float]], sampling: Sampling, prompt_length: int
) -> str:
    """A run: its model, its sampling, and its tokens; sampled ones have a bold frame and say their probability.

    prompt: the labels of the prompt's first tokens, at most `MOST_TOKENS`, of `prompt_length`; sampled: label and
    probability of each sampled token.
    """
    chips = [_chip(label) for label in prompt]
    if prompt_length > len(prompt):
        chips.append(f"… {prompt_length - len(prompt):,} more …")
    chips += [_chip(label, probability) for label, probability in sampled[:MOST_TOKENS]]
    return (
        f"<div><b>{_text(name)}</b> · {prompt_length:,} + {len(sampled):,} tokens · {_text(sampling.in_words())}<br>"
        f"{''.join(chips)}</div>"
    )


def _text(text: str) -> str:
    return html.escape(text)


def range_of(values: Tensor) -> str:
    """The smallest and the largest number, as text; infinite ones aside."""
    seen = values[values.isfinite()]
    return f"{float(seen.min()):.4g} … {float(seen.max()):.4g}" if seen.numel() else "no numbers"


def _chip(label: str, probability: float | None = None) -> str:
    style = _CHIP.format("1px" if probability is None else "2px", _GREY)
    title = "" if probability is None else f' title="{100 * probability:.3g} %"'
    return f'<span style="{style}"{title}>{_text(label)}</span>'


def _tables(entry: Entry, values: Tensor, labels: tuple[Sequence[str], ...], mask: Tensor | None) -> list[str]:
    """A table for each of the first heads, or for the matrix itself; none where there are too many cells."""
    grids = values if values.ndim == 3 else values.reshape(1, *([1] * (2 - values.ndim)), *values.shape)
    if max(grids.shape[1:]) > _MOST_CELLS or grids.numel() == 0:
        return []
    seen = grids[grids.isfinite()].abs()
    scale = float(seen.max()) if seen.numel() else 1.0
    hidden = torch.zeros(grids.shape[1:], dtype=torch.bool) if mask is None else mask
    rows, columns = ([""] if values.ndim == 1 else list(labels[-2])), list(labels[-1])
    tables = []
    for head, grid in enumerate(grids[:MOST_HEADS]):
        title = f"{entry.axes[0]} {head}" if values.ndim == 3 else ""
        heading = "".join(f'<th style="{_HEADING}">{_text(label)}</th>' for label in columns)
        lines = [f'<tr><th style="{_HEADING}">{_text(title)}</th>{heading}</tr>']
        for label, row, masked in zip(rows, grid.tolist(), hidden.tolist(), strict=True):
            cells = "".join(_cell(v, m, entry.quantity, scale or 1.0) for v, m in zip(row, masked, strict=True))
            lines.append(f'<tr><th style="{_HEADING}; text-align: left">{_text(label)}</th>{cells}</tr>')
        tables.append(f"<table>{''.join(lines)}</table>")
    more = len(grids) - MOST_HEADS
    return [*tables, f"<div>… and {more} more</div>"] if more > 0 else tables


def _cell(value: float, masked: bool, quantity: str, scale: float) -> str:
    if masked:
        return f'<td style="{_CELL}; background: rgba({_GREY}, 0.3)">masked</td>'
    colour = _TEAL if quantity == "probability" else _BLUE if value < 0 else _ORANGE
    strength = _STRONGEST * min(abs(value) / scale, 1) if abs(value) < float("inf") else 0  # none for NaN either
    return f'<td style="{_CELL}; background: rgba({colour}, {strength:.3f})">{value:.4g}</td>'

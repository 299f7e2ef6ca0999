"""How a matrix and a run show themselves in a notebook: small matrices as coloured tables, large ones in words.

All text is escaped: a token may be markup, and stays text.
"""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

if TYPE_CHECKING:
    from llm_core.filed_run import FiledRun
    from llm_core.generation import Run
    from llm_core.trace import Matrix

MOST_CELLS, MOST_HEADS, MOST_TOKENS = 16, 4, 200
BLUE, ORANGE, TEAL, GREY = "37, 99, 235", "217, 92, 6", "13, 148, 136", "128, 132, 142"
STRONGEST = 0.74  # of full colour: text stays readable on it, on a light and on a dark page
_CELL = "padding: 2px 6px; text-align: right; font-family: monospace"
_HEADING = "padding: 2px 6px; font-family: monospace; font-weight: normal; white-space: pre"
_CHIP = (
    "display: inline-block; margin: 2px; padding: 1px 6px; border: {} solid rgba({}, 0.9); border-radius: 4px; "
    "font-family: monospace; white-space: pre"
)


def matrix_html(matrix: "Matrix") -> str:
    """A matrix with its name, formula, shape and range; of at most 16 × 16 cells, each with its number and colour."""
    values = matrix.values.detach().float()
    entry = matrix.entry
    lines = [
        f"<b>{_text(entry.title)}</b> <code>{_text(entry.formula)}</code>",
        f"{_text(matrix.name)} · {' × '.join(f'{size:,}' for size in matrix.shape)} "
        f"({_text(', '.join(matrix.axes))}) · {_range(values)}",
        *([] if matrix.arrives else ["not the run's: this layer, derived again, misses its next door"]),
    ]
    return f"<div>{'<br>'.join(lines)}{''.join(_tables(matrix, values))}</div>"


def run_html(run: "Run | FiledRun") -> str:
    """A run: its model, its sampling, and its tokens; sampled ones have a bold frame and say their probability.

    run: one that was computed here, or one that was opened from a file.
    """
    name, labels = _name_and_prompt(run)
    chips = [_chip(label) for label in labels]
    if len(run.prompt_ids) > MOST_TOKENS:
        chips.append(f"… {len(run.prompt_ids) - MOST_TOKENS:,} more …")
    chips += [_chip(s.sampled.label, s.sampled.probability) for s in run.steps[:MOST_TOKENS]]
    s = run.sampling
    settings = f"temperature {s.temperature:g}, top-k {s.top_k or 'off'}, top-p {s.top_p:g}, dice seed {s.seed}"
    return (
        f"<div><b>{_text(name)}</b> · {len(run.prompt_ids):,} + {len(run.new_ids):,} tokens · {settings}<br>"
        f"{''.join(chips)}</div>"
    )


def _name_and_prompt(run: "Run | FiledRun") -> tuple[str, list[str]]:
    """The model's name and the first tokens of the prompt; a file holds both, without a model."""
    model = getattr(run, "model", None)
    if model is None:
        filed = cast("FiledRun", run)
        return filed.model_name, filed.labels[: min(filed.prompt_length, MOST_TOKENS)]
    return model.name, [model.tokenizer.label(i) for i in run.prompt_ids[:MOST_TOKENS]]


def _text(text: str) -> str:
    return html.escape(text)


def _range(values: Tensor) -> str:
    seen = values[values.isfinite()]
    return f"{float(seen.min()):.4g} … {float(seen.max()):.4g}" if seen.numel() else "no numbers"


def _chip(label: str, probability: float | None = None) -> str:
    style = _CHIP.format("1px" if probability is None else "2px", GREY)
    title = "" if probability is None else f' title="{100 * probability:.3g} %"'
    return f'<span style="{style}"{title}>{_text(label)}</span>'


def _tables(matrix: "Matrix", values: Tensor) -> list[str]:
    """A table for each of the first heads, or for the matrix itself; none where there are too many cells."""
    grids = values if values.ndim == 3 else values.reshape(1, *([1] * (2 - values.ndim)), *values.shape)
    if max(grids.shape[1:]) > MOST_CELLS or grids.numel() == 0:
        return []
    seen = grids[grids.isfinite()].abs()
    scale = float(seen.max()) if seen.numel() else 1.0
    rows, columns = ([""] if values.ndim == 1 else list(matrix.labels[-2])), list(matrix.labels[-1])
    tables = []
    for head, grid in enumerate(grids[:MOST_HEADS]):
        title = f"{matrix.axes[0]} {head}" if values.ndim == 3 else ""
        tables.append(_table(grid, matrix, scale or 1.0, (rows, columns), title))
    more = len(grids) - MOST_HEADS
    return [*tables, f"<div>… and {more} more</div>"] if more > 0 else tables


def _table(
    grid: Tensor, matrix: "Matrix", scale: float, labels: tuple[Sequence[str], Sequence[str]], title: str
) -> str:
    hidden = torch.zeros_like(grid, dtype=torch.bool) if matrix.mask is None else matrix.mask
    rows, columns = labels
    heading = "".join(f'<th style="{_HEADING}">{_text(label)}</th>' for label in columns)
    lines = [f'<tr><th style="{_HEADING}">{_text(title)}</th>{heading}</tr>']
    for label, row, masked in zip(rows, grid.tolist(), hidden.tolist(), strict=True):
        cells = "".join(_cell(v, m, matrix.entry.quantity, scale) for v, m in zip(row, masked, strict=True))
        lines.append(f'<tr><th style="{_HEADING}; text-align: left">{_text(label)}</th>{cells}</tr>')
    return f"<table>{''.join(lines)}</table>"


def _cell(value: float, masked: bool, quantity: str, scale: float) -> str:
    if masked:
        return f'<td style="{_CELL}; background: rgba({GREY}, 0.3)">masked</td>'
    colour = TEAL if quantity == "probability" else BLUE if value < 0 else ORANGE
    strength = STRONGEST * min(abs(value) / scale, 1) if abs(value) < float("inf") else 0  # none for NaN either
    return f'<td style="{_CELL}; background: rgba({colour}, {strength:.3f})">{value:.4g}</td>'

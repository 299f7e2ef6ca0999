"""The residual stream through the layers: how long its rows are at each door."""

import streamlit as st
import torch

from dashboard.figures.alternative import line_in_words
from dashboard.figures.equation import escape
from dashboard.figures.lines import Line, Panel, lines_figure
from dashboard.figures.picture import number
from dashboard.link.settings import quoted
from dashboard.server.on_screen import on_screen
from dashboard.shell.fragments import fragment
from dashboard.shell.glossary import marked_one
from dashboard.shell.pictures import draw_figure
from dashboard.whole_model import words
from llm_core import Step

JUMP = 4  # times the row's mean length: the longest row stands out


def doors_in_words(count: int) -> list[str]:
    """The first stream is the input; each later one comes out of a layer."""
    return ["input", *(f"after {layer}" for layer in range(count - 1))]


def doors_in_short(count: int) -> list[str]:
    """The layer after which each stream is, "in" for the first."""
    return ["in", *map(str, range(count - 1))]


def at(door: str) -> str:
    """Where that is, within a sentence."""
    return "at the input" if door == "input" else door.replace("after", "after layer")


@fragment("whole-stream", reads={"rows"})
def stream() -> None:
    """Mean and largest row norm at each door."""
    _, run, step = on_screen()
    mean, largest, rows = row_norms(step)
    labels = [run.model.tokenizer.label(i) for i in step.ids]
    at = [f"position {step.positions[row]}, {escape(labels[row])}" for row in rows]
    st.subheader(words.STREAM_TITLE, anchor=False)
    st.caption(marked_one(words.STREAM_MEANING))
    lines = [Line("mean of the rows", mean), Line("longest row", largest, at)]
    figure = lines_figure(
        doors_in_short(len(step.node.doors)), [Panel("Norm of a row on a log scale", lines, log=True)]
    )
    draw_figure(figure, key="chart-whole-stream", alt=_lines_in_words(mean, largest), step=step.index)
    st.text(_in_words(step, mean, largest, rows))


def row_norms(step: Step) -> tuple[list[float], list[float], list[int]]:
    """At each door: the mean of the rows' norms √Σ x², the largest of them, and in which row that is."""
    norms = [torch.linalg.vector_norm(door, dim=-1, dtype=torch.float64) for door in step.node.doors]
    return ([float(n.mean()) for n in norms], [float(n.max()) for n in norms], [int(n.argmax()) for n in norms])


def _lines_in_words(mean: list[float], largest: list[float]) -> str:
    """The lines for those who cannot see them."""
    doors = [at(door) for door in doors_in_words(len(mean))]
    lines = {"Mean norm of the rows": mean, "Norm of the longest row": largest}
    return " ".join(line_in_words(what, values, doors) for what, values in lines.items())


def _in_words(step: Step, mean: list[float], largest: list[float], rows: list[int]) -> str:
    """What the lines show of this step, in a sentence."""
    label = step.run.model.tokenizer.label
    if len(step.positions) > 1 and max(big / usual for big, usual in zip(largest, mean, strict=True) if usual) > JUMP:
        door = max(range(len(mean)), key=lambda i: largest[i] / (mean[i] or 1))
        row = rows[door]
        return (
            f"The longest row belongs to position {step.positions[row]}, {quoted(label(step.ids[row]))}: its norm is "
            f"{number(largest[door])} {at(doors_in_words(len(mean))[door])}, where the mean is {number(mean[door])}."
        )
    ends = number(mean[0]), number(mean[-1])
    return "The mean norm of the rows goes from {} at the input to {} after the last layer.".format(*ends)

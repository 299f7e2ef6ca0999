"""The health table: every matrix of the step, counted."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.matrices.heads import SINK, SINKS
from dashboard.matrices.pictures import shape_in_words
from dashboard.server.on_screen import on_screen
from dashboard.shell.fragments import fragment
from dashboard.shell.glossary import marked
from dashboard.whole_model import words
from dashboard.whole_model.map import rows_in_words, surveyed
from llm_core import ModelConfig, catalogue
from llm_core.measures.health import Health
from llm_core.support.plain_words import counted

WIDTHS = {
    "layer": 46,
    "matrix": 192,
    "head": 46,
    "shape": 68,
    "minimum": 74,
    "maximum": 76,
    "norm": 62,
    "zeros": 66,
    "NaN": 44,
    "∞": 34,
    "entropy": 66,
    "first": 92,
    "name": 225,
}
"""Pixels of each column. Their sum fits the page in a window 1,440 wide, with the longest name and a scrollbar."""
_TITLES = {"zeros": "zeros, %", "first": "first token, %"}
_FORMATS = {"minimum": "%.4g", "maximum": "%.4g", "norm": "%.4g", "zeros": "%.2f", "entropy": "%.3f", "first": "%.1f"}


@fragment("whole-health", reads={"rows"})
def health_table() -> None:
    """The table, and what stands out in it."""
    _, run, step = on_screen()
    config = run.model.config
    found = surveyed(step).health(config)
    st.subheader(words.HEALTH_TITLE, anchor=False)
    said = " ".join(sentence for sentence in (soundness(found), sinks(found), *rows_in_words(step)) if sentence)
    meaning, said = marked(words.HEALTH_MEANING, said)
    st.caption(meaning)
    st.markdown(said)
    st.dataframe(
        table(found, config),
        hide_index=True,
        height=420,
        key="health",
        placeholder="",
        column_config={name: _column(name) for name in WIDTHS},
    )


def _column(name: str) -> Any:
    """How a column of the table is shown, as Streamlit's configuration of it."""
    title, width, said = _TITLES.get(name, name), WIDTHS[name], words.HEALTH_HELP.get(name)
    if name in _FORMATS:
        return st.column_config.NumberColumn(title, width=width, help=said, format=_FORMATS[name])
    return st.column_config.Column(title, width=width, help=said)


def table(found: list[Health], config: ModelConfig) -> pd.DataFrame:
    """One row for each matrix; of attention weights one for each head."""
    entries = [catalogue.matrix(config, h.name) for h in found]
    return pd.DataFrame(
        {
            "layer": pd.array([e.layer for e in entries], dtype="Int64"),
            "matrix": [e.title for e in entries],
            "head": pd.array([h.head for h in found], dtype="Int64"),
            "shape": [shape_in_words(h.shape) for h in found],
            "minimum": [h.minimum for h in found],
            "maximum": [h.maximum for h in found],
            "norm": [h.norm for h in found],
            "zeros": [100 * h.zeros for h in found],
            "NaN": [h.nan for h in found],
            "∞": [h.infinite for h in found],
            "entropy": pd.array([h.entropy for h in found], dtype="Float64"),
            "first": pd.array([None if h.first is None else 100 * h.first for h in found], dtype="Float64"),
            "name": [h.name for h in found],
        }
    )


def soundness(found: list[Health]) -> str:
    """Whether all cells are finite numbers, and where not."""
    wrong = [h for h in found if not h.sound]
    matrices = len({h.name for h in found})
    if not wrong:
        return f"All {matrices:,} matrices are sound: they have no NaN and no infinite number."
    off = len({h.name for h in wrong})
    return (
        f"{off:,} of {matrices:,} matrices {'has' if off == 1 else 'have'} cells that are NaN or infinite; in order of "
        f"computation the first one is `{wrong[0].name}`."
    )


def sinks(found: list[Health]) -> str:
    """How many heads look at the first token most of the time."""
    shares = [h.first for h in found if h.first is not None]
    heads = sum(share > SINK for share in shares)
    if not heads:
        return ""
    return (
        f"{heads:,} of {counted(len(shares), 'head')} {'gives' if heads == 1 else 'give'} "
        f"the first token more than half of {'its' if heads == 1 else 'their'} attention, on average over all rows "
        f"that see several tokens. {SINKS}"
    )

"""The health table: every matrix of the step, counted."""

import pandas as pd
import streamlit as st

from dashboard.depth import SINK
from dashboard.pictures import shape_in_words
from dashboard.redraw import guarded
from dashboard.state import on_screen
from dashboard.whole_model.map import rows_in_words, surveyed
from llm_core import ModelConfig, catalogue
from llm_core.health import Health

TITLE = "Health of every matrix"
MEANING = (
    "Click a column's head to sort. Masked cells are left out. What is wrong with a model shows here first: NaN and "
    "infinities, numbers that explode, units that are always zero, heads that look at the first token only."
)


@st.fragment(key="whole-health")
@guarded
def health_table() -> None:
    """The table, and what stands out in it."""
    _, run, step = on_screen()
    config = run.model.config
    found = surveyed(step).health(config)
    st.subheader(TITLE, anchor=False)
    st.caption(MEANING)
    st.text(" ".join(sentence for sentence in (soundness(found), sinks(found), *rows_in_words(step)) if sentence))
    st.dataframe(table(found, config), hide_index=True, height=420, key="health", placeholder="", column_config={
        "minimum": st.column_config.NumberColumn(format="%.4g"),
        "maximum": st.column_config.NumberColumn(format="%.4g"),
        "norm": st.column_config.NumberColumn(format="%.4g", help="The root of the sum of all squares"),
        "zeros": st.column_config.NumberColumn("zeros, %", format="%.2f", help="Cells that are exactly 0"),
        "entropy": st.column_config.NumberColumn("entropy, bits", format="%.3f",
            help="Of attention: how widely a row looks around, in the mean; 0 is one token only"),
        "first": st.column_config.NumberColumn("on first token, %", format="%.1f",
            help="Of attention: the share of a row that goes to the first token, in the mean"),
        "name": st.column_config.TextColumn("name", help="As the engine calls it"),
    })  # fmt: skip


def table(found: list[Health], config: ModelConfig) -> pd.DataFrame:
    """One row for each matrix; of attention weights one for each head."""
    entries = [catalogue.matrix(config, h.name) for h in found]
    return pd.DataFrame({
        "layer": pd.array([e.layer for e in entries], dtype="Int64"),
        "matrix": [e.title for e in entries],
        "head": pd.array([h.head for h in found], dtype="Int64"),
        "shape": [shape_in_words(h.shape) for h in found],
        "minimum": [h.minimum for h in found], "maximum": [h.maximum for h in found],
        "norm": [h.norm for h in found], "zeros": [100 * h.zeros for h in found],
        "NaN": [h.nan for h in found], "∞": [h.infinite for h in found],
        "entropy": pd.array([h.entropy for h in found], dtype="Float64"),
        "first": pd.array([None if h.first is None else 100 * h.first for h in found], dtype="Float64"),
        "name": [h.name for h in found],
    })  # fmt: skip


def soundness(found: list[Health]) -> str:
    """Whether all cells are finite numbers, and where not."""
    wrong = [h for h in found if not h.sound]
    matrices = len({h.name for h in found})
    if not wrong:
        return f"All {matrices:,} matrices are sound: no NaN, no infinity."
    return (
        f"{len({h.name for h in wrong}):,} of {matrices:,} matrices have cells that are no finite numbers; in order of "
        f"computation the first is {wrong[0].name}."
    )


def sinks(found: list[Health]) -> str:
    """How many heads look at the first token most of the time."""
    shares = [h.first for h in found if h.first is not None]
    heads = sum(share > SINK for share in shares)
    if not heads:
        return ""
    return (
        f"An attention sink: {heads:,} of {len(shares):,} heads put over half of their attention on the first token, "
        "in the mean of all rows that have a choice; it is where a head leaves the attention that it has no use for."
    )

"""Every token of the vocabulary with its probability, in a table that can be searched."""

import functools
from typing import TYPE_CHECKING

import streamlit as st

from llm_core import Step
from llm_core.tokenizer import Tokenizer

if TYPE_CHECKING:
    import pandas as pd


def whole_vocabulary(step: Step) -> None:
    """The table, made and sent when it is opened: it is as long as the vocabulary, at each change of the dice."""
    size = step.logits.shape[-1]
    label = f"All {size:,} tokens with their probabilities, to search and sort"
    with st.expander(label, key="all_tokens", bind="query-params", on_change="rerun") as opened:
        if not opened.open:
            return
        st.dataframe(vocabulary_table(step), hide_index=True, height=318, key="vocabulary", column_config={
            "probability": st.column_config.NumberColumn(format="%.4g %%"),
            "× chance": st.column_config.NumberColumn(format="%.2f"),
        })  # fmt: skip


def vocabulary_table(step: Step) -> "pd.DataFrame":
    """Every token: id, visible text, the model's own probability in percent, and how many times chance that is."""
    import pandas as pd  # takes a third of a second, which the first page need not wait for

    p = step.sampled.stages[0].probabilities
    order = p.argsort(descending=True, stable=True)
    model = step.run.model
    labels = vocabulary_labels(model.tokenizer, model.config.vocab_size)
    return pd.DataFrame({
        "token id": order.numpy(), "token": labels.take(order.numpy()),
        "probability": (100 * p[order]).numpy(), "× chance": (p[order] * len(p)).numpy(),
    })  # fmt: skip


@functools.lru_cache(maxsize=8)
def vocabulary_labels(tokenizer: Tokenizer, size: int) -> "pd.api.extensions.ExtensionArray":
    """The visible text of each token of the vocabulary, made once for each tokenizer; random models share theirs."""
    import pandas as pd

    return pd.array([tokenizer.label(i) for i in range(size)], dtype="str")

"""Every token of the vocabulary with its probability, in a table that can be searched."""

import functools
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.browser.next_token import SAME_CHANCE
from dashboard.link import visit
from dashboard.matrices.words import ALL_OF_VOCABULARY
from dashboard.server import rude_words
from dashboard.server.on_screen import stages_of
from dashboard.shell.fields import opening
from dashboard.shell.fragments import change
from llm_core import Step
from llm_core.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    import pandas as pd


_TIMES = f"times {SAME_CHANCE}"


def whole_vocabulary(step: Step) -> None:
    """The table, made and sent when it is opened: it is as long as the vocabulary, at each change of the dice."""
    size = step.logits.shape[-1]
    label = ALL_OF_VOCABULARY.format(size=size)
    is_open = bool(visit.current().all_tokens)
    with st.expander(label, **opening("all_tokens", is_open, _open)):
        if not is_open:
            return
        st.dataframe(
            vocabulary_table(step),
            hide_index=True,
            height=318,
            key="vocabulary",
            column_config={
                "probability": st.column_config.NumberColumn(format="%.4g %%"),
                _TIMES: st.column_config.NumberColumn(format="%.2f", width=340),
            },
        )
        if remark := rude_words.mask_remark(step.run.model.tokenizer, range(size)):
            st.caption(remark)


def _open(is_open: bool) -> None:
    change(all_tokens=int(is_open))


def vocabulary_table(step: Step) -> "pd.DataFrame":
    """Every token: id, visible text, the model's own probability and how many times as
    likely it is as if all tokens had the same chance."""
    import pandas as pd  # takes a third of a second, which the first page need not wait for

    p = stages_of(step)[0].probabilities
    order = p.argsort(descending=True, stable=True)
    model = step.run.model
    labels = vocabulary_labels(model.tokenizer, model.config.vocab_size)
    return pd.DataFrame(
        {
            "token id": order.numpy(),
            "token": labels.take(order.numpy()),
            "probability": (100 * p[order]).numpy(),
            _TIMES: (p[order] * len(p)).numpy(),
        }
    )


@functools.lru_cache(maxsize=8)
def vocabulary_labels(tokenizer: Tokenizer, size: int) -> "pd.api.extensions.ExtensionArray":
    """The visible text of each token of the vocabulary, made once for each tokenizer; random models share theirs."""
    import pandas as pd

    return pd.array([tokenizer.label(i) for i in range(size)], dtype="str")

"""The Whole model page: one picture of all layers and heads, the stream, the logit lens, and the health of all."""

import streamlit as st

from dashboard.browser import pager, timeline
from dashboard.browser.ribbon import bytes_remark
from dashboard.explainer import panel
from dashboard.link import visit
from dashboard.overview import overview
from dashboard.proof.badge import proof
from dashboard.server import rude_words
from dashboard.server.computed import run_of
from dashboard.server.on_screen import step_index
from dashboard.shell.fragments import callback, change, fragment, guarded, refusal
from dashboard.shell.glossary import marked_one
from dashboard.shell.headline import headline
from dashboard.whole_model.lens import logit_lens, refuse_unseen
from dashboard.whole_model.map import AROUND, chosen_matrix, map_of_all, refuse_unknown
from dashboard.whole_model.stream import stream
from dashboard.whole_model.table import health_table
from dashboard.whole_model.words import MAP_MEANING

HEADLINE = "See every layer and every head in one picture."


@guarded
def page() -> None:
    """Draw the whole page, or the sentence that says why there is no run."""
    try:
        run = run_of(visit.current())
    except ValueError as error:
        headline(HEADLINE)
        refusal(str(error))
        return
    config = run.model.config
    refuse_unknown(config)
    refuse_unseen(run)
    panel.check_cell(run, visit.current())
    visit.check_view(step=len(run.steps), layer=config.layers, head=config.heads, lens_token=config.vocab_size)
    headline(HEADLINE)
    steps()
    st.caption(marked_one(MAP_MEANING))
    with st.container(key="map-frame"):
        left, right = st.columns([0.64, 0.36], gap="medium")
    with right, st.container(key="map-side"):
        chosen_matrix()
        proof()
    with left:
        map_of_all()
    stream()
    logit_lens()
    health_table()
    pager()
    panel.explainer(AROUND)


@fragment("whole-steps", reads={"tokens", "step"})
def steps() -> None:
    """The steps of the run; all below is of the chosen one."""
    chosen = visit.current()
    run = run_of(chosen)
    timeline(overview.phases_of(run), chosen=step_index(chosen, run), key="timeline", on_choose=_choose_step)
    masked = rude_words.mask_remark(run.model.tokenizer, run.ids)
    if remark := " ".join(filter(None, (masked, bytes_remark(map(run.model.tokenizer.label, run.ids))))):
        st.caption(remark)


@callback
def _choose_step(index: int) -> None:
    change(step=index, lens_until=None, cell=panel.cell_at(index))


page()

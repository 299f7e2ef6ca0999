"""The Whole model page: one picture of all layers and heads, the stream, the logit lens, and the health of all."""

import streamlit as st

from dashboard import explainer, overview, settings
from dashboard.components import pager, timeline
from dashboard.headline import headline
from dashboard.proof import proof
from dashboard.redraw import forget_rows, guarded, redraw, refusal
from dashboard.state import run_of, step_index
from dashboard.whole_model.lens import logit_lens, refuse_unseen
from dashboard.whole_model.map import AROUND, MEANING, chosen_matrix, map_of_all, refuse_unknown
from dashboard.whole_model.stream import stream
from dashboard.whole_model.table import health_table

HEADLINE = "Every layer and every head, in one picture."


@guarded
def page() -> None:
    """Draw the whole page, or the sentence that says why there is no run."""
    forget_rows()
    try:
        run = run_of(settings.current())
    except ValueError as error:
        headline(HEADLINE)
        refusal(str(error))
        return
    config = run.model.config
    refuse_unknown(config)
    refuse_unseen(run)
    explainer.check(run, settings.current())
    settings.check_view(step=len(run.steps), layer=config.layers, head=config.heads, lens_token=config.vocab_size)
    headline(HEADLINE)
    steps()
    st.caption(MEANING)
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
    explainer.explainer(AROUND)


@st.fragment(key="whole-steps")
@guarded
def steps() -> None:
    """The steps of the run; all below is of the chosen one."""
    chosen = settings.current()
    run = run_of(chosen)
    timeline(overview.phases_of(run), chosen=step_index(chosen, run), key="timeline", on_choose=_choose_step)


def _choose_step(index: int) -> None:
    settings.look_at("step", index)
    settings.look_at("lens_until", None)
    explainer.forget_cell_elsewhere()
    redraw(["whole-steps", "whole-map", "whole-matrix", "whole-stream", "whole-lens", "whole-health", explainer.PART])


page()

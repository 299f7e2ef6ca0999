"""The Inference page: from a text to its next token, with every matrix on the way."""

import streamlit as st

from dashboard.browser import pager
from dashboard.explainer import panel
from dashboard.link import visit
from dashboard.matrices import panels, region, sections
from dashboard.matrices.look import has_choice, look_of
from dashboard.model_choice.chooser import notice
from dashboard.overview import overview
from dashboard.proof.badge import proof
from dashboard.server.computed import run_of
from dashboard.server.on_screen import step_index, token_position
from dashboard.shell import waiting
from dashboard.shell.fragments import fragment, guarded, refusal
from dashboard.shell.headline import headline
from dashboard.tour import card as tour

HEADLINE = "A language model guesses the next piece of text. Here is every number that it used."


@guarded
def page() -> None:
    """Draw the whole page, or the sentence that says why there is no run."""
    try:
        with waiting.for_run(visit.current()):
            run = run_of(visit.current())
    except ValueError as error:
        headline(HEADLINE)
        refusal(str(error))
        return
    config = run.model.config
    panel.check_cell(run, visit.current())
    region.check_region(run, visit.current(), run.steps[step_index(visit.current(), run)])
    visit.check_view(step=len(run.steps), token=len(run.ids), layer=config.layers, head=config.heads)
    tour.arrive(run, visit.current())
    headline(HEADLINE, beside=tour_way)
    with st.container(key="frame"):
        left, right = st.columns([0.76, 0.24], gap="medium")
    with right.container(key="rail"):  # first, so that the answer is there before the many matrices
        overview.rail()
        proof()
    with left:
        overview.tokens()
        notice()
        overview.stations_strip()
        layer()
    with left.container(key="sections", gap="large"):
        matrices()
        sample()
    pager()
    tour.card()
    panel.explainer()


def tour_way() -> None:
    """The way into the tour, beside the headline."""
    with st.container(width="content", key="tour-way"):
        tour.start_button()


@fragment("layer", reads={"rows", "layer", "panel-view", "exact-remark"})
def layer() -> None:
    """The choice of layer and head, all heads, the stream through all layers, any part of a large matrix."""
    chosen = visit.current()
    run = run_of(chosen)
    config = run.model.config
    if not has_choice(config):
        return
    step, look = run.steps[step_index(chosen, run)], look_of(chosen, config)
    panels.open_panel(run, step, look, chosen, token_position(chosen, run))


@fragment("matrices", reads=sections.READS)
def matrices() -> None:
    chosen = visit.current()
    run = run_of(chosen)
    config = run.model.config
    station = None if sections.shows_all(config) else chosen.station
    sections.sections(run.steps[step_index(chosen, run)], run, look_of(chosen, config), station)


@fragment("sample", reads={"rows", "sampled", "section", "all_tokens"})
def sample() -> None:
    chosen = visit.current()
    run = run_of(chosen)
    if chosen.station != "sample" and not sections.shows_all(run.model.config):
        return
    with st.container(key="section-sample"):
        sections.sample_section(run.steps[step_index(chosen, run)])


page()

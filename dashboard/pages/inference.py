"""The Inference page: from a text to its next token, with every matrix on the way."""

import streamlit as st

from dashboard import depth, explainer, overview, sections, settings, tile, waiting
from dashboard.chooser import notice
from dashboard.components import pager
from dashboard.headline import headline
from dashboard.proof import proof
from dashboard.redraw import forget_rows, guarded, refusal, remember_rows
from dashboard.state import run_of, step_index, token_position
from dashboard.tour import card as tour

HEADLINE = "A language model guesses the next piece of text. Here is every number that it used."
REST = "All other matrices of this step, in order of computation"


@guarded
def page() -> None:
    """Draw the whole page, or the sentence that says why there is no run."""
    forget_rows()
    try:
        with waiting.for_run(settings.current()):
            run = run_of(settings.current())
    except ValueError as error:
        headline(HEADLINE)
        refusal(str(error))
        return
    config = run.model.config
    explainer.check(run, settings.current())
    tile.check(run, settings.current(), run.steps[step_index(settings.current(), run)])
    settings.check_view(step=len(run.steps), token=len(run.ids), layer=config.layers, head=config.heads)
    tour.arrive(run, settings.current())
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
        if sections.shows_all(config):
            with st.container(key="section-rest"):
                st.subheader(REST, anchor=False)
        matrices()
        sample()
    pager()
    tour.card()
    explainer.explainer()
    remember_rows(settings.current(), run)


def tour_way() -> None:
    """The way into the tour, beside the headline."""
    with st.container(width="content", key="tour-way"):
        tour.start_button()


@st.fragment(key="layer")
@guarded
def layer() -> None:
    """The choice of layer and head, all heads, the stream through all layers, any part of a large matrix."""
    chosen = settings.current()
    run = run_of(chosen)
    config = run.model.config
    if not depth.has_choice(config):
        return
    step, look = run.steps[step_index(chosen, run)], depth.look_of(chosen, config)
    depth.overview(run, step, look, chosen, token_position(chosen, run))


@st.fragment(key="matrices")
@guarded
def matrices() -> None:
    chosen = settings.current()
    run = run_of(chosen)
    config = run.model.config
    station = None if sections.shows_all(config) else chosen.station
    sections.sections(run.steps[step_index(chosen, run)], run, depth.look_of(chosen, config), station)


@st.fragment(key="sample")
@guarded
def sample() -> None:
    chosen = settings.current()
    run = run_of(chosen)
    if chosen.station != "sample" and not sections.shows_all(run.model.config):
        return
    with st.container(key="section-sample"):
        sections.sample_section(run.steps[step_index(chosen, run)])


page()

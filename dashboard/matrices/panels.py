"""The choice of a layer and a head, and the panels of a deep model: all heads, the stream, any part of a matrix."""

from collections.abc import Hashable

import streamlit as st

from dashboard.link import visit
from dashboard.link.settings import Settings
from dashboard.matrices.heads import all_heads, head_frame
from dashboard.matrices.look import PANEL_TITLES, look_of, panels_of
from dashboard.matrices.pictures import Look
from dashboard.matrices.region import region_panel
from dashboard.matrices.residual_stream import stream_of_token
from dashboard.matrices.sections import shows_all
from dashboard.matrices.words import ALSO_SHOW
from dashboard.server.computed import run_of
from dashboard.server.on_screen import token_position
from dashboard.shell.fields import field, segments
from dashboard.shell.fragments import change, fragment
from dashboard.shell.reads import OF_RUN, derived
from llm_core import ModelConfig, Run, Step


@derived("panel-view", OF_RUN | {"panel", "exact", "token", "station", "head", "step", "skip_first", "pooling"})
def _panel_view(chosen: Settings, run: Run) -> Hashable:
    """What decides about the panel that is open, besides the matrices of its layer."""
    position = token_position(chosen, run)
    return chosen.panel, {
        "heads": (chosen.skip_first,),
        "stream": (position, chosen.pooling),
        "exact": (chosen.exact, position, chosen.station, chosen.head),
    }.get(chosen.panel)


def _shown_panel(chosen: Settings, config: ModelConfig) -> str:
    return chosen.panel if chosen.panel in panels_of(config) else ""


@fragment("depth-choice", reads={"layer", "head", "panel", "section"})
def selectors() -> None:
    """The choice of a layer and of a head, and of what else is shown; with one of them there is nothing to choose."""
    chosen = visit.current()
    config = run_of(chosen).model.config
    look, panel = look_of(chosen, config), _shown_panel(chosen, config)
    inside = has_layers(config, chosen.station, panel)
    with st.container(horizontal=True, gap="medium", key="depth-choice"):
        if inside and config.layers > 1:
            _slider("layer", "Layer", look.layer, config.layers)
        if inside and config.heads > 1:
            _slider("head", "Head", look.head, config.heads)
        panels = panels_of(config)
        st.segmented_control(
            ALSO_SHOW,
            format_func=PANEL_TITLES.__getitem__,
            width="content",
            **segments("choice-panel", panel or None, panels, _choose_panel),
        )


def has_layers(config: ModelConfig, station: str, panel: str) -> bool:
    """Whether the page shows anything of a layer. The sampling comes after all layers, and may be all that is shown."""
    return station != "sample" or bool(panel) or shows_all(config)


def _slider(name: str, label: str, value: int, count: int) -> None:
    st.slider(label, 0, count - 1, **field(f"choice-{name}", value, _choose, name))


def _choose(value: int, name: str) -> None:
    change(**{name: value})


def _choose_panel(panel: str | None) -> None:
    change(panel=panel or "")


def open_panel(run: Run, step: Step, look: Look, chosen: Settings, position: int) -> None:
    """The selectors, and where it is asked for one figure of several heads or layers, or of any part of a matrix."""
    panel = _shown_panel(chosen, run.model.config)
    selectors()
    head_frame()  # also where no heads are shown: another head asks for it
    if not panel:
        return
    with st.container(key="depth", border=True, gap="small"), st.container(gap="xsmall"):
        if panel == "heads":
            all_heads(step, look)
        elif panel == "stream":
            stream_of_token(step, position, look)
        else:
            region_panel(step, look, chosen, position)

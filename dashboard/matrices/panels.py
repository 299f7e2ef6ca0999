"""The choice of a layer and a head, and the panels of a deep model: all heads, the stream, any part of a matrix."""

import streamlit as st

from dashboard.link import visit
from dashboard.link.settings import Settings
from dashboard.matrices.heads import all_heads, head_frame
from dashboard.matrices.look import HEAD_PARTS, LAYER_PARTS, PANEL_TITLES, panels_of
from dashboard.matrices.pictures import Look
from dashboard.matrices.region import region_panel
from dashboard.matrices.residual_stream import stream_of_token
from dashboard.matrices.sections import shows_all
from dashboard.shell.fields import field, segments
from dashboard.shell.fragments import redraw
from llm_core import ModelConfig, Run, Step


def selectors(config: ModelConfig, look: Look, station: str, panel: str) -> None:
    """The choice of a layer and of a head, and of what else is shown; with one of them there is nothing to choose."""
    inside = has_layers(config, station, panel)
    with st.container(horizontal=True, gap="medium", key="depth-choice"):
        if inside and config.layers > 1:
            _slider("layer", "Layer", look.layer, config.layers, LAYER_PARTS)
        if inside and config.heads > 1:
            _slider("head", "Head", look.head, config.heads, HEAD_PARTS)
        panels = panels_of(config)
        st.segmented_control(
            "Also show",
            format_func=PANEL_TITLES.__getitem__,
            width="content",
            **segments("choice-panel", panel or None, panels, _choose_panel),
        )


def has_layers(config: ModelConfig, station: str, panel: str) -> bool:
    """Whether the page shows anything of a layer. The sampling comes after all layers, and may be all that is shown."""
    return station != "sample" or bool(panel) or shows_all(config)


def _slider(name: str, label: str, value: int, count: int, parts: list[str]) -> None:
    st.slider(label, 0, count - 1, **field(f"choice-{name}", value, _choose, name, parts))


def _choose(value: int, name: str, parts: list[str]) -> None:
    visit.look_at(name, value)
    redraw([*parts, "layer"] if visit.current().panel == "exact" else parts)


def _choose_panel(panel: str | None) -> None:
    visit.look_at("panel", panel or "")
    redraw(["layer"])


def open_panel(run: Run, step: Step, look: Look, chosen: Settings, position: int) -> None:
    """The selectors, and where it is asked for one figure of several heads or layers, or of any part of a matrix."""
    panel = chosen.panel if chosen.panel in panels_of(run.model.config) else ""
    selectors(run.model.config, look, chosen.station, panel)
    head_frame()  # also where no heads are shown: another head asks for it
    if not panel:
        return
    with st.container(key="depth", border=True, gap="small"), st.container(key=f"equation-{panel}", gap="xsmall"):
        if panel == "heads":
            all_heads(step, look)
        elif panel == "stream":
            stream_of_token(step, position, look)
        else:
            region_panel(step, look, chosen, position)

"""The map of all matrices, and beside it the one that was chosen."""

import hashlib
import math
import time
from typing import Any

import streamlit as st

from dashboard import explainer, settings
from dashboard.components.model_map import Column, Outside, Plan, model_map
from dashboard.depth import look_of
from dashboard.explainer_trail import Address
from dashboard.figures.alternative import in_words
from dashboard.figures.equation import equation
from dashboard.figures.picture import number, percent
from dashboard.navigation import INFERENCE
from dashboard.pictures import Pictures, Tokens, shape_in_words
from dashboard.redraw import callback, guarded, redraw
from dashboard.settings import Settings
from dashboard.sharing import kv_head_of, sharing_sentence
from dashboard.state import on_screen, run_of
from dashboard.whole_model.survey import MOST_ROWS, Survey, cell, entries, is_complete, key_of, survey
from llm_core import ModelConfig, Step, catalogue
from llm_core.catalogue import Entry
from llm_core.health import Health

MEANING = (
    "Every matrix of this step: layers from top to bottom, and in each layer its parts in order of computation. "
    "Attention has one picture for each head, so the odd head is seen at once."
)
SCALES = (
    "Attention weights: 0 … 100 % for all heads. Each other matrix has a scale of its own, blue below zero and orange "
    "above it; grey is masked."
)
ROOM = 300  # pixels for the columns of the matrix beside the map
SOON = 0.4  # seconds for which no progress is shown: the page would only flicker
STATION = {"output": "logits"}
_GROUPS = {"attention": "Attention", "weights": "Weights A, by head", "mixed": "Mixing",
           "feedforward": "Feed-forward"}  # fmt: skip


# ---- what is where --------------------------------------------------------------------------------------------------


def has_heads_apart(entry: Entry) -> bool:
    """True for attention weights: the map has a picture for each of their heads."""
    return entry.operation == "softmax" and entry.axes[-1] == "key"


def part_of(entry: Entry) -> str:
    """A matrix's name without its layer."""
    return entry.name.removeprefix(f"layers.{entry.layer}.")


def plan_of(config: ModelConfig, shapes: dict[str, str]) -> Plan:
    """Where each matrix is; shapes: in words, by name, of layer 0 and of what lies outside of the layers."""
    columns, group = [], "attention"
    for entry in entries(config, 0):
        apart = has_heads_apart(entry)
        group = "weights" if apart else entry.part if entry.part == "feedforward" else (
            "mixed" if group in ("weights", "mixed") else "attention")  # fmt: skip
        for head in range(config.heads) if apart else [None]:
            symbol = _symbol(entry) if head is None else str(head)
            columns.append(Column(part_of(entry), head, entry.title, symbol, shapes[entry.name], _GROUPS[group]))
    outside = [Outside(e.name, e.title, e.symbol, shapes[e.name]) for e in entries(config, None)]
    before = [item for item in outside if catalogue.matrix(config, item.id).part == "embedding"]
    return Plan(config.layers, columns, before, outside[len(before) :])


def _symbol(entry: Entry) -> str:
    """A matrix's symbol; of cached keys and values, whose rows are the keys, told apart from those of this step."""
    return f"{entry.symbol} cache" if entry.axes[-2] == "key" else entry.symbol


def chosen_entry(chosen: Settings, config: ModelConfig) -> Entry:
    """The matrix that the settings look at; attention weights where this model has no such part."""
    names = {entry.name for entry in catalogue.matrices(config)}
    layer = look_of(chosen, config).layer
    wanted = (f"layers.{layer}.{chosen.part}", chosen.part, f"layers.{layer}.{settings.DEFAULTS.part}")
    return catalogue.matrix(config, next(name for name in wanted if name in names))


def refuse_unknown(config: ModelConfig) -> None:
    """Take a part out of the link that this model lacks."""
    part = st.query_params.get("part")
    names = {part_of(entry) for entry in catalogue.matrices(config)}
    if part is not None and part not in names:
        settings.refuse("part", "this model has no such matrix")


# ---- the map --------------------------------------------------------------------------------------------------------


@st.fragment(key="whole-map")
@guarded
def map_of_all() -> None:
    """The map. What it shows is sent once."""
    chosen, run, step = on_screen()
    found = surveyed(step)
    config = run.model.config
    entry = chosen_entry(chosen, config)
    head = look_of(chosen, config).head if has_heads_apart(entry) else None
    model_map(
        plan_of(config, _shapes(found)), lambda: thumbnails_with_words(found), signature=_signature(step),
        chosen=cell(entry.name, head), allowed={name for seen in found.seen.values() for name in seen.thumbnails},
        key="model-map", on_choose=_choose,
    )  # fmt: skip
    st.caption(" ".join([SCALES, *rows_in_words(step)]))


def thumbnails_with_words(found: Survey) -> dict[str, dict[str, Any]]:
    """All thumbnails by cell, each with what is said of it to those who cannot see it."""
    health = {cell(h.name, h.head): h for seen in found.seen.values() for h in seen.health}
    return {
        name: thumbnail | {"said": range_in_words(health[name], thumbnail["kind"] == "probability")}
        for seen in found.seen.values()
        for name, thumbnail in seen.thumbnails.items()
    }


def range_in_words(health: Health, share: bool) -> str:
    """From which number to which its cells go, and the largest magnitude; share: they are shares of 1."""
    said = percent if share else number
    if math.isnan(health.minimum):
        return "no numbers"
    largest = max(abs(health.minimum), abs(health.maximum))
    ends = f"from {said(health.minimum)} to {said(health.maximum)}"
    return ends if share else f"{ends}, largest magnitude {said(largest)}"


def surveyed(step: Step) -> Survey:
    """The survey of the step; while it is made, how far it is."""
    if is_complete(step):
        return survey(step, lambda share: None)
    place, start = st.empty(), time.monotonic()

    def show(share: float) -> None:
        if time.monotonic() - start > SOON and share < 1:
            place.progress(share, f"Looking at every matrix of {step.run.model.config.layers} layers …")

    found = survey(step, show)
    place.empty()
    return found


def rows_in_words(step: Step) -> list[str]:
    """What is left out of a very long prompt."""
    count = len(step.positions)
    return [f"Of this step's {count:,} rows the last {MOST_ROWS:,} are looked at."] if count > MOST_ROWS else []


def _shapes(found: Survey) -> dict[str, str]:
    """Of layer 0 and what is outside of the layers; attention's heads have one shape."""
    return {h.name: shape_in_words(h.shape) for part in (None, 0) for h in found.seen[part].health}


def _signature(step: Step) -> str:
    return hashlib.sha256(repr(key_of(step)).encode()).hexdigest()[:24]


@callback
def _choose(name: str) -> None:
    """A cell was chosen: layer, head and part go into the URL, and the station where the Inference page has it."""
    run = run_of(settings.current())
    name, _, head = name.partition("#")
    entry = catalogue.matrix(run.model.config, name)
    settings.look_at("part", part_of(entry))
    settings.look_at("station", STATION.get(entry.part, entry.part))
    if entry.layer is not None:
        settings.look_at("layer", entry.layer)
    if head:
        settings.look_at("head", int(head))
    redraw(["whole-map", "whole-matrix"])


# ---- the chosen matrix ----------------------------------------------------------------------------------------------


@st.fragment(key="whole-matrix")
@guarded
def chosen_matrix() -> None:
    """The matrix that was chosen on the map, in full, and the way to where it is computed."""
    chosen, run, step = on_screen()
    config = run.model.config
    look, entry = look_of(chosen, config), chosen_entry(chosen, config)
    pictures = Pictures(step, look, [entry.name])
    of_tokens = entry.axes[-1] == "vocab"
    picture = pictures.matrix(entry.name, Tokens.likeliest(step)) if of_tokens else pictures.labelled(entry.name)
    st.subheader(" · ".join([entry.title, *_where(entry, config, look.head)]), anchor=False)
    with st.container(key="equation-whole-matrix", gap="xsmall"):
        st.plotly_chart(equation([picture], len(run.ids), ROOM), width="content", key="chart-whole-matrix", theme=None,
                        config={"displayModeBar": False},
                        alt=f"{entry.title}: {entry.formula}. {in_words([picture])}")  # fmt: skip
    st.markdown(f"`{entry.formula}` {entry.meaning}.")
    shared = entry.axes[0] == "kv_head"
    if shared and config.heads > 1:
        st.caption(sharing_sentence(config, look.head))
    explainer.open_button_at(entry.name, {"head": kv_head_of(config, look.head) if shared else look.head})
    st.page_link(INFERENCE, label="See how it is computed", icon=":material/arrow_forward:",
                 query_params=settings.view() | {"station": STATION.get(entry.part, entry.part)})  # fmt: skip


def _where(entry: Entry, config: ModelConfig, head: int) -> list[str]:
    layer = [] if entry.layer is None else [f"layer {entry.layer}"]
    if entry.axes[0] == "kv_head" and config.kv_heads > 1:
        return [*layer, f"KV head {kv_head_of(config, head)}"]
    return [*layer, f"head {head}"] if entry.axes[0] == "head" and config.heads > 1 else layer


def _view_on(chosen: Settings, step: Step, address: Address) -> dict[str, object]:
    """What to choose on the map so that a cell's matrix is beside it; of weights the map has none."""
    config = step.run.model.config
    entry = next((each for each in catalogue.matrices(config) if each.name == address.name), None)
    if entry is None or address.step is not None:
        return {}
    wanted: dict[str, object] = {"part": part_of(entry)} | explainer.layer_and_head(chosen, config, entry, address)
    return {name: value for name, value in wanted.items() if value != getattr(chosen, name)}


AROUND = explainer.Around(_view_on, ("whole-map", "whole-matrix"))

"""The map of all matrices, and beside it the one that was chosen."""

import hashlib
import math
import time
from dataclasses import replace

import streamlit as st

from dashboard.browser.model_map import Column, MapPlan, Outside, model_map
from dashboard.browser.thumbnail import Encoded
from dashboard.explainer import panel
from dashboard.figures.alternative import equation_in_words
from dashboard.figures.equation import equation
from dashboard.figures.picture import number, percent
from dashboard.link import settings, visit
from dashboard.link.settings import Settings
from dashboard.link.trail import Address
from dashboard.matrices.look import look_of
from dashboard.matrices.pictures import Pictures, Tokens, shape_in_words
from dashboard.matrices.shared_heads import kv_head_of, sharing_sentence
from dashboard.server import rude_words
from dashboard.server.computed import run_of
from dashboard.server.on_screen import on_screen
from dashboard.shell.fragments import callback, change, fragment
from dashboard.shell.glossary import marked, marked_one
from dashboard.shell.navigation import INFERENCE, page_at
from dashboard.shell.pictures import draw_figure
from dashboard.shell.reads import EVERY_SETTING
from dashboard.whole_model import words
from dashboard.whole_model.survey import SURVEY_ROWS, Survey, cell, is_complete, survey, survey_key, surveyed_entries
from llm_core import ModelConfig, Step, catalogue
from llm_core.catalogue.entry import Entry
from llm_core.measures.health import Health
from llm_core.support.plain_words import counted

_ROOM = 300  # pixels for the columns of the matrix beside the map
_SOON = 0.4  # seconds for which no progress is shown: the page would only flicker
STATION = {"output": "logits"}


# ---- what is where --------------------------------------------------------------------------------------------------


def has_heads_apart(entry: Entry) -> bool:
    """True for attention weights: the map has a picture for each of their heads."""
    return entry.operation == "softmax" and entry.axes[-1] == "key"


def _part_of(entry: Entry) -> str:
    """A matrix's name without its layer."""
    return entry.name.removeprefix(f"layers.{entry.layer}.")


def plan_of(config: ModelConfig, shapes: dict[str, str]) -> MapPlan:
    """Where each matrix is; shapes: in words, by name, of layer 0 and of what lies outside of the layers."""
    columns, group = [], "attention"
    for entry in surveyed_entries(config, 0):
        apart = has_heads_apart(entry)
        group = (
            "weights"
            if apart
            else entry.part
            if entry.part == "feedforward"
            else ("mixed" if group in ("weights", "mixed") else "attention")
        )
        for head in range(config.heads) if apart else [None]:
            symbol = _symbol(entry) if head is None else str(head)
            columns.append(
                Column(_part_of(entry), head, entry.title, symbol, shapes[entry.name], words.MAP_GROUPS[group])
            )
    outside = [Outside(e.name, e.title, e.symbol, shapes[e.name]) for e in surveyed_entries(config, None)]
    before = [item for item in outside if catalogue.matrix(config, item.id).part == "embedding"]
    return MapPlan(config.layers, columns, before, outside[len(before) :])


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
    names = {_part_of(entry) for entry in catalogue.matrices(config)}
    if visit.current().part not in names:
        visit.refuse("part", "this model has no such matrix")


# ---- the map --------------------------------------------------------------------------------------------------------


@fragment("whole-map", reads={"rows", "part", "layer", "head"})
def map_of_all() -> None:
    """The map. What it shows is sent once."""
    chosen, run, step = on_screen()
    found = surveyed(step)
    config = run.model.config
    entry = chosen_entry(chosen, config)
    head = look_of(chosen, config).head if has_heads_apart(entry) else None
    model_map(
        plan_of(config, _shapes(found)),
        lambda: thumbnails_with_words(found),
        signature=_signature(step),
        chosen=cell(entry.name, head),
        allowed={name for seen in found.seen.values() for name in seen.thumbnails},
        key="model-map",
        on_choose=_choose,
    )
    st.caption(marked_one(" ".join([words.MAP_SCALES, *rows_in_words(step)])))


def thumbnails_with_words(found: Survey) -> dict[str, Encoded]:
    """All thumbnails by cell, each with what is said of it to those who cannot see it."""
    health = {cell(h.name, h.head): h for seen in found.seen.values() for h in seen.health}
    return {
        name: replace(thumbnail, said=range_in_words(health[name], thumbnail.kind == "probability"))
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
    place, start, layers = st.empty(), time.monotonic(), counted(step.run.model.config.layers, "layer")

    def show(share: float) -> None:
        if time.monotonic() - start > _SOON and share < 1:
            place.progress(share, words.COMPUTING_LAYERS.format(layers=layers))

    found = survey(step, show)
    place.empty()
    return found


def rows_in_words(step: Step) -> list[str]:
    """What is left out of a very long prompt."""
    count = len(step.positions)
    return [words.LAST_ROWS.format(count=count, shown=SURVEY_ROWS)] if count > SURVEY_ROWS else []


def _shapes(found: Survey) -> dict[str, str]:
    """Of layer 0 and what is outside of the layers; attention's heads have one shape."""
    return {h.name: shape_in_words(h.shape) for part in (None, 0) for h in found.seen[part].health}


def _signature(step: Step) -> str:
    return hashlib.sha256(repr(survey_key(step)).encode()).hexdigest()[:24]


@callback
def _choose(name: str) -> None:
    """A cell was chosen: layer, head and part go into the URL, and the station where the Inference page has it."""
    run = run_of(visit.current())
    name, _, head = name.partition("#")
    entry = catalogue.matrix(run.model.config, name)
    there = ({} if entry.layer is None else {"layer": entry.layer}) | ({"head": int(head)} if head else {})
    change(part=_part_of(entry), station=STATION.get(entry.part, entry.part), **there)


# ---- the chosen matrix ----------------------------------------------------------------------------------------------


@fragment("whole-matrix", reads={"rows", "drawn", "part", "layer", "head", "skip_first", "pooling", "scale"})
def chosen_matrix() -> None:
    """The matrix that was chosen on the map, in full, and the way to where it is computed."""
    chosen, run, step = on_screen()
    config = run.model.config
    look, entry = look_of(chosen, config), chosen_entry(chosen, config)
    pictures = Pictures(step, look, [entry.name])
    tokens = Tokens.likeliest(step) if entry.axes[-1] == "vocab" else None
    picture = pictures.matrix(entry.name, tokens) if tokens else pictures.labelled(entry.name)
    st.subheader(" · ".join([entry.title, *_where(entry, config, look.head)]), anchor=False)
    draw_figure(
        equation([picture], len(run.ids), _ROOM),
        key="chart-whole-matrix",
        alt=f"{entry.title}: {entry.formula}. {equation_in_words([picture])}",
        step=step.index,
    )
    shared = entry.axes[0] == "kv_head"
    sharing = sharing_sentence(config, look.head) if shared and config.heads > 1 else ""
    meaning, sharing = marked(f"**{entry.title}** `{entry.formula}` {entry.meaning}.", sharing)
    st.markdown(meaning)
    remark = rude_words.mask_remark(run.model.tokenizer, tokens.ids) if tokens else ""
    if sharing or remark:
        st.caption(f"{sharing} {remark}".strip())
    there = {"head": kv_head_of(config, look.head) if shared else look.head, "query": step.positions[-1]}
    panel.open_button_at(entry.name, there | {"vocab": step.sampled.id})
    way_to_its_station()


@fragment("whole-way", reads=EVERY_SETTING)
def way_to_its_station() -> None:
    """The link to where the chosen matrix is computed: it takes all settings along."""
    chosen = visit.current()
    entry = chosen_entry(chosen, run_of(chosen).model.config)
    st.page_link(
        page_at(INFERENCE),
        label=words.SEE_HOW,
        icon=":material/arrow_forward:",
        query_params=visit.link(station=STATION.get(entry.part, entry.part)),
    )


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
    wanted = {"part": _part_of(entry), **panel.layer_and_head(chosen, config, entry, address)}
    return {name: value for name, value in wanted.items() if value != getattr(chosen, name)}


AROUND = panel.Around(_view_on)

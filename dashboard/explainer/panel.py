"""The cell explainer: how any number on a page came about, in a panel below the matrices.

The link holds which cell it is and the way to it; the panel is a fragment of its own, so that nothing else is drawn
again when a cell is clicked or an operand followed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from dashboard.browser.explainer import CellChoice, Crumb, ExplainedCell, ExplainerMessage, Recomputed, TermTable, panel
from dashboard.explainer import words
from dashboard.explainer.terms import FIRST_TERMS, layer_by_layer, main_terms, marks, pages_of
from dashboard.explainer.words import COMPUTATIONS, axes, brief, cell_place, crumb, full, matrix_title, numbers, symbol
from dashboard.link import models, visit
from dashboard.link import trail as explainer_trail
from dashboard.link.settings import Settings
from dashboard.link.trail import Address, Trail
from dashboard.matrices import heads, look, region_drag
from dashboard.matrices.equations import STATION_OF_PART
from dashboard.matrices.sections import shows_all
from dashboard.matrices.shared_heads import kv_head_of, sharers
from dashboard.server.on_screen import on_screen, step_index, token_position
from dashboard.shell.fragments import callback, change, fragment
from dashboard.shell.glossary import glossary_key
from dashboard.shell.reads import looks_at
from llm_core import ModelConfig, Run, Step, catalogue, explain
from llm_core.catalogue.entry import Entry
from llm_core.explanation.cells import TOKEN_IDS
from llm_core.explanation.explanation import Explanation

_GROUPS = {"embedding": "Embedding", "attention": "Attention", "feedforward": "Feed-forward", "output": "Output"}
_OF_STATION = {
    "text": TOKEN_IDS,
    "embedding": "input",
    "attention": "layers.{layer}.attention.weights",
    "feedforward": "layers.{layer}.feedforward.hidden",
    "logits": "logits",
    "sample": "probabilities",
}
LISTING = {"explainer-pooled", "explainer-by-size", "explainer-page", "explainer-layers"}
"""How the terms of the cell are listed, and what was clicked: the panel alone knows it."""
FEW_LAYERS = 8  # up to which a residual's contributions are shown unasked: each layer is derived for them


@dataclass(frozen=True)
class Around:
    """What the page around the panel shows.

    view_on: what to look at there, by the settings' names, so that this cell's matrix is on screen; empty where it is,
    or where no view has it. drags: regions can be dragged there.
    """

    view_on: Callable[[Settings, Step, Address], dict[str, object]]
    drags: Callable[[ModelConfig], bool] = lambda config: False


def check_cell(run: Run, chosen: Settings) -> None:
    """Take a cell out of the link that this run does not have, and a way to it that is none."""
    if not chosen.cell:
        return
    trail, step = explainer_trail.read_trail(chosen.cell), run.steps[step_index(chosen, run)]
    try:
        explainer_trail.check_trail(trail, step)
    except ValueError as error:
        visit.refuse("cell", str(error))
        return
    way = explainer_trail.unbroken(trail, step)
    if way != trail:
        why = f"{trail[-len(way) - 1]} was not computed from {way[0]}"
        used = "the trail after that cell" if len(way) > 1 else "the last cell alone"
        visit.refuse("cell", why, f"{used} is used instead")
        visit.look_at("cell", explainer_trail.trail_text(way))


@looks_at("cell")
def _has_cell(chosen: Settings, run: Run) -> bool:
    """Whether the run has the explained cell and the way to it."""
    if not chosen.cell:
        return True
    trail, step = explainer_trail.read_trail(chosen.cell), run.steps[step_index(chosen, run)]
    try:
        explainer_trail.check_trail(trail, step)
    except ValueError:
        return False
    return explainer_trail.unbroken(trail, step) == trail


def cell_at(index: int) -> str:
    """What the setting `cell` is at another step: a cell that it does not have is not explained any more."""
    chosen, run, _ = on_screen()
    return explainer_trail.trail_text(_trail(chosen, run.steps[index]))


def open_button() -> None:
    """The way in without a mouse: the chosen station's matrix, at the chosen token or at the one that was drawn."""
    chosen, run, step = on_screen()
    layer = min(chosen.layer, run.model.config.layers - 1)
    there = {"head": chosen.head, "query": token_position(chosen, run), "vocab": step.sampled.id}
    open_button_at(_OF_STATION[chosen.station].format(layer=layer), there)


def open_button_at(name: str, there: dict[str, int]) -> None:
    """The way in without a mouse, to the cell of this matrix that is nearest to these coordinates."""
    st.button(
        words.EXPLAIN_CELL,
        key="explain-a-cell",
        type="tertiary",
        icon=":material/calculate:",
        help=words.OF_EXPLAIN_CELL,
        on_click=_explain,
        args=(name, there),
    )


@callback
def _explain(name: str, there: dict[str, int]) -> None:
    _go((explainer_trail.nearest_cell(name, there, on_screen()[2]),))


@fragment("explainer", reads={"cell", "tokens", "rows", "layer", "head", "section", "part", *LISTING}, needs={"cell"})
def explainer(around: Around | None = None) -> None:
    """The panel, where a cell is to be explained; what listens to clicks, in any case.

    around: the page; the Inference page where it is left out.
    """
    around = around or AROUND_STATIONS
    chosen, run, step = on_screen()
    trail = _trail(chosen, step)
    cell = _cell(chosen, step, trail, around) if trail else None
    shown = ExplainerMessage(around.drags(run.model.config), cell)
    panel(shown, key="explainer-panel", on_ask=partial(_answer, around))


def _trail(chosen: Settings, step: Step) -> Trail:
    """The cells of the link, from where each leads to the next; none where this run lacks one of them."""
    trail = explainer_trail.read_trail(chosen.cell)
    try:
        explainer_trail.check_trail(trail, step)
    except ValueError:
        return ()
    return explainer_trail.unbroken(trail, step)


# ---- what is shown --------------------------------------------------------------------------------------------------


def _cell(chosen: Settings, on_screen: Step, trail: Trail, around: Around) -> ExplainedCell:
    address = trail[-1]
    step = explainer_trail.step_of_cell(address, on_screen)
    told = explain(step, address.name, address.index)
    line, drawing = COMPUTATIONS[told.operation](told, step.run.model.config)
    by_size, page = _listing(address, len(told.terms))
    layers, later = _layers(on_screen, told, step, address)
    return ExplainedCell(
        crumbs=[_crumb(a, on_screen) for a in trail],
        symbol=symbol(step, address.name),
        title=matrix_title(step, address.name),
        place=cell_place(step, address),
        formula=told.entry.formula if told.entry and told.entry.operation else "",
        meaning=told.entry.meaning if told.entry else "This is the number of a token in the tokenizer's vocabulary.",
        result=_result(told, explainer_trail.stored(step, address)),
        line=line,
        drawing=drawing,
        numbers=numbers(told),
        note=_note(told, step, chosen),
        pooled=_pooled(address, told),
        end=not told.terms,
        terms=main_terms(on_screen, step, told, by_size, page),
        by_size=by_size,
        layers=layers,
        layers_later=later,
        marks=marks(on_screen, told, address),
        choice=_choice(chosen, step, address),
        elsewhere=bool(around.view_on(chosen, on_screen, address)),
        forms=glossary_key(),
    )


def _crumb(address: Address, on_screen: Step) -> Crumb:
    step = explainer_trail.step_of_cell(address, on_screen)
    return Crumb(crumb(step, address), f"{matrix_title(step, address.name)}, {cell_place(step, address)}")


def _result(told: Explanation, stored: float) -> Recomputed:
    """The value computed here in float64 from the operands, beside the one that the run has."""
    if told.operation in ("learned", "given"):
        text = f"{stored:.0f}" if told.operation == "given" else full(stored)
        return Recomputed(text, "", "")
    apart = brief(float(f"{abs(told.result - stored):.1g}")) if told.result != stored else ""
    return Recomputed(full(told.result), full(stored), apart)


def _note(told: Explanation, step: Step, chosen: Settings) -> str:
    """One sentence: why a cell is hidden, where a row was computed, or why the way back ends here."""
    if told.operation == "learned" and models.is_random(chosen.model):
        if told.entry and told.entry.untrained is not None:
            return (
                f"This is a weight, so the trail ends here. In a random model it is always {told.entry.untrained:g}, "
                "which changes nothing: only training moves it."
            )
        return (
            f"This is a weight, so the trail ends here. It was drawn at random with weights seed {chosen.weights_seed}."
        )
    if told.operation == "learned":
        return "This is a weight, so the trail ends here. Training has set it, and the model's file contains it."
    if told.operation == "given":
        return f"{told.note} This is a token id, so the trail ends here."
    if told.operation == "softmax" and told.numbers["input"] == -float("inf") and told.entry:
        return explain(step, told.entry.operands[0], told.index).note
    return told.note


def _pooled(address: Address, told: Explanation) -> str:
    """What was clicked, where that stands for several cells."""
    clicked, size = st.session_state.get("explainer-pooled", ("", ""))
    if not size or clicked != str(address):
        return ""
    hidden = told.result == -float("inf") or told.numbers.get("input") == -float("inf")
    which = "All of them are masked; this is one of them" if hidden else "This is the largest of them"
    return f"The clicked cell stands for {size} cells. {which}."


def _listing(address: Address, count: int) -> tuple[bool, int | None]:
    """Whether the largest terms come first, and which page of them is listed; None: the first few."""
    by_size = st.session_state.get("explainer-by-size", count > FIRST_TERMS)
    asked_of, page = st.session_state.get("explainer-page", ("", None))
    return by_size, page if asked_of == str(address) and page < pages_of(count) else None


def _layers(on_screen: Step, told: Explanation, step: Step, address: Address) -> tuple[TermTable | None, bool]:
    """A residual's contributions, or that they can be asked for."""
    if told.entry is None or told.entry.operation != "add":
        return None, False
    asked = st.session_state.get("explainer-layers") == str(address)
    if not asked and (told.entry.layer or 0) >= FEW_LAYERS:
        return None, True
    return layer_by_layer(on_screen, told, step), False


def _choice(chosen: Settings, step: Step, address: Address) -> CellChoice:
    """What the keyboard chooses from: the layer, its matrices and weights, and the numbers of the cell."""
    config = step.run.model.config
    entries = (*catalogue.matrices(config), *catalogue.weights(config))
    layer = next((e.layer for e in entries if e.name == address.name and e.layer is not None), chosen.layer)
    layer = min(layer, config.layers - 1)
    groups: dict[str, list[tuple[str, str]]] = {}
    for e in entries:
        if e.layer in (None, layer):
            groups.setdefault(_GROUPS[e.part] + (", weights" if e.learned else ""), []).append(
                (e.name, f"{e.symbol} · {e.title}")
            )
    groups[_GROUPS["embedding"]].insert(0, (TOKEN_IDS, "ids · Token ids"))
    return CellChoice(layer, config.layers, address.name, axes(step, address), list(groups.items()))


def _view_on(chosen: Settings, on_screen: Step, address: Address) -> dict[str, object]:
    """The station, layer and head of a cell on the Inference page."""
    config = on_screen.run.model.config
    if address.step is not None or address.name == TOKEN_IDS or shows_all(config):
        return {}
    entry = catalogue.find(config, address.name)
    wanted = {"station": STATION_OF_PART[entry.part], **layer_and_head(chosen, config, entry, address)}
    return {name: value for name, value in wanted.items() if value != getattr(chosen, name)}


def layer_and_head(chosen: Settings, config: ModelConfig, entry: Entry, address: Address) -> dict[str, int]:
    """Which layer and head to look at for a cell; of heads that share its keys the chosen one, if it is among them."""
    wanted = {}
    if entry.layer is not None:
        wanted["layer"] = entry.layer
    if entry.axes[0] == "head":
        wanted["head"] = address.index[0]
    elif entry.axes[0] == "kv_head" and address.index[0] != kv_head_of(config, chosen.head):
        wanted["head"] = sharers(config, address.index[0])[0]
    return wanted


AROUND_STATIONS = Around(_view_on, look.has_choice)


# ---- what is asked --------------------------------------------------------------------------------------------------


@callback
def _answer(around: Around, question: dict[str, Any]) -> None:
    """A click or a key in the browser: which cell next, or how its terms are listed. What makes no sense is ignored."""
    chosen, _, step = on_screen()
    trail = _trail(chosen, step)
    kind, value = next(iter(question.items()), ("", None))
    if kind == "pick" and heads.choose_head(value, step):
        return
    if kind in _CELLS:
        wanted = next_trail(trail, kind, value, step)
        if wanted is not None:
            _go(wanted)
    elif kind == "drag" and around.drags(step.run.model.config):
        region_drag.show(value, step)
    elif trail and kind == "show":
        change(**around.view_on(chosen, step, trail[-1]))
    elif trail and kind == "by_size":
        change({"explainer-by-size": value is True})
    elif trail and kind == "page" and type(value) is int and value >= 0:  # of too many, there is none
        change({"explainer-page": (str(trail[-1]), value)})
    elif trail and kind == "layers":
        change({"explainer-layers": str(trail[-1])})


def next_trail(trail: Trail, kind: str, value: Any, step: Step) -> Trail | None:
    """Where a question leads; None for one that makes no sense: a browser can send anything."""
    try:
        wanted = _CELLS[kind](trail, value, step)
        explainer_trail.check_trail(wanted, step)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
    return wanted if explainer_trail.unbroken(wanted, step) == wanted else None


def _go(trail: Trail) -> None:
    change({"explainer-page": ("", None)}, cell=explainer_trail.trail_text(trail))


def _picked(trail: Trail, pick: dict[str, Any], step: Step) -> Trail:
    """A cell of a picture: of a pooled one, the largest of those that it stands for."""
    rows, columns = (explainer_trail.whole_numbers(pick[name]) for name in ("rows", "columns"))
    head = pick.get("head")
    head = None if head is None else explainer_trail.whole(head, 10**6)
    address = explainer_trail.picked(step, str(pick["matrix"]), head, rows, columns)
    size = f"{len(rows)} × {len(columns)}" if len(rows) * len(columns) > 1 else ""
    st.session_state["explainer-pooled"] = (str(address), size)
    return (address,)


def _followed(trail: Trail, address: str, step: Step) -> Trail:
    (target,) = explainer_trail.read_trail(address)
    return explainer_trail.follow(trail, target)


def _chosen(trail: Trail, wanted: dict[str, Any], step: Step) -> Trail:
    """A matrix and numbers typed: positions are what people count rows by."""
    name = str(wanted["name"])
    given = {axis: explainer_trail.whole(i, 10**9) for axis, i in dict(wanted["coordinates"]).items()}
    return (explainer_trail.nearest_cell(name, given, step),)


_CELLS: dict[str, Callable[[Trail, Any, Step], Trail]] = {
    "pick": _picked,
    "go": _followed,
    "choose": _chosen,
    "back": lambda trail, count, step: trail[: explainer_trail.whole(count, len(trail)) + 1],
    "close": lambda trail, value, step: (),
}

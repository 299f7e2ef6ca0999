"""The cell explainer: how any number on a page came about, in a panel below the matrices.

The link holds which cell it is and the way to it; the panel is a fragment of its own, so that nothing else is drawn
again when a cell is clicked or an operand followed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from dashboard import depth, dragged, explainer_trail, models, settings
from dashboard.components.explainer import panel
from dashboard.equations import STATIONS
from dashboard.explainer_terms import ROWS, layer_by_layer, main_terms, marks, pages_of
from dashboard.explainer_trail import Address, Trail
from dashboard.explainer_words import LINES, axes, brief, crumb, full, numbers, place, symbol, title
from dashboard.redraw import callback, guarded, redraw
from dashboard.sections import shows_all
from dashboard.settings import Settings
from dashboard.sharing import kv_head_of, sharers
from dashboard.state import on_screen, step_index, token_position
from llm_core import ModelConfig, Run, Step, catalogue, explain
from llm_core.catalogue import Entry
from llm_core.cells import TOKEN_IDS
from llm_core.explanation import Explanation

PART = "explainer"
_GROUPS = {"embedding": "Embedding", "attention": "Attention", "feedforward": "Feed-forward", "output": "Output"}
FEW_LAYERS = 8  # up to which a residual's contributions are shown unasked: each layer is derived for them


@dataclass(frozen=True)
class Around:
    """What the page around the panel shows.

    view_on: what to look at there, by the settings' names, so that this cell's matrix is on screen; empty where it is,
    or where no view has it. parts: the fragments that are drawn again then. drags: regions can be dragged there.
    """

    view_on: Callable[[Settings, Step, Address], dict[str, object]]
    parts: tuple[str, ...]
    drags: Callable[[ModelConfig], bool] = lambda config: False


def check(run: Run, chosen: Settings) -> None:
    """Take a cell out of the link that this run does not have, and a way to it that is none."""
    if not chosen.cell:
        return
    trail, step = explainer_trail.read(chosen.cell), run.steps[step_index(chosen, run)]
    try:
        explainer_trail.check(trail, step)
    except ValueError as error:
        settings.refuse("cell", str(error))
        return
    way = explainer_trail.unbroken(trail, step)
    if way != trail:
        why = f"{trail[-len(way) - 1]} was not computed from {way[0]}"
        settings.refuse("cell", why, "the way from there on" if len(way) > 1 else "the last cell alone")
        settings.look_at("cell", explainer_trail.written(way))


def forget_cell_elsewhere() -> None:
    """After another step was chosen: a cell that it does not have is not explained any more, nor in the link."""
    chosen, _, step = on_screen()
    settings.look_at("cell", explainer_trail.written(_trail(chosen, step)))


def open_button() -> None:
    """The way in without a mouse: the attention that the chosen token pays."""
    chosen, run, _ = on_screen()
    layer = min(chosen.layer, run.model.config.layers - 1)
    there = {"head": chosen.head, "query": token_position(chosen, run)}
    open_button_at(f"layers.{layer}.attention.weights", there)


def open_button_at(name: str, there: dict[str, int]) -> None:
    """The way in without a mouse, to the cell of this matrix that is nearest to these coordinates."""
    if st.button("Explain a cell", key="explain-a-cell", type="tertiary", icon=":material/calculate:",
                 help="Every number came from other numbers. Click any cell to see how."):  # fmt: skip
        _go((explainer_trail.nearest(name, there, on_screen()[2]),))
        redraw([PART])


@st.fragment(key=PART)
@guarded
def explainer(around: Around | None = None) -> None:
    """The panel, where a cell is to be explained; what listens to clicks, in any case.

    around: the page; the Inference page where it is left out.
    """
    around = around or INFERENCE
    chosen, run, step = on_screen()
    trail = _trail(chosen, step)
    shown = _shown(chosen, step, trail, around) if trail else {}
    drags = around.drags(run.model.config)
    panel(shown | {"drags": drags}, key="explainer-panel", on_ask=partial(_answer, around))


def _trail(chosen: Settings, step: Step) -> Trail:
    """The cells of the link, from where each leads to the next; none where this run lacks one of them."""
    trail = explainer_trail.read(chosen.cell)
    try:
        explainer_trail.check(trail, step)
    except ValueError:
        return ()
    return explainer_trail.unbroken(trail, step)


# ---- what is shown --------------------------------------------------------------------------------------------------


def _shown(chosen: Settings, on_screen: Step, trail: Trail, around: Around) -> dict[str, Any]:
    address = trail[-1]
    step = explainer_trail.step_of(address, on_screen)
    told = explain(step, address.name, address.index)
    line, drawing = LINES[told.operation](told, step.run.model.config)
    by_size, page = _listing(address, len(told.terms))
    return {
        "crumbs": [_crumb(a, on_screen) for a in trail],
        "symbol": symbol(step, address.name), "title": title(step, address.name), "place": place(step, address),
        "formula": told.entry.formula if told.entry and told.entry.operation else "",
        "meaning": told.entry.meaning if told.entry else "the number of a token in the tokenizer's vocabulary",
        "result": _result(told, explainer_trail.stored(step, address)), "line": line, "drawing": drawing,
        "numbers": numbers(told), "note": _note(told, step, chosen), "pooled": _pooled(address, told),
        "end": not told.terms, "terms": main_terms(on_screen, step, told, by_size, page), "by_size": by_size,
        **_layers(on_screen, told, step, address), "marks": marks(on_screen, told, address),
        "choice": _choice(chosen, step, address), "elsewhere": bool(around.view_on(chosen, on_screen, address)),
    }  # fmt: skip


def _crumb(address: Address, on_screen: Step) -> dict[str, str]:
    step = explainer_trail.step_of(address, on_screen)
    return {"text": crumb(step, address), "title": f"{title(step, address.name)}, {place(step, address)}"}


def _result(told: Explanation, stored: float) -> dict[str, str]:
    """The value computed here in float64 from the operands, beside the one that the run has."""
    if told.operation in ("learned", "given"):
        text = f"{stored:.0f}" if told.operation == "given" else full(stored)
        return {"recomputed": text, "stored": "", "apart": ""}
    apart = brief(float(f"{abs(told.result - stored):.1g}")) if told.result != stored else ""
    return {"recomputed": full(told.result), "stored": full(stored), "apart": apart}


def _note(told: Explanation, step: Step, chosen: Settings) -> str:
    """One sentence: why a cell is hidden, where a row was computed, or why the way back ends here."""
    if told.operation == "learned" and models.is_random(chosen.model):
        return f"A weight: here the way back ends. It was drawn at random from weights seed {chosen.weights_seed}."
    if told.operation == "learned":
        return "A weight: here the way back ends. Training set it, and the model file holds it."
    if told.operation == "given":
        return f"{told.note} A token id: here the way back ends, at the {'text' if 'prompt' in told.note else 'dice'}."
    if told.operation == "softmax" and told.numbers["input"] == -float("inf") and told.entry:
        return explain(step, told.entry.operands[0], told.index).note
    return told.note


def _pooled(address: Address, told: Explanation) -> str:
    """What was clicked, where that stands for several cells."""
    clicked, size = st.session_state.get("explainer-pooled", ("", ""))
    if not size or clicked != str(address):
        return ""
    hidden = told.result == -float("inf") or told.numbers.get("input") == -float("inf")
    which = "all of them hidden: this is one" if hidden else "this is the largest"
    return f"The clicked cell stands for {size} cells, {which} of them."


def _listing(address: Address, count: int) -> tuple[bool, int | None]:
    """Whether the largest terms come first, and which page of them is listed; None: the first few."""
    by_size = st.session_state.get("explainer-by-size", count > ROWS)
    asked_of, page = st.session_state.get("explainer-page", ("", None))
    return by_size, page if asked_of == str(address) and page < pages_of(count) else None


def _layers(on_screen: Step, told: Explanation, step: Step, address: Address) -> dict[str, Any]:
    """A residual's contributions, or that they can be asked for."""
    if told.entry is None or told.entry.operation != "add":
        return {"layers": None, "layers_later": False}
    asked = st.session_state.get("explainer-layers") == str(address)
    if not asked and (told.entry.layer or 0) >= FEW_LAYERS:
        return {"layers": None, "layers_later": True}
    return {"layers": layer_by_layer(on_screen, told, step), "layers_later": False}


def _choice(chosen: Settings, step: Step, address: Address) -> dict[str, Any]:
    """What the keyboard chooses from: the layer, its matrices and weights, and the numbers of the cell."""
    config = step.run.model.config
    entries = (*catalogue.matrices(config), *catalogue.weights(config))
    layer = next((e.layer for e in entries if e.name == address.name and e.layer is not None), chosen.layer)
    layer = min(layer, config.layers - 1)
    groups: dict[str, list[tuple[str, str]]] = {}
    for e in entries:
        if e.layer in (None, layer):
            groups.setdefault(_GROUPS[e.part] + (", learned" if e.learned else ""), []).append(
                (e.name, f"{e.symbol} · {e.title}"))  # fmt: skip
    groups[_GROUPS["embedding"]].insert(0, (TOKEN_IDS, "ids · Token ids"))
    return {"layer": layer, "layers": config.layers, "name": address.name, "axes": axes(step, address),
            "groups": list(groups.items())}  # fmt: skip


def _view_on(chosen: Settings, on_screen: Step, address: Address) -> dict[str, object]:
    """The station, layer and head of a cell on the Inference page."""
    config = on_screen.run.model.config
    if address.step is not None or address.name == TOKEN_IDS or shows_all(config):
        return {}
    entry = catalogue.entry(config, address.name)
    wanted: dict[str, object] = {"station": STATIONS[entry.part]} | layer_and_head(chosen, config, entry, address)
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


INFERENCE = Around(_view_on, ("stations", "layer", "matrices", "sample"), depth.has_choice)


# ---- what is asked --------------------------------------------------------------------------------------------------


@callback
def _answer(around: Around, question: dict[str, Any]) -> None:
    """A click or a key in the browser: which cell next, or how its terms are listed. What makes no sense is ignored."""
    chosen, _, step = on_screen()
    trail = _trail(chosen, step)
    kind, value = next(iter(question.items()), ("", None))
    if kind == "pick" and depth.choose_head(value, step):
        return
    if kind in _CELLS:
        wanted = next_trail(trail, kind, value, step)
        if wanted is not None:
            _go(wanted)
    elif kind == "drag" and around.drags(step.run.model.config):
        dragged.show(value, step)
    elif trail and kind == "show":
        for name, wanted in around.view_on(chosen, step, trail[-1]).items():
            settings.look_at(name, wanted)
        redraw([*around.parts, PART])
    elif trail and kind == "by_size":
        st.session_state["explainer-by-size"] = value is True
    elif trail and kind == "page" and type(value) is int and value >= 0:  # of too many, there is none
        st.session_state["explainer-page"] = (str(trail[-1]), value)
    elif trail and kind == "layers":
        st.session_state["explainer-layers"] = str(trail[-1])


def next_trail(trail: Trail, kind: str, value: Any, step: Step) -> Trail | None:
    """Where a question leads; None for one that makes no sense: a browser can send anything."""
    try:
        wanted = _CELLS[kind](trail, value, step)
        explainer_trail.check(wanted, step)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
    return wanted if explainer_trail.unbroken(wanted, step) == wanted else None


def _go(trail: Trail) -> None:
    settings.look_at("cell", explainer_trail.written(trail))
    st.session_state.pop("explainer-page", None)


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
    (target,) = explainer_trail.read(address)
    return explainer_trail.follow(trail, target)


def _chosen(trail: Trail, wanted: dict[str, Any], step: Step) -> Trail:
    """A matrix and numbers typed: positions are what people count rows by."""
    name = str(wanted["name"])
    given = {axis: explainer_trail.whole(i, 10**9) for axis, i in dict(wanted["coordinates"]).items()}
    return (explainer_trail.nearest(name, given, step),)


_CELLS = {
    "pick": _picked,
    "go": _followed,
    "choose": _chosen,
    "back": lambda trail, count, step: trail[: explainer_trail.whole(count, len(trail)) + 1],
    "close": lambda trail, value, step: (),
}

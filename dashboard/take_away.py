"""Take it with you: one matrix as a file or as Python lines, the run as one file. Nothing is made before a click."""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from dashboard import models, settings
from dashboard.depth import look_of
from dashboard.downloads import arrays, table
from dashboard.downloads.image import Words, as_png
from dashboard.downloads.matrix import Taken, plain
from dashboard.explainer_trail import read as read_trail
from dashboard.figures.picture import Picture
from dashboard.navigation import RUN_FILE
from dashboard.pictures import Look, Pictures, Tokens, shape_in_words
from dashboard.redraw import callback, guarded
from dashboard.settings import Settings, shortened
from dashboard.sharing import own_head
from dashboard.state import run_of, step_index
from dashboard.style import ROOM_FOR_DIALOG
from dashboard.tile import entries
from llm_core import ModelConfig, Run, catalogue, python_lines, save_run
from llm_core.catalogue import Entry
from llm_core.run_file import SUFFIX, size_of
from llm_core.untrusted import FILE_LIMIT, MEGABYTE

OF_STATION = {"text": "token_embedding", "embedding": "input", "attention": "attention.weights",
              "feedforward": "feedforward.hidden", "logits": "logits", "sample": "probabilities"}  # fmt: skip
HOSTED_SHARE = 4  # where strangers are served, files are smaller by this factor
_KEY = "take-"
_OPEN = "take-is-open"
_USUAL = 8 * MEGABYTE  # up to which a run file has every matrix unless less is asked for
NOTHING, MATRIX, LAYER, THESE, ALL = (
    "Tokens and settings", "This matrix", "This layer", "These matrices", "Every matrix")  # fmt: skip


@guarded
def take_away() -> None:
    """The button; what it opens is a dialog, so that nothing on the page moves. Call it in a fragment, which is drawn
    again with the dialog."""
    st.button("Take it with you", icon=":material/download:", key=f"{_KEY}open", type="tertiary", on_click=_begin,
              help="One matrix for a spreadsheet, numpy or a slide; the run as one file; Python lines")  # fmt: skip
    if is_open():  # kept, so that whatever draws the page again leaves the dialog open
        _dialog()
    else:
        st.html(ROOM_FOR_DIALOG)


def is_open() -> bool:
    """Whether the dialog is on the page, which holds one at a time."""
    return bool(st.session_state.get(_OPEN))


def close() -> None:
    """Take the dialog away; call it where a link in it has led to."""
    st.session_state[_OPEN] = False


@callback
def _begin() -> None:
    """The dialog begins with what is looked at."""
    chosen = settings.current()
    run = run_of(chosen)
    look = look_of(chosen, run.model.config)
    layer, name = _looked_at(chosen, run.model.config, look)
    st.session_state.update({_OPEN: True, f"{_KEY}layer": layer, f"{_KEY}matrix": name, f"{_KEY}head": look.head,
                             f"{_KEY}step": step_index(chosen, run)})  # fmt: skip


def _looked_at(chosen: Settings, config: ModelConfig, look: Look) -> tuple[int, str]:
    """The layer and, without it, the name of the explained cell's matrix, else of the one of the open station."""
    trail = read_trail(chosen.cell)
    if trail:
        for layer in dict.fromkeys((look.layer, *range(config.layers))):
            for short, entry in entries(config, layer).items():
                if entry.name == trail[-1].name:
                    return layer, short
    return look.layer, OF_STATION[chosen.station]


# ---- the dialog -----------------------------------------------------------------------------------------------------


@st.dialog("Take it with you", width="medium", icon=":material/download:", on_dismiss=close)
@guarded
def _dialog() -> None:
    chosen = settings.current()
    run = run_of(chosen)
    asked = _choice(chosen, run)
    matrix, whole = st.tabs(["One matrix", "The whole run"], key=f"{_KEY}tabs")
    with matrix:
        _one_matrix(asked, run)
    with whole:
        _whole_run(asked, run)


@dataclass(frozen=True)
class Asked:
    """What is asked for, as values: the files are made later, perhaps of a run that was computed again by then."""

    chosen: Settings
    step: int
    layer: int
    head: int
    name: str

    def taken(self) -> Taken:
        run = run_of(self.chosen)
        config = run.model.config
        return Taken(run.steps[self.step], self.name, own_head(config, catalogue.entry(config, self.name), self.head))

    @property
    def look(self) -> Look:
        return replace(look_of(self.chosen, run_of(self.chosen).model.config), layer=self.layer, head=self.head)


def _choice(chosen: Settings, run: Run) -> Asked:
    """Which matrix of which step, layer and head; a model with one of them needs no choice."""
    config, state = run.model.config, st.session_state
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key=f"{_KEY}choice"):
        step = st.selectbox("Step", range(len(run.steps)), key=f"{_KEY}step", width=170,
                            format_func=lambda i: f"Decode {i}" if i else "Prefill")  # fmt: skip
        layer = head = 0
        if config.layers > 1:
            layer = st.number_input("Layer", 0, config.layers - 1, key=f"{_KEY}layer", width=120)
        if config.heads > 1:
            head = st.number_input("Head", 0, config.heads - 1, key=f"{_KEY}head", width=120)
        options = entries(config, layer)
        if state.get(f"{_KEY}matrix") not in options:
            state[f"{_KEY}matrix"] = OF_STATION["attention"]
        short = st.selectbox("Matrix or weight", list(options), key=f"{_KEY}matrix", width=300,
                             format_func=lambda name: f"{options[name].title} ({options[name].symbol})")  # fmt: skip
    return Asked(chosen, step, layer, head, options[short].name)


def _one_matrix(asked: Asked, run: Run) -> None:
    taken = asked.taken()
    rows, columns = taken.size
    limits = {"CSV": rows * columns <= _limit(table.MOST_NUMBERS),
              "NPZ": math.prod(taken.shape.values()) <= _limit(arrays.MOST_NUMBERS), "PNG": True}  # fmt: skip
    with st.container(horizontal=True, gap="small", key=f"{_KEY}files"):
        for kind, make in _KINDS.items():
            st.download_button(
                kind, _maker(make, asked), taken.file_name(kind.lower()), _MIMES[kind], key=f"{_KEY}{kind}",
                on_click="ignore", disabled=not limits[kind], icon=_ICONS[kind],
            )  # fmt: skip
    st.caption(" ".join(_in_words(taken, limits)))
    st.code(python_lines(run, asked.step, asked.name, taken.head), language="python", wrap_lines=True)
    st.caption("These lines bring back this run and this matrix, to the value: run them in a checkout of this project.")


def _in_words(taken: Taken, limits: dict[str, bool]) -> list[str]:
    """What is in the files, and why one of them cannot be had."""
    words = [f"{shape_in_words(tuple(taken.shape.values()))} ({', '.join(taken.shape)})."]
    if taken.head is not None and next(iter(taken.shape.values())) > 1:
        words.append(f"CSV and PNG have {next(iter(taken.shape)).replace('_', ' ')} {taken.head}, NPZ has all of them.")
    too_large = [kind for kind, fits in limits.items() if not fits]
    if too_large:
        most = {"CSV": _limit(table.MOST_NUMBERS), "NPZ": _limit(arrays.MOST_NUMBERS)}
        words += [f"{kind} has at most {most[kind]:,} numbers." for kind in too_large] + ["Take the lines below."]
    return words


def _whole_run(asked: Asked, run: Run) -> None:
    choices = _choices(asked, run)
    sizes = {name: size_of(run, names) for name, names in choices.items()}
    state = st.session_state
    usual = ALL if sizes[ALL] <= _USUAL else LAYER if LAYER in choices else NOTHING
    before = state.get(f"{_KEY}parts")
    state[f"{_KEY}parts"] = before if before in choices else usual  # said anew: a browser knows it by its old size
    picked = st.radio("With which matrices of each step?", list(choices), key=f"{_KEY}parts",
                      format_func=lambda name: f"{name} · {_size_in_words(sizes[name])}")  # fmt: skip
    if picked == THESE:
        _pick_matrices(asked, run.model.config)
    fits = sizes[picked] <= _limit(FILE_LIMIT)
    st.download_button("Run file", _maker(_run_file, asked, choices[picked]),
                       f"{plain(run.model.name)}-run{SUFFIX}", "application/octet-stream", key=f"{_KEY}run",
                       on_click="ignore", disabled=not fits, icon=":material/deployed_code:")  # fmt: skip
    if not fits:
        st.caption(f"A run file has at most {_limit(FILE_LIMIT) // MEGABYTE} MB: choose fewer matrices.")
    st.caption("The text, token ids, settings, both seeds, versions, the weights' fingerprint, the likeliest tokens of "
               "each step, and these matrices. It opens again on a page of its own, without the model.")  # fmt: skip
    st.page_link(RUN_FILE, label="Open a run file", icon=":material/upload_file:", query_params=settings.view())


def _choices(asked: Asked, run: Run) -> dict[str, list[str]]:
    """What may be put into the file: names of matrices; weights stay with the model."""
    config = run.model.config
    all_ = catalogue.matrices(config)
    found = {NOTHING: []}
    if asked.name in {entry.name for entry in all_}:
        found[MATRIX] = [asked.name]
    if config.layers > 1:
        found[LAYER] = [entry.name for entry in all_ if entry.layer == asked.layer]
    return found | {THESE: picked_matrices(config), ALL: [entry.name for entry in all_]}


def picked_matrices(config: ModelConfig) -> list[str]:
    """The names that were picked by hand, in order of computation; of another model those that this one has too."""
    picked = set(st.session_state.get(f"{_KEY}these", []))
    return [entry.name for entry in catalogue.matrices(config) if entry.name in picked]


def _pick_matrices(asked: Asked, config: ModelConfig) -> None:
    """Any of the chosen layer and of what lies outside of the layers; what was picked of other layers stays."""
    picked = picked_matrices(config)
    options = {e.name: e for e in catalogue.matrices(config) if e.layer in (None, asked.layer) or e.name in picked}
    st.session_state[f"{_KEY}these"] = picked
    st.multiselect("Matrices", list(options), key=f"{_KEY}these", placeholder="Choose one or more",
                   format_func=lambda name: f"{options[name].title} · {name}")  # fmt: skip
    if config.layers > 1:
        st.caption(f"Those of layer {asked.layer} are offered; choose another layer above to add some of its own.")


def _size_in_words(size: int) -> str:
    return f"{size / MEGABYTE:,.1f} MB" if size >= MEGABYTE else f"{size / 1024:,.0f} kB"


def _limit(most: int) -> int:
    return most // HOSTED_SHARE if models.hosted() else most


# ---- the files ------------------------------------------------------------------------------------------------------


def _maker(make: Callable[..., bytes], *arguments: object) -> Callable[[], bytes]:
    """What Streamlit calls after a click, in a thread of its own."""
    return lambda: make(*arguments)


def _run_file(asked: Asked, names: list[str]) -> bytes:
    file = io.BytesIO()
    save_run(run_of(asked.chosen), names, file, asked.chosen.text)
    return file.getvalue()


def _csv(asked: Asked) -> bytes:
    return table.as_csv(asked.taken())


def _npz(asked: Asked) -> bytes:
    return arrays.as_npz(asked.taken())


def _png(asked: Asked) -> bytes:
    taken = asked.taken()
    picture, entry = _picture(taken, asked.look)
    where = [] if entry.layer is None else [f"layer {entry.layer}"]
    if taken.head is not None and taken.shape[entry.axes[0]] > 1:
        where.append(f"{entry.axes[0].replace('_', ' ')} {taken.head}")
    if not taken.learned:
        where.append(f"decode {asked.step}" if asked.step else f"prefill of {len(taken.step.positions):,} tokens")
    model = shortened(models.title(asked.chosen.model, asked.chosen.dtype))
    return as_png(picture, Words(f"{entry.title}  {picture.shape}", [entry.formula, " · ".join(where)], [model]))


def _picture(taken: Taken, look: Look) -> tuple[Picture, Entry]:
    """As the page draws it; of the vocabulary the likeliest tokens."""
    pictures = Pictures(taken.step, look, [taken.name])
    config = taken.step.run.model.config
    if taken.learned:
        return pictures.weight(taken.name), catalogue.weight(config, taken.name)
    entry = catalogue.matrix(config, taken.name)
    if entry.axes[-1] == "vocab":
        return pictures.matrix(taken.name, Tokens.likeliest(taken.step)), entry
    return pictures.labelled(taken.name), entry


_KINDS: dict[str, Callable[[Asked], bytes]] = {"CSV": _csv, "NPZ": _npz, "PNG": _png}
_MIMES = {"CSV": "text/csv", "NPZ": "application/octet-stream", "PNG": "image/png"}
_ICONS = {"CSV": ":material/table:", "NPZ": ":material/data_array:", "PNG": ":material/image:"}

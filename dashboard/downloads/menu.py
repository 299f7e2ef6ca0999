"""Take it with you: one matrix as a file or as Python lines, the run as one file. Nothing is made before a click."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from dashboard.browser.opener import focus_opener
from dashboard.downloads import arrays, table, words
from dashboard.downloads.image import Words, as_png
from dashboard.downloads.matrix import Taken, plain
from dashboard.downloads.words import ALL, LAYER, MATRIX, NOTHING, THESE
from dashboard.figures.picture import Picture, axis_word
from dashboard.link import models, visit
from dashboard.link.hosting import hosted
from dashboard.link.settings import Settings, shortened
from dashboard.link.trail import read_trail
from dashboard.matrices.look import look_of
from dashboard.matrices.pictures import Look, Pictures, Tokens, shape_in_words
from dashboard.matrices.region import layer_entries
from dashboard.matrices.shared_heads import own_head
from dashboard.server import rude_words
from dashboard.server.computed import run_of
from dashboard.server.on_screen import step_index
from dashboard.shell.dialogs import close_dialog, dialog_on_page, open_dialog
from dashboard.shell.fragments import callback, guarded
from dashboard.shell.glossary import marked_one
from dashboard.shell.navigation import RUN_FILE, page_at
from dashboard.shell.workarounds import keep_room_for_dialog
from llm_core import ModelConfig, Run, catalogue, python_lines, save_run
from llm_core.catalogue.entry import Entry
from llm_core.files.run_file import run_file_size
from llm_core.files.run_format import SUFFIX
from llm_core.files.untrusted_file import FILE_LIMIT, MEGABYTE
from llm_core.support.plain_words import counted

OF_STATION = {
    "text": "token_embedding",
    "embedding": "input",
    "attention": "attention.weights",
    "feedforward": "feedforward.hidden",
    "logits": "logits",
    "sample": "probabilities",
}
HOSTED_SHARE = 4  # where strangers are served, files are smaller by this factor
_KEY = "take-"
_DIALOG = "downloads"
_USUAL = 8 * MEGABYTE  # up to which a run file has every matrix unless less is asked for


@guarded
def take_away() -> None:
    """The button; what it opens is a dialog, so that nothing on the page moves. Call it in a fragment, which is drawn
    again with the dialog."""
    st.button(
        words.TAKE_AWAY,
        icon=":material/download:",
        key=f"{_KEY}open",
        type="tertiary",
        on_click=_begin,
        help=words.OF_TAKE_AWAY,
    )
    is_open = dialog_on_page() == _DIALOG
    focus_opener(f"{_KEY}open", is_open=is_open, key="pager-opener-of-downloads")
    if is_open:  # kept, so that whatever draws the page again leaves the dialog open
        _dialog()
    else:
        keep_room_for_dialog()


@callback
def _begin() -> None:
    """The dialog begins with what is looked at."""
    chosen = visit.current()
    run = run_of(chosen)
    look = look_of(chosen, run.model.config)
    layer, name = _looked_at(chosen, run.model.config, look)
    open_dialog(_DIALOG)
    st.session_state.update(
        {
            f"{_KEY}layer": layer,
            f"{_KEY}matrix": name,
            f"{_KEY}head": look.head,
            f"{_KEY}step": step_index(chosen, run),
        }
    )


def _looked_at(chosen: Settings, config: ModelConfig, look: Look) -> tuple[int, str]:
    """The layer and, without it, the name of the explained cell's matrix, else of the one of the open station."""
    trail = read_trail(chosen.cell)
    if trail:
        for layer in dict.fromkeys((look.layer, *range(config.layers))):
            for short, entry in layer_entries(config, layer).items():
                if entry.name == trail[-1].name:
                    return layer, short
    return look.layer, OF_STATION[chosen.station]


# ---- the dialog -----------------------------------------------------------------------------------------------------


@st.dialog(words.TAKE_AWAY, width="medium", icon=":material/download:", on_dismiss=close_dialog)
@guarded
def _dialog() -> None:
    chosen = visit.current()
    run = run_of(chosen)
    asked = _choice(chosen, run)
    matrix, whole = st.tabs([words.ONE_MATRIX, words.WHOLE_RUN], key=f"{_KEY}tabs")
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

    def taken(self, real: bool = False) -> Taken:
        """real: with the real labels, as files of data have them."""
        run = _run(self.chosen, real)
        config = run.model.config
        return Taken(run.steps[self.step], self.name, own_head(config, catalogue.find(config, self.name), self.head))

    @property
    def look(self) -> Look:
        return replace(look_of(self.chosen, run_of(self.chosen).model.config), layer=self.layer, head=self.head)


def _choice(chosen: Settings, run: Run) -> Asked:
    """Which matrix of which step, layer and head; a model with one of them needs no choice."""
    config, state = run.model.config, st.session_state
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key=f"{_KEY}choice"):
        step = st.selectbox(
            "Step",
            range(len(run.steps)),
            key=f"{_KEY}step",
            width=170,
            format_func=lambda i: f"Decode {i}" if i else "Prefill",
        )
        layer = head = 0
        if config.layers > 1:
            layer = st.number_input("Layer", 0, config.layers - 1, key=f"{_KEY}layer", width=120)
        if config.heads > 1:
            head = st.number_input("Head", 0, config.heads - 1, key=f"{_KEY}head", width=120)
        options = layer_entries(config, layer)
        if state.get(f"{_KEY}matrix") not in options:
            state[f"{_KEY}matrix"] = OF_STATION["attention"]
        short = st.selectbox(
            words.MATRIX_OR_WEIGHT,
            list(options),
            key=f"{_KEY}matrix",
            width=300,
            format_func=lambda name: f"{options[name].title} ({options[name].symbol})",
        )
    return Asked(chosen, step, layer, head, options[short].name)


def _one_matrix(asked: Asked, run: Run) -> None:
    taken = asked.taken()
    rows, columns = taken.size
    limits = {
        "CSV": rows * columns <= _limit(table.MOST_NUMBERS_CSV),
        "NPZ": rows * columns <= _limit(arrays.MOST_NUMBERS_NPZ),
        "PNG": True,
    }
    with st.container(horizontal=True, gap="small", key=f"{_KEY}files"):
        for kind, make in _KINDS.items():
            st.download_button(
                kind,
                _maker(make, asked),
                taken.file_name(kind.lower()),
                _MIMES[kind],
                key=f"{_KEY}{kind}",
                on_click="ignore",
                disabled=not limits[kind],
                icon=_ICONS[kind],
            )
    st.caption(" ".join(_in_words(taken, limits)))
    st.code(python_lines(run, asked.step, asked.name, taken.head), language="python", wrap_lines=True)
    st.caption(words.OF_PYTHON_LINES)


def _in_words(taken: Taken, limits: dict[str, bool]) -> list[str]:
    """What is in the files, and why one of them cannot be had."""
    said = [f"{shape_in_words(tuple(taken.shape.values()))} ({', '.join(taken.shape)})."]
    if taken.head is not None and next(iter(taken.shape.values())) > 1:
        said.append(words.FILES_CONTAIN.format(axis=axis_word(next(iter(taken.shape))), number=taken.head))
    too_large = [kind for kind, fits in limits.items() if not fits]
    if too_large:
        most = {"CSV": _limit(table.MOST_NUMBERS_CSV), "NPZ": _limit(arrays.MOST_NUMBERS_NPZ)}
        said += [words.TOO_MANY_NUMBERS.format(kind=kind, most=most[kind]) for kind in too_large]
        said.append(words.USE_PYTHON_LINES)
    return said


def _whole_run(asked: Asked, run: Run) -> None:
    choices = _choices(asked, run)
    real = rude_words.unmasked(run)
    sizes = {name: run_file_size(real, names, asked.chosen.text) for name, names in choices.items()}
    state = st.session_state
    usual = ALL if sizes[ALL] <= _USUAL else LAYER if LAYER in choices else NOTHING
    before = state.get(f"{_KEY}parts")
    state[f"{_KEY}parts"] = before if before in choices else usual  # said anew: a browser knows it by its old size
    picked = st.radio(
        words.WHICH_MATRICES,
        list(choices),
        key=f"{_KEY}parts",
        format_func=lambda name: f"{name} · {_size_in_words(sizes[name])}",
    )
    if picked == THESE:
        _pick_matrices(asked, run.model.config)
    fits = sizes[picked] <= _limit(FILE_LIMIT)
    st.download_button(
        words.SAVE_RUN_FILE,
        _maker(_run_file, asked, choices[picked]),
        f"{plain(run.model.name)}-run{SUFFIX}",
        "application/octet-stream",
        key=f"{_KEY}run",
        on_click="ignore",
        disabled=not fits,
        icon=":material/deployed_code:",
    )
    if not fits:
        st.caption(words.FILE_TOO_LARGE.format(most=_limit(FILE_LIMIT) // MEGABYTE))
    st.caption(marked_one(words.OF_RUN_FILE))
    st.page_link(page_at(RUN_FILE), label=words.OPEN_RUN_FILE, icon=":material/upload_file:", query_params=visit.link())


def _choices(asked: Asked, run: Run) -> dict[str, list[str]]:
    """What may be put into the file: names of matrices; weights stay with the model."""
    config = run.model.config
    all_ = catalogue.matrices(config)
    found: dict[str, list[str]] = {NOTHING: []}
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
    st.multiselect(
        "Matrices",
        list(options),
        key=f"{_KEY}these",
        placeholder=words.CHOOSE_MATRICES,
        format_func=lambda name: f"{options[name].title} · {name}",
    )
    if config.layers > 1:
        st.caption(words.MATRICES_OF_LAYER.format(layer=asked.layer))


def _size_in_words(size: int) -> str:
    """As browsers tell it: two digits at least, in kB or MB."""
    unit, word = (MEGABYTE, "MB") if size >= MEGABYTE else (1000, "kB")
    return f"{size / unit:,.{0 if size >= 10 * unit else 1}f} {word}"


def _limit(most: int) -> int:
    return most // HOSTED_SHARE if hosted() else most


# ---- the files ------------------------------------------------------------------------------------------------------


def _maker(make: Callable[..., bytes], *arguments: object) -> Callable[[], bytes]:
    """What Streamlit calls after a click, in a thread of its own."""
    return lambda: make(*arguments)


def _run(chosen: Settings, real: bool) -> Run:
    run = run_of(chosen)
    return rude_words.unmasked(run) if real else run


def _run_file(asked: Asked, names: list[str]) -> bytes:
    file = io.BytesIO()
    save_run(_run(asked.chosen, real=True), names, file, asked.chosen.text)
    return file.getvalue()


def _csv(asked: Asked) -> bytes:
    return table.as_csv(asked.taken(real=True))


def _npz(asked: Asked) -> bytes:
    return arrays.as_npz(asked.taken(real=True))


def _png(asked: Asked) -> bytes:
    """A picture for a slide: its labels are those of the page, rude words masked."""
    taken = asked.taken()
    picture, entry = _picture(taken, asked.look)
    where = [] if entry.layer is None else [f"layer {entry.layer}"]
    if taken.head is not None and taken.shape[entry.axes[0]] > 1:
        where.append(f"{axis_word(entry.axes[0])} {taken.head}")
    if not taken.learned:
        where.append(
            f"decode {asked.step}" if asked.step else f"prefill of {counted(len(taken.step.positions), 'token')}"
        )
    model = shortened(models.model_title(asked.chosen.model, asked.chosen.dtype))
    return as_png(picture, Words(f"{entry.title}  {picture.shape}", [entry.formula, " · ".join(where)], [model]))


def _picture(taken: Taken, look: Look) -> tuple[Picture, Entry]:
    """As the page draws it; of the vocabulary the likeliest tokens."""
    pictures = Pictures(taken.step, look, [taken.name])
    config = taken.step.run.model.config
    if taken.learned:
        return pictures.weight(taken.name, whole=True), catalogue.weight(config, taken.name)
    entry = catalogue.matrix(config, taken.name)
    if entry.axes[-1] == "vocab":
        return pictures.matrix(taken.name, Tokens.likeliest(taken.step)), entry
    return pictures.labelled(taken.name), entry


_KINDS: dict[str, Callable[[Asked], bytes]] = {"CSV": _csv, "NPZ": _npz, "PNG": _png}
_MIMES = {"CSV": "text/csv", "NPZ": "application/octet-stream", "PNG": "image/png"}
_ICONS = {"CSV": ":material/table:", "NPZ": ":material/data_array:", "PNG": ":material/image:"}

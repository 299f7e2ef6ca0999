"""Opening a run file that a visitor has, and going from it to the same run with its model."""

import copy
from dataclasses import replace
from urllib.parse import urlencode

import streamlit as st

from dashboard.link import models, settings
from dashboard.link import shape as shapes
from dashboard.link.hosting import hosted
from dashboard.link.settings import LARGEST_DICE_SEED, Settings
from dashboard.run_file import words
from dashboard.server import rude_words
from llm_core import FiledRun, open_run
from llm_core.files.run_format import SUFFIX
from llm_core.files.untrusted_file import FILE_LIMIT, MEGABYTE, OTHER

_KEY = "filed-upload"


def opener() -> None:
    """The place for a file. What is not opened says why; what was opened stays until another one comes."""
    if hosted():
        st.text(words.NOT_HOSTED)
        return
    # Streamlit itself says which kind of file is taken, and how large it may be
    st.file_uploader(
        words.FILE_FIELD,
        SUFFIX.removeprefix("."),
        key=_KEY,
        max_upload_size=FILE_LIMIT // MEGABYTE,
        on_change=_open,
        width=420,
    )


def _open() -> None:
    file = st.session_state[_KEY]
    for name in [name for name in st.session_state if str(name).startswith("filed-") and name != _KEY]:
        del st.session_state[name]
    if file is None:
        return
    try:
        st.session_state["filed-run"] = open_run(file)
    except ValueError as error:
        st.session_state["filed-refusal"] = on_the_page(str(error))


def on_the_page(refusal: str) -> str:
    """The engine's sentence with the page's way to a run file, as a sentence of its own."""
    return refusal.replace(f"; {OTHER}", words.CHOOSE_ANOTHER_FILE)


def opened_run() -> FiledRun | None:
    """The run that was opened; of a random model's, rude words that nobody has typed are masked as on other pages."""
    run: FiledRun | None = st.session_state.get("filed-run")
    return run if run is None or run.seed is None else _masked(run)


def _masked(run: FiledRun) -> FiledRun:
    typed = set(run.prompt_ids)

    def label(token_id: int, text: str) -> str:
        return text if token_id in typed else rude_words.masked(text)

    shown = copy.copy(run)
    shown.labels = [label(i, text) for i, text in zip(run.ids, run.labels, strict=True)]
    shown.named = {i: label(i, text) for i, text in run.named.items()}
    shown.steps = []
    for step in run.steps:
        likely = tuple(replace(c, label=label(c.id, c.label)) for c in step.sampled.most_likely)
        sampled = replace(step.sampled, label=label(step.sampled.id, step.sampled.label), most_likely=likely)
        shown.steps.append(replace(step, run=shown, sampled=sampled))
    return shown


def refused() -> str | None:
    """Why the last file was not opened."""
    return st.session_state.get("filed-refusal")


# ---- the same run with its model ------------------------------------------------------------------------------------


def same_run(run: FiledRun) -> Settings | None:
    """The settings that compute this run here; None where its model has no name here or its prompt no text."""
    name, shape = run.loads_as, _shape(run) if run.loads_as is None else settings.DEFAULTS.shape
    if name is None and run.seed is not None:
        name = models.CUSTOM
    if name is None or shape is None or run.prompt is None or run.sampling.seed > LARGEST_DICE_SEED:
        return None
    said = {
        "model": name,
        "shape": shape,
        "dtype": run.dtype,
        "text": run.prompt,
        "new_tokens": str(run.max_new_tokens),
        "weights_seed": str(run.seed or 0),
        **{name: repr(value) for name, value in run.sampling.stage_values.items()},
        "dice_seed": str(run.sampling.seed),
    }
    values, refused = settings.read_link(said)
    found = Settings(**values)
    return None if refused or found.sampling != run.sampling else found


def _shape(run: FiledRun) -> str | None:
    """The shape that the dialog gives such a model; None for one that it cannot make."""
    try:
        shape = shapes.of_config(run.config)
        return shapes.shape_text(shape) if shapes.config(shape) == run.config else None
    except (KeyError, ValueError):
        return None


def address(wanted: Settings, version: str) -> str:
    """A link to the page that computes this run. It says the weights' version, so other weights are noticed."""
    return "./?" + urlencode({**settings.link_query(wanted), "fp": version[:8]})

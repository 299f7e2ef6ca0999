"""Opening a run file that a visitor has, and going from it to the same run with its model."""

from urllib.parse import urlencode

import streamlit as st

from dashboard import models, settings
from dashboard import shape as shapes
from dashboard.settings import LARGEST_DICE_SEED, Settings
from llm_core import FiledRun, open_run
from llm_core.run_file import SUFFIX
from llm_core.untrusted import FILE_LIMIT, MEGABYTE

NOT_HOSTED = (
    "Where this page is served to everybody, no files are taken. Open a run file where you run the project yourself "
    "(make run), or read it in Python: from llm_core import open_run."
)
_KEY = "filed-upload"


def opener() -> None:
    """The place for a file. What is not opened says why; what was opened stays until another one comes."""
    if models.hosted():
        st.text(NOT_HOSTED)
        return
    # Streamlit itself says which kind of file is taken, and how large it may be
    st.file_uploader("A run file", SUFFIX.removeprefix("."), key=_KEY, max_upload_size=FILE_LIMIT // MEGABYTE,
                     on_change=_open, width=420)  # fmt: skip


def _open() -> None:
    file = st.session_state[_KEY]
    for name in [name for name in st.session_state if str(name).startswith("filed-") and name != _KEY]:
        del st.session_state[name]
    if file is None:
        return
    try:
        st.session_state["filed-run"] = open_run(file)
    except ValueError as error:
        st.session_state["filed-refusal"] = str(error)


def opened() -> FiledRun | None:
    return st.session_state.get("filed-run")


def refused() -> str | None:
    """Why the last file was not opened."""
    return st.session_state.get("filed-refusal")


# ---- the same run with its model ------------------------------------------------------------------------------------


def same_run(run: FiledRun) -> Settings | None:
    """The settings that compute this run here; None where its model has no name here or its prompt no text."""
    name, shape = run.loads_as, settings.DEFAULTS.shape
    if name is None and run.seed is not None:
        name, shape = models.CUSTOM, _shape(run)
    if name is None or shape is None or run.prompt is None or run.sampling.seed > LARGEST_DICE_SEED:
        return None
    said = {
        "model": name, "shape": shape, "dtype": run.dtype, "text": run.prompt, "new_tokens": str(run.max_new_tokens),
        "weights_seed": str(run.seed or 0), "temperature": repr(run.sampling.temperature),
        "dice_seed": str(run.sampling.seed), "top_k": str(run.sampling.top_k), "top_p": repr(run.sampling.top_p),
    }  # fmt: skip
    values, refused = settings.read(said)
    found = Settings(**values)
    return None if refused or found.sampling != run.sampling else found


def _shape(run: FiledRun) -> str | None:
    """The shape that the dialog gives such a model; None for one that it cannot make."""
    try:
        shape = shapes.of_config(run.config)
        return shapes.written(shape) if shapes.config(shape) == run.config else None
    except (KeyError, ValueError):
        return None


def address(wanted: Settings, fingerprint: str) -> str:
    """A link to the page that computes this run. It says the weights' fingerprint, so other weights are noticed."""
    said = {name: str(getattr(wanted, name)) for name in settings.PARSERS
            if getattr(wanted, name) != getattr(settings.DEFAULTS, name)}  # fmt: skip
    return "./?" + urlencode({"v": settings.VERSION, **said, "fp": fingerprint[:8]})

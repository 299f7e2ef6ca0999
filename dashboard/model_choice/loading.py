"""Bring the chosen model in: progress in place of the result, and a failure that leaves what was there before."""

import logging
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.link import models, visit
from dashboard.link.models import Key
from dashboard.link.settings import DEFAULTS, Refused, Settings, shortened
from dashboard.link.visit import look_at
from dashboard.model_choice import words
from dashboard.model_choice.failure import Failure
from dashboard.model_choice.state import Link, LoadingState
from dashboard.server.build import build_model
from dashboard.server.computed import LIBRARY, model_of
from dashboard.server.models import Loading
from dashboard.shell.fragments import change, fragment
from dashboard.shell.reads import OF_RUN
from dashboard.shell.workarounds import style_that_leaves
from llm_core import Transformer
from llm_core.weights.curated import CURATED
from llm_core.weights.loading import NoSuchModelError

_SOON = 0.5  # seconds for which no progress is shown: the page would only flicker
POLL = 0.15  # seconds between two looks at how far a model is
_STATE = "loading-state"
_ALONE = ".stMainBlockContainer { visibility: hidden; } .st-key-loading { visibility: visible; }"
"""While a model is loaded, its progress stands in place of the last one's page."""


def _state() -> LoadingState:
    found: LoadingState = st.session_state.get(_STATE, LoadingState())
    return found


def _keep(state: LoadingState) -> None:
    st.session_state[_STATE] = state


def choose_model(name: str, shape: str = "", **more: Any) -> None:
    """A widget's callback: show another model. Being asked for by hand, it may be downloaded.

    more: other settings that change with it.
    """
    _keep(_state().chose(name))
    change(model=name, shape=shape or DEFAULTS.shape, **more)


@fragment("bring-in", reads=OF_RUN)
def bring_in() -> None:
    """Have the model of the settings loaded. Where that fails, go back to the one that was on screen, and say why."""
    place, wanted = st.empty(), visit.current()
    key = models.model_key(wanted)
    _keep(_state().came(Link(key, _linked_version())))
    try:
        _ask_first(wanted, key)
        model = _loaded(key, wanted, place)
    except NoSuchModelError:
        _go_back(Failure(wanted, ""))
        return
    except ValueError as error:
        _go_back(Failure(wanted, str(error), error.consent if isinstance(error, _AskFirst) else ""))
        return
    except Exception:  # whatever it was, the model that was on screen must stay usable
        logging.getLogger(__name__).exception("a model could not be loaded")
        _go_back(Failure(wanted, words.LOADING_FAILED))
        return
    _show(wanted, model)


def _show(wanted: Settings, model: Transformer) -> None:
    """The model is there: say what is to be said of it, before the page is drawn."""
    version = model.weights.version
    state, linked = _state().loaded(wanted, version)
    _keep(state)
    if linked is not None:
        visit.say(words.OTHER_WEIGHTS.format(linked=shortened(linked, 12), here=version[:8]))
    st.session_state.weights = {"fp": version[:8]}
    visit.write_address()
    _say_failure()
    for note in model.notes:
        st.text(note)


class _AskFirst(ValueError):
    """A link may not make this machine download something or open its files: a visitor is asked."""

    def __init__(self, why: str, consent: str) -> None:
        super().__init__(why)
        self.consent = consent


def _ask_first(wanted: Settings, key: Key) -> None:
    name = wanted.model
    if _state().asked_for == name or key in LIBRARY:
        return
    if models.is_local(name):
        raise _AskFirst(words.MAY_OPEN.format(name=shortened(name)), words.OPEN)
    if models.downloads(name):
        size = f"{CURATED[name].download:.2g} GB" if name in CURATED else "it"
        raise _AskFirst(words.MAY_DOWNLOAD.format(size=size), words.DOWNLOAD)


def _loaded(key: Key, wanted: Settings, place: DeltaGenerator) -> Transformer:
    """The model; while it is loaded, how far that is. Leaving the page's run here leaves the loading alone."""
    if key.random or key in LIBRARY:
        return model_of(wanted)
    loading = LIBRARY.start(key, lambda progress: build_model(key, progress))
    if not loading.wait(_SOON):
        _show_progress(loading, key, place)
    models.look_again()
    loading.result()  # raises what went wrong
    return model_of(wanted)


def _show_progress(loading: Loading, key: Key, place: DeltaGenerator) -> None:
    with place.container(key="loading", border=True):
        style_that_leaves(_ALONE)
        st.text(words.LOADING_MODEL.format(title=shortened(models.model_title(key.name, key.dtype))))
        bar = st.progress(0.0)
        doing = st.empty()
        st.button(words.STOP_WAITING, key="stop-waiting", on_click=_stop_waiting)
    while not loading.wait(POLL):
        bar.progress(loading.share)
        doing.text(loading.doing)
    place.empty()


def _go_back(failure: Failure) -> None:
    """Show the model that was there before, or the default, and remember why."""
    state, before = _state().failed(failure)
    _keep(state)
    for name, value in _model_of(before).items():
        look_at(name, value)
    st.rerun()


def _stop_waiting() -> None:
    """Show the model that was there before the one that is loading."""
    change(**_model_of(_state().shown or DEFAULTS))


def _model_of(chosen: Settings) -> dict[str, Any]:
    """The settings that say which model is shown."""
    return {name: getattr(chosen, name) for name in ("model", "shape", "weights_seed", "dtype")}


def _say_failure() -> None:
    """Which model did not come, why, and what is shown instead; until the visitor does something else."""
    now = visit.without_view()
    _keep(_state().said(now))
    failure = _state().failure
    if failure is None:
        return
    with st.container(key="failure", border=True, horizontal=True, vertical_alignment="center"):
        st.text(words.SHOWN_INSTEAD.format(failure=failure, title=models.model_title(now.model, now.dtype)))
        st.button(failure.consent or words.TRY_AGAIN, key="try-again", on_click=_again, args=(failure,))
        if failure.consent:
            st.button(words.NOT_NOW, key="not-now", type="tertiary", on_click=_dismiss)


def _dismiss() -> None:
    _keep(_state().dismissed())


def _again(failure: Failure) -> None:
    choose_model(failure.wanted.model, failure.wanted.shape, dtype=failure.wanted.dtype)


def _linked_version() -> str | None:
    """What the link says about the weights, unless another model already stands in for the one that it names."""
    refused = {refusal.name for refusal in st.session_state.refused if isinstance(refusal, Refused)}
    return None if refused & {"model", "shape", "weights_seed", "dtype", "v"} else st.session_state.link.get("fp")

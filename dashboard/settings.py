"""The settings of a run and of the view on it, as one object bound to the URL.

Widgets are bound to the query string by Streamlit; which step, station and token are looked at is written there by the
page. A value in a link that cannot be used gives way to the default, and the page says so.
"""

import contextlib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from dashboard import exact, explainer_trail, models, shape
from dashboard.components.text_guard import as_typed
from dashboard.figures.picture import POOLINGS, Pooling
from dashboard.figures.scale import SCALES, ScaleKind
from dashboard.models import Unusable
from dashboard.tour import stops
from llm_core import Sampling

VERSION = "1"
"""Of the URL's meaning. A default that changes would change old links: it needs a new version."""

LONGEST_TEXT = 200_000  # characters: some 45,000 tokens of English; how many a model holds is said by the model
LONGEST_TEXT_HOSTED = 20_000  # of a visitor among many
LARGEST_TOP_K = 300_000  # more than any vocabulary has
LONGEST_LINK = 8_000  # characters that servers and messengers pass on without cutting
MOST_NEW_TOKENS = 16
LARGEST_WEIGHTS_SEED = 2**32 - 1
LARGEST_DICE_SEED = 2**53 - 1  # the largest whole number that a browser holds exactly
LENS_WINDOWS = (8, 16, 32, 64)
"""How many positions the logit lens shows: each costs a row of logits at every door."""
GUARD = "text-guard"  # of the text area: its key
PANELS = ("heads", "stream", "exact")
STATIONS = ("text", "embedding", "attention", "feedforward", "logits", "sample")


@dataclass(frozen=True)
class Settings:
    """What the page shows: a model, a text, how tokens are drawn, and what of it is looked at.

    token: the chosen position; None is the last one that the step reads.
    """

    model: str = "toy"
    text: str = "hello how are you?"
    temperature: float = 1.0
    dice_seed: int = 7
    top_k: int = 0
    top_p: float = 1.0
    new_tokens: int = 3
    weights_seed: int = 0
    shape: str = shape.written(shape.DEFAULT)  # of the model named "custom"
    dtype: str = "float32"  # of real weights
    pooling: Pooling = "largest"  # what a cell of a large matrix says of those that it stands for
    scale: ScaleKind = "robust"  # what sets the colours' scale
    step: int = 0
    station: str = "attention"
    token: int | None = None
    layer: int = 0
    head: int = 0
    skip_first: int = 0  # 1: the first token is left out of attention's scale
    panel: str = ""  # what else of a deep model is shown: one of PANELS, or nothing
    exact: str = ""  # the part of a matrix that is shown exactly, see exact.py; the station's, where none is named
    part: str = "attention.weights"  # the map's matrix, by its name without the layer
    lens_token: int | None = None  # the id that the logit lens follows; None is the one that came next
    lens_until: int | None = None  # the last position that the logit lens shows; None is the step's last one
    lens_window: int = 16
    cell: str = ""  # the explained cell and the way to it, see explainer_trail.py
    tour: str = ""  # the stop of the tour that is told
    proof: int = 0  # 1: the table of the run's proof is open
    present: int = 0  # 1: for a room full of people, without the sidebar and in large type

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.top_k, self.top_p, self.dice_seed)


DEFAULTS = Settings()
VIEW = (
    "step", "station", "token", "layer", "head", "skip_first", "panel", "exact", "part", "lens_token", "lens_until",
    "lens_window", "cell", "tour", "proof", "present",
)  # fmt: skip
BY_PAGE = (*VIEW, "model", "shape")  # written by the page; all others are widgets


@dataclass(frozen=True)
class Refused:
    """One value of a link that cannot be used, in words."""

    name: str
    value: str
    instead: str
    why: str = ""

    def __str__(self) -> str:
        why = f"which cannot be used ({self.why})" if self.why else "which cannot be used"
        return f"The link says {self.name} = {shortened(self.value)}, {why}: {self.instead} is used."


def shortened(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def read(query: Mapping[str, str]) -> tuple[dict[str, Any], list[Refused]]:
    """The values that a query string gives, and those that it gives in vain. What it leaves out is left out."""
    values: dict[str, Any] = {}
    refused: list[Refused] = []
    for name, parse in PARSERS.items():
        if name not in query:
            continue
        try:
            values[name] = parse(query[name])
        except ValueError as error:
            why = str(error) if isinstance(error, Unusable) else ""
            refused.append(Refused(name, query[name], _said(name), why))
    if query.get("v", VERSION) != VERSION:
        refused.append(Refused("v", query["v"], f"version {VERSION}"))
    return values, refused


def _said(name: str) -> str:
    default = getattr(DEFAULTS, name)
    if name == "shape":
        return "the shape that the dialog starts with"
    if name in ("cell", "tour", "panel"):
        return f"no {name}"
    if name == "exact":
        return "the chosen station's matrix"
    if default is None:
        last = "the last token that the step reads"
        return {"token": last, "lens_until": last, "lens_token": "the token that came next"}[name]
    return str(default)


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
            raise models.Unusable(f"it must be a whole number from {least:,} to {most:,}")
        return int(text)

    return parse


def _decimal(least: float, most: float) -> Callable[[str], float]:
    """A number with at most two decimals: what the slider can show."""
    range_ = f"it must be a number from {least} to {most}, with at most two decimals"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError as error:
            raise models.Unusable(range_) from error
        # Python's own 0_1 is no number in a link, and 0.004 must not become 0, which is another way to choose
        if "_" in text or not (math.isfinite(value) and least <= value <= most) or (value and not round(value, 2)):
            raise models.Unusable(range_)
        return round(value, 2)

    return parse


def _one_of(options: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in options:
            raise models.Unusable(f"it must be one of {', '.join(options)}")
        return text

    return parse


def _text(text: str) -> str:
    if len(text) > longest_text():
        raise models.Unusable(f"it has {len(text):,} characters; at most {longest_text():,} are taken: shorten it")
    return text


def longest_text() -> int:
    """How many characters a text may have here."""
    return LONGEST_TEXT_HOSTED if models.hosted() else LONGEST_TEXT


def _part(text: str) -> str:
    if not (len(text) <= 60 and re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", text)):
        raise models.Unusable("it must be a matrix's name without its layer, such as attention.weights")
    return text


def _exact(text: str) -> str:
    try:
        return str(exact.read(text))
    except ValueError as error:
        raise models.Unusable(str(error)) from error


def _window(text: str) -> int:
    return int(_one_of(tuple(map(str, LENS_WINDOWS)))(text))


PARSERS: dict[str, Callable[[str], Any]] = {
    "model": models.checked_name,
    "shape": models.checked_shape,
    "dtype": _one_of(models.DTYPES),
    "pooling": _one_of(POOLINGS),
    "scale": _one_of(SCALES),
    "text": _text,
    "temperature": _decimal(0, 2),
    "dice_seed": _whole(0, LARGEST_DICE_SEED),
    "top_k": _whole(0, LARGEST_TOP_K),
    "top_p": _decimal(0.01, 1),
    "new_tokens": _whole(1, MOST_NEW_TOKENS),
    "weights_seed": _whole(0, LARGEST_WEIGHTS_SEED),
    "step": _whole(0, MOST_NEW_TOKENS - 1),
    "station": _one_of(STATIONS),
    "token": _whole(0, 9_999_999),
    "layer": _whole(0, 9_999),
    "head": _whole(0, 9_999),
    "skip_first": _whole(0, 1),
    "panel": _one_of(PANELS),
    "exact": _exact,
    "part": _part,
    "lens_token": _whole(0, 9_999_999),
    "lens_until": _whole(0, 9_999_999),
    "lens_window": _window,
    "cell": explainer_trail.checked,
    "tour": stops.checked,
    "proof": _whole(0, 1),
    "present": _whole(0, 1),
}


BOUND = [name for name in PARSERS if name not in BY_PAGE]
"""Bound by Streamlit to widgets that every page has."""


# ---- this visitor's settings ----------------------------------------------------------------------------------------


def begin() -> None:
    """Call first on every run of the page: judge the link once, and give refused values back their defaults."""
    state = st.session_state
    if "refused" not in state:
        _, state.refused = read(st.query_params.to_dict())
        for refusal in state.refused:  # before the widgets read them: of 1e999 Streamlit's own fail
            st.query_params.pop(refusal.name, None)
        if any(refusal.name not in BY_PAGE for refusal in state.refused):
            st.rerun()
    apply_changes()
    st.query_params["v"] = VERSION


def change(name: str, value: object) -> None:
    """Give a widget another value, from a callback or before a rerun.

    It reaches widget and URL when the widget is drawn next: Streamlit forgets to tell the browser of a value that was
    set before a rerun of some fragments only.
    """
    st.session_state.setdefault("changes", {})[name] = value
    _changed()


def apply_changes() -> None:
    """Call before the widgets are drawn: what `change` was told becomes their value."""
    for name, value in st.session_state.pop("changes", {}).items():
        st.session_state[name] = value


def check_view(**ends: int) -> None:
    """Call with how many steps, tokens, layers and heads there are; a link that looks beyond is refused too."""
    state = st.session_state
    for name, end in ends.items():
        value = st.query_params.get(name)
        if value is not None and not (value.isdigit() and int(value) < end):
            refuse(name, f"here it goes from 0 to {end - 1:,}")
    if "viewed" not in state:
        state.viewed = without_view()


def refuse(name: str, why: str = "", instead: str = "") -> None:
    """Take a value of the view out of the link: this run has nothing of the kind. The first time, the page says so.

    instead: what is used in its place, in words; the default where it is left out.
    """
    value = st.query_params.pop(name)
    _changed()
    if "viewed" not in st.session_state:
        st.session_state.refused.append(Refused(name, value, instead or _said(name), why))


def without_view() -> Settings:
    """The settings without the view."""
    return replace(current(), **{name: getattr(DEFAULTS, name) for name in VIEW})


def current() -> Settings:
    """The settings as they are now; fragments and callbacks call it too."""
    found = _HELD.get()
    if found is None:
        return _looked_up()
    if not found:
        found.append(_looked_up())
    return found[0]


_HELD: ContextVar[list[Settings] | None] = ContextVar("settings of the part that is drawn", default=None)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Draw a part of the page in it: its settings are looked up once, and again only after one was changed here."""
    if _HELD.get() is not None:
        yield
        return
    token = _HELD.set([])
    try:
        yield
    finally:
        _HELD.reset(token)


def _changed() -> None:
    found = _HELD.get()
    if found:
        found.clear()


def _looked_up() -> Settings:
    widgets = {}
    for name in BOUND:  # each look into Streamlit's state takes a while, and every part of a page asks
        with contextlib.suppress(KeyError):
            widgets[name] = st.session_state[name]
    widgets = {name: value for name, value in widgets.items() if value is not None}
    widgets |= st.session_state.get("changes", {})
    if "text" in widgets:
        widgets["text"] = as_typed(widgets["text"], GUARD)
    query = st.query_params.to_dict()
    view, _ = read({name: query[name] for name in BY_PAGE if name in query})
    for name in ("temperature", "top_p"):
        if name in widgets:
            widgets[name] = round(widgets[name], 2)  # a slider's steps are not exact
    return Settings(**widgets, **view)


def view() -> dict[str, str]:
    """What a link to another page must say: the widgets' values go with the visitor, Streamlit sees to that.

    The proof's table lies over the page: who goes on has closed it.
    """
    chosen = current()
    said = {name: getattr(chosen, name) for name in BY_PAGE if name != "proof"}
    return {"v": VERSION, **{name: str(value) for name, value in said.items() if value != getattr(DEFAULTS, name)}}


def look_at(name: str, value: object) -> None:
    """Choose a model, a step, a station or a token: the URL remembers it. The default is left out of the URL."""
    if value == getattr(DEFAULTS, name):
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = str(value)
    _changed()


def forget_token() -> None:
    """Choose the last token that the step reads again: of another text a chosen position would be any token."""
    look_at("token", None)
    look_at("lens_until", None)


def link_length() -> int:
    """About how many characters this view's link has."""
    return len(urlencode(st.query_params.to_dict() | {"text": current().text}, errors="replace"))


def say(sentence: str) -> None:
    """Add to what the visitor is told about this link."""
    st.session_state.refused.append(sentence)


def notices() -> list[str]:
    """What was refused in this visitor's link, until the visitor changes a setting."""
    state = st.session_state
    if "viewed" in state and state.viewed != without_view():
        state.refused = []
    return [str(refusal) for refusal in state.refused]

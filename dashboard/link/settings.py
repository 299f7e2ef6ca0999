"""The settings of a run and of the view on it, as one object that a link holds and a visit keeps.

A value in a link that cannot be used gives way to the default, and the page says so.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.figures.picture import POOLINGS, Pooling
from dashboard.figures.scale import SCALES, ScaleKind
from dashboard.link import models, shape, tour_stops, trail
from dashboard.link import region as exact
from dashboard.link.hosting import hosted
from dashboard.link.models import Unusable
from llm_core import Sampling
from llm_core.runs.stages import STAGES, StageKind, StageSettings

LINK_VERSION = "2"
"""Of the URL's meaning. A default that changes would change old links: it needs a new version, and the default that
links of the version before it imply goes into EARLIER."""

EARLIER = {"1": {"text": "hello how are you?"}}
"""Of each earlier version: what its links imply where they leave a setting out and the default is another one now."""

LONGEST_TEXT = 200_000  # characters: some 45,000 tokens of English; how many a model holds is said by the model
LONGEST_TEXT_HOSTED = 20_000  # of a visitor among many
LONGEST_LINK = 8_000  # characters that servers and messengers pass on without cutting
LONGEST_ADDRESS = 500_000  # characters: of a longer one Streamlit tells nothing
MOST_NEW_TOKENS = 16
LARGEST_WEIGHTS_SEED = 2**32 - 1
LARGEST_DICE_SEED = 2**53 - 1  # the largest whole number that a browser holds exactly
LENS_WINDOWS = (8, 16, 32, 64)
"""How many positions the logit lens shows: each costs a row of logits at every door."""
GUARD = "text-guard"  # of the text area: its key
_PANELS = ("heads", "stream", "exact")
STATIONS = ("text", "embedding", "attention", "feedforward", "logits", "sample")
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Settings(StageSettings):
    """What the page shows: a model, a text, how tokens are drawn (a setting for each stage of the sampler, and the dice
    seed), and what of it is looked at.

    token: the chosen position; None is the last one that the step reads.
    """

    model: str = "toy"
    text: str = "The cat sat on the"
    dice_seed: int = 7
    new_tokens: int = 3
    weights_seed: int = 0
    shape: str = shape.shape_text(shape.DEFAULT)  # of the model named "custom"
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
    exact: str = ""  # the part of a matrix that is shown exactly, see region.py; the station's, where none is named
    part: str = "attention.weights"  # the map's matrix, by its name without the layer
    lens_token: int | None = None  # the id that the logit lens follows; None is the one that came next
    lens_until: int | None = None  # the last position that the logit lens shows; None is the step's last one
    lens_window: int = 16
    all_tokens: int = 0  # 1: the table of the whole vocabulary is open
    cell: str = ""  # the explained cell and the way to it, see trail.py
    tour: str = ""  # the stop of the tour that is told
    proof: int = 0  # 1: the table of the run's proof is open
    present: int = 0  # 1: for a room full of people, without the sidebar and in large type

    @property
    def sampling(self) -> Sampling:
        return Sampling(**self.stage_values, seed=self.dice_seed)


DEFAULTS = Settings()
VIEW = (
    "step",
    "station",
    "token",
    "layer",
    "head",
    "skip_first",
    "panel",
    "exact",
    "part",
    "lens_token",
    "lens_until",
    "lens_window",
    "all_tokens",
    "cell",
    "tour",
    "proof",
    "present",
)


OUTCOMES = {"cell": "no cell is explained", "tour": "the tour does not start", "panel": "nothing else is shown"}
"""Of settings that are off by default: what a link that asks for them in vain leads to."""


@dataclass(frozen=True)
class Refused:
    """One value of a link that cannot be used, in words."""

    name: str
    value: str
    instead: str
    why: str = ""

    def __str__(self) -> str:
        why = f"which cannot be used ({self.why})" if self.why else "which cannot be used"
        value = shortened(self.value)
        said = f"The link says {self.name} = {quoted(value) if self.name == 'text' else value}"
        outcome = self.instead if self.instead in OUTCOMES.values() else f"{self.instead} is used instead"
        return f"{said}, {why}, so {outcome}."


def quoted(text: str) -> str:
    """A text within a sentence."""
    return f"“{text}”"


def shortened(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def read_link(query: Mapping[str, str]) -> tuple[dict[str, Any], list[Refused]]:
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
            refused.append(Refused(name, query[name], used_instead(name), why))
    if query.get("v", LINK_VERSION) not in (LINK_VERSION, *EARLIER):
        refused.append(Refused("v", query["v"], f"version {LINK_VERSION}"))
    return values, refused


def implied(query: Mapping[str, str]) -> dict[str, Any]:
    """What an earlier version's link leaves out and yet means. A link with settings and no version is one of the first;
    a bare address is none."""
    version = query.get("v", "1" if any(name in PARSERS for name in query) else LINK_VERSION)
    return {name: value for name, value in EARLIER.get(version, {}).items() if name not in query}


def used_instead(name: str) -> str:
    default = getattr(DEFAULTS, name)
    if name == "shape":
        return "the shape that the dialog starts with"
    if name in OUTCOMES:
        return OUTCOMES[name]
    if name == "exact":
        return "the chosen station's matrix"
    if default is None:
        last = "the last token that the step reads"
        return {"token": last, "lens_until": last, "lens_token": "the token that came next"}[name]
    return quoted(default) if name == "text" else str(default)


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


def _setting_of(stage: StageKind) -> Callable[[str], float]:
    """What a link may say of a stage of the sampler: what the page's control can show."""
    least, most = stage.offered
    return _whole(int(least), int(most)) if stage.whole else _decimal(least, most)


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
    return LONGEST_TEXT_HOSTED if hosted() else LONGEST_TEXT


def _part(text: str) -> str:
    if not (len(text) <= 60 and re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", text)):
        raise models.Unusable("it must be a matrix's name without its layer, such as attention.weights")
    return text


def _exact(text: str) -> str:
    try:
        return str(exact.read_region(text))
    except ValueError as error:
        raise models.Unusable(str(error)) from error


def _switch(text: str) -> int:
    """1 or 0; links of the first version say true and false."""
    return _whole(0, 1)({"true": "1", "false": "0"}.get(text, text))


def _window(text: str) -> int:
    return int(_one_of(tuple(map(str, LENS_WINDOWS)))(text))


PARSERS: dict[str, Callable[[str], Any]] = {
    "model": models.checked_name,
    "shape": models.checked_shape,
    "dtype": _one_of(models.OFFERED_DTYPES),
    "pooling": _one_of(POOLINGS),
    "scale": _one_of(SCALES),
    "text": _text,
    **{stage.name: _setting_of(stage) for stage in STAGES},
    "dice_seed": _whole(0, LARGEST_DICE_SEED),
    "new_tokens": _whole(1, MOST_NEW_TOKENS),
    "weights_seed": _whole(0, LARGEST_WEIGHTS_SEED),
    "step": _whole(0, MOST_NEW_TOKENS - 1),
    "station": _one_of(STATIONS),
    "token": _whole(0, 9_999_999),
    "layer": _whole(0, 9_999),
    "head": _whole(0, 9_999),
    "skip_first": _whole(0, 1),
    "panel": _one_of(_PANELS),
    "exact": _exact,
    "part": _part,
    "lens_token": _whole(0, 9_999_999),
    "lens_until": _whole(0, 9_999_999),
    "lens_window": _window,
    "all_tokens": _switch,
    "cell": trail.checked_trail,
    "tour": tour_stops.checked_stop,
    "proof": _whole(0, 1),
    "present": _whole(0, 1),
}


def link_query(chosen: Settings) -> dict[str, str]:
    """What an address says of these settings: those that differ from the defaults. Half a character cannot be said."""
    said = {name: getattr(chosen, name) for name in PARSERS}
    query = {
        name: f"{value:g}" if isinstance(value, float) else str(value)
        for name, value in said.items()
        if value != getattr(DEFAULTS, name)
    }
    return {"v": LINK_VERSION, **{name: whole_characters(value) for name, value in query.items()}}


def whole_characters(text: str) -> str:
    """The text with U+FFFD for each half of a character: what a message to the browser can hold."""
    return _HALF.sub("\ufffd", text)

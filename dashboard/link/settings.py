"""The settings of a run and of the view on it, as one object that a link holds and a visit keeps.

A setting is one field of Settings: parsers, links, limits and the sentences about what is refused come from the fields.
A value in a link that cannot be used gives way to the default, and the page says so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from dashboard.figures.picture import POOLINGS, Pooling
from dashboard.figures.scale import SCALES, ScaleKind
from dashboard.link import models, shape, tour_stops, trail
from dashboard.link import region as exact
from dashboard.link.hosting import hosted
from dashboard.link.models import Unusable
from dashboard.link.setting import Setting, declared, of_run, of_view
from dashboard.link.values import decimal_number, number_of, one_of, switch, whole_number
from llm_core import Sampling
from llm_core.runs.stages import STAGES, StageKind, StageSettings

LINK_VERSION = "2"
"""Of the URL's meaning. A default that changes would change old links: it needs a new version, and the default that
links of the versions before it imply goes into the setting's `earlier`."""

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
_POSITION, _LAYER_OR_HEAD = whole_number(0, 9_999_999), whole_number(0, 9_999)
_LAST_TOKEN = "the last token that the step reads is used instead"


def quoted(text: str) -> str:
    """A text within a sentence."""
    return f"“{text}”"


def shortened(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def longest_text() -> int:
    """How many characters a text may have here."""
    return LONGEST_TEXT_HOSTED if hosted() else LONGEST_TEXT


# ---- parsers of one setting each ------------------------------------------------------------------------------------


def _text(text: str) -> str:
    if len(text) > longest_text():
        raise Unusable(f"it has {len(text):,} characters; at most {longest_text():,} are taken: shorten it")
    return text


def _part(text: str) -> str:
    if not (len(text) <= 60 and re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", text)):
        raise Unusable("it must be a matrix's name without its layer, such as attention.weights")
    return text


def _exact(text: str) -> str:
    try:
        return str(exact.read_region(text))
    except ValueError as error:
        raise Unusable(str(error)) from error


# ---- the settings ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settings(StageSettings):
    """What the page shows: a model, a text, how tokens are drawn (a setting for each stage of the sampler, and the dice
    seed), and what of it is looked at.

    token: the chosen position; None is the last one that the step reads.
    """

    model: str = of_run("toy", models.checked_name)
    shape: str = of_run(  # of the model named "custom"
        shape.shape_text(shape.DEFAULT),
        models.checked_shape,
        refused="the shape that the dialog starts with is used instead",
    )
    text: str = of_run("The cat sat on the", _text, said=quoted, earlier={"1": "hello how are you?"})
    dice_seed: int = of_run(7, whole_number(0, LARGEST_DICE_SEED), quiet=True)
    new_tokens: int = of_run(3, whole_number(1, MOST_NEW_TOKENS), quiet=True)
    weights_seed: int = of_run(0, whole_number(0, LARGEST_WEIGHTS_SEED), quiet=True)
    dtype: str = of_run("float32", one_of(models.OFFERED_DTYPES), quiet=True)  # of real weights
    # what a cell of a large matrix says of those that it stands for
    pooling: Pooling = of_view("largest", one_of(POOLINGS), quiet=True)
    scale: ScaleKind = of_view("robust", one_of(SCALES), quiet=True)  # what sets the colours' scale
    step: int = of_view(0, whole_number(0, MOST_NEW_TOKENS - 1))
    station: str = of_view("attention", one_of(STATIONS))
    token: int | None = of_view(None, _POSITION, refused=_LAST_TOKEN)
    layer: int = of_view(0, _LAYER_OR_HEAD)
    head: int = of_view(0, _LAYER_OR_HEAD)
    skip_first: int = of_view(0, whole_number(0, 1))  # 1: the first token is left out of attention's scale
    # what else of a deep model is shown: one of _PANELS, or nothing
    panel: str = of_view("", one_of(_PANELS), refused="nothing else is shown")
    # the part of a matrix that is shown exactly, see region.py; the station's, where none is named
    exact: str = of_view("", _exact, refused="the chosen station's matrix is used instead")
    part: str = of_view("attention.weights", _part)  # the map's matrix, by its name without the layer
    # the id that the logit lens follows; None is the one that came next
    lens_token: int | None = of_view(
        None, _POSITION, refused="the token that came next is used instead", noun="token id"
    )
    # the last position that the logit lens shows; None is the step's last one
    lens_until: int | None = of_view(None, _POSITION, refused=_LAST_TOKEN)
    lens_window: int = of_view(16, number_of(LENS_WINDOWS))
    all_tokens: int = of_view(0, switch)  # 1: the table of the whole vocabulary is open
    # the explained cell and the way to it, see trail.py
    cell: str = of_view("", trail.checked_trail, refused="no cell is explained")
    tour: str = of_view("", tour_stops.checked_stop, refused="the tour does not start")  # the stop that is told
    proof: int = of_view(0, whole_number(0, 1))  # 1: the table of the run's proof is open
    present: int = of_view(0, whole_number(0, 1))  # 1: for a room full of people, without the sidebar and in large type

    @property
    def sampling(self) -> Sampling:
        return Sampling(**self.stage_values, seed=self.dice_seed)


def _of_stage(stage: StageKind) -> Setting:
    """What a link may say of a stage of the sampler: what the page's control can show."""
    least, most = stage.offered
    return Setting(
        whole_number(int(least), int(most)) if stage.whole else decimal_number(least, most), "run", quiet=True
    )


DEFAULTS = Settings()
SETTINGS: dict[str, Setting] = {
    each.name: declared(each) or next(_of_stage(stage) for stage in STAGES if stage.name == each.name)
    for each in fields(Settings)
}
"""What is known of each setting, by its name."""
EARLIER = {
    version: {name: known.earlier[version] for name, known in SETTINGS.items() if version in known.earlier}
    for version in map(str, range(1, int(LINK_VERSION)))
}
"""Of each earlier version: what its links imply where they leave a setting out and the default is another one now."""


# ---- links ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refused:
    """One value of a link that cannot be used, as a sentence says it; outcome: what that leads to, after "so"."""

    name: str
    value: str
    outcome: str
    why: str = ""

    def __str__(self) -> str:
        why = f"which cannot be used ({self.why})" if self.why else "which cannot be used"
        return f"The link says {self.name} = {self.value}, {why}, so {self.outcome}."


def refusal_of(name: str, value: str, why: str = "", outcome: str = "") -> Refused:
    """That this value of a setting cannot be used. outcome: what it leads to, where the setting says something else."""
    known = SETTINGS[name]
    return Refused(name, known.said(shortened(value)), outcome or known.outcome(getattr(DEFAULTS, name)), why)


def read_link(query: Mapping[str, str]) -> tuple[dict[str, Any], list[Refused]]:
    """The values that a query string gives, and those that it gives in vain. What it leaves out is left out."""
    values: dict[str, Any] = {}
    refused: list[Refused] = []
    for name, known in SETTINGS.items():
        if name not in query:
            continue
        try:
            values[name] = known.parse(query[name])
        except ValueError as error:
            refused.append(refusal_of(name, query[name], str(error) if isinstance(error, Unusable) else ""))
    if query.get("v", LINK_VERSION) not in (LINK_VERSION, *EARLIER):
        refused.append(Refused("v", shortened(query["v"]), f"version {LINK_VERSION} is used instead"))
    return values, refused


def implied(query: Mapping[str, str]) -> dict[str, Any]:
    """What an earlier version's link leaves out and yet means. A link with settings and no version is one of the first;
    a bare address is none."""
    version = query.get("v", "1" if any(name in SETTINGS for name in query) else LINK_VERSION)
    return {name: value for name, value in EARLIER.get(version, {}).items() if name not in query}


def link_query(chosen: Settings) -> dict[str, str]:
    """What an address says of these settings: those that differ from the defaults. Half a character cannot be said."""
    said = {name: getattr(chosen, name) for name in SETTINGS}
    query = {
        name: f"{value:g}" if isinstance(value, float) else str(value)
        for name, value in said.items()
        if value != getattr(DEFAULTS, name)
    }
    return {"v": LINK_VERSION, **{name: whole_characters(value) for name, value in query.items()}}


def whole_characters(text: str) -> str:
    """The text with U+FFFD for each half of a character: what a message to the browser can hold."""
    return _HALF.sub("\ufffd", text)

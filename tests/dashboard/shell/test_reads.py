"""What is drawn again when a setting changes is what declares that it reads it; all else would show the same."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from streamlit.proto.Delta_pb2 import Delta
from streamlit.runtime.scriptrunner import ScriptRunContext
from streamlit.testing.v1 import AppTest

from dashboard.link.settings import DEFAULTS, SETTINGS, Settings
from dashboard.model_choice import sidebar
from dashboard.server.computed import run_of
from dashboard.shell import fragments
from dashboard.shell.fragments import DECLARED, Declared, PartPlace, change
from dashboard.shell.reads import DERIVED_VALUES, differing, following
from tests.helpers.pages import ROOT, opened, whole_model

OTHER: dict[str, Any] = {
    "temperature": 0.5,
    "top_k": 2,
    "top_p": 0.5,
    "model": "gpt2-nano",
    "shape": "v1,layers:3",
    "text": "one two three",
    "dice_seed": 11,
    "new_tokens": 4,
    "weights_seed": 1,
    "dtype": "bfloat16",
    "pooling": "mean",
    "scale": "heads",
    "step": 1,
    "station": "feedforward",
    "token": 2,
    "layer": 1,
    "head": 2,
    "skip_first": 1,
    "panel": "stream",
    "exact": "attention.q:0-2:0-2",
    "part": "attention.q",
    "lens_token": 5,
    "lens_until": 9,
    "lens_window": 8,
    "all_tokens": 1,
    "cell": "input/1.3",
    "tour": "mask",
    "proof": 1,
    "present": 1,
}
ALSO = {"tour": {"cell": ""}}  # a stop is told without the explanation that was open
LONG = "one two three four five six seven eight nine ten"
SCENES: dict[str, dict[str, str]] = {
    "all on one page": {},
    "a deep model": {
        "model": "llama-nano",
        "panel": "exact",
        "exact": "attention.weights:0-2:0-2",
        "cell": "layers.0.attention.weights/0.4.1",
    },
    "all heads": {"model": "llama-nano", "text": LONG, "panel": "heads", "tour": "scores", "step": "1"},
    "the whole model": {"model": "llama-nano", "text": LONG, "cell": "layers.0.attention.weights/0.4.1"},
}
QUICK = ("all on one page", "a deep model")


def test_each_setting_has_another_value_here() -> None:
    assert set(OTHER) == set(SETTINGS)
    assert not {name for name, value in OTHER.items() if value == getattr(DEFAULTS, name)}


class Watched:
    """A page, and of each of its parts that was drawn since the last act what was sent of it."""

    page: AppTest
    wanted: dict[str, Any]

    def __init__(self) -> None:
        self.sent: dict[str, list[bytes]] = {}
        self.names: dict[PartPlace, str] = {}

    def act(self, **wanted: Any) -> dict[str, list[bytes]]:
        """Change these settings as a widget does; returns what was sent of each part that was drawn again."""
        self.wanted, self.sent = wanted, {}
        self.page.button(key="roll").click().run()
        assert not self.page.exception
        return self.sent

    def whole(self) -> dict[str, list[bytes]]:
        """What is sent of each part where all of the page is drawn."""
        self.sent = {}
        self.page.run()
        return self.sent

    @property
    def places(self) -> dict[str, PartPlace]:
        places: dict[str, PartPlace] = self.page.session_state["parts"]
        return places


def _lasting(delta: Delta) -> Delta:
    """What is sent, less what Streamlit tells a widget's browser once."""
    kept = Delta()
    kept.CopyFrom(delta)
    if kept.new_element.has_one_shot_effect:
        kept.new_element.ClearField("has_one_shot_effect")
        widget = getattr(kept.new_element, kept.new_element.WhichOneof("type"))
        for name in ("set_value", "value", "raw_value"):
            if name in widget.DESCRIPTOR.fields_by_name:
                widget.ClearField(name)
    return kept


@contextmanager
def watched(scene: str) -> Iterator[Watched]:
    found = Watched()
    begin, enqueue = fragments._begin_part, ScriptRunContext.enqueue

    def begin_part(name: str) -> PartPlace:
        place = begin(name)
        found.names[place] = name
        found.sent.setdefault(name, [])
        return place

    def send(context: ScriptRunContext, message: Any) -> None:
        part = found.names.get(fragments._AROUND.get())
        if part is not None and message.HasField("delta"):
            found.sent[part].append(_lasting(message.delta).SerializeToString(deterministic=True))
        enqueue(context, message)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fragments, "_begin_part", begin_part)
        patch.setattr(ScriptRunContext, "enqueue", send)
        patch.setattr(sidebar, "_roll", lambda: change(**found.wanted))
        found.page = (whole_model if scene == "the whole model" else opened)(**SCENES[scene])
        assert not found.page.exception
        yield found


@pytest.fixture(scope="module", params=[pytest.param(s, marks=[] if s in QUICK else pytest.mark.slow) for s in SCENES])
def page(request: pytest.FixtureRequest) -> Iterator[Watched]:
    with watched(request.param) as found:
        yield found


@pytest.mark.parametrize("name", SETTINGS)
def test_what_declares_that_it_reads_a_setting_is_drawn_again_and_all_else_would_show_the_same(
    page: Watched, name: str
) -> None:
    before: Settings = page.page.session_state["settings"]
    shown = page.whole()
    places = dict(page.places)
    drawn = set(page.act(**{name: OTHER[name]}, **ALSO.get(name, {})))
    after = replace(before, **{name: OTHER[name]}, **ALSO.get(name, {}))
    names = differing(before, after) | following(before, after)
    assert name in names or name == "proof"  # a table that there is not yet is closed again

    if names & page.page.session_state["page_reads"]:
        assert drawn >= set(page.places)
    else:
        declared = {part for part in shown if DECLARED[part].is_concerned(names, before, after)}
        inside = {part for part in shown if any(_is_within(places[part], places[other]) for other in declared)}
        assert declared - inside <= drawn and drawn <= declared | inside | (set(page.places) - set(shown))
        now = page.whole()
        gone = inside - drawn  # what is drawn anew takes all that was in it along
        assert not {part for part in set(shown) - drawn - gone if now.get(part) != shown[part]}
    page.act(**{each: getattr(before, each) for each in SETTINGS})


def _is_within(place: PartPlace, other: PartPlace) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def test_whatever_is_read_is_a_setting_or_follows_from_some_or_is_of_the_session_alone() -> None:
    opened()
    whole_model()
    for part, declared in DECLARED.items():
        unknown = declared.reads - set(SETTINGS) - set(DERIVED_VALUES)
        assert all("-" in name for name in unknown), (part, unknown)
        assert declared.needs <= declared.reads & set(SETTINGS), part
    assert all(each.of <= set(SETTINGS) for each in DERIVED_VALUES.values())


def test_other_dice_change_no_rows_of_the_prefill_and_may_draw_the_same_token() -> None:
    colder = Settings(temperature=0.9999)
    assert run_of(colder).ids == run_of(DEFAULTS).ids != run_of(Settings(dice_seed=11)).ids
    assert following(DEFAULTS, colder) == {"sampled"}
    assert following(DEFAULTS, Settings(dice_seed=11)) == {"tokens", "sampled", "drawn"}
    assert "rows" in following(Settings(step=1), Settings(step=1, dice_seed=11))
    assert following(DEFAULTS, Settings(pooling="mean")) == following(DEFAULTS, Settings(layer=3)) == set()


def test_a_part_that_shows_nothing_before_and_after_is_left_as_it_is() -> None:
    part = Declared(frozenset({"cell", "rows"}), frozenset({"cell"}))
    there, none = Settings(cell="input/1.3"), Settings()
    assert not part.is_concerned({"rows"}, none, none)
    assert part.is_concerned({"rows"}, there, there)
    assert part.is_concerned({"cell"}, there, none) and part.is_concerned({"cell"}, none, there)
    assert not part.is_concerned({"layer"}, there, there)


def test_no_module_but_one_names_the_parts_that_are_drawn_again() -> None:
    """Each declares what it reads: a list of parts kept by hand would say it a second time."""
    for file in (ROOT / "dashboard").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.rerun" and (node.args or node.keywords):
                assert file.name == "fragments.py", file
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.fragment":
                assert file.name == "fragments.py", file

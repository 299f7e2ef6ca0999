"""A region dragged over a picture becomes a part that is shown exactly; what a browser sends is checked."""

import pytest

from dashboard.figures.equation import equation
from dashboard.figures.geometry import cell_for_numbers
from dashboard.link import settings, visit
from dashboard.link.region import Region
from dashboard.matrices import region_drag
from dashboard.matrices.look import has_choice
from dashboard.matrices.pictures import Look
from dashboard.matrices.region import layer_entries, region_picture
from dashboard.matrices.region_drag import part_of, show
from dashboard.matrices.sections import DRAG
from llm_core import PRESETS, Step, generate, load_model
from tests.helpers.pages import exact, opened, sentences, texts_above

WEIGHTS = "layers.1.attention.weights"


@pytest.fixture(scope="module")
def step() -> Step:
    return generate(load_model("llama-nano", seed=0), "one two three four five six " * 60, 1).steps[0]


def region(matrix: str = WEIGHTS, rows: object = (3, 9), columns: object = (2, 4), head: object = 2) -> dict:
    return {"matrix": matrix, "head": head, "rows": list(rows), "columns": list(columns)}


def test_a_region_is_the_part_of_its_matrix_from_the_first_to_the_last_row_and_column(step) -> None:
    part, cut = part_of(region(), step, 1)
    assert part == Region("attention.weights", range(3, 10), range(2, 5)) and cut == ""


def test_of_a_region_without_room_for_its_numbers_the_first_16_rows_and_columns_are_shown_and_a_sentence_says_so(step):
    count = len(step.positions)
    assert count > 256
    part, cut = part_of(region(rows=(10, count - 1), columns=(0, 255)), step, 1)
    assert part == Region("attention.weights", range(10, 26), range(16))
    assert cut == f"You dragged over {count - 10:,} rows and 256 columns. The page shows the first 16 of each."
    picture = region_picture(step, Look(1), layer_entries(step.run.model.config, 1)[part.name], part.rows, part.columns)
    figure = equation([picture], len(part.rows), cell=cell_for_numbers(picture.rows, picture.columns))
    assert "numbers" in figure.data[0].meta


@pytest.mark.parametrize(
    "asked",
    [
        None,
        3,
        "attention",
        [],
        {},
        region("layers.0.attention.weights"),
        region("layers.9.attention.weights"),
        region(rows=(9, 3)),
        region(rows=(-1, 3)),
        region(rows=(0, 10**9)),
        region(columns=("0", "1")),
        region(columns=(0.0, 1.0)),
        region(rows=(1,)),
        region(rows=(1, 2, 3)),
        region(rows=(True, 2)),
        region([]),
        region(head=99),
        region(head="1"),
        {**region(), "rows": None},
    ],
)
def test_what_a_browser_cannot_have_dragged_changes_nothing(step, monkeypatch, asked) -> None:
    monkeypatch.setattr(visit, "current", lambda: settings.Settings(model="llama-nano", layer=1))
    monkeypatch.setattr(region_drag, "change", lambda *noted, **settings: pytest.fail(f"{settings} was set"))
    show(asked, step)


def test_a_region_opens_the_exact_cells_of_its_head(step, monkeypatch) -> None:
    looked = {}
    monkeypatch.setattr(visit, "current", lambda: settings.Settings(model="llama-nano", layer=1))
    monkeypatch.setattr(region_drag, "change", lambda noted, **settings: looked.update(noted, **settings))
    show(region(), step)
    part = "attention.weights:3-9:2-4"
    assert looked == {"panel": "exact", "exact": part, "head": 2, "exact-remark": (part, "")}


def test_keys_that_the_current_head_shares_leave_it_and_others_choose_the_first_head_that_reads_them(step, monkeypatch):
    config, looked = step.run.model.config, {}
    monkeypatch.setattr(region_drag, "change", lambda noted, **settings: looked.update(settings))
    share = config.heads // config.kv_heads
    monkeypatch.setattr(visit, "current", lambda: settings.Settings(layer=1, head=share - 1))
    show(region("layers.1.attention.k", head=0), step)
    assert "head" not in looked
    show(region("layers.1.attention.k", head=1), step)
    assert looked["head"] == share


@pytest.mark.parametrize(("text", "said"), [("hello how are you?", False), ("one two three four five six " * 60, True)])
def test_pictures_whose_cells_stand_for_several_say_that_one_can_drag(text: str, said: bool) -> None:
    page = opened(model="llama-nano", text=text, layer="1")
    assert any(DRAG in text for text in texts_above(page)) == said


def test_a_model_of_one_layer_and_one_head_shows_any_part_where_a_matrix_can_be_larger_than_a_picture() -> None:
    shape = "v1,layers:1,dim:16,heads:1,kv:1,hidden:512,context:1024"
    part = {"panel": "exact", "exact": "attention.weights:300-315:0-15"}
    page = opened(model="custom", shape=shape, text="one two three four " * 100, **part)
    assert not page.exception and not sentences(page)
    figure = exact(page)["data"][0]
    assert figure["meta"]["matrix"] == "layers.0.attention.weights" and figure["meta"]["origin"]["rows"] == 300
    assert any(DRAG in text for text in texts_above(page))
    assert page.button_group(key="choice-panel").options == ["Zoom into a matrix"]
    assert not {"Layer", "Head"} & {slider.label for slider in page.slider}


@pytest.mark.parametrize("panel", ["heads", "stream"])
def test_of_one_head_or_layer_no_several_are_shown_whatever_a_link_says(panel: str) -> None:
    page = opened(model="custom", shape="v1,layers:1,heads:1,kv:1,hidden:512", panel=panel)
    assert not page.exception and page.button_group(key="choice-panel").value in (None, [])


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({}, False),
        ({"max_positions": 257}, True),
        ({"feedforward_dim": 257}, True),
        ({"model_dim": 257}, True),
        ({"layers": 2, "feedforward_output": True}, True),
        ({"heads": 2}, True),
    ],
)
def test_regions_are_dragged_wherever_the_page_has_a_place_for_them(change: dict[str, int], allowed: bool) -> None:
    assert has_choice(PRESETS["toy"].with_(**change)) == allowed

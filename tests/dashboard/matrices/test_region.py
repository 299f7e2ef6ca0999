"""Any part of a matrix, exactly: which part opens, how its cells are told, and what is refused."""

import json

import numpy as np
import pytest

from dashboard.figures.equation import equation
from dashboard.figures.geometry import cell_for_numbers
from dashboard.link.region import read_region as read_part
from dashboard.matrices.pictures import Look
from dashboard.matrices.region import layer_entries, region_picture
from llm_core import generate
from tests.helpers.links import link_of
from tests.helpers.pages import exact, opened, sentences, specs
from tests.helpers.small_models import ids


def test_a_tile_of_a_large_matrix_is_exactly_those_cells(llama):
    step = generate(llama, ids(400), 1).steps[0]
    options = layer_entries(llama.config, 2)
    for name in ("attention.weights", "feedforward.hidden", "attention.w_q", "logits", "attention.keys"):
        rows = range(0, 1) if name == "logits" else range(33, 40)
        tile = region_picture(step, Look(2, 3), options[name], rows, range(5, 12))
        entry = options[name]
        whole = llama.get_parameter(entry.name) if entry.learned else step.matrix(entry.name).values
        whole = whole[{"head": 3, "kv_head": 1}[entry.axes[0]]] if whole.ndim == 3 else whole
        assert np.array_equal(tile.values, whole[rows.start : rows.stop, 5:12].detach().numpy()), name


@pytest.mark.parametrize(
    ("rows", "columns"), [(range(5, 5), range(3)), (range(3), range(60, 70)), (range(400), range(3))]
)
def test_a_part_that_the_matrix_lacks_or_that_is_too_large_is_refused(llama, rows, columns):
    step = generate(llama, ids(400), 1).steps[0]
    with pytest.raises(ValueError):
        region_picture(step, Look(), layer_entries(llama.config, 0)["input"], rows, columns)


@pytest.mark.parametrize(
    ("station", "name"),
    [
        ("text", "input"),
        ("attention", "layers.2.attention.weights"),
        ("feedforward", "layers.2.feedforward.hidden"),
        ("logits", "logits"),
        ("sample", "probabilities"),
    ],
)
def test_any_part_opens_on_the_chosen_stations_matrix_of_the_chosen_layer(station, name):
    page = opened(model="llama-nano", station=station, layer="2", panel="exact")
    assert exact(page)["data"][0]["meta"]["matrix"] == name


def test_any_part_opens_around_the_chosen_token_and_names_its_rows_by_position_and_token():
    page = opened(model="llama-nano", text="one two three four five " * 12, panel="exact", token="20")
    labels = exact(page)["layout"]["yaxis"]["ticktext"]
    assert len(labels) == 16 and labels[-1] == "20 · ␣one" and labels[0].startswith("5 · ")


def test_a_decode_steps_row_is_named_by_its_position(llama):
    step = generate(llama, "hello how are you?", 2).steps[1]
    picture = region_picture(step, Look(), layer_entries(llama.config, 0)["attention.weights"], range(1), range(6))
    assert picture.row_labels[0].startswith("5 · ") and picture.column_labels[1] == "1 · ␣how"
    logits = region_picture(step, Look(), layer_entries(llama.config, 0)["logits"], range(1), range(318, 320))
    assert logits.row_labels[0].startswith("5 · ") and logits.column_labels[0] == "318 · ␣is"


def test_cells_of_an_exact_part_have_six_digits_and_however_many_there_are_none_is_rounded_on_the_way(llama):
    step = generate(llama, ids(200), 1).steps[0]
    entry = layer_entries(llama.config, 0)["attention.weights"]
    few = region_picture(step, Look(), entry, range(8, 24), range(8))
    numbers = equation([few], 16, cell=cell_for_numbers(16, 8)).data[0].meta["numbers"]
    value = float(few.values[0, 0])
    assert float(numbers["texts"][0][0].replace("−", "-")) == pytest.approx(value, rel=5e-6)
    many = equation([region_picture(step, Look(), entry, range(200), range(200))], 200).data[0]
    assert np.array_equal(many.z[-1], step.matrix(entry.name).values[0, -1]) and "%{z:.9g}" in many.hovertemplate


def test_the_exact_part_and_what_else_is_shown_are_in_the_link():
    page = opened(model="llama-nano")
    assert not {"chart-heads", "chart-exact"} & set(specs(page)) and "panel" not in link_of(page)
    page = opened(model="llama-nano", panel="exact", exact="attention.w_q:3-9:2-4", layer="1")
    figure = exact(page)
    assert figure["data"][0]["meta"]["matrix"] == "layers.1.attention.w_q"
    assert figure["layout"]["yaxis"]["ticktext"] == [str(i) for i in range(3, 10)]
    next(n for n in page.number_input if n.label.startswith("Last row")).set_value(11).run()
    assert link_of(page)["exact"] == "attention.w_q:3-11:2-4"
    assert len(exact(page)["layout"]["yaxis"]["ticktext"]) == 9


def test_of_ends_too_far_apart_the_other_one_gives_way_and_the_page_says_so():
    page = opened(model="llama-nano", panel="exact", exact="embedding.token:9-20:0-7")
    next(n for n in page.number_input if n.label.startswith("Last row")).set_value(1000).run()
    assert link_of(page)["exact"] == "embedding.token:745-1000:0-7"
    assert "A picture shows at most 256 rows: the first one is now 745." in sentences(page)
    next(n for n in page.number_input if n.label.startswith("First row")).set_value(990).run()
    assert "at most 256" not in sentences(page)
    next(n for n in page.number_input if n.label.startswith("First row")).set_value(9).run()
    assert "the last one is now 264" in sentences(page)


@pytest.mark.parametrize(
    ("exact", "why"),
    [
        ("nonsense", "it must name a matrix, rows and columns"),
        ("attention.norm.bias:0-1:0-1", "no such matrix"),
        ("input:0-99:0-1", "it has no rows 0 to 99"),
        ("input:3-2:0-1", "it has no rows 3 to 2"),
        ("logits:1-1:0-1", "this matrix has 1 row: it has no row 1)"),
        ("logits:1-4:0-1", "this matrix has 1 row: it has no rows 1 to 4)"),
    ],
)
def test_an_exact_part_that_the_model_lacks_gives_way_to_the_stations_matrix_and_the_page_says_why(exact, why):
    page = opened(model="llama-nano", panel="exact", exact=exact)
    assert why in sentences(page) and "the chosen station's matrix is used" in sentences(page)
    assert json.loads(specs(page)["chart-exact"])["data"][0]["meta"]["matrix"] == "layers.0.attention.weights"


def test_a_part_is_written_as_it_is_read():
    written = [str(read_part(text)) for text in ("attention.weights:0-15:8-15", "token_embedding.weight:7-7:0-0")]
    assert written == ["attention.weights:0-15:8-15", "token_embedding.weight:7-7:0-0"]

"""Large pictures travel as codes of one byte each: what a code stands for, and how it is coloured."""

import base64
import json

import numpy as np
import pytest

from dashboard.figures.codes import coarse, coded
from dashboard.figures.equation import equation
from dashboard.figures.picture import Picture
from dashboard.matrices.pictures import Pictures
from llm_core import PRESETS, generate, random_model
from tests.helpers.small_models import ids


@pytest.fixture(scope="module")
def windowed():
    return random_model(PRESETS["llama-nano"].with_(window=4), 0)


def picture(values, **more):
    return Picture("m", "M", "…", values.astype(np.float32), **more)


def heatmaps(*parts):
    return [trace for trace in equation(list(parts), 300).to_dict()["data"] if trace["type"] == "heatmap"]


def cells(trace):
    z = trace["z"]
    kind = {"i1": np.int8, "f4": np.float32}[z["dtype"]]
    return np.frombuffer(base64.b64decode(z["bdata"]), kind).reshape([int(n) for n in z["shape"].split(",")])


def colour_at(trace, code):
    """The colours that meet where a code lies on the colour scale."""
    place = (code - trace["zmin"]) / (trace["zmax"] - trace["zmin"])
    return [colour for at, colour in trace["colorscale"] if at == pytest.approx(place)]


def test_a_code_stands_for_its_number_to_half_a_unit():
    values = np.random.default_rng(0).normal(size=(200, 200))
    [trace] = heatmaps(picture(values, scale=float(np.abs(values).max())))
    assert (
        np.abs(cells(trace) * trace["meta"]["codes"]["unit"] - values).max() <= trace["meta"]["codes"]["unit"] * 0.501
    )


def test_a_picture_of_256_by_256_cells_costs_less_than_one_and_a_half_bytes_a_cell():
    [trace] = heatmaps(picture(np.random.default_rng(0).normal(size=(256, 256))))
    assert len(json.dumps(trace)) < 1.5 * 256 * 256


def test_pictures_that_can_be_read_cell_by_cell_keep_all_digits():
    values = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    [trace] = heatmaps(picture(values))
    assert np.array_equal(cells(trace), values) and "codes" not in trace["meta"]
    assert "%{z:.9g}" in trace["hovertemplate"]


def test_what_is_not_finite_has_no_code_and_is_drawn_as_a_gap():
    values = np.ones((100, 100), np.float32)
    values[3, 3] = np.nan
    assert not coarse(values)
    assert coarse(values, np.isnan(values))
    [trace] = heatmaps(picture(values))
    assert np.isnan(cells(trace)[3, 3])


@pytest.mark.parametrize(("quantity", "full"), [("signed", "217, 92, 6"), ("probability", "13, 148, 136")])
def test_codes_have_the_colours_of_the_numbers_that_they_stand_for(quantity, full):
    [trace] = heatmaps(picture(np.ones((100, 100)), quantity=quantity))
    assert all(colour.endswith(", 0)") for colour in colour_at(trace, 0))  # zero is the page itself
    assert full in colour_at(trace, 126)[0]
    places = [at for at, _ in trace["colorscale"]]
    assert places[0] == 0 and places[-1] == 1 and places == sorted(places)


def test_masked_cells_have_codes_of_their_own_in_grey_and_say_why():
    hidden = np.triu(np.ones((100, 100), bool), 1)
    values = np.where(hidden, -np.inf, 1)
    [trace] = heatmaps(picture(values, hidden=hidden, quantity="probability", row_start=0, column_start=0))
    [(code, why)] = trace["meta"]["codes"]["masked"].items()
    assert why == "in the future" and np.array_equal(cells(trace) == int(code), hidden)
    grey = (int(code) - trace["zmin"]) / (trace["zmax"] - trace["zmin"])
    around = [
        max((at, c) for at, c in trace["colorscale"] if at <= grey),
        min((at, c) for at, c in trace["colorscale"] if at > grey),
    ]
    assert all("128, 132, 142" in colour for _, colour in around)


def test_cells_off_the_scale_say_that_there_is_more_of_them():
    values = np.full((100, 100), 0.5)
    values[0, 0] = 9
    [trace] = heatmaps(picture(values, scale=1.0, off_scale=(1, 9.0)))
    assert cells(trace)[0, 0] == trace["meta"]["codes"]["end"] == 126
    [trace] = heatmaps(picture(values, scale=9.0))
    assert trace["meta"]["codes"]["end"] is None


def test_rows_from_the_cache_are_coded_apart():
    traces = heatmaps(picture(np.arange(20_000).reshape(100, 200), cached=40, kind="cache", row_start=0))
    assert [cells(t).shape for t in traces] == [(40, 200), (60, 200)] and [t["opacity"] for t in traces] == [0.4, 1]


def test_zero_units_of_a_matrix_of_zeros_are_zero():
    assert not coded(np.zeros((100, 100)), 1.0, "signed", {}, False)[0]["z"].any()


@pytest.mark.parametrize("tokens", [12, 300])
def test_what_a_window_hides_is_said_to_be_outside_of_it_and_not_in_the_future(tokens, windowed):
    step = generate(windowed, ids(tokens), 1).steps[0]
    shown = Pictures(step).matrix("layers.0.attention.masked_scores")
    query = (np.arange(shown.rows) * shown.tile[0])[:, None]
    key = (np.arange(shown.columns) * shown.tile[1])[None]
    masks = shown.masks
    assert set(masks) == {"in the future", "outside the window of 4"}
    assert np.array_equal(masks["in the future"] | masks["outside the window of 4"], shown.hidden)
    assert (key > query)[masks["in the future"]].all() and (key < query)[masks["outside the window of 4"]].all()

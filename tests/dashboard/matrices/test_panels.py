"""Deep models on the page: layers, heads, the stream, and matrices too large to draw whole."""

import re
from dataclasses import replace
from itertools import chain, pairwise

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from dashboard.figures.geometry import Again
from dashboard.figures.heads import heads_figure
from dashboard.figures.picture import MOST_CELLS, Picture, pool
from dashboard.figures.pooling import all_of, largest
from dashboard.figures.stream import stream_figure
from dashboard.link import visit
from dashboard.link.settings import Settings
from dashboard.matrices import heads
from dashboard.matrices.equations import equations, groups
from dashboard.matrices.heads import sink_sentence
from dashboard.matrices.pictures import Look
from dashboard.matrices.readings import READINGS, read_matrices
from dashboard.matrices.shared_heads import kv_head_of, sharing_sentence, slice_of
from llm_core import PRESETS, catalogue, generate, load_model, random_model
from tests.helpers.links import link_of
from tests.helpers.pages import drawn, matrices, next_token, opened, sentences, specs, texts_above
from tests.helpers.small_models import CONFIGS, ids

GROUPED = "grouped queries, RoPE, SwiGLU"


def slider(page: AppTest, label: str):
    return next(s for s in page.slider if s.label == label)


# ---- the page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["toy-6", pytest.param("gpt2-nano", marks=pytest.mark.slow), "llama-nano"])
@pytest.mark.parametrize("station", ["text", "embedding", "attention", "feedforward", "logits", "sample"])
def test_each_station_of_a_deep_model_is_drawn_with_at_most_twelve_charts(model, station):
    page = opened(model=model, station=station, layer="1", panel="stream")
    assert not page.exception and not sentences(page)
    assert 0 < len(drawn(page)) <= 12


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"station": "attention"}, True),
        ({"station": "sample"}, False),
        ({"station": "sample", "panel": "heads"}, True),
    ],
)
def test_a_layer_and_a_head_can_be_chosen_where_something_of_them_is_shown(query, shown):
    page = opened(model="llama-nano", layer="1", head="1", **query)
    assert ({"Layer", "Head"} <= {s.label for s in page.slider}) == shown
    assert link_of(page)["layer"] == link_of(page)["head"] == "1"  # kept for the other stations


def test_only_the_chosen_layers_matrices_are_on_the_page():
    page = opened(model="llama-nano", layer="2")
    layers = {name.split(".")[1] for name in matrices(page) if name.startswith("layers.")}
    assert layers <= {"1", "2"}  # layer 1 for the residual that layer 2 reads
    assert "layers.2.attention.q_rotated" in matrices(page)


def test_another_layer_goes_into_the_link_and_shows_its_matrices():
    page = opened(model="llama-nano")
    slider(page, "Layer").set_value(3).run()
    assert link_of(page)["layer"] == "3"
    assert "layers.3.attention.weights" in matrices(page) and "layers.0.attention.weights" not in matrices(page)


def test_another_head_changes_the_head_in_its_equations_and_says_who_shares_its_keys():
    page = opened(model="llama-nano")
    slider(page, "Head").set_value(3).run()
    assert any("Heads 2 and 3 share KV head 1" in text for text in texts_above(page))


@pytest.mark.parametrize(("name", "value"), [("layer", "4"), ("head", "4"), ("layer", "-1"), ("head", "x")])
def test_a_layer_or_head_that_the_model_lacks_gives_way_to_the_first_and_the_page_says_so(name, value):
    page = opened(model="llama-nano", **{name: value})
    assert not page.exception and f"{name} = {value}" in sentences(page)


def test_the_toy_needs_no_choice_of_layer_or_head():
    assert not {"Layer", "Head"} & {s.label for s in opened().slider}


def test_a_dice_change_leaves_a_deep_models_matrices_of_prefill_standing():
    page = opened(model="llama-nano")
    token = next_token(page)["token"]
    page.number_input(key="dice_seed").set_value(99).run()
    assert next_token(page)["token"] != token
    assert not drawn(page)


@pytest.mark.slow
def test_smollm2_says_paris_and_has_no_notice_of_random_weights():
    page = opened(model="smollm2-135m", text="The capital of France is", temperature="0", layer="12", panel="heads")
    assert not page.exception and next_token(page)["token"] == "␣Paris"
    assert not any("Random weights" in caption.value for caption in page.caption)
    assert any("attention sink" in caption.value for caption in page.caption)


# ---- equations ------------------------------------------------------------------------------------------------------


def test_every_matrix_of_every_architecture_is_in_exactly_one_equation(small_model):
    names = [entry.name for group in groups(small_model.config) for entry in group]
    assert sorted(names) == sorted(entry.name for entry in catalogue.matrices(small_model.config))


def test_every_matrix_and_weight_of_a_layer_is_drawn(small_model):
    step = generate(small_model, ids(9), 1).steps[0]
    layer = small_model.config.layers - 1
    pictures = [
        p
        for row in equations(step, Look(layer))
        for part in row.parts
        if isinstance(part, Picture)
        for p in (part, *(under for _, under in part.below))
    ]
    wanted = [
        e.name
        for e in (*catalogue.matrices(small_model.config), *catalogue.weights(small_model.config))
        if e.layer in (None, layer)
    ]
    assert set(wanted) <= {p.name for p in pictures}


def test_a_scaled_matrix_stands_behind_the_sign_of_its_own_entry(small_model):
    rows = equations(generate(small_model, ids(9), 1).steps[0], Look(0))
    scaled = {e.name: e for row in rows for e in row.entries if e.factor != 1}
    parts = [p for row in rows for part in row.parts for p in (part, *chain(*getattr(part, "below", ())))]
    signs = {p.name: sign for sign, p in pairwise(parts) if isinstance(p, Picture) and isinstance(sign, str)}
    assert scaled and {name: signs[name] for name in scaled} == {name: e.sign for name, e in scaled.items()}


def test_a_heads_equations_hold_its_own_part_of_the_weights_and_the_kv_head_that_it_shares():
    model = random_model(CONFIGS[GROUPED], 3)
    step = generate(model, ids(6), 1).steps[0]
    shown = {p.name: p for row in equations(step, Look(1, 3)) for p in row.parts if isinstance(p, Picture)}
    d = model.config.head_dim
    attention = model.layers[1].attention
    assert np.array_equal(shown["layers.1.attention.w_q"].values, attention.w_q[:, 3 * d :].detach())
    assert np.array_equal(shown["layers.1.attention.w_k"].values, attention.w_k[:, d:].detach())
    assert np.array_equal(shown["layers.1.attention.w_o"].values, attention.w_o[3 * d :].detach())
    assert np.array_equal(shown["layers.1.attention.keys"].values, step.matrix("layers.1.attention.keys").values[1])
    assert np.array_equal(shown["layers.1.attention.q"].values, step.matrix("layers.1.attention.q").values[3])


def test_queries_stand_before_and_after_their_rotation_in_one_row():
    rows = groups(CONFIGS["normed queries, wide heads, window"], 0)
    names = [[entry.name.rsplit(".", 1)[-1] for entry in row] for row in rows]
    assert ["q", "q_normed", "q_rotated"] in names and ["k", "k_normed", "k_rotated"] in names


@pytest.mark.parametrize(("tokens", "times"), [(6, 4), (200, 1)])
def test_a_large_matrix_that_several_weights_meet_is_drawn_once_and_a_small_one_in_each_equation(llama, tokens, times):
    rows = equations(generate(llama, ids(tokens), 1).steps[0], Look(1), "attention")
    drawn = [part.name for row in rows for part in row.parts if isinstance(part, Picture)]
    assert drawn.count("layers.1.attention.norm") == times  # made, and read by W_q, W_k and W_v
    again = [part.symbol for row in rows for part in row.parts if isinstance(part, Again)]
    assert again == ([] if tokens == 6 else ["X̂", "X̂", "X̂", "QKᵀ"])


@pytest.mark.parametrize(("head_dim", "shared"), [(16, True), (64, False)])
def test_scaled_scores_keep_the_scale_of_the_dot_products_unless_they_would_be_faint_on_it(head_dim, shared):
    config = PRESETS["llama-nano"].with_(head_dim=head_dim)
    rows = equations(generate(random_model(config, 0), ids(12), 1).steps[0], Look(), "attention")
    row = next(row for row in rows if row.key.endswith("scores"))
    raw, scaled, masked = [part.scale for part in row.parts if isinstance(part, Picture)][:3]
    assert (raw == scaled) == shared and scaled == masked


def test_heads_that_share_keys_and_values_are_named():
    config = CONFIGS[GROUPED]
    assert [kv_head_of(config, h) for h in range(4)] == [0, 0, 1, 1]
    assert sharing_sentence(config, 2).startswith("Heads 2 and 3 share KV head 1")
    assert sharing_sentence(config.with_(heads=4, kv_heads=1), 0).startswith("Heads 0 to 3 share KV head 0")
    assert sharing_sentence(config.with_(heads=4), 0) == ""
    assert slice_of(config, "layers.0.attention.w_k", 3)[2] == "columns 4–7 of 8"
    assert slice_of(config, "layers.0.feedforward.w_up", 3) is None


# ---- large matrices -------------------------------------------------------------------------------------------------


def test_reading_block_by_block_gives_the_same_cells_as_reading_whole(llama, monkeypatch):
    step = generate(llama, ids(300), 1).steps[0]
    names = [n for n in step.names if n.startswith("layers.1.")]
    whole = read_matrices(step, names)
    monkeypatch.setattr("dashboard.matrices.readings.DERIVED_WHOLE", 0)
    READINGS.clear()
    blocks = read_matrices(step, names)
    for name in names:
        assert np.array_equal(whole[name].values, blocks[name].values), name
        assert whole[name].shape == blocks[name].shape and whole[name].scales == blocks[name].scales
        assert whole[name].labels == blocks[name].labels
        assert max(whole[name].values.shape[-2:]) <= MOST_CELLS


def test_a_pooled_cell_is_hidden_only_where_all_of_it_is_masked(llama):
    reading = read_matrices(generate(llama, ids(300), 1).steps[0], ["layers.0.attention.masked_scores"])
    reading = reading["layers.0.attention.masked_scores"]
    assert reading.tile == (3, 3)
    assert np.array_equal(reading.hidden, np.triu(np.ones((100, 100), bool), 1))
    assert np.isfinite(reading.values).all()


def test_both_ways_of_pooling_keep_the_number_of_largest_magnitude():
    values = np.random.default_rng(0).standard_normal((1, 601, 530), np.float32)
    pooled, tile = pool(values[0])
    assert tile == (5, 5) and pooled.shape == (121, 106)
    assert np.array_equal(largest(largest(values, 5), 5, -2)[0], pooled)
    corner = values[0, :5, :5].flatten()
    assert pooled[0, 0] == corner[np.abs(corner).argmax()]
    assert all_of(np.array([[True, True, False, True, True]]), 2).tolist() == [[True, False, True]]


def test_a_sink_is_said_where_over_half_of_the_last_rows_attention_goes_to_the_first_token():
    assert sink_sentence(torch.tensor([0.2, 0.4])) == ""
    said = sink_sentence(torch.tensor([0.9, 0.6, 0.1]))
    assert said.startswith("2 of 3 heads give the first token") and "Such a token is called an attention sink." in said


def test_all_heads_share_one_scale_and_each_has_its_title():
    future = {"in the future": np.triu(np.ones((5, 5), bool), 1)}
    figure = heads_figure(np.random.default_rng(0).random((9, 5, 5)), future, (0.7, (0, 0.0)))
    assert [t.zmax for t in figure.data] == [0.7, 1] * 9
    assert [a.text for a in figure.layout.annotations][2:5] == ["head 2", "head 3", "head 4"]


@pytest.mark.parametrize(
    ("tokens", "index", "queries", "keys"),
    [
        (5, 0, None, None),
        (5, 1, ["5"], None),
        (301, 0, ["0–5", "294–299", "300"], ["0–5", "294–299", "300"]),
    ],
)
def test_the_pointer_is_told_which_tokens_a_cell_of_all_heads_stands_for(llama, tokens, index, queries, keys):
    """None: its row or column is that token's position, and no name needs to be sent."""
    step = generate(llama, ids(tokens), 2).steps[index]
    (reading,) = read_matrices(step, ["layers.0.attention.weights"]).values()
    figure = heads._heads_figure(step, reading, (1.0, (0, 0.0)))
    for axis, names in ((figure.layout.yaxis4, queries), (figure.layout.xaxis4, keys)):
        if names is None:
            assert axis.ticktext is None
            continue
        assert [name for name in axis.ticktext if name in names] == names
        assert len(axis.ticktext) == len(axis.tickvals) == axis.tickvals[-1] + 1


def test_all_heads_of_a_long_text_say_that_their_scale_ends_at_the_99th_percentile():
    page = opened(model="llama-nano", text="one two three four five " * 12, panel="heads")
    said = next(c.value for c in page.caption if "share one scale" in c.value)
    assert re.search(r"0 … [\d.]+ %, the 99th percentile: \d+ cells off the scale, up to 100 %", said)


@pytest.mark.parametrize("panel", ["", "heads"])
def test_another_head_draws_what_is_a_heads_own_and_nothing_else(panel):
    page = opened(model="llama-nano", text="one two three four five " * 12, **({"panel": panel} if panel else {}))
    before = specs(page)
    assert len(before) == (11 if panel else 10)
    slider(page, "Head").set_value(1).run()
    of_head = ("q", "dot_products", "scores", "head_output", "output")  # keys and values are those of head 0
    assert {key for key, figure in specs(page).items() if figure != before.get(key)} == {
        f"chart-layers-0-attention-{name}" for name in of_head
    }
    assert set(specs(page)) == set(before) - {"chart-heads"}  # all of a section is sent; the board draws what differs


def test_a_click_on_another_heads_small_picture_chooses_it_and_no_other_click_does(monkeypatch):
    looked = {}
    step = generate(load_model("llama-nano"), "one two three", 1).steps[0]
    chosen = Settings(model="llama-nano", layer=1, head=2, panel="heads")
    monkeypatch.setattr(visit, "current", lambda: chosen)
    monkeypatch.setattr(heads, "change", lambda **settings: looked.update(settings))
    pick = {"matrix": "layers.1.attention.weights", "head": 3, "rows": [0], "columns": [0]}
    for other in (
        {"head": 2},
        {"head": 4},
        {"head": -1},
        {"head": "3"},
        {"head": True},
        {"head": None},
        {"matrix": "layers.2.attention.weights"},
        {"matrix": "layers.1.attention.q"},
    ):
        assert not heads.choose_head(pick | other, step)
    assert not heads.choose_head(None, step)
    chosen = replace(chosen, panel="")
    assert not heads.choose_head(pick, step)
    assert not looked
    chosen = replace(chosen, panel="heads")
    assert heads.choose_head(pick, step)
    assert looked == {"head": 3}


def test_another_head_draws_nothing_where_no_head_is_shown():
    page = opened(model="llama-nano", station="feedforward")
    assert specs(page)
    slider(page, "Head").set_value(1).run()
    assert not specs(page)


def test_the_figure_of_all_heads_does_not_depend_on_the_chosen_one():
    figures = [specs(opened(model="llama-nano", panel="heads", head=head))["chart-heads"] for head in ("0", "1")]
    assert figures[0] == figures[1]


def test_the_stream_names_its_token_and_each_layers_door():
    values = np.ones((31, 116), np.float32)
    figure = stream_figure(values, np.ones(31), 1, "4 · <b>", 3, each=5)
    assert figure.layout.yaxis.ticktext[0] == "input" and figure.layout.yaxis.ticktext[1] == "after layer 1"
    assert "residual stream of 4 · &lt;b&gt;" in figure.layout.annotations[0].text
    assert figure.layout.xaxis.ticktext[1] == "5–9"  # which of the model's columns a pooled cell stands for

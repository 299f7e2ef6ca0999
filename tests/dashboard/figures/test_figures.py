"""Figures show what the engine computed: values, masks, labels and places."""

import numpy as np
import pytest
import torch

from dashboard.figures import colours
from dashboard.figures.alternative import picture_in_words
from dashboard.figures.equation import equation, escape, short
from dashboard.figures.geometry import NARROWEST, NUMBERED, WIDE, cell_for, fitted, plan, row_height
from dashboard.figures.lines import Line, Panel, lines_figure
from dashboard.figures.picture import Picture, number, percent, pool
from dashboard.figures.sampling import StageBars, stage_bars
from dashboard.figures.scale import scale_of
from dashboard.matrices.equations import equations, groups
from dashboard.matrices.pictures import Look
from llm_core import Sampling, catalogue, generate, load_model
from llm_core.model.identity import Trained
from llm_core.runs import html

PROMPT = "hello how are you?"


@pytest.fixture(scope="module")
def run(toy):
    return generate(toy, PROMPT, max_new_tokens=2)


def figures(step, tokens=7):
    return [equation(row.parts, tokens) for row in equations(step)]


def heatmaps(step):
    """Each heatmap of a matrix or weight, by name; of several with one name the first."""
    found = {}
    for figure in figures(step):
        for trace in figure.data:
            if trace.type == "heatmap" and trace.meta:
                found.setdefault(trace.meta["matrix"], trace)
    return found


def test_every_matrix_of_the_catalogue_is_drawn_in_each_step(run):
    for step in run.steps:
        assert set(step.names) <= set(heatmaps(step))


def test_every_weight_is_drawn_beside_what_it_makes(run, toy):
    assert {entry.name for entry in catalogue.weights(toy.config)} <= set(heatmaps(run.steps[0]))


def test_every_matrix_is_computed_in_exactly_one_equation(toy):
    names = [entry.name for group in groups(toy.config) for entry in group]
    assert names == [entry.name for entry in catalogue.matrices(toy.config)]


def test_cells_hold_the_engines_own_numbers(run):
    step = run.steps[0]
    for name, trace in heatmaps(step).items():
        if name not in step.names or name in ("logits", "probabilities"):
            continue
        expected = step.matrix(name)
        values = expected.values[0] if expected.values.ndim == 3 else expected.values
        shown = np.where(np.isnan(trace.z), values.numpy(), trace.z)  # masked cells are left out
        assert np.array_equal(shown, values.numpy()), name
        assert trace.z.dtype == np.float32


@pytest.mark.parametrize("seed", [0, 7, 99])
def test_logits_are_shown_for_the_most_likely_tokens_and_the_drawn_one(toy, seed):
    step = generate(toy, PROMPT, 1, Sampling(seed=seed)).steps[0]
    shown = heatmaps(step)
    ids = shown["logits"].meta["origin"]["columns"]
    assert ids[:-1] == step.logits[0].topk(len(ids) - 1).indices.tolist() and step.sampled.id in ids
    assert np.array_equal(shown["logits"].z[0], step.logits[0, ids].numpy())
    assert np.array_equal(shown["probabilities"].z[0], step.matrix("probabilities").values[0, ids].numpy())
    weights = toy.unembedding.weight[:, ids].detach().numpy()
    assert np.array_equal(shown["unembedding.weight"].z, weights)
    assert np.array_equal(shown["unembedding.bias"].z[0], toy.unembedding.bias[ids].detach().numpy())


def test_all_of_the_toys_matrices_print_their_numbers(run):
    for step in run.steps:
        for name, trace in heatmaps(step).items():
            assert "numbers" in trace.meta, name
    share = heatmaps(run.steps[0])["probabilities"]
    (texts,) = share.meta["numbers"]["texts"]
    assert texts == [f"{1e5 * value:.1f}" for value in share.z[0]], "the caption says: × 10⁻⁵"


def test_a_result_below_its_weights_has_its_tokens_beside_its_rows(toy):
    step = generate(toy, "one two three four", 1).steps[0]
    (row,) = [row for row in equations(step) if row.entries[0].symbol == "U"]
    placed = {p.picture.symbol: p for p in plan(row.parts, cell_for(5, 24)).placed}
    weights, result = placed["W_1"], placed["U"]
    assert (result.left, result.width) == (weights.left, weights.width) and result.top > weights.bottom
    assert result.picture.row_labels == result.picture.row_names


def test_the_future_is_masked_and_says_so(run):
    step = run.steps[0]
    weights = heatmaps(step)["layers.0.attention.weights"].z
    assert np.array_equal(np.isnan(weights), np.triu(np.ones((5, 5), bool), 1))
    said = [trace.hovertemplate for figure in figures(step) for trace in figure.data if trace.type == "heatmap"]
    assert any("in the future" in text for text in said)


def test_meta_says_which_token_positions_rows_and_columns_are(run):
    prefill, decode = heatmaps(run.steps[0]), heatmaps(run.steps[1])
    places = ("row_start", "row_count", "column_start", "column_count")
    meta = prefill["layers.0.attention.weights"].meta
    assert [meta[p] for p in places] == [0, 5, 0, 5]
    meta = decode["layers.0.attention.weights"].meta
    assert [meta[p] for p in places] == [5, 1, 0, 6]
    assert prefill["layers.0.attention.w_q"].meta["row_start"] is None
    assert prefill["logits"].meta["row_start"] == 4


def test_rows_from_the_cache_are_drawn_apart_and_weaker(run):
    traces = [t for f in figures(run.steps[1]) for t in f.data if t.type == "heatmap" and t.meta]
    keys = [t for t in traces if t.meta["matrix"] == "layers.0.attention.keys"][:2]
    assert [t.opacity for t in keys] == [0.4, 1]
    assert [t.meta["row_count"] for t in keys] == [5, 1]
    assert "from cache" in keys[0].hovertemplate and "from cache" not in keys[1].hovertemplate


def test_cells_are_as_large_in_decode_as_in_prefill(run):
    def width(step):
        figure = next(f for f in figures(step) if f.data[0].meta["matrix"] == "input")
        return (figure.layout.xaxis.domain[1] - figure.layout.xaxis.domain[0]) * figure.layout.width

    assert width(run.steps[0]) == pytest.approx(width(run.steps[1]))


def test_a_prompt_of_256_tokens_is_drawn_with_at_most_256_cells_a_side(toy):
    long = generate(toy, " a" * 256)
    for trace in heatmaps(long.steps[0]).values():
        assert max(trace.z.shape) <= 256
        assert len(trace.meta.get("numbers", {}).get("texts", ())) <= 16


def test_a_larger_matrix_is_pooled_by_largest_magnitude():
    values = np.zeros((600, 3), np.float32)
    values[5, 1] = -7
    pooled, tile = pool(values)
    assert tile == (5, 1) and pooled.shape == (120, 3)
    assert pooled[1, 1] == -7 and np.abs(pooled).sum() == 7


def test_one_towering_cell_does_not_set_the_scale():
    values = np.ones(1000, np.float32)
    values[3] = 22_453
    scale, off = scale_of(values)
    assert scale == 1 and off == (1, 22_453)
    assert scale_of(np.array([1.0, -2.0]))[0] == 2


def test_an_all_zero_or_empty_matrix_has_a_scale():
    assert scale_of(np.zeros(4))[0] == 1
    assert scale_of(np.array([]))[0] == 1


@pytest.mark.parametrize("markup", ["<script>alert(1)</script>", "<b>x</b>", "<a href='http://x'>y</a>", "&amp;"])
def test_labels_are_escaped(markup):
    picture = Picture("m", "M", "1×1", np.ones((1, 1), np.float32), row_labels=[markup], row_start=0)
    labels = equation([picture], 1).layout.yaxis.ticktext
    assert "<" not in labels[0]
    assert "<" not in escape(markup)
    bars = stage_bars([StageBars("softmax", [1.0])], [markup], 0)
    assert "<" not in bars.layout.yaxis.ticktext[0]


def test_every_heatmap_has_a_colour_scale_of_its_own_around_zero(run):
    for trace in heatmaps(run.steps[0]).values():
        assert trace.colorscale
        assert trace.zmin in (-trace.zmax, 0)


def test_stages_that_dropped_a_token_say_out():
    figure = stage_bars([StageBars("top-k 1", [1.0, 0.0])], ["a", "b"], 0)
    assert list(figure.data[0].text) == ["100 %", "out"]


@pytest.mark.parametrize(
    ("value", "largest", "text"),
    [
        (-1.23, 2, "−1.2"),
        (0.354, 0.5, ".35"),
        (-0.001, 0.5, ".00"),
        (1.0, 0.5, "1"),
        (104.4, 200, "104"),
        (0.0, 1, "0.0"),
    ],
)
def test_numbers_in_cells_are_short(value, largest, text):
    assert short(value, largest) == text


def test_numbers_in_narrow_cells_lack_the_zero_before_the_point():
    assert [short(value, 2, tight=True) for value in (-0.7, 0.04, 1.2)] == ["−.7", ".0", "1.2"]


def test_numbers_in_captions_are_readable():
    assert [number(v) for v in (2.13, 0.0336, 22_453.2, 0.0, -1.5)] == ["2.1", "0.034", "22,453", "0", "−1.5"]
    assert percent(0.7712) == "77 %" and percent(0.0000334) == "0.0033 %"
    assert [percent(p) for p in (0.0, 1e-6, 9.6e-7, 1.54e-9, 3e-14)] == [
        "0 %",
        "0.00010 %",
        "9.6e−5 %",
        "1.5e−7 %",
        "3.0e−12 %",
    ]


@pytest.mark.parametrize(
    ("most", "said"),
    [
        (1.0, ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
        (0.034, ["0 %", "1.0 %", "2.0 %", "3.0 %"]),
        (1.5e-9, ["0 %", "5.0e−8 %", "1.0e−7 %", "1.5e−7 %"]),
        (0.0, ["0 %"]),
    ],
)
def test_an_axis_of_probabilities_has_a_few_labels_that_can_be_read(most, said):
    axis = lines_figure(["in", "0"], [Panel("Probability", [Line("a", [0.0, most])], percent=True)]).layout.yaxis
    assert list(axis.ticktext) == said == [percent(tick) for tick in axis.tickvals]


def test_drawing_changes_no_matrix(run):
    before = run.steps[0].matrix("layers.0.attention.weights").values.clone()
    figures(run.steps[0])
    assert torch.equal(before, run.steps[0].matrix("layers.0.attention.weights").values)


def test_pointing_at_a_cell_names_its_row_token_even_where_no_label_is_written(run):
    figure = next(f for f in figures(run.steps[0]) if f.data[0].meta["matrix"] == "input")  # X × W_q = Q
    assert list(figure.layout.yaxis.ticktext) == ["hello", "␣how", "␣are", "␣you", "?"]
    assert list(figure.layout.yaxis3.ticktext)[:2] == ["hello", "␣how"]


def test_pointing_at_a_cell_tells_a_tokens_position_and_text_whether_or_not_its_label_is_written(run):
    for step, rows in ((run.steps[0], "%{y:d} %{y}"), (run.steps[1], "5 %{y}")):
        told = {t.meta["matrix"]: t.hovertemplate for f in figures(step) for t in f.data if "matrix" in (t.meta or {})}
        assert told["input"].startswith(f"position {rows}<br>feature %{{x}}<br>")
        assert told["layers.0.attention.q"].startswith(f"position {rows}<br>")
        assert told["layers.0.attention.weights"].startswith(f"query {rows}<br>key %{{x:d}} %{{x}}<br>")
        assert told["logits"].startswith(f"position {step.positions[-1]} %{{y}}<br>vocab %{{x}}<br>")
    masked = [
        t.hovertemplate for f in figures(run.steps[0]) for t in f.data if "in the future" in (t.hovertemplate or "")
    ]
    assert masked and all(told.startswith("query %{y:d} %{y}<br>key %{x:d} %{x}<br>") for told in masked)


def test_columns_of_the_vocabulary_are_called_by_their_tokens_wherever_they_stand(run):
    likeliest = run.steps[0].logits[0].topk(20).indices.tolist()
    names = [run.model.tokenizer.label(i) for i in likeliest]
    for row in equations(run.steps[0], station="logits"):
        _, *parts = (part for part in row.parts if isinstance(part, Picture))
        for picture in (part for whole in parts for part in (whole, *(under for _, under in whole.below))):
            said = picture_in_words(picture)
            assert sum(f"vocab {name}:" in said for name in names) == 3, said


def test_only_axes_with_labels_on_them_draw_ticks(toy):
    for figure in figures(generate(toy, " a" * 100).steps[0], 103):
        axes = [axis for name, axis in figure.layout.to_plotly_json().items() if name[1:].startswith("axis")]
        assert axes and all(bool(axis["ticks"]) == axis["showticklabels"] for axis in axes)
        assert all(len(axis["ticktext"]) > 0 for axis in axes)  # pointing at a cell names its row and column


@pytest.mark.parametrize("tokens", [40, 200])
def test_equations_without_numbers_in_their_cells_fit_a_window_of_1440_pixels(toy, tokens):
    for step in generate(toy, " a" * tokens, 2).steps:
        for row in equations(step, station="attention"):
            cell = fitted(row.parts, cell_for(tokens + 2, 0))
            if cell.feature < NUMBERED and cell.token > NARROWEST:
                assert plan(row.parts, cell).width <= WIDE + 1, row.key


def test_columns_with_numbers_or_labels_keep_their_width(toy):
    rows = equations(generate(toy, " a" * 14).steps[0], station="attention")
    parts = next(row.parts for row in rows if row.key.endswith("scores"))
    cell = cell_for(17, 0)
    assert plan(parts, cell).width > WIDE and fitted(parts, cell).token == cell.token


@pytest.mark.parametrize("name", ["toy", "llama-nano"])
@pytest.mark.parametrize("step", [0, 2], ids=["prefill", "decode"])
def test_every_equation_of_a_short_prompt_fits_a_window_of_1440_pixels(name, step):
    run = generate(load_model(name), PROMPT, max_new_tokens=3)
    for row in equations(run.steps[step], Look(layer=0)):
        columns = sum(p.columns for p in row.parts if isinstance(p, Picture) and p.column_start is None)
        assert plan(row.parts, fitted(row.parts, cell_for(8, columns))).width <= WIDE + 1, row.key


def test_a_decode_steps_chain_is_a_stack_with_each_operation_beside_the_row_that_it_makes(run):
    row = next(row for row in equations(run.steps[1]) if row.key.endswith("scores"))
    laid = plan(row.parts, cell_for(7, 0))
    assert [placed.left for placed in laid.placed] == [laid.placed[0].left] * 4
    assert [word.text for word in laid.words] == ["÷ √8", "mask", "softmax"]
    for word, above, below in zip(laid.words, laid.placed, laid.placed[1:], strict=False):
        half = 6 * (len(word.text) + 2) / 2
        assert word.x - half > 0 and word.x + half < below.left
        assert above.bottom < word.y < below.top
        assert below.top - above.bottom >= 22 + 15  # the title's line, and the proof's mark


def test_an_operator_stands_midway_between_the_pictures(run):
    row = next(row for row in equations(run.steps[0]) if row.key.endswith("attention-q"))
    laid = plan(row.parts, cell_for(7, 24))
    times, equals = laid.words
    x, w, q = laid.placed
    assert times.x == pytest.approx((x.right + w.left - 18) / 2)  # 18 for the word beside the rows
    assert equals.x == pytest.approx((w.right + q.left - 18) / 2)


def test_a_decode_steps_row_is_high_enough_to_see(toy):
    step = generate(toy, " a" * 200, 2).steps[1]
    picture = next(p for row in equations(step) for p in row.parts if isinstance(p, Picture) and p.name == "input")
    assert picture.rows == 1 and row_height(picture, cell_for(202, 8)) == 12


def test_a_notebook_has_the_pages_colours():
    for name in ("BLUE", "ORANGE", "TEAL", "GREY", "STRONGEST"):
        assert getattr(html, f"_{name}") == getattr(colours, name)


def test_weights_are_called_random_until_training_has_set_them(own_model):
    drawn = own_model("pre-norm, learned positions, biases")
    learned = {"embedding.token": drawn.weight("embedding.token") + 1}
    trained = drawn.with_weights(learned, Trained(drawn.weights.version, steps=1))
    for model, word, other in ((drawn, "random", "learned"), (trained, "learned", "random")):
        told = str([figure.to_plotly_json() for figure in figures(generate(model, [1, 2, 3], 1).steps[0])])
        assert word in told and other not in told


@pytest.mark.parametrize("tokens", [1, 2, 3, 5])
def test_a_figure_is_no_narrower_than_streamlit_draws_one_so_that_a_small_matrix_is_not_cut_off(tokens):
    values = np.ones((tokens, tokens), np.float32)
    labels = ["cats", "␣like", "␣milk", "␣so", "much"][:tokens]
    alone = Picture(
        "a",
        "A",
        f"{tokens}×{tokens}",
        values,
        row_labels=labels,
        column_labels=labels,
        row_start=0,
        column_start=0,
        column_word="key",
        row_word="query",
    )
    layout = equation([alone], tokens).to_dict()["layout"]
    assert layout["width"] >= 150
    cell = (layout["xaxis"]["domain"][1] - layout["xaxis"]["domain"][0]) * layout["width"] / tokens
    assert cell == pytest.approx(26)


def test_the_bars_of_all_stages_share_one_scale() -> None:
    figure = stage_bars([StageBars("softmax", [0.6, 0.4]), StageBars("temperature 2", [0.55, 0.45])], ["a", "b"], 0)
    assert figure.layout.xaxis.range == figure.layout.xaxis2.range == (0, 1.65 * 0.6)


@pytest.mark.parametrize(("values", "ticks"), [([1, 50_000], 1), ([900, 9_000], "D2"), ([5_000, 9_900], "D1")])
def test_the_labels_of_a_logarithmic_axis_are_few_enough_to_be_read(values, ticks) -> None:
    figure = lines_figure(["0", "1"], [Panel("Rank", [Line("rank", values)], log=True, falling=True)])
    assert figure.layout.yaxis.dtick == ticks and figure.layout.yaxis.nticks is None

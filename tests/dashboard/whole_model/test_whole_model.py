"""The Whole model page by AppTest, and what it is made of: thumbnails, map, lens, norms and table."""

import base64
import json
import math
import re
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from dashboard.figures.lens import lens_figure
from dashboard.figures.lines import Line, Panel, lines_figure
from dashboard.figures.picture import number, percent
from dashboard.link.models import model_key
from dashboard.link.settings import DEFAULTS, Settings, read_link
from dashboard.server import rude_words
from dashboard.server.computed import LIBRARY
from dashboard.server.rude_words import REMARK
from dashboard.whole_model import lens as lens_section
from dashboard.whole_model import survey as surveys
from dashboard.whole_model.map import chosen_entry, plan_of
from dashboard.whole_model.shrink import CELLS, Shrunk
from dashboard.whole_model.stream import doors_in_words, row_norms
from dashboard.whole_model.table import WIDTHS, sinks, soundness, table
from llm_core import Sampling, catalogue, generate, load_model, random_model
from llm_core.measures.health import Health, health
from llm_core.measures.logit_lens import lens
from tests.helpers.links import link_of, widget
from tests.helpers.pages import whole_model
from tests.helpers.small_models import CONFIGS, ids

MODELS = ("toy", "toy-6", "gpt2-nano", "llama-nano")
GROUPED = "grouped queries, RoPE, SwiGLU"
MASKED = 255


def drawn(page: AppTest, matrix: str | None = None) -> list[dict]:
    figures = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]
    return [f for f in figures if matrix is None or any(t.get("meta", {}).get("matrix") == matrix for t in f["data"])]


def the_map(page: AppTest) -> dict:
    """What is sent to the browser's map."""
    sent = [json.loads(c.proto.json) for c in page.get("bidi_component") if c.proto.json]
    return next(data for data in sent if isinstance(data, dict) and "signature" in data)


def texts(page: AppTest) -> str:
    return "\n".join(element.value for element in (*page.text, *page.caption, *page.subheader, *page.markdown))


def cells_of(thumbnail: dict) -> np.ndarray:
    cells = np.frombuffer(base64.b64decode(thumbnail["cells"]), np.uint8)
    return cells.reshape(thumbnail["rows"], thumbnail["columns"])


@pytest.fixture(scope="module")
def llama():
    return load_model("llama-nano")


# ---- the page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_the_page_has_every_matrix_on_the_map_and_in_the_table(model):
    page = whole_model(model=model)
    assert not page.exception and not page.error
    config = load_model(model).config
    found = the_map(page)["map"]
    names = {name.partition("#")[0] for name in found["thumbnails"]}
    assert names == {entry.name for entry in catalogue.matrices(config)}
    assert sum(".attention.weights#" in name for name in found["thumbnails"]) == config.layers * config.heads
    rows = page.dataframe[0].value
    assert set(rows["name"]) == names
    assert len(rows) == len(found["thumbnails"])
    assert "are sound: they have no NaN" in texts(page)


def test_each_cell_of_the_map_says_the_range_of_its_matrix(llama):
    step = generate(llama, "hello how are you?", 3).steps[0]
    found = the_map(whole_model(model="llama-nano"))["map"]["thumbnails"]
    assert all(re.match("from .+ to .+", thumbnail["said"]) for thumbnail in found.values())
    q = step.matrix("layers.2.attention.q").values
    ends = number(float(q.min())), number(float(q.max()))
    assert found["layers.2.attention.q"]["said"] == (
        f"from {ends[0]} to {ends[1]}, largest magnitude {number(float(q.abs().max()))}"
    )
    weights = step.matrix("layers.2.attention.weights")
    seen = weights.values[3][~weights.mask]
    assert found["layers.2.attention.weights#3"]["said"] == f"from {percent(float(seen.min()))} to 100 %"


def test_the_lines_of_the_page_say_their_ranges_by_layer(llama):
    page = whole_model(model="llama-nano")
    said = {chart.proto.id.split("-", 1)[-1]: chart.proto.alt for chart in page.get("plotly_chart")}
    (norms,) = [alt for alt in said.values() if alt.startswith("Mean norm of the rows: from ")]
    assert "Norm of the longest row: from " in norms and "largest after layer " in norms
    (guess,) = [alt for alt in said.values() if "Probability of " in alt]
    assert " % to " in guess and "after layer 3" in guess and "Rank of " in guess


def test_a_link_says_which_matrix_stands_beside_the_map():
    page = whole_model(model="llama-nano", layer="2", head="3", part="attention.q")
    assert the_map(page)["chosen"] == "layers.2.attention.q"
    assert len(drawn(page, "layers.2.attention.q")) == 1
    assert "Queries · layer 2 · head 3" in texts(page)
    page = whole_model(model="llama-nano", layer="2", head="3")
    assert the_map(page)["chosen"] == "layers.2.attention.weights#3"


def test_of_the_vocabulary_the_likeliest_tokens_stand_beside_the_map():
    page = whole_model(model="llama-nano", part="logits")
    (figure,) = drawn(page, "logits")
    assert "20 of 50,257 columns" in json.dumps(figure)


@pytest.mark.parametrize("part", ["feedforward.wrong", "__import__", "a" * 70, "layers.0.attention.q"])
def test_a_part_that_the_model_lacks_is_refused_in_words(part):
    page = whole_model(model="llama-nano", part=part)
    assert not page.exception
    assert "The link says part" in texts(page)
    assert the_map(page)["chosen"] == "layers.0.attention.weights#0"


def test_values_of_the_lens_out_of_range_are_refused():
    assert [r.name for r in read_link({"lens_window": "9", "lens_token": "-1"})[1]] == ["lens_token", "lens_window"]
    assert read_link({"lens_window": "32", "lens_token": "7"})[0] == {"lens_window": 32, "lens_token": 7}
    assert "lens_token = 60000" in texts(whole_model(model="llama-nano", lens_token="60000"))


def test_links_to_the_inference_page_hold_the_view_and_the_station():
    page = whole_model(model="llama-nano", layer="1", part="feedforward.up", step="1")
    queries = [link.proto.query_string for link in page.get("page_link")]
    assert len(queries) >= 3
    assert all("layer=1" in query and "step=1" in query and "model=llama-nano" in query for query in queries)
    assert sum("station=feedforward" in query for query in queries) == 1


def test_the_toy_has_no_lens_and_the_page_says_why():
    page = whole_model()
    assert "This model has no logit lens. Its unembedding reads the hidden layer, which has 16 numbers" in texts(page)
    assert not any("␣" in json.dumps(f.get("layout", {}).get("yaxis", {})) for f in drawn(page))


def test_a_decode_step_has_a_map_of_its_own():
    first, second = the_map(whole_model(model="llama-nano")), the_map(whole_model(model="llama-nano", step="1"))
    assert first["signature"] != second["signature"]
    assert cells_of(second["map"]["thumbnails"]["layers.0.attention.weights#0"]).shape == (1, 6)


def test_another_temperature_has_the_same_map_and_another_text_another_one():
    signature = the_map(whole_model(model="llama-nano"))["signature"]
    assert signature == the_map(whole_model(model="llama-nano", temperature="0.2"))["signature"]
    assert signature != the_map(whole_model(model="llama-nano", text="hello how are they?"))["signature"]


def test_a_typed_token_is_followed_by_its_first_token(llama):
    paris = llama.tokenizer.encode(" Paris is")[0]
    assert lens_section.tokens_of(llama.tokenizer, " Paris is")[0] == paris
    assert lens_section.tokens_of(llama.tokenizer, "") == []
    page = whole_model(model="llama-nano")
    page.text_input(key="typed-lens-token").set_value(" Paris is").run()
    assert link_of(page)["lens_token"] == str(paris)
    assert "␣Paris" in texts(page)
    assert "“ Paris is” as 2 tokens (“␣Paris” + “␣is”). The page follows the first one, “␣Paris”." in texts(page)
    widget(page, "text_input", "typed-lens-token").set_value(" Paris").run()
    assert "is followed" not in texts(page)


def test_a_rude_word_that_was_typed_is_followed_as_it_was_typed_and_no_other_is():
    page = whole_model(model="llama-nano")
    assert REMARK not in texts(page)
    page.text_input(key="typed-lens-token").set_value(" shit happens").run()
    assert "(“␣shit” + “␣happens”). The page follows the first one, “␣shit”." in texts(page)
    assert "of “␣shit” is" in texts(page) and "s•••" not in texts(page) and REMARK not in texts(page)
    linked = whole_model(model="llama-nano", lens_token=link_of(page)["lens_token"])
    assert "of “␣s•••” is" in texts(linked) and "␣shit" not in texts(linked), "a link is not typed"
    assert REMARK in texts(linked)


def test_the_map_and_the_steps_say_where_a_token_is_masked(monkeypatch):
    monkeypatch.setattr(rude_words, "masked", lambda label: f"x{rude_words.MASK}")
    rude_words.masking.cache_clear()
    build = Settings(model="llama-nano", weights_seed=77)
    page = whole_model(model="llama-nano", weights_seed="77", part="logits")
    assert sum(REMARK in caption.value for caption in page.caption) >= 3
    LIBRARY.get(model_key(build)).tokenizer = rude_words.unmasking(LIBRARY.get(model_key(build)).tokenizer)
    rude_words.masking.cache_clear()


# ---- thumbnails -----------------------------------------------------------------------------------------------------


def shrunk(step, name, rows=None):
    matrix = step.matrix(name, rows)
    made = Shrunk(matrix)
    made.add(matrix)
    return made.thumbnails()


def test_small_attention_weights_are_shown_as_they_are_on_one_scale(llama):
    step = generate(llama, "hello how are you?", 1).steps[0]
    whole = step.matrix("layers.1.attention.weights")
    for head, thumbnail in enumerate(shrunk(step, whole.name)):
        assert np.array_equal(thumbnail.values, whole.values[head].numpy())
        assert np.array_equal(thumbnail.masked, whole.mask.numpy()) and thumbnail.scale == 1


def test_large_matrices_shrink_to_their_numbers_of_largest_magnitude(llama):
    step = generate(llama, ids(100), 1).steps[0]
    (thumbnail,) = shrunk(step, "layers.1.feedforward.hidden")
    values = step.matrix("layers.1.feedforward.hidden").values.numpy()
    assert max(thumbnail.values.shape) <= CELLS
    tile = values[: math.ceil(100 / CELLS), : math.ceil(160 / CELLS)].ravel()
    assert thumbnail.values[0, 0] == tile[np.abs(tile).argmax()]


def test_heads_lie_side_by_side_and_scores_in_a_grid(llama):
    step = generate(llama, ids(6), 1).steps[0]
    (scores,) = shrunk(step, "layers.0.attention.scores")
    whole = step.matrix("layers.0.attention.scores").values.numpy()
    assert scores.values.shape == (12, 12)
    assert np.array_equal(scores.values[:6, 6:], whole[1]) and np.array_equal(scores.values[6:, :6], whole[2])
    (values,) = shrunk(step, "layers.0.attention.v")
    assert values.values.shape == (6, 16)  # two heads of 16 columns, two columns a cell
    v = step.matrix("layers.0.attention.v").values.numpy()
    pair = v[1, 3, :2]
    assert values.values[3, 8] == pair[np.abs(pair).argmax()]


def test_block_by_block_gives_the_same_thumbnail_as_all_at_once(llama):
    step = generate(llama, ids(150), 1).steps[0]
    for name in ("layers.0.attention.weights", "layers.0.attention.masked_scores", "layers.0.residual"):
        whole = shrunk(step, name)
        parts = None
        for start in (0, 64, 128):
            matrix = step.matrix(name, range(start, min(start + 64, 150)))
            parts = parts or Shrunk(matrix)
            parts.add(matrix)
        for one, other in zip(whole, parts.thumbnails(), strict=True):
            np.testing.assert_allclose(one.values, other.values, rtol=1e-5, atol=1e-6)


def test_the_sent_bytes_are_the_numbers_on_their_scale(llama):
    step = generate(llama, "hello how are you?", 1).steps[0]
    found = surveys.survey(step, lambda share: None)
    cells = cells_of(asdict(found.seen[2].thumbnails["layers.2.attention.weights#3"]))
    weights = step.matrix("layers.2.attention.weights").values[3].numpy()
    hidden = np.triu(np.ones((5, 5), bool), 1)
    assert (cells[hidden] == MASKED).all()
    np.testing.assert_allclose(cells[~hidden] / 254, weights[~hidden], atol=0.5 / 254 + 1e-6)


# ---- the survey -----------------------------------------------------------------------------------------------------


def test_each_layer_is_looked_at_once_and_progress_ends_at_one(llama, monkeypatch):
    step = generate(llama, ids(7, seed=5), 1).steps[0]
    looked, shares = [], []
    look = surveys._look
    monkeypatch.setattr(surveys, "_look", lambda step, part: looked.append(part) or look(step, part))
    assert not surveys.is_complete(step)
    surveys.survey(step, shares.append)
    again = surveys.survey(step, lambda share: None)
    assert looked == [None, 0, 1, 2, 3] and shares[-1] == 1 and surveys.is_complete(step)
    names = [found.name for found in again.health(llama.config)]
    assert list(dict.fromkeys(names)) == step.names  # in order of computation


def test_of_a_very_long_prompt_the_last_rows_are_looked_at(llama, monkeypatch):
    monkeypatch.setattr(surveys, "SURVEY_ROWS", 40)
    step = generate(llama, ids(100, seed=6), 1).steps[0]
    assert surveys.rows_of(step) == range(60, 100)
    (found,) = [h for h in surveys._look(step, 1).health if h.name == "layers.1.residual"]
    assert found.shape == (40, 64)


def test_the_map_names_each_cell_that_there_is():
    for config in CONFIGS.values():
        step = generate(random_model(config), ids(5), 1).steps[0]
        found = surveys.survey(step, lambda share: None)
        shapes = {h.name: "" for part in (None, 0) for h in found.seen[part].health}
        plan = plan_of(config, shapes)
        named = {item.id for item in (*plan.before, *plan.after)}
        for layer in range(plan.layers):
            named |= {surveys.cell(f"layers.{layer}.{c.part}", c.head) for c in plan.columns}
        assert named == {name for seen in found.seen.values() for name in seen.thumbnails}
        assert chosen_entry(DEFAULTS, config).name == "layers.0.attention.weights"


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_no_two_columns_of_a_group_have_the_same_symbol(config):
    columns = plan_of(config, {entry.name: "" for entry in catalogue.matrices(config)}).columns
    heads = [(column.group, column.symbol) for column in columns]
    assert len(set(heads)) == len(heads)
    assert {"K", "V", "K cache", "V cache"} <= {column.symbol for column in columns}


# ---- stream, lens, table --------------------------------------------------------------------------------------------


def test_row_norms_are_those_of_the_doors(llama):
    step = generate(llama, ids(9), 1).steps[0]
    mean, largest, rows = row_norms(step)
    for i, door in enumerate(step.doors):
        norms = np.linalg.norm(door.double().numpy(), axis=1)
        assert mean[i] == pytest.approx(norms.mean()) and largest[i] == pytest.approx(norms.max())
        assert rows[i] == norms.argmax()
    assert len(mean) == len(doors_in_words(5)) == 5


def test_the_grid_is_the_engines_lens(llama):
    step = generate(llama, "hello how are you?", 1).steps[0]
    found = lens(step, 3)
    page = whole_model(model="llama-nano")
    (grid,) = [f for f in drawn(page) if f["layout"].get("yaxis", {}).get("ticktext") == ["in", "0", "1", "2", "3"]]
    cells, words = grid["data"]
    z = np.frombuffer(base64.b64decode(cells["z"]["bdata"]), np.float32).reshape(5, 5)
    assert np.array_equal(z, found.probabilities[..., 0].numpy())
    shown = np.array(words["text"]).reshape(5, 5)
    for door in range(5):
        for position in range(5):
            label = llama.tokenizer.label(int(found.ids[door, position, 0]))
            assert label.startswith(str(shown[door, position]).rstrip("…"))


def test_the_lens_shows_a_window_of_a_long_prompt_that_ends_anywhere(llama):
    step = generate(llama, ids(100), 1).steps[0]

    def window(**chosen: int) -> range:
        return lens_section.window(step, replace(DEFAULTS, **chosen))

    assert window() == range(84, 100)
    assert window(lens_window=64) == range(36, 100)
    assert window(lens_until=99) == range(84, 100)
    assert window(lens_until=50, lens_window=32) == range(19, 51)
    assert window(lens_until=3) == range(4)
    assert lens_section.window(generate(llama, ids(5), 1).steps[0], DEFAULTS) == range(5)


def by_hand(model, step, position: int) -> np.ndarray:
    """Probabilities (doors, vocabulary) at one position in float64: final norm, unembedding, softmax."""
    rows = np.stack([door[position - step.positions.start].double().numpy() for door in step.doors])
    weights = {name: weight.detach().double().numpy() for name, weight in model.named_parameters()}
    normed = rows / np.sqrt((rows**2).mean(-1, keepdims=True) + model.config.norm_epsilon) * weights["final_norm.scale"]
    logits = normed @ weights["unembedding.weight"]
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def charts(page: AppTest) -> dict[str, tuple[dict, str]]:
    """Of each chart by its key the figure, and the text for those who cannot see it."""
    return {
        chart.proto.id.rsplit("chart-", 1)[-1]: (json.loads(chart.proto.spec), chart.proto.alt)
        for chart in page.get("plotly_chart")
    }


@pytest.mark.parametrize(("until", "shown"), [(None, range(5, 21)), (12, range(13)), (18, range(3, 19))])
def test_any_position_can_be_read_in_the_lens_and_the_lines_are_seen_from_it(llama, until, shown):
    text = "one two three four five six seven eight nine ten one two three four five six seven eight nine ten one"
    page = whole_model(model="llama-nano", text=text, **({} if until is None else {"lens_until": str(until)}))
    run = generate(llama, text, 3, Sampling(seed=7))
    step, label = run.steps[0], llama.tokenizer.label
    assert len(step.positions) == 21
    last = shown[-1]
    grid, alternative = charts(page)["whole-lens"]
    assert grid["layout"]["xaxis"]["ticktext"] == [f"{p} {label(run.ids[p])}" for p in shown]
    assert f"At position {last}:" in alternative
    shares = by_hand(llama, step, last)
    z = np.frombuffer(base64.b64decode(grid["data"][0]["z"]["bdata"]), np.float32).reshape(5, len(shown))
    np.testing.assert_allclose(z[:, -1], shares.max(-1), rtol=1e-4)
    token = run.ids[last + 1]  # of an earlier position the prompt's own next token, of the last one the sampled one
    lines, alternative = charts(page)["whole-token"]
    np.testing.assert_allclose(lines["data"][0]["y"], shares[:, token], rtol=1e-4)
    ranks = 1 + (shares > shares[:, [token]]).sum(-1)
    np.testing.assert_allclose(lines["data"][1]["y"], ranks, atol=2)  # rounding lets neighbours change places
    assert alternative.startswith(f"At position {last} “{label(run.ids[last])}”: Probability of “{label(token)}”")
    assert f"At position {last} “{label(run.ids[last])}”, the best rank of “{label(token)}” is" in texts(page)
    best = [i for i in np.argsort(-shares[-1]).tolist() if i != token][:5]
    words = [f"sampled, {percent(shares[-1, token])}" if until is None else f"came next, {percent(shares[-1, token])}"]
    offered = [f"{label(token)} · {words[0]}", *(f"{label(i)} · {percent(shares[-1, i])}" for i in best)]
    assert page.selectbox(key="choice-lens-token").options == offered
    assert page.slider(key="choice-lens-until").value == last


def test_the_end_of_the_window_is_in_the_link_until_the_step_or_the_text_is_another_one(llama):
    page = whole_model(model="llama-nano", text="a " * 20)
    page.slider(key="choice-lens-until").set_value(4).run()
    assert link_of(page)["lens_until"] == "4"
    assert "At position 4 “␣a”," in texts(page)
    page.slider(key="choice-lens-until").set_value(20).run()
    assert "lens_until" not in link_of(page)
    page.slider(key="choice-lens-until").set_value(4).run()
    page.button_group(key="choice-lens-window").set_value(32).run()  # all are shown
    assert "lens_until" not in link_of(page)
    assert not [slider for slider in page.slider if slider.key == "choice-lens-until"]
    page = whole_model(model="llama-nano", text="a " * 20, lens_until="4")
    page.text_area(key="text").set_value("a " * 30).run()
    assert "lens_until" not in link_of(page)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"text": "a " * 20, "lens_until": "21"}, "this step reads the positions 0 to 20"),
        ({"text": "a " * 20, "lens_until": "3", "step": "1"}, "this step's 1 position is shown"),
        ({"lens_until": "3"}, "this step's 5 positions are all shown"),
        ({"text": "a " * 20, "lens_until": "-1"}, "it must be a whole number from 0 to 9,999,999"),
    ],
)
def test_an_end_of_the_window_that_the_step_lacks_is_refused_in_words(query, why):
    page = whole_model(model="llama-nano", **query)
    assert not page.exception and "lens_until" not in link_of(page)
    assert f"lens_until = {query['lens_until']}, which cannot be used ({why})" in texts(page)
    assert "the last token that the step reads is used" in texts(page)


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        (5, None),
        (20, ["8", "16", "all 21"]),
        (64, ["8", "16", "32", "64"]),
        (200, ["8", "16", "32", "64"]),
    ],
)
def test_of_a_prompt_of_any_length_the_lens_and_the_followed_token_are_there(
    words: int, sizes: list[str] | None
) -> None:
    page = whole_model(model="llama-nano", text="a " * words)
    charts = {chart.proto.id.rsplit("chart-", 1)[-1] for chart in page.get("plotly_chart")}
    assert not page.exception and {"whole-lens", "whole-token"} <= charts
    found = [group.options for group in page.button_group if group.key == "choice-lens-window"]
    assert found == ([] if sizes is None else [sizes])


def test_a_token_is_an_answer_from_the_door_after_which_it_stays_the_likeliest():
    words = lens_section.lens_in_words("␣Paris", "position 4 “␣is”", [0.1, 0.2, 0.3, 0.8, 0.9], [9, 1, 2, 1, 1])
    assert "At position 4 “␣is”, “␣Paris” is the most likely token after layer 2 and from there on" in words
    assert "only after the last layer" in lens_section.lens_in_words("␣Paris", "", [0.1, 0.9], [2, 1])
    assert "at the input and from there on" in lens_section.lens_in_words("a", "", [0.5, 0.5], [1, 1])
    assert "best rank of “b” is 3, after layer 0" in lens_section.lens_in_words("b", "", [0.1, 0.2, 0.1], [9, 3, 4])


def test_token_text_is_never_markup_in_the_lens():
    figure = lens_figure(np.zeros((1, 1, 1), int), np.ones((1, 1, 1)), {0: "<b>x</b>"}, ["input"], ["0 <i>"])
    said = json.dumps(figure.to_dict()["data"][0]["customdata"]) + json.dumps(figure.to_dict()["layout"])
    assert "<b>x" not in said and "&lt;b&gt;x" in said and "<i>" not in said
    assert figure.to_dict()["data"][1]["text"] == ["&lt;b&gt;x&lt;/b&gt;"]


def test_many_positions_have_no_text_in_their_narrow_cells():
    labels = {0: "a"}
    few = lens_figure(np.zeros((3, 8, 1), int), np.ones((3, 8, 1)), labels, ["x"] * 3, ["t"] * 8)
    many = lens_figure(np.zeros((3, 64, 1), int), np.ones((3, 64, 1)), labels, ["x"] * 3, ["t"] * 64)
    assert len(few.to_dict()["data"]) == 2 and len(many.to_dict()["data"]) == 1


def test_lines_share_their_doors():
    panels = [
        Panel("p", [Line("probability", [0.1, 0.2])], percent=True),
        Panel("r", [Line("rank", [9, 1])], log=True, falling=True),
    ]
    figure = lines_figure(["in", "0"], panels)
    assert [list(t.y) for t in figure.data] == [[0.1, 0.2], [9, 1]]
    assert [list(t.customdata) for t in figure.data] == [[percent(0.1), percent(0.2)], ["9", "1"]]
    assert figure.layout.yaxis2.autorange == "reversed" and figure.layout.yaxis2.type == "log"
    assert figure.layout.xaxis.anchor == "y2"


def test_the_table_has_the_engines_figures(llama):
    step = generate(llama, ids(6), 1).steps[0]
    found = health(step, [n for n in step.names if n.startswith("layers.2.")])
    rows = table(found, llama.config)
    assert list(rows) == list(WIDTHS)
    assert sum(WIDTHS.values()) <= 1096  # of the 1,105 pixels that a window 1,440 wide has, less a scrollbar
    assert list(rows["norm"]) == [h.norm for h in found]
    weights = rows[rows["name"] == "layers.2.attention.weights"]
    assert list(weights["head"]) == [0, 1, 2, 3] and list(weights["shape"]) == ["6×6"] * 4
    assert weights["first"].iloc[1] == pytest.approx(
        100 * float(step.matrix("layers.2.attention.weights").values[1, 1:, 0].mean())
    )
    assert rows[rows["name"] != "layers.2.attention.weights"]["entropy"].isna().all()


def sample(name: str, nan: int = 0, first: float | None = None) -> Health:
    return Health(name, None, (1, 1), 1, 0, 0, 0, 0, nan, 0, None, first)


def test_what_is_wrong_is_said_with_the_first_matrix_that_is():
    assert soundness([sample("a"), sample("b")]) == "All 2 matrices are sound: they have no NaN and no infinite number."
    assert soundness([sample("a"), sample("b", nan=2), sample("c", nan=1)]).endswith("the first one is `b`.")
    assert sinks([sample("a", first=0.2), sample("b")]) == ""
    assert "1 of 2 heads gives the first token more than half" in sinks(
        [sample("a", first=0.8), sample("b", first=0.1)]
    )


def test_a_masked_cell_of_the_map_is_no_infinity(llama):
    step = generate(llama, ids(6), 1).steps[0]
    (found,) = health(step, ["layers.0.attention.masked_scores"])
    assert torch.isinf(step.matrix(found.name).values).any() and found.infinite == 0 and found.sound

"""The cell explainer: any cell of any matrix, in numbers that add up, and links that lead on."""

import json
import math
import random
import re
from dataclasses import asdict

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from dashboard.explainer import panel, words
from dashboard.explainer.terms import FIRST_TERMS, TERMS_PER_PAGE, pages_of, shown_on, term_rows
from dashboard.explainer.words import brief, full
from dashboard.figures.picture import Picture
from dashboard.link import trail as explainer_trail
from dashboard.link.models import Unusable
from dashboard.link.settings import DEFAULTS, LINK_VERSION, Settings
from dashboard.link.trail import LONGEST_TRAIL, Address, follow, nearest_cell, picked, read_trail, stored, trail_text
from dashboard.matrices.equations import equations
from dashboard.matrices.pictures import Look
from dashboard.shell.navigation import WHOLE_MODEL
from llm_core import catalogue, explain, generate, load_model, random_model
from llm_core.explanation.cells import TOKEN_IDS
from llm_core.explanation.explanation import shape_of
from tests.helpers.links import link_of
from tests.helpers.pages import opened, sentences
from tests.helpers.small_models import CONFIGS, ids

MODELS = ["toy", "llama-nano", "gpt2-nano", "toy-6"]
TEXT = DEFAULTS.text


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("∞", "inf"))


def close(one: float, other: float, tolerance: float = 1e-4) -> bool:
    return one == other or abs(one - other) <= tolerance * max(1.0, abs(other))


def panel_alone() -> None:
    """A page with nothing but the explainer."""
    from dashboard.explainer import panel
    from dashboard.link import visit

    visit.begin_visit()
    panel.explainer()


def told(page: AppTest) -> dict | None:
    """What the panel shows; None where it is closed."""
    shown = [json.loads(c.proto.json) for c in page.get("bidi_component") if c.proto.json]
    return next((data["cell"] for data in shown if "cell" in data), None)


def may_be_dragged(page: AppTest) -> bool:
    """Whether regions can be dragged over the pictures."""
    sent = [json.loads(c.proto.json) for c in page.get("bidi_component") if c.proto.json]
    return next(data["drags"] for data in sent if "drags" in data)


def random_cell(step, name: str, rng: random.Random) -> str:
    index = [rng.randrange(size) for size in shape_of(step, name).values()]
    return f"{name}/{'.'.join(map(str, index))}"


@pytest.fixture(scope="module")
def runs() -> dict:
    sampling = DEFAULTS.sampling
    return {name: generate(load_model(name, seed=0), TEXT, DEFAULTS.new_tokens, sampling) for name in MODELS}


def alone() -> AppTest:
    """The panel and nothing else; its link is one of this version."""
    page = AppTest.from_function(panel_alone, default_timeout=60)
    page.query_params["v"] = LINK_VERSION
    return page


# ---- any cell -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("step_index", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_any_cell_of_any_matrix_and_weight_is_explained_and_its_terms_add_up(runs, model, step_index):
    step = runs[model].steps[step_index]
    config = step.run.model.config
    names = [e.name for e in (*catalogue.matrices(config), *catalogue.weights(config))] + [TOKEN_IDS]
    page = alone()
    page.query_params["model"], page.query_params["step"] = model, str(step_index)
    rng = random.Random(model)
    for name in names:
        cell = page.query_params["cell"] = random_cell(step, name, rng)
        page.run()
        assert not page.exception and not page.text, cell
        data = told(page)
        assert data is not None and data["choice"]["name"] == name, cell
        result = number(data["result"]["recomputed"])
        if data["result"]["stored"]:
            assert close(result, number(data["result"]["stored"])), cell
        if data["terms"] is None:
            assert data["end"] and data["note"], cell
            continue
        check_terms(data, result, cell)
        for row in data["terms"]["rows"]:
            for operand in row["inputs"]:
                way = panel.next_trail(read_trail(cell), "go", operand["to"], step)
                assert way == (*read_trail(cell), *read_trail(operand["to"])), cell


def check_terms(data: dict, result: float, cell: str) -> None:
    """What is listed, and the sum of what is not, make the result that is shown."""
    terms, values = data["terms"], [number(row["value"]) for row in data["terms"]["rows"]]
    assert len(values) + terms["rest"] == terms["count"]
    total = math.fsum(values) + number(terms["others"])
    if terms["total"] == "sum":
        assert close(total, result), cell
        for row in terms["rows"]:
            product = math.prod(number(operand["value"]) for operand in row["inputs"])
            assert close(product * number(row["factor"] or "1"), number(row["value"])), cell
    elif terms["total"] == "total":  # a softmax: the cell's own exponential among all
        own = next(number(row["value"]) for row in terms["rows"] if row["own"])
        assert close(own / total, result), cell
    if data["layers"]:
        added = math.fsum(number(row["value"]) for row in data["layers"]["rows"])
        assert close(added, result), cell


def test_a_hidden_cell_says_why_and_so_does_its_share_of_zero(runs):
    for name, result in (("masked_scores", "−∞"), ("weights", "0")):
        page = alone()
        page.query_params["cell"] = f"layers.0.attention.{name}/0.1.3"
        data = told(page.run())
        assert data["result"]["recomputed"] == data["result"]["stored"] == result
        assert data["note"] == "The mask hides this score: token 3 comes after token 1."


def test_a_rotation_and_an_activation_are_drawn_with_the_cells_own_numbers(runs):
    step = runs["llama-nano"].steps[0]
    page = alone()
    page.query_params["model"] = "llama-nano"
    for column in (1, 9):
        page.query_params["cell"] = f"layers.1.attention.q_rotated/1.3.{column}"
        drawing = told(page.run())["drawing"]
        q, turned = (step.matrix(f"layers.1.attention.{n}").values[1, 3, [1, 9]] for n in ("q", "q_rotated"))
        assert drawing["before"] == pytest.approx((q / q.norm()).tolist(), abs=1e-5)
        assert drawing["after"] == pytest.approx((turned / q.norm()).tolist(), abs=1e-5)
        assert drawing["first"] == (column == 1)
    page.query_params["cell"] = "layers.1.feedforward.hidden/2.5"
    drawing = told(page.run())["drawing"]
    gate = step.matrix("layers.1.feedforward.gate").values[2, 5]
    assert drawing["at"] == pytest.approx([float(gate), float(torch.nn.functional.silu(gate))], abs=1e-6)


def test_a_rotation_is_said_with_one_sign_at_a_time_and_its_angle_in_words(runs):
    step, said = runs["llama-nano"].steps[0], []
    for position in (1, 3):
        for column in range(16):
            found = explain(step, "layers.1.attention.q_rotated", (1, position, column))
            said.append(words.COMPUTATIONS["rotate"](found, step.run.model.config))
    assert not any(re.search("[−+×] −", line) for line, _ in said)
    assert any("× cos − (−" in line for line, _ in said)
    alts = " ".join(drawing.alt for _, drawing in said)
    assert "rotated by 1 radian to" in alts and "rotated by 3 radians to" in alts and "turned" not in alts


def test_a_scaled_embedding_is_said_as_the_tables_number_times_the_root():
    model = random_model(CONFIGS["scaled embeddings, GEGLU"], 3)
    found = explain(generate(model, [5, 9], 1).steps[0], "token_embedding", (1, 2))
    stored = float(model.get_parameter("embedding.token")[9, 2])
    assert found.result == 4 * stored and found.numbers == {"row": 9, "scale": 4}
    line, _ = words.COMPUTATIONS["lookup"](found, model.config)
    assert line == f"{brief(stored)} × 4 = {brief(4 * stored)}"


def test_two_signs_never_stand_side_by_side(runs):
    step = runs["llama-nano"].steps[0]
    for column in range(16):
        found = explain(step, "layers.0.feedforward.hidden", (3, column))
        line, _ = words.COMPUTATIONS[found.operation](found, step.run.model.config)
        assert not re.search("[−+×÷] −", line), line


def test_a_cached_row_leads_to_the_step_that_computed_it_and_the_link_says_which(runs):
    page = alone()
    page.query_params["model"], page.query_params["step"] = "llama-nano", "2"
    page.query_params["cell"] = "layers.2.attention.keys/1.4.7"
    (row,) = told(page.run())["terms"]["rows"]
    assert row["inputs"][0]["to"] == "layers.2.attention.k_rotated/1.4.7/0"
    page.query_params["cell"] = f"layers.2.attention.keys/1.4.7~{row['inputs'][0]['to']}"
    data = told(page.run())
    assert len(data["crumbs"]) == 2 and "in step 0, the prefill" in data["place"]
    assert all(mark["kind"] == "operand" for mark in data["marks"])  # it is not on screen


def test_a_sampled_token_leads_to_its_probability_in_the_step_that_drew_it(runs):
    run = runs["toy"]
    page = alone()
    page.query_params["step"], page.query_params["cell"] = "2", "token_ids/0"
    data = told(page.run())
    assert data["result"]["recomputed"] == str(run.ids[6]) and "Step 1 sampled" in data["note"]
    (row,) = data["terms"]["rows"]
    assert row["inputs"][0]["to"] == f"probabilities/0.{run.ids[6]}/1"
    assert number(row["value"]) == pytest.approx(
        float(run.steps[1].matrix("probabilities").values[0, run.ids[6]]), 1e-5
    )


def test_the_explained_cell_and_what_it_was_made_from_are_marked(runs):
    page = alone()
    page.query_params["model"] = "llama-nano"
    page.query_params["cell"] = "layers.1.attention.k/1.2.3"
    marks = {mark["matrix"]: mark for mark in told(page.run())["marks"]}
    assert [marks["layers.1.attention.k"][n] for n in ("head", "rows", "columns")] == [[1, 2], [2, 3], [3, 4]]
    assert [mark["kind"] for mark in marks.values()] == ["cell", "operand", "operand"]
    assert [marks["layers.1.attention.norm"][n] for n in ("head", "rows", "columns")] == [None, [2, 3], [0, 64]]
    assert [marks["layers.1.attention.w_k"][n] for n in ("rows", "columns")] == [[0, 64], [19, 20]]


# ---- many terms -----------------------------------------------------------------------------------------------------


def test_of_a_softmax_over_the_vocabulary_the_largest_terms_are_listed_the_cells_own_among_them(runs):
    step = runs["toy"].steps[0]
    told_ = explain(step, "probabilities", (0, 1000))
    terms = asdict(term_rows(step, told_.terms, True, range(FIRST_TERMS), own=1000, word="tokens"))
    assert len(terms["rows"]) == FIRST_TERMS + 1 and terms["rest"] == 50_257 - FIRST_TERMS - 1
    assert sum(row["own"] for row in terms["rows"]) == 1
    assert terms["strip"]["said"] == "Each bar stands for 105 neighbouring tokens and shows the largest of them."
    assert len(terms["strip"]["bars"]) <= 480 and len(json.dumps(terms)) < 20_000
    largest = torch.as_tensor(told_.terms.values).topk(FIRST_TERMS).values
    assert [number(row["value"]) for row in terms["rows"][1:]] == pytest.approx(largest.tolist(), rel=1e-5)


def test_in_order_a_long_sums_bias_is_listed_too(runs):
    step = runs["gpt2-nano"].steps[0]
    told_ = explain(step, "layers.1.feedforward.output", (2, 3))
    assert len(told_.terms) > 2 * FIRST_TERMS
    rows = asdict(term_rows(step, told_.terms, False, range(FIRST_TERMS)))["rows"]
    assert rows[0]["label"] == "hidden 0" and rows[1]["label"] == "hidden 1" and rows[-1]["label"] == "bias"
    assert rows[-1]["aside"] and not rows[0]["aside"]


@pytest.mark.parametrize(
    ("name", "index", "by_size"),
    [
        ("probabilities", (0, 1000), True),
        pytest.param("probabilities", (0, 1000), False, marks=pytest.mark.slow),
        ("layers.0.feedforward.output", (2, 3), True),
        ("layers.0.feedforward.output", (2, 3), False),
    ],
)
def test_pages_list_every_term_once_besides_the_cells_own_and_the_bias(runs, name, index, by_size):
    step = runs["gpt2-nano"].steps[0]
    told_ = explain(step, name, index)
    count = len(told_.terms)
    found = []
    for page in range(pages_of(count)):
        shown = shown_on(page, count)
        rows = asdict(term_rows(step, told_.terms, by_size, shown))["rows"]
        assert len(rows) <= TERMS_PER_PAGE + 2 and len(json.dumps(rows)) < 150_000
        found += [row["label"] for row in rows if page == pages_of(count) - 1 or not row["aside"]]
    assert len(found) == count and len(set(found)) == count


def test_a_page_follows_a_click_and_one_that_a_sum_lacks_shows_the_first_few(runs):
    page = opened()
    page.query_params["cell"] = "probabilities/0.1000"
    page.session_state["explainer-page"] = ("probabilities/0.1000", 1)
    terms = told(page.run())["terms"]
    assert (terms["page"], terms["pages"], len(terms["rows"])) == (
        1,
        math.ceil(50_257 / TERMS_PER_PAGE),
        TERMS_PER_PAGE + 1,
    )
    page.session_state["explainer-page"] = ("probabilities/0.1000", 10**9)
    terms = told(page.run())["terms"]
    assert terms["page"] is None and len(terms["rows"]) == FIRST_TERMS + 1


def test_numbers_are_written_so_that_float32_numbers_can_be_told_apart():
    one = np.float32(0.1)
    assert full(float(one)) != full(float(np.nextafter(one, np.float32(1))))
    assert brief(-0.00001234567) == "−1.23457e−5" and brief(0.0) == "0" and brief(-math.inf) == "−∞"


# ---- the link -------------------------------------------------------------------------------------------------------


def test_a_link_opens_its_cell_with_the_way_to_it():
    page = opened(cell="layers.0.attention.scores/0.3.2~layers.0.attention.dot_products/0.3.2")
    data = told(page)
    assert not sentences(page)
    assert [crumb["text"] for crumb in data["crumbs"]] == ["S[0, 3, 2]", "QKᵀ[0, 3, 2]"]
    assert data["title"] == "Dot products" and "query 3 ␣on · key 2 ␣sat" in data["place"]


@pytest.mark.parametrize(
    "value",
    [
        "nonsense",
        "layers.0.attention.q/0.0",
        "layers.0.attention.q/0.9.0",
        "layers.7.attention.q/0.0.0",
        "token_ids/5",
        "layers.0.attention.keys/0.1.1/9",
        "<script>alert(1)</script>/0.0",
        "input/0.0~input/9.9",
        "~".join(["input/0.0"] * (LONGEST_TRAIL + 1)),
        "x" * 5000,
        *(
            pytest.param(value, marks=pytest.mark.slow)
            for value in [
                "/",
                "~",
                "layers.0.attention.q",
                "layers.0.attention.k_rotated/0.0.0",
                "embedding.token/50257.0",
                "layers.0.attention.q/0.-1.0",
                "layers.0.attention.q/٣.0.0",
                "input/1e3.0",
            ]
        ),
    ],
)
def test_a_links_unusable_cell_is_left_out_and_the_page_says_so(value):
    page = opened(cell=value)
    assert not page.exception and told(page) is None
    assert "cell = " in sentences(page) and "no cell is explained" in sentences(page)
    assert "cell" not in link_of(page)


def test_a_cell_that_the_next_run_lacks_goes_without_a_word():
    page = opened(cell="layers.0.attention.scores/0.4.4")
    page.text_area(key="text").set_value("hi").run()
    assert told(page) is None and not page.exception and not sentences(page)


def test_the_button_opens_the_attention_of_the_chosen_token():
    page = opened(token="2")
    page.button(key="explain-a-cell").click().run()
    assert told(page)["crumbs"][-1]["text"] == "A[0, 2, 0]"
    assert link_of(page)["cell"] == "layers.0.attention.weights/0.2.0"


def test_a_trail_is_read_as_it_is_written_and_stays_short():
    trail = (Address("layers.0.attention.keys", (0, 1, 2)), Address("layers.0.attention.k", (0, 1, 2), 0))
    assert read_trail(trail_text(trail)) == trail and read_trail("") == ()
    assert follow(trail, trail[0]) == trail[:1]  # back where one has been
    for i in range(3 * LONGEST_TRAIL):
        trail = follow(trail, Address("input", (0, i)))
    assert len(trail) == LONGEST_TRAIL and trail[-1] == Address("input", (0, 3 * LONGEST_TRAIL - 1))
    with pytest.raises(Unusable, match="a matrix and a cell"):
        read_trail("a b/0")


# ---- from a picture to a cell ---------------------------------------------------------------------------------------


def behind(picture: Picture, row: int, column: int) -> tuple[list[int], list[int]]:
    """The matrix's rows and columns behind a picture's cell, as cells.js reads them from its heatmap's meta."""
    said = {"rows": 0, "columns": 0, "turned": False} | picture.origin.said()
    found = []
    for numbers, each, size, index in zip(
        (said["rows"], said["columns"]), picture.tile, said["size"], (row, column), strict=True
    ):
        places = range(index * each, min((index + 1) * each, size))
        found.append([numbers[p] if isinstance(numbers, list) else numbers + p for p in places])
    return tuple(found[::-1] if said["turned"] else found)


def pictures(step, look=None):
    for row in equations(step, look):
        for part in row.parts:
            if isinstance(part, Picture):
                yield part
                yield from (under for _, under in part.below)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("step_index", [0, 2])
def test_a_click_on_any_picture_finds_the_number_that_it_shows(runs, model, step_index):
    step = runs[model].steps[step_index]
    config = step.run.model.config
    rng = random.Random(3)
    seen = set()
    for picture in pictures(step, Look(config.layers - 1, config.heads - 1)):
        for _ in range(4):
            row, column = rng.randrange(picture.rows), rng.randrange(picture.columns)
            address = picked(step, picture.name, picture.origin.head, *behind(picture, row, column))
            assert close(stored(step, address), float(picture.values[row, column]), 1e-6) or (
                picture.hidden is not None and picture.hidden[row, column]
            ), (picture.name, row, column)
        seen.add(picture.name)
    assert {e.name for e in catalogue.matrices(config) if e.layer in (None, config.layers - 1)} <= seen


def test_a_pooled_cell_leads_to_the_largest_of_the_cells_that_it_stands_for(runs):
    step = generate(
        random_model(CONFIGS["grouped queries, RoPE, SwiGLU"].with_(max_positions=400), 0), ids(300), 1
    ).steps[0]
    rng = random.Random(4)
    pooled = [p for p in pictures(step) if p.tile != (1, 1)]
    assert len({p.name for p in pooled}) > 8
    for picture in pooled:
        for _ in range(4):
            row, column = rng.randrange(picture.rows), rng.randrange(picture.columns)
            if picture.hidden is not None and picture.hidden[row, column]:
                continue
            address = picked(step, picture.name, picture.origin.head, *behind(picture, row, column))
            assert stored(step, address) == pytest.approx(float(picture.values[row, column]), rel=1e-5), picture.name


def test_the_keyboards_choice_keeps_what_it_can_and_counts_rows_as_the_pictures_do(runs):
    step = runs["llama-nano"].steps[1]  # of one row, position 5
    assert nearest_cell("layers.1.attention.scores", {"head": 9, "query": 5, "key": 3}, step).index == (3, 0, 3)
    assert nearest_cell("input", {"query": 5, "model": 7}, step).index == (0, 7)
    assert nearest_cell("layers.1.attention.k", {"head": 1, "position": 0, "head_dim": 99}, step).index == (1, 0, 15)
    with pytest.raises(ValueError, match="no matrix"):
        nearest_cell("nothing", {}, step)


HOSTILE = [
    None,
    True,
    7,
    -1,
    "",
    "x",
    [],
    {},
    {"matrix": "input"},
    {"matrix": "input", "rows": [0], "columns": "0"},
    {"matrix": "input", "rows": [], "columns": [0]},
    {"matrix": "input", "rows": [0.5], "columns": [0]},
    {"matrix": "input", "rows": [10**8], "columns": [0]},
    {"matrix": "input", "rows": [-1], "columns": [0]},
    {"matrix": "input", "rows": list(range(5000)), "columns": [0]},
    {"matrix": ["input"], "rows": [0], "columns": [0]},
    {"matrix": "input", "head": 0, "rows": [0], "columns": [0]},
    {"matrix": TOKEN_IDS, "rows": [0, 1], "columns": [0]},
    {"matrix": "layers.0.attention.q", "head": True, "rows": [0], "columns": [0]},
    {"name": "input", "coordinates": 3},
    {"name": "input", "coordinates": {"position": "0"}},
    {"name": 3},
    "a/0~b/0",
]


@pytest.mark.parametrize("kind", ["pick", "go", "choose", "back"])
def test_what_a_browser_sends_is_checked(runs, kind, monkeypatch):
    monkeypatch.setattr(panel.st, "session_state", {})
    step = runs["toy"].steps[0]
    for value in HOSTILE:
        assert panel.next_trail((), kind, value, step) is None, value


def test_on_the_whole_models_page_a_cell_is_explained_and_its_matrix_is_brought_beside_the_map():
    page = opened(model="llama-nano", layer="1", cell="layers.2.attention.q/3.1.0").switch_page(WHOLE_MODEL).run()
    shown = told(page)
    assert not page.exception and shown["title"] == "Queries" and shown["elsewhere"] and not may_be_dragged(page)
    wanted = {"model": "llama-nano", "layer": "2", "head": "3", "part": "attention.q"}
    page = opened(**wanted, cell="layers.2.attention.q/3.1.0").switch_page(WHOLE_MODEL).run()
    assert not told(page)["elsewhere"]
    page = opened(**wanted, cell="layers.9.attention.q/3.1.0").switch_page(WHOLE_MODEL).run()
    assert not page.exception and told(page) is None


# ---- a way that is none ---------------------------------------------------------------------------------------------

Q, W_V = "layers.0.attention.q/0.2.1", "layers.0.attention.w_v/0.0"


@pytest.mark.parametrize(
    ("link", "shown", "said"),
    [
        (f"{Q}~{W_V}", W_V, f"{Q} was not computed from {W_V}), so the last cell alone"),
        (f"{W_V}~{Q}~input/2.3", f"{Q}~input/2.3", "the trail after that cell"),  # nothing leads on from a weight
        (f"{Q}~input/1.3", "input/1.3", "the last cell alone"),  # of another token
        (f"{Q}~layers.0.attention.w_q/3.0", "layers.0.attention.w_q/3.0", "the last cell alone"),  # another column
        (f"{Q}~layers.0.attention.w_q/3.1", f"{Q}~layers.0.attention.w_q/3.1", ""),
    ],
)
def test_a_way_of_a_link_by_which_no_cell_was_computed_is_cut_and_the_page_says_so(link, shown, said):
    page = opened(cell=link)
    assert not page.exception and link_of(page)["cell"] == shown
    assert len(told(page)["crumbs"]) == shown.count("~") + 1
    assert said in " ".join(text.value for text in page.text)


def test_nothing_but_an_operand_is_followed_whatever_a_browser_asks_for(runs, monkeypatch):
    monkeypatch.setattr(panel.st, "session_state", {})
    step = runs["toy"].steps[0]
    assert panel.next_trail(read_trail(Q), "go", W_V, step) is None
    assert panel.next_trail(read_trail(Q), "go", "input/2.3", step) == read_trail(f"{Q}~input/2.3")


def test_a_way_may_name_the_step_on_screen(runs):
    sampled = runs["toy"].ids[5]
    way = read_trail(f"token_ids/0/1~probabilities/0.{sampled}/0")
    for step in runs["toy"].steps:
        assert explainer_trail.unbroken(way, step) == way
    broken = read_trail(f"token_ids/0/1~probabilities/0.{sampled + 1}/0")
    assert explainer_trail.unbroken(broken, runs["toy"].steps[0]) == broken[1:]


def test_of_a_deep_model_the_crumbs_say_their_layer_and_the_choice_is_by_part(runs):
    shown = told(opened(model="llama-nano", layer="1", cell="layers.1.attention.norm/2.3~input/2.3"))
    assert [crumb["text"] for crumb in shown["crumbs"]] == ["X[2, 3]"]  # in no layer, and not what layer 1 normed
    shown = told(opened(model="llama-nano", layer="1", cell="layers.1.attention.norm/2.3~layers.0.residual/2.3"))
    assert [crumb["text"] for crumb in shown["crumbs"]] == ["L1 X̂[2, 3]", "L0 X_out[2, 3]"]
    groups = dict(shown["choice"]["groups"])
    assert groups["Attention, weights"][0][0] == "layers.0.attention_norm.scale"
    assert len({text for of in groups.values() for _, text in of}) == len([m for of in groups.values() for m in of])


@pytest.mark.parametrize(
    ("station", "cell"),
    [
        ("text", "token_ids/4"),
        ("embedding", "input/4.0"),
        ("attention", "layers.0.attention.weights/0.4.0"),
        ("feedforward", "layers.0.feedforward.hidden/4.0"),
        ("logits", "logits/0.{drawn}"),
        ("sample", "probabilities/0.{drawn}"),
    ],
)
def test_explaining_begins_at_the_station_on_screen(monkeypatch, toy, station, cell):
    chosen, run = Settings(station=station), generate(toy, DEFAULTS.text, 1)
    begun = []
    monkeypatch.setattr(panel, "on_screen", lambda: (chosen, run, run.steps[0]))
    monkeypatch.setattr(panel, "_go", begun.extend)
    monkeypatch.setattr(panel.st, "button", lambda label, on_click, args, **more: on_click(*args))
    panel.open_button()
    assert list(map(str, begun)) == [cell.format(drawn=run.new_ids[0])]


def test_a_norms_weight_in_a_random_model_is_not_said_to_be_drawn():
    shown = told(opened(model="gpt2-nano", layer="0", cell="layers.0.attention_norm.shift/3"))
    assert "In a random model it is always 0, which changes nothing" in str(shown) and "drawn at random" not in str(
        shown
    )
    shown = told(opened(model="gpt2-nano", layer="0", cell="layers.0.attention_norm.scale/3"))
    assert "In a random model it is always 1" in str(shown)
    assert "drawn at random" in str(told(opened(model="gpt2-nano", layer="0", cell="layers.0.attention.w_q/0.3")))

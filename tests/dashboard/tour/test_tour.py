"""Every stop of the tour tells this run's own numbers, of any model, and touches no setting."""

import json
import math
import re
from pathlib import Path
from typing import get_args

import pytest
import torch
from streamlit.testing.v1 import AppTest

from dashboard.figures.enlarged import enlarged
from dashboard.figures.equation import equation
from dashboard.link.settings import DEFAULTS, read_link
from dashboard.link.tour_stops import STOPS, view_of
from dashboard.matrices.pictures import Look, Pictures
from dashboard.matrices.sections import drawn_equations
from dashboard.shell.navigation import RUN_FILE, WHOLE_MODEL
from dashboard.shell.presenter import DIGITS, SIZE, WIDEST_EQUATION
from dashboard.tour.facts import _Place, common, said, stop_facts
from dashboard.tour.texts import TOUR_TEXTS, card_texts, filled, stop_texts
from llm_core import PRESETS, Run, Sampling, generate, load_model, random_model
from llm_core.catalogue.part_titles import ACTIVATION_TITLES
from llm_core.config.model_config import FeedForwardKind
from tests.helpers.links import link_of
from tests.helpers.pages import drawn, opened, sentences
from tests.helpers.small_models import CONFIGS

TEXT = DEFAULTS.text


def run_of(name: str, text: str = TEXT, new: int = 3, temperature: float = 1.0) -> Run:
    return generate(load_model(name, seed=0), text, new, Sampling(temperature, seed=7))


@pytest.fixture(scope="module", params=PRESETS)
def run(request) -> Run:
    return run_of(request.param)


def card(page: AppTest) -> dict:
    """What the tour's card shows; nothing where it is closed."""
    found = [json.loads(c.proto.json) for c in page.get("bidi_component") if c.proto.json]
    return next((data for data in found if "stops" in data), {})


def lines(run: Run, stop: str) -> dict[str, str]:
    found = stop_facts(stop, run)
    return {
        name: text.replace("\u2068", "").replace("\u2069", "")
        for name, text in stop_texts(stop, found.variant, found.values).items()
    }


def numbers(text: str) -> list[float]:
    """All numbers of a line that can be told from words."""
    plain = text.replace(",", "").replace("−", "-")
    return [float(n) for n in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])", plain)]


def near(value: float) -> float:
    """What three significant digits leave of a number."""
    return float(f"{value:.2e}")


# ---- the page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", [pytest.param(name, marks=[pytest.mark.slow] * (name not in ("toy", "llama-nano"))) for name in PRESETS]
)
def test_each_stop_opens_from_its_link_and_looks_at_its_station(model):
    config = PRESETS[model]
    for number, stop in enumerate(STOPS):
        page = opened(model=model, tour=stop)
        shown = card(page)
        assert not page.exception and not sentences(page)
        assert (shown["stop"], shown["number"]) == (stop, number)
        assert shown["text"]["what"] and shown["text"]["why"] and shown["text"]["formula"]
        view = view_of(stop, config, 3)
        defaults = {name: getattr(DEFAULTS, name) for name in view}
        said_by_link = {name: str(value) for name, value in view.items() if value != defaults[name]}
        query = link_of(page)
        assert {name: query.get(name) for name in view} == {name: said_by_link.get(name) for name in view}


def test_the_card_is_closed_until_someone_asks_for_it():
    page = opened()
    assert card(page) == {}
    assert page.button(key="tour-start-button").label == card_texts()["start"]


def test_the_button_starts_the_tour_and_no_setting_changes():
    page = opened(temperature="0.53", dice_seed="11", step="2", station="logits")
    page.button(key="tour-start-button").click().run()
    assert card(page)["stop"] == STOPS[0]
    query = link_of(page)
    assert query["tour"] == STOPS[0] and query["station"] == "text" and "step" not in query
    assert page.session_state["temperature"] == 0.53 and page.session_state["dice_seed"] == 11
    assert page.session_state["tour-state"].before == {"station": "logits", "step": 2, "layer": 0, "head": 0}


def test_a_stop_can_be_given_by_its_number():
    assert card(opened(tour="7"))["stop"] == "softmax"
    assert read_link({"tour": "12"})[0] == {"tour": "again"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tour", "moon"),
        ("tour", "0"),
        ("tour", "13"),
        ("tour", "٣"),
        ("tour", ""),
        ("present", "2"),
        ("present", "yes"),
    ],
)
def test_a_stop_or_a_mode_that_is_not_there_is_refused_and_the_page_says_so(name, value):
    page = opened(**{name: value})
    assert not page.exception and f"{name} = {value}" in sentences(page)
    assert card(page) == {}


@pytest.mark.parametrize(
    ("query", "stops"),
    [
        pytest.param({"text": "hi", "new_tokens": "1", "temperature": "0"}, STOPS, marks=pytest.mark.slow),
        ({"text": "hi"}, ("softmax", "again")),
        ({"new_tokens": "1"}, ("again",)),
        ({"temperature": "0"}, ("choosing",)),
        ({"text": "![](http://example.invalid/x.png) <b>"}, ("text", "softmax")),
        ({"text": "مرحبا"}, ("text",)),
    ],
)
def test_no_stop_refuses_short_runs_greedy_runs_and_text_that_looks_like_trouble(query, stops):
    for stop in stops:
        page = opened(tour=stop, **query)
        assert not page.exception and not sentences(page) and card(page)["stop"] == stop


def test_another_dice_seed_is_told_at_once():
    page = opened(tour="choosing")
    before = card(page)["text"]["formula"]
    page.number_input(key="dice_seed").set_value(99).run()
    assert card(page)["text"]["formula"] != before


def test_the_presenters_page_has_larger_figures_and_a_way_into_the_tour():
    usual, large = opened(), opened(present="1")
    assert card(large)["present"] is True and not card(large)["stop"]
    for before, after in zip(drawn(usual), drawn(large), strict=True):
        width = before["layout"]["width"]
        sizes = [t["meta"]["numbers"]["size"] for t in before["data"] if "numbers" in (t.get("meta") or {})]
        fitting = max(width, min(1.35 * width, 930), width * 16 / min(sizes, default=math.inf))
        assert after["layout"]["width"] == pytest.approx(fitting, abs=1)


@pytest.mark.parametrize("query", [{}, {"text": ""}, {"tour": "mask"}, {"model": "toy-6", "text": "word " * 2000}])
@pytest.mark.parametrize("path", [None, WHOLE_MODEL, RUN_FILE])
def test_every_page_without_the_sidebar_has_the_way_out_of_presenter_mode(path, query):
    page = opened(present="1", **query)
    if path:
        page = page.switch_page(path).run()
    assert ("present" in link_of(page)) and not page.exception
    page.button(key="stop-presenting").click().run()
    assert not page.exception and "present" not in link_of(page)
    assert "stop-presenting" not in {button.key for button in page.button}


# ---- the numbers ----------------------------------------------------------------------------------------------------


def test_text_tells_the_token_ids(run):
    ids = run.model.tokenizer.encode(TEXT)
    line = lines(run, "text")
    assert numbers(line["formula"]) == ids
    assert str(len(ids)) in line["what"] and f"{ids[-1]:,}" in line["what"].replace("50,257", "")


def test_embedding_tells_the_row_of_the_table(run):
    row = run.model.get_parameter("embedding.token")[run.prompt_ids[-1]].tolist()
    assert numbers(lines(run, "embedding")["formula"].split("=")[-1]) == [near(v) for v in row[:3]]


def test_embedding_says_what_the_row_is_multiplied_by():
    model = random_model(CONFIGS["scaled embeddings, GEGLU"], seed=3)
    told, row = lines(generate(model, [5, 9], 1), "embedding"), 4 * model.get_parameter("embedding.token")[9]
    assert "each number is multiplied by √16" in told["what"] and " E[9] · √16 = (" in told["formula"]
    assert numbers(told["formula"].split("=")[-1]) == [near(v) for v in row[:3].tolist()]


def test_order_tells_how_positions_enter_this_model(run):
    position = run.model.config.position
    found, line = stop_facts("order", run), lines(run, "order")
    last = len(run.prompt_ids) - 1
    if position == "rope":
        q, half = run.steps[0].matrix("layers.0.attention.q").values[0, last], run.model.config.rotary_dim // 2
        turned = float(q[0]) * math.cos(last) - float(q[half]) * math.sin(last)  # the first pair's frequency is 1
        assert numbers(line["formula"])[-1] == near(turned)
    elif position == "learned":
        e, p = (run.model.get_parameter(f"embedding.{name}") for name in ("token", "position"))
        parts = float(e[run.prompt_ids[-1], 0]), float(p[last, 0])
        assert numbers(line["formula"].split("=", 2)[-1]) == [near(v) for v in (*parts, sum(parts))]
    else:
        assert found.variant == ("none" if run.model.config.layers == 1 else "causal")


def test_the_text_in_reverse_order_is_run_once_for_equal_texts(monkeypatch):
    asked = []
    monkeypatch.setattr("dashboard.tour.facts.generate", lambda *given: asked.append(given[1]) or generate(*given))
    runs = [run_of("toy", "one two three"), run_of("toy", "one two three", temperature=0)]
    found = [stop_facts("order", run).values for run in (*runs, *runs)]
    assert len(asked) == 1 and asked[0] == [*runs[0].prompt_ids[-2::-1], runs[0].prompt_ids[-1]]
    assert all(values == found[0] for values in found)
    other = stop_facts("order", run_of("toy", "one two four")).values
    assert len(asked) == 2 and other["reordered_score"] != found[0]["reordered_score"]


@pytest.mark.parametrize("name", ["toy", "toy-6"])
def test_without_positions_the_reversed_text_is_really_run(name):
    run = run_of(name)
    *earlier, last = run.prompt_ids
    with torch.no_grad():
        before, after = (run.model(torch.tensor([ids]))[0, -1] for ids in (run.prompt_ids, [*earlier[::-1], last]))
    values = stop_facts("order", run).values
    assert values["difference"] == said(float((after - before).abs().max())) or name == "toy"
    best = run.model.tokenizer.label(int(after.argmax()))
    assert best in values["reordered_best"]
    assert (float((after - before).abs().max()) < 1e-5) == (name == "toy")


def test_questions_labels_and_messages_are_the_rows_times_their_weights(run):
    config = run.model.config
    x = run.steps[0].matrix("layers.0.attention.norm" if config.pre_norm else "input").values[-1].double()
    found = {}
    for letter in "qkv":
        found[letter] = float(x @ run.model.get_parameter(f"layers.0.attention.w_{letter}")[:, 0].double())
        if config.attention_bias:
            found[letter] += float(run.model.get_parameter(f"layers.0.attention.b_{letter}")[0])
    values = stop_facts("qkv", run).values
    assert {letter: values[letter] for letter in "qkv"} == {letter: said(v) for letter, v in found.items()}
    assert numbers(lines(run, "qkv")["formula"])[-1] == near(found["q"])


def attention(run: Run) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Head 0 of layer 0 once more, in float64: dot products, weights and outputs of the last row."""
    step, rotated = run.steps[0], "_rotated" if run.model.config.position == "rope" else ""
    q, k, v = (
        step.matrix(f"layers.0.attention.{name}").values[0].double() for name in (f"q{rotated}", f"k{rotated}", "v")
    )
    dots = k @ q[-1]
    weights = (dots / math.sqrt(len(q[-1]))).softmax(-1)
    return dots, weights, weights @ v


def test_scores_and_scale_are_those_of_the_last_row_and_the_first_token(run):
    dots, _, _ = attention(run)
    size = run.model.config.head_dim
    assert numbers(lines(run, "scores")["formula"])[-1] == near(float(dots[0]))
    values = stop_facts("mask", run).values
    assert (values["dot"], values["score"]) == (said(float(dots[0])), said(float(dots[0]) / math.sqrt(size)))
    assert (values["hidden"], values["cells"]) == ("10", "25")


def test_softmax_and_mixing_tell_the_largest_share(run):
    _, weights, mixed = attention(run)
    best = int(weights.argmax())
    found = stop_facts("softmax", run)
    assert found.values["best_position"] == str(best)
    assert found.values["share"] == f"{100 * float(weights[best]):.0f} %"
    assert f"{best}  " in found.guess.choices[found.guess.right]
    assert stop_facts("mixing", run).values["result"] == said(float(mixed[0]))
    assert stop_facts("mixing", run).values["share"] == found.values["share"]


@pytest.mark.parametrize(("text", "tokens"), [(TEXT, 5), ("how are you", 3)])
def test_a_guess_says_which_tokens_it_does_not_offer(text, tokens):
    run = run_of("toy", text)
    found = stop_facts("softmax", run)
    assert len(run.prompt_ids) == tokens and len(found.guess.choices) == min(tokens, 4)
    weights = run.steps[0].matrix("layers.0.attention.weights").values[0, -1]
    offered = [int(choice.split()[0]) for choice in found.guess.choices]
    assert min(weights[offered]) >= max((w for p, w in enumerate(weights) if p not in offered), default=0)
    assert ("Choose one of these four tokens." in lines(run, "softmax")["question"]) == (tokens > 4)


ONE = re.compile(r"(?<![\w.,/])(?<!of )1 (?!new\b)[a-z]+s\b")


@pytest.mark.parametrize("new", [1, 2])
@pytest.mark.parametrize("name", PRESETS)
def test_what_there_is_one_of_is_said_in_the_singular(name, new):
    run = generate(load_model(name, seed=0), "hi", new, Sampling(top_k=1))
    for stop in STOPS:
        for text in lines(run, stop).values():
            assert not ONE.search(text), text


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        (Sampling(seed=7), "Temperature 1 changes nothing. The dice, started with seed 7, rolled 0."),
        (Sampling(0.5, seed=7), "At temperature 0.5 it is "),
        (Sampling(1, top_k=9, seed=7), "After temperature, top-k and top-p it is "),
        (Sampling(1, top_k=1, seed=7), "After temperature, top-k and top-p no other token is left."),
    ],
)
def test_what_changed_a_probability_is_named_and_nothing_else(sampling, said):
    text = lines(generate(load_model("toy"), TEXT, 1, sampling), "choosing")["what"]
    assert said in text and text.count("emperature") == 1


def test_what_relu_sets_to_zero_is_counted(monkeypatch):
    run = run_of("toy")
    zeros = stop_facts("feedforward", run).values["zeros"]
    assert f"ReLU sets the {zeros} negative ones to zero." in lines(run, "feedforward")["what"]
    for count, words in ((0, "None of them is negative"), (1, "the only negative one")):
        hidden = torch.ones(16)
        hidden[:count] = 0
        monkeypatch.setattr(_Place, "last", lambda at, name, hidden=hidden: hidden)
        assert words in lines(run, "feedforward")["what"]


@pytest.mark.parametrize("kind", get_args(FeedForwardKind))
def test_the_formula_of_each_feedforward_names_its_own_function(kind):
    run = generate(random_model(CONFIGS["no residuals, no norms"].with_(feedforward=kind), seed=0), [1, 2, 3], 1)
    formula = lines(run, "feedforward")["formula"]
    assert ("max(0, " if kind == "relu" else f"{ACTIVATION_TITLES[kind]}(") in formula


def test_the_mask_says_what_its_outline_is_about():
    assert "The dashed outline shows them for the first token." in lines(run_of("toy"), "mask")["what"]
    (outline,) = [mark for mark in stop_facts("mask", run_of("toy")).marks if "masked" in mark.matrix]
    assert outline.rows == (0, 1)


def test_the_cache_is_counted_by_tokens_keys_and_values():
    assert "in the cache: 5 tokens · (8 key + 8 value numbers) = 80" in lines(run_of("toy"), "again")["formula"]


def test_a_share_is_not_called_most_of_the_attention():
    for text in lines(run_of("toy"), "softmax").values():
        assert "most of" not in text
    assert "the largest part of the attention" in lines(run_of("toy"), "softmax")["what"]


def test_feedforward_counts_the_units_of_the_last_row(run):
    config, step = run.model.config, run.steps[0]
    incoming = step.matrix(f"layers.0.feedforward.{'gate' if config.gated else 'up'}").values[-1]
    values = stop_facts("feedforward", run).values
    assert values["below"] == str(int((incoming < 0).sum()))
    zeros = int((incoming <= 0).sum()) if config.feedforward == "relu" else 0
    assert values["zeros"] == str(zeros) and values["units"] == str(config.feedforward_dim)


def test_depth_tells_the_best_logit_and_the_number_of_layers(run):
    with torch.no_grad():
        logits = run.model(torch.tensor([run.prompt_ids]))[0, -1]
    values = stop_facts("depth", run).values
    assert values["layers"] == str(run.model.config.layers)
    assert values["result"] == said(float(logits.max()))
    assert run.model.tokenizer.label(int(logits.argmax())) in values["best"]


def test_choosing_tells_the_part_of_the_line_in_which_the_dice_lie(run):
    stage = run.steps[0].sampled.stages[-1].probabilities.double()
    line, chosen = stage.cumsum(0) / stage.sum(), run.new_ids[0]
    start, dice, end = numbers(lines(run, "choosing")["formula"])
    assert start == pytest.approx(float(line[chosen - 1]), abs=1e-6)
    assert end == pytest.approx(float(line[chosen]), abs=1e-6)
    assert start <= dice <= end


def test_again_tells_what_waits_in_the_cache(run):
    values = stop_facts("again", run).values
    kept = sum(run.nodes[0].keys_and_values(layer)[0].numel() * 2 for layer in range(run.model.config.layers))
    assert (values["cached"], values["all"], values["kept"]) == ("5", "6", f"{kept:,}")
    assert run.model.tokenizer.label(run.new_ids[0]) in values["new_token"]


def test_a_run_that_ends_before_a_decode_step_says_what_would_happen():
    assert stop_facts("again", run_of("toy", new=1)).variant == "once"
    assert "You asked for one new token" in lines(run_of("toy", new=1), "again")["what"]


def test_temperature_zero_has_no_dice():
    line = lines(run_of("toy", temperature=0), "choosing")
    assert "dice" not in line["what"] and "temperature 0" in line["what"]


def test_one_token_has_nothing_to_guess_and_all_of_the_attention():
    run = run_of("toy", "hi")
    found = stop_facts("softmax", run)
    assert found.guess is None and found.values["share"] == "100 %"
    assert stop_facts("order", run).variant == "short"


# ---- what is outlined -----------------------------------------------------------------------------------------------


def test_outlined_cells_lie_in_matrices_or_weights_that_the_model_has(run):
    step_names = {stop: run.steps[view_of(stop, run.model.config, 3)["step"]] for stop in STOPS}
    weights = dict(run.model.named_parameters())
    for stop, step in step_names.items():
        for mark in stop_facts(stop, run).marks:
            name = mark.matrix
            shape = tuple(weights[name].shape) if name in weights else step.matrix(name).shape
            rows, columns = (1, *shape)[-2:]
            assert 0 <= mark.rows[0] < mark.rows[1] <= rows, (stop, name)
            assert 0 <= mark.columns[0] < mark.columns[1] <= columns, (stop, name)
            assert (mark.head is None) == (len(shape) < 3), (stop, name)


# ---- the texts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
def test_every_kind_of_block_has_its_texts(name):
    run = generate(random_model(CONFIGS[name], seed=3), [5, 9, 5, 7, 2, 8, 1], 2)
    for stop in STOPS:
        found = stop_facts(stop, run)
        assert stop_texts(stop, found.variant, found.values)["what"]


def test_all_variants_of_the_file_have_their_placeholders_documented():
    """The list at the top names, for each stop, what the code gives it; explanations stand further right."""
    listed: dict[str, set[str]] = {}
    head = TOUR_TEXTS.read_text(encoding="utf-8").split("# Placeholders of one stop:")[1].split("[card]")[0]
    for stop, names in re.findall(r"^#   (\w+)(?: \(.*\))?: (\w+(?: \w+)*)", head, re.M):
        listed.setdefault(stop, set()).update(names.split())
    given: dict[str, set[str]] = {}
    texts = [TEXT, "hi"]
    runs = [run_of(name, text, new) for name in PRESETS for text in texts for new in (1, 2)]
    for stop in STOPS:
        for run in runs:
            given.setdefault(stop, set()).update(set(stop_facts(stop, run).values) - set(common(run)))
    assert listed == given


def test_a_placeholder_that_is_not_there_is_refused_by_name(tmp_path: Path):
    file = tmp_path / "texts.toml"
    file.write_text('[text]\ntitle = "T"\nwhat = "{tokens} {colour}"\nwhy = "w"\nformula = "f"\n')
    with pytest.raises(ValueError, match=r"the text “what” of \[text\] has the placeholder \{colour\}.*there are: tok"):
        stop_texts("text", "", {"tokens": "5"}, file)


@pytest.mark.parametrize("text", ["{", "}", "{0}", "{token!r}", "{token:>9}", "{token.__class__}", "{}"])
def test_what_is_no_plain_placeholder_is_refused(text):
    with pytest.raises(ValueError, match="here"):
        filled(text, {"token": "x"}, "here")


def test_a_token_with_braces_is_shown_as_it_is():
    assert filled("“{token}” {{}}", {"token": "{id}"}, "here") == "“{id}” {}"


def test_a_text_that_is_missing_is_named(tmp_path: Path):
    file = tmp_path / "texts.toml"
    file.write_text('[mask]\ntitle = "T"\nwhat = "w"\nwhy = "w"\n')
    with pytest.raises(ValueError, match=r"no text “formula” for the stop \[mask.one\]|no table for “one”"):
        stop_texts("mask", "one", {}, file)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1.2345, "1.23"),
        (-0.45, "−0.450"),
        (22453.4, "22,453"),
        (3e-8, "3.00e−8"),
        (-math.inf, "−∞"),
        (1e9, "1.00e9"),
        (0.00012345, "0.000123"),
    ],
)
def test_numbers_have_three_significant_digits(value, text):
    assert said(value) == text


# ---- larger figures -------------------------------------------------------------------------------------------------


def test_a_larger_figure_has_the_same_cells_and_larger_letters(toy):
    run = generate(toy, "hello", 1)
    figure = equation([Pictures(run.steps[0]).labelled("input")], 5)
    large = enlarged(figure, 1.5, 10_000)
    before, after = figure.to_dict(), large.to_dict()
    assert after["layout"]["width"] == round(1.5 * before["layout"]["width"])
    assert [t.get("z") for t in after["data"]] == [t.get("z") for t in before["data"]]
    assert after["layout"]["annotations"][0]["font"]["size"] == 1.5 * before["layout"]["annotations"][0]["font"]["size"]
    small, grown = ([t["meta"]["numbers"] for t in made["data"] if "numbers" in t["meta"]] for made in (before, after))
    assert small and [n["size"] for n in grown] == [1.5 * n["size"] for n in small]
    assert [n["texts"] for n in grown] == [n["texts"] for n in small]
    assert enlarged(figure, 1.5, 10).to_dict() == before


@pytest.mark.parametrize("text", ["hello how are you?", "a"])
def test_presented_numbers_have_at_least_16_pixels_in_every_equation(toy, text):
    run = generate(toy, text, 2)
    for step in run.steps:
        for _, figure in drawn_equations(step, len(run.ids), Look(), None):
            made = enlarged(figure, SIZE, WIDEST_EQUATION, DIGITS).to_dict()["data"]
            sizes = [trace["meta"]["numbers"]["size"] for trace in made if "numbers" in (trace.get("meta") or {})]
            assert min(sizes, default=16) >= 16

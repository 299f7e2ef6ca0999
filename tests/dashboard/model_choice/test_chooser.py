"""The choice of a model on the page: the list, the dialog, links, and models that do not come."""

import re

import pytest
import torch
from streamlit.testing.v1 import AppTest

from dashboard.link import models
from dashboard.link import shape as shapes
from dashboard.server import build, computed
from dashboard.server.models import Library
from llm_core import ModelConfig, random_model
from tests.helpers.links import link_of, widget
from tests.helpers.pages import APP, drawn

LINK = re.compile(r"\[([^\]]+)\]\(#word-[a-z-]+\)")
TINY = ModelConfig(vocab_size=50_257, model_dim=4, feedforward_dim=4, max_positions=64)


def opened(**query: str) -> AppTest:
    page = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def sentences(page: AppTest) -> str:
    """All that the page says in plain text; each part of it could be drawn."""
    assert not page.exception and not any("could not be drawn" in text.value for text in page.text)
    return "\n".join(text.value for text in page.text)


def shown(page: AppTest) -> tuple[str, str]:
    """The model that the list and the link name."""
    sentences(page)
    return widget(page, "selectbox", "model").value, link(page, "model", "toy")


def link(page: AppTest, name: str, absent: str = "") -> str:
    """A value of the page's link."""
    return link_of(page).get(name, absent)


@pytest.fixture(autouse=True)
def empty_library(monkeypatch):
    monkeypatch.delenv("HOSTED", raising=False)
    library = Library(9, 10**10)
    monkeypatch.setattr(computed, "LIBRARY", library)
    monkeypatch.setattr("dashboard.model_choice.loading.LIBRARY", library)
    return library


@pytest.fixture
def real(monkeypatch):
    """Real models are what a test says, by name: a model, or the sentence of a failure."""
    known = {}
    really = build.load_model

    def load(name, seed, dtype, progress):
        if name not in known:
            return really(name, seed, dtype, progress)
        if isinstance(known[name], str):
            raise ValueError(known[name])
        if isinstance(known[name], Exception):
            raise known[name]
        return known[name]

    monkeypatch.setattr(build, "load_model", load)
    monkeypatch.setattr(models, "on_this_machine", lambda name: name in known)
    return known


# ---- the list -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["toy-6", "gpt2-nano", "llama-nano"])
def test_a_preset_is_chosen_from_the_list_and_named_in_the_link(name):
    page = opened()
    page.selectbox(key="model").set_value(name).run()
    assert shown(page) == (name, name)
    assert len(drawn(page)) > 3


def test_the_list_has_the_curated_models_and_the_two_ways_to_others():
    options = opened().selectbox(key="model").options
    assert "GPT-2 nano · random weights" in options
    assert any(option.startswith("SmolLM2-135M-Instruct, Q4_1 expanded to float32 · 0.09 GB") for option in options)
    assert options[-2:] == ["Shape your own …", "A Hub id, folder or GGUF file …"]


def test_a_name_typed_by_hand_is_loaded(real):
    real["owner/name"] = random_model(TINY, 0, "owner/name")
    page = opened()
    page.selectbox(key="model").set_value("+type").run()
    assert shown(page) == ("toy", "toy")
    page.text_input(key="typed").set_value("owner/name").run()
    assert shown(page) == ("owner/name", "owner/name")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "gpt-9", "a\x00/b", "/" * 300])
def test_a_name_that_nothing_can_have_is_refused_where_it_was_typed(name):
    page = opened()
    page.selectbox(key="model").set_value("+type").run()
    page.text_input(key="typed").set_value(name).run()
    assert shown(page) == ("toy", "toy")
    assert any(said in sentences(page) for said in ("cannot be loaded", "is not shown", "There is no such model"))


def test_a_random_models_text_goes_into_a_real_model_at_a_click(real):
    real["smollm2-135m"] = random_model(TINY, 0, "SmolLM2")
    page = opened(text="The capital of France is")
    page.button(key="real-model").click().run()
    assert shown(page)[0] == "smollm2-135m"
    assert page.text_area(key="text").value == "The capital of France is"
    assert not [button for button in page.button if button.key == "real-model"]
    assert "Random weights know no English" not in " ".join(caption.value for caption in page.caption)


def test_bfloat16_is_for_real_weights_and_the_weights_seed_for_random_ones(real):
    real["gpt2"] = random_model(TINY, 0, "gpt2")
    page = opened()
    assert page.selectbox(key="dtype").disabled and not page.number_input(key="weights_seed").disabled
    page.selectbox(key="model").set_value("gpt2").run()
    assert not page.selectbox(key="dtype").disabled and page.number_input(key="weights_seed").disabled


# ---- links ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gpt-9", "<script>alert(1)</script>", "x" * 10_000, "a\x00/b"])
def test_a_link_with_an_unknown_model_falls_back_and_says_so(name):
    page = opened(model=name)
    assert shown(page) == ("toy", "toy")
    assert "cannot be used (no model has this name), so toy is used instead." in sentences(page)


def test_a_link_opens_no_path_of_this_machine_before_a_visitor_agrees(real, monkeypatch):
    tried = []
    load = build.load_model
    monkeypatch.setattr(build, "load_model", lambda name, *rest: tried.append(name) or load(name, *rest))
    page = opened(model="../../no/such/model")
    assert shown(page) == ("toy", "toy") and "../../no/such/model" not in tried
    assert "This link wants to open ../../no/such/model from this machine. Toy is shown." in sentences(page)
    assert page.button(key="try-again").label == "Open"
    page.button(key="try-again").click().run()
    assert "../../no/such/model" in tried and shown(page) == ("toy", "toy")
    assert "There is no such model. Choose one from the list on the left. Toy is shown." in sentences(page)
    assert page.button(key="try-again").label == "Try again"


def test_a_folder_that_a_link_names_is_opened_once_a_visitor_agrees_and_not_asked_for_again(real, tmp_path):
    real[str(tmp_path)] = random_model(TINY, 0, "a folder's")
    page = opened(model=str(tmp_path))
    assert shown(page) == ("toy", "toy")
    page.button(key="try-again").click().run()
    assert shown(page) == (str(tmp_path), str(tmp_path))
    assert shown(opened(model=str(tmp_path)))[0] == str(tmp_path)  # it is open here already


def test_what_a_link_asks_for_can_be_put_off(real):
    page = opened(model="gpt2")
    page.button(key="not-now").click().run()
    assert shown(page) == ("toy", "toy") and "is not shown" not in sentences(page)


def test_a_path_that_a_visitor_types_is_opened_without_a_question(real, tmp_path):
    real[str(tmp_path)] = random_model(TINY, 0, "a folder's")
    page = opened()
    page.selectbox(key="model").set_value("+type").run()
    page.text_input(key="typed").set_value(str(tmp_path)).run()
    assert shown(page) == (str(tmp_path), str(tmp_path))


def test_a_link_downloads_nothing_before_a_visitor_agrees(real):
    page = opened(model="gpt2")
    assert shown(page) == ("toy", "toy")
    assert "0.55 GB would be downloaded" in sentences(page)
    real["gpt2"] = random_model(TINY, 0, "gpt2")
    page.button(key="try-again").click().run()
    assert shown(page) == ("gpt2", "gpt2")
    assert "is not shown" not in sentences(page)


def test_a_link_carries_the_models_fingerprint(toy):
    assert link(opened(), "fp") == toy.weights.version[:8]


def test_a_link_made_with_other_weights_says_so_once():
    page = opened(fp="12345678")
    assert "other weights (fingerprint 12345678)" in sentences(page)
    page.number_input(key="weights_seed").set_value(3).run()
    assert "other weights" not in sentences(page)


def test_a_link_made_with_these_weights_says_nothing(toy):
    assert "other weights" not in sentences(opened(fp=toy.weights.version[:8]))


def test_a_fingerprint_is_not_held_against_a_model_that_another_one_stands_in_for():
    assert "other weights" not in sentences(opened(model="gpt-9", fp="12345678"))


@pytest.mark.parametrize("shape", ["v1,layers:99", "<b>", "v1,dim:15,heads:4,kv:4", "x" * 10_000, "v1,dim:256,heads:0"])
def test_a_link_with_an_impossible_shape_falls_back_and_says_why(shape):
    page = opened(model="custom", shape=shape)
    assert shown(page) == ("custom", "custom")
    assert "The link says shape = " in sentences(page) and "cannot be used (" in sentences(page)


def verdict(page: AppTest) -> str:
    """What the dialog says of the model, without the marks of technical words."""
    sentences(page)
    return LINK.sub(r"\1", page.markdown[-1].value)


# ---- the dialog -----------------------------------------------------------------------------------------------------


def test_the_dialog_starts_from_any_preset_and_its_model_is_in_the_link():
    page = opened()
    page.selectbox(key="model").set_value("+shape").run()
    page.selectbox(key="shape-start").set_value("llama-nano").run()
    page.number_input(key="shape-seed").set_value(5).run()
    assert "This model has 6,605,504 random parameters and computes 89 matrices in each step." in verdict(page)
    page.button(key="shape-apply").click().run()
    assert shown(page) == ("custom", "custom")
    assert shapes.read_shape(link(page, "shape")) == shapes.of_preset("llama-nano")
    assert widget(page, "number_input", "weights_seed").value == 5


def test_a_shaped_link_opens_the_same_model_elsewhere():
    shape = "v1,layers:3,dim:12,heads:3,kv:1,hidden:20,kind:swiglu,position:rope,norm:rmsnorm,biases:none"
    first, second = opened(model="custom", shape=shape), opened(model="custom", shape=shape)
    assert link(first, "fp") == link(second, "fp")
    assert first.selectbox(key="model").value == "custom" and not first.exception


def test_heads_that_no_longer_fit_the_dimension_give_way_to_some_that_do():
    page = opened()
    page.selectbox(key="model").set_value("+shape").run()
    page.selectbox(key="shape-start").set_value("llama-nano").run()
    page.number_input(key="shape-dim").set_value(6).run()
    assert page.get("button_group")
    assert not page.exception and not page.button(key="shape-apply").disabled


def test_a_choice_that_is_not_offered_for_a_while_keeps_the_dialog_alive():
    page = opened()
    page.selectbox(key="model").set_value("+shape").run()
    for norm in ("none", "rmsnorm"):
        page.button_group(key="shape-norm").set_value(norm).run()
        page.number_input(key="shape-dim").set_value(8 if norm == "none" else 12).run()
        assert "random parameters" in verdict(page)


def test_what_cannot_be_built_says_what_to_change_and_cannot_be_shown():
    page = opened()
    page.selectbox(key="model").set_value("+shape").run()
    page.selectbox(key="shape-start").set_value("llama-nano").run()
    page.number_input(key="shape-dim").set_value(9).run()
    assert "choose an even number" in verdict(page)
    assert page.button(key="shape-apply").disabled


# ---- failures -------------------------------------------------------------------------------------------------------


def test_the_model_that_was_on_screen_stays_usable_where_another_fails(real):
    real["gpt2"] = "GPT-2 needs 4.4 GB of memory, 2.1 GB is free"
    page = opened(model="llama-nano")
    page.selectbox(key="model").set_value("gpt2").run()
    assert shown(page) == ("llama-nano", "llama-nano")
    assert "GPT-2 is not shown: GPT-2 needs 4.4 GB of memory, 2.1 GB is free. Llama nano is shown." in sentences(page)
    assert drawn(page)
    page.text_area(key="text").set_value("again").run()
    assert "is not shown" not in sentences(page)  # this part is drawn again, the others stand still
    assert shown(page.run()) == ("llama-nano", "llama-nano")
    assert "is not shown" not in sentences(page)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("a secret of the machine"), OSError(5, "/somewhere")], ids=repr
)
def test_it_stays_usable_whatever_went_wrong_and_the_page_tells_nothing_of_the_machine(real, error):
    real["gpt2"] = error
    page = opened(model="llama-nano")
    page.selectbox(key="model").set_value("gpt2").run()
    assert shown(page) == ("llama-nano", "llama-nano")
    assert "GPT-2 is not shown: it could not be loaded, and the server's log says why." in sentences(page)
    assert drawn(page) and not page.exception


def test_a_model_in_bfloat16_is_drawn_whole(real):
    real["gpt2"] = random_model(TINY, 0, "gpt2").to(torch.bfloat16)
    page = opened(model="gpt2", dtype="bfloat16")
    assert not page.exception and "could not be drawn" not in sentences(page)
    assert drawn(page)


def test_a_failed_model_may_be_tried_again(real):
    real["gpt2"] = "no network"
    page = opened()
    page.selectbox(key="model").set_value("gpt2").run()
    real["gpt2"] = random_model(TINY, 0, "gpt2")
    page.button(key="try-again").click().run()
    assert shown(page) == ("gpt2", "gpt2")


def test_a_number_type_that_fails_gives_way_to_the_one_that_was_there(real):
    real["gpt2"] = random_model(TINY, 0, "gpt2")
    page = opened()
    page.selectbox(key="model").set_value("gpt2").run()
    real["gpt2"] = "too little memory"
    page.selectbox(key="dtype").set_value("bfloat16").run()
    assert shown(page) == ("gpt2", "gpt2")
    assert widget(page, "selectbox", "dtype").value == "float32"
    assert "too little memory" in sentences(page)


# ---- hosted ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def hosted(monkeypatch):
    monkeypatch.setenv("HOSTED", "1")


def test_a_hosted_page_offers_no_downloads_and_no_names_to_type(hosted, real):
    real["distilgpt2"] = random_model(TINY, 0, "distilgpt2")
    page = opened()
    options = page.selectbox(key="model").options
    assert options[-2:] == ["DistilGPT-2 · 0.35 GB, on this machine", "Shape your own …"]
    assert not any("to download" in option for option in options)
    assert not [button for button in page.button if button.key == "real-model"]


@pytest.mark.parametrize("name", ["gpt2", "owner/name", "/tmp", "../../etc/passwd", "."])
def test_a_hosted_page_refuses_links_to_what_it_does_not_list(name, hosted, real):
    page = opened(model=name)
    assert shown(page) == ("toy", "toy")
    assert f"The link says model = {name}, which cannot be used (" in sentences(page)


def test_a_hosted_page_refuses_large_shapes(hosted):
    page = opened(model="custom", shape="v1,dim:256")
    assert "a model here has at most 10,000,000" in sentences(page)
    assert shapes.read_shape(link(page, "shape") or "v1").dim == 16

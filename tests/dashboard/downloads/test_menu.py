"""Download on the Inference page, and the page of a run file."""

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from urllib.parse import parse_qs

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.downloads import menu
from dashboard.downloads.menu import THESE, Asked
from dashboard.link import shape as shapes
from dashboard.link.settings import Settings
from dashboard.matrices.shared_heads import own_head
from dashboard.run_file.opener import same_run
from dashboard.run_file.pictures import picture_of
from dashboard.server import rude_words
from dashboard.server.computed import run_of
from llm_core import ModelConfig, Sampling, catalogue, generate, load_model, open_run, random_model
from llm_core.files.run_file import run_file_size
from llm_core.model.identity import Seed
from tests.helpers.pages import APP, ROOT, RUN_FILE, matrices, pictures, run_file_page, saved

GROUPED = "v1,layers:2,dim:16,heads:4,kv:2,hidden:32,kind:swiglu,position:rope,norm:rmsnorm,context:64"


def opened(**query: str) -> AppTest:
    page = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def asking(**query: str) -> AppTest:
    """The page with the dialog open."""
    page = opened(**query)
    page.button(key="take-open").click().run()
    assert not page.exception
    return page


def lines(page: AppTest) -> str:
    """The Python lines in the dialog."""
    return next(code.value for code in page.code if "from llm_core" in code.value)


# ---- the dialog -----------------------------------------------------------------------------------------------------


def test_nothing_is_offered_before_it_is_asked_for():
    page = opened()
    assert not page.code and not page.get("download_button")


def test_the_dialog_stays_when_the_page_is_drawn_again_until_it_led_to_another_page():
    page = asking()
    assert lines(page.run()) == lines(page.run())
    page.switch_page(RUN_FILE).run()
    page.switch_page("inference.py").run()
    assert not page.exception and not page.code


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({}, "layers.0.attention.weights"),
        ({"station": "embedding"}, "input"),
        ({"station": "logits"}, "logits"),
        ({"station": "sample"}, "probabilities"),
        ({"station": "feedforward"}, "layers.0.feedforward.hidden"),
        ({"cell": "layers.0.attention.scores/0.3.2"}, "layers.0.attention.scores"),
        ({"cell": "layers.0.attention.w_q/3.2"}, "layers.0.attention.w_q"),
    ],
)
def test_the_matrix_that_is_looked_at_is_offered(query, name):
    assert f'"{name}"' in lines(asking(**query))


def test_step_layer_and_head_are_those_that_are_looked_at_and_can_be_changed():
    page = asking(model="custom", shape=GROUPED, step="1", layer="1", head="3")
    assert 'run.steps[1].matrix("layers.1.attention.weights").values[3]' in lines(page)
    page.number_input(key="take-layer").set_value(0).run()
    page.selectbox(key="take-matrix").set_value("attention.keys").run()
    assert 'run.steps[1].matrix("layers.0.attention.keys").values[1]' in lines(page)  # head 3 reads KV head 1
    assert any("The files contain KV head 1." in caption.value for caption in page.caption)
    page = asking(model="custom", shape=GROUPED, head="3", cell="layers.0.attention.keys/1.0.0")
    assert 'run.steps[0].matrix("layers.0.attention.keys").values[1]' in lines(page)  # head 3 reads KV head 1


def test_the_pages_lines_bring_back_what_the_page_shows():
    chosen = Settings(
        model="custom",
        shape=shapes.shape_text(shapes.read_shape(GROUPED)),
        text="it's «so»",
        temperature=0.8,
        dice_seed=11,
        top_k=40,
        top_p=0.9,
        new_tokens=2,
        weights_seed=5,
    )
    said = ("model", "shape", "text", "temperature", "dice_seed", "top_k", "top_p", "new_tokens", "weights_seed")
    query = {name: str(getattr(chosen, name)) for name in said}
    found: dict = {}
    exec(compile(lines(asking(**query, layer="1", head="2")), "lines", "exec"), found)
    run = run_of(chosen)
    assert found["run"].ids == run.ids and found["model"].weights.version == run.model.weights.version
    assert torch.equal(found["values"], run.steps[0].matrix("layers.1.attention.weights").values[2])


def test_each_file_is_made_of_the_matrix_that_was_asked_for():
    asked = Asked(Settings(), 1, 0, 0, "layers.0.attention.q")
    matrix = run_of(Settings()).steps[1].matrix("layers.0.attention.q")
    assert b"head_dim" not in menu._csv(asked) and f"{float(matrix.values[0, 0, 0]):.9g}".encode() in (menu._csv(asked))
    with np.load(io.BytesIO(menu._npz(asked)), allow_pickle=False) as file:
        assert np.array_equal(file["values"], matrix.values[0].numpy())
    assert Image.open(io.BytesIO(menu._png(asked))).format == "PNG"


def test_every_matrix_and_weight_has_a_picture():
    chosen = Settings(model="custom", shape=shapes.shape_text(shapes.read_shape(GROUPED)))
    config = run_of(chosen).model.config
    for entry in (*catalogue.matrices(config), *catalogue.weights(config)):
        if entry.layer != 1:  # made as layer 0's are
            image = Image.open(io.BytesIO(menu._png(Asked(chosen, 1, 0, 3, entry.name))))
            assert image.width >= 900


def test_all_files_of_a_weight_hold_the_whole_weight_whatever_head_is_chosen():
    chosen = Settings(model="custom", shape=shapes.shape_text(shapes.read_shape(GROUPED)))
    name = "layers.0.attention.w_k"
    asked = Asked(chosen, 0, 0, 3, name)
    weight = run_of(chosen).model.get_parameter(name).detach().numpy()
    with np.load(io.BytesIO(menu._npz(asked)), allow_pickle=False) as file:
        assert np.array_equal(file["values"], weight)
    picture, _ = menu._picture(asked.taken(), asked.look)
    assert np.array_equal(picture.values, weight)


def test_a_head_is_counted_along_the_matrixs_own_axis():
    config = shapes.config(shapes.read_shape(GROUPED))
    found = {
        name: own_head(config, catalogue.find(config, name), 3)
        for name in ("layers.0.attention.weights", "layers.0.attention.keys", "layers.0.attention.w_q", "logits")
    }
    assert list(found.values()) == [3, 1, None, None]


def test_the_run_file_holds_what_is_on_the_page():
    data = menu._run_file(Asked(Settings(), 0, 0, 0, "input"), ["input"])
    filed, run = open_run(data), run_of(Settings())
    assert filed.ids == run.ids and filed.prompt == Settings().text and filed.sampling == Settings().sampling
    assert torch.equal(filed.steps[0].matrix("input").values, run.steps[0].matrix("input").values)


def test_the_size_that_is_told_is_the_size_of_the_file():
    page = asking()
    sizes = [option.rpartition(" · ")[2] for option in page.radio(key="take-parts").options]
    assert sizes[0] == menu._size_in_words(len(menu._run_file(Asked(Settings(), 0, 0, 0, "input"), [])))
    assert [menu._size_in_words(size) for size in (880, 3349, 12_345, 999_999, 1_000_000, 64_200_000)] == [
        "0.9 kB",
        "3.3 kB",
        "12 kB",
        "1,000 kB",
        "1.0 MB",
        "64 MB",
    ]


def test_matrices_of_any_layer_can_be_picked_for_the_run_file():
    page = asking(model="llama-nano", layer="1")
    page.radio(key="take-parts").set_value(THESE).run()
    pick = page.multiselect(key="take-these")
    assert pick.value == [] and "Queries · layers.1.attention.q" in pick.options
    assert not any("layers.0." in option for option in pick.options)
    pick.set_value(["input", "layers.1.attention.q"]).run()
    page.number_input(key="take-layer").set_value(3).run()
    pick = page.multiselect(key="take-these")
    assert "Queries · layers.1.attention.q" in pick.options  # what was picked stays
    pick.set_value(["layers.3.attention.q", "layers.1.attention.q", "input"]).run()
    assert not page.exception and page.radio(key="take-parts").value == THESE
    assert page.multiselect(key="take-these").value == ["input", "layers.1.attention.q", "layers.3.attention.q"]
    names = page.multiselect(key="take-these").value
    chosen = page.session_state["settings"]
    run = run_of(chosen)
    told = f"{THESE} · {menu._size_in_words(run_file_size(rude_words.unmasked(run), names, chosen.text))}"
    assert told in page.radio(key="take-parts").options
    filed = open_run(menu._run_file(Asked(Settings(model="llama-nano"), 0, 3, 0, "input"), names))
    assert [step.names for step in filed.steps] == [names] * len(run.steps)


def test_of_what_was_picked_in_another_model_only_what_this_one_has_is_put_into_the_file():
    page = asking(model="llama-nano")
    page.radio(key="take-parts").set_value(THESE).run()
    page.multiselect(key="take-these").set_value(["input", "layers.0.attention.q_rotated"]).run()
    page.query_params["model"] = "gpt2-nano"
    page.run()
    assert not page.exception and page.multiselect(key="take-these").value == ["input"]


def test_a_file_that_would_be_too_large_is_not_offered(monkeypatch):
    monkeypatch.setattr(menu.table, "MOST_NUMBERS_CSV", 10)
    monkeypatch.setattr(menu, "FILE_LIMIT", 1000)
    page = asking()
    disabled = {button.proto.label: button.proto.disabled for button in page.get("download_button")}
    assert disabled["CSV"] and not disabled["NPZ"] and not disabled["PNG"]
    assert any("CSV has at most 10 numbers." in caption.value for caption in page.caption)


def test_a_hostile_text_stays_text_in_the_lines():
    text = "![](http://example.invalid/x.png)</code><script>"
    page = asking(text=text)
    assert text in lines(page)
    for element in (*page.markdown, *page.caption):
        assert text not in element.value


# ---- the page of a run file -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def toys(toy) -> bytes:
    run = generate(toy, "hello how are you?", 3, Sampling(0.5, 40, 0.9, 12))
    return saved(run, run.steps[0].names)


def test_the_page_waits_for_a_file():
    page = run_file_page()
    assert not page.exception and not matrices(page) and page.title[0].value == "Open a run from a file."


def test_every_saved_matrix_is_shown_with_the_runs_settings(toys, toy):
    page = run_file_page(toys)
    assert not page.exception
    assert matrices(page) == {entry.name for entry in catalogue.matrices(toy.config)}
    said = page.text[0].value
    assert "toy · float32 · weights seed 0" in said and "temperature 0.5 · top-k 40 · top-p 0.9 · dice seed 12" in said
    assert len(pictures(page)) <= 12


def test_columns_of_the_vocabulary_are_tokens_with_their_texts(toys, toy):
    for step in open_run(toys).steps:
        picture = picture_of(step, "probabilities", 0)
        largest = step.matrix("probabilities").values[0].sort(descending=True, stable=True).indices[: picture.columns]
        assert list(picture.column_labels) == [toy.tokenizer.label(i) for i in largest.tolist()]


def test_no_model_is_loaded_for_it(toys, monkeypatch):
    from dashboard.server import computed

    monkeypatch.setattr(computed, "model_of", lambda settings: pytest.fail("a model was loaded"))
    monkeypatch.setattr(computed.LIBRARY, "start", lambda *_: pytest.fail("a model was loaded"))
    page = run_file_page(toys, model="llama-nano")
    assert not page.exception and matrices(page)


def test_of_a_deep_run_one_part_of_one_layer_is_shown_and_at_most_twelve_charts():
    run = generate(random_model(shapes.config(shapes.read_shape(GROUPED)), seed=1), "one two three", 2)
    page = run_file_page(saved(run, run.steps[0].names))
    assert not page.exception and 0 < len(pictures(page)) <= 12
    page.slider(key="filed-head").set_value(3).run()
    assert not page.exception and any(name.startswith("layers.0.") for name in matrices(page))


@pytest.mark.parametrize("cell", [np.nan, np.inf, -np.inf], ids=str)
def test_a_file_of_somebody_who_made_every_cell_no_number_is_shown_and_said_to_hold_none(toys, toy, cell):
    start = 8 + int.from_bytes(toys[:8], "little")
    hostile = toys[:start] + np.full((len(toys) - start) // 4, cell, "<f4").tobytes()
    page = run_file_page(hostile)
    assert not page.exception and not any("could not be drawn" in text.value for text in page.text)
    assert matrices(page) == {entry.name for entry in catalogue.matrices(toy.config)}
    assert picture_of(open_run(hostile).steps[0], "input", 0).notes == ("40 of 40 cells NaN or infinite",)


def test_cells_that_are_no_numbers_are_shown_and_said_to_be_none(overflowing):
    run = generate(overflowing, list(range(1, 8)), 1)
    names = ["layers.1.feedforward.output", "layers.1.residual", "final_norm"]
    page = run_file_page(saved(run, names))
    assert not page.exception and matrices(page) == set(names)
    first, second, last = (picture_of(open_run(saved(run, names)).steps[0], name, 0) for name in names)
    assert first.notes == second.notes == ("1 of 112 cells NaN or infinite",)
    assert last.notes == ("16 of 112 cells NaN or infinite",)
    told = " ".join(picture.alternative for picture in pictures(page))
    assert told.count("; NaN or infinite cells: ") == 3


def test_a_file_without_matrices_says_so(toy):
    page = run_file_page(saved(generate(toy, "hello", 1), []))
    assert not page.exception and any("no matrices" in text.value for text in page.text)


def test_a_link_computes_the_same_run_and_compares_the_weights(toys):
    link = next(e.proto.url for e in run_file_page(toys).get("link_button"))
    query = {name: values[0] for name, values in parse_qs(link.partition("?")[2]).items()}
    page = opened(**query)
    assert not page.exception and not any("This link" in text.value for text in page.text)
    assert page.number_input(key="dice_seed").value == 12 and page.slider(key="temperature").value == 0.5
    assert page.slider(key="top_p").value == 0.9 and page.text_area(key="text").value == "hello how are you?"
    others = opened(**query | {"fp": "00000000"})
    assert any("made with other weights" in text.value for text in others.text)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (load_model("llama-nano", seed=9), "llama-nano"),
        (random_model(shapes.config(shapes.read_shape(GROUPED)), seed=2), "custom"),
    ],
)
def test_a_model_that_has_a_name_here_is_found_again(model, name):
    wanted = same_run(open_run(saved(generate(model, "one two", 1), [])))
    assert wanted is not None and wanted.model == name and Seed(wanted.weights_seed) == model.weights.source
    assert run_of(wanted).model.weights.version == model.weights.version


def test_a_run_that_this_page_cannot_compute_offers_no_way():
    odd = ModelConfig(101, 16, 24, 64, qk_norm=True)
    assert same_run(open_run(saved(generate(random_model(odd), [1, 2, 3], 1), []))) is None
    finer = generate(load_model("toy"), "hello", 1, Sampling(temperature=0.12345))
    assert same_run(open_run(saved(finer, []))) is None


def test_where_strangers_are_served_no_file_is_taken(monkeypatch):
    monkeypatch.setenv("HOSTED", "1")
    page = run_file_page()
    assert not page.exception and not page.get("file_uploader")
    assert any("does not open files" in text.value for text in page.text)


def test_the_server_takes_files_of_the_size_of_a_run_file():
    assert st.get_option("server.maxUploadSize") == menu.FILE_LIMIT // menu.MEGABYTE


def test_where_strangers_are_served_the_server_takes_no_bytes():
    code = (
        "import dashboard.server.computed; from streamlit import config; "
        "print(config.get_option('server.maxUploadSize'))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"HOSTED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["0"]


# ---- rude words -----------------------------------------------------------------------------------------------------

LOUD = Settings(text="oh shit again and again and again")


def sent_to(page: AppTest) -> str:
    """What the components of the page are given."""
    return str([json.loads(c.proto.json) for c in page.get("bidi_component") if c.proto.json])


def asked_for(name: str) -> Asked:
    return Asked(LOUD, 0, 0, 0, name)


def test_data_files_hold_the_real_labels_and_a_picture_the_masked_ones():
    run = run_of(LOUD)
    (rude,) = run.model.tokenizer.encode(" bitch")
    real, shown = rude_words.unmasking(run.model.tokenizer).label(rude), run.model.tokenizer.label(rude)
    assert shown.endswith("•••") and real != shown
    table = menu._csv(asked_for("logits")).decode("utf-8-sig")
    assert f"\r\n{rude},{real}," in table and shown not in table
    found = np.load(io.BytesIO(menu._npz(asked_for("logits"))), allow_pickle=False)
    assert found["labels_vocab"][rude] == real
    assert asked_for("logits").taken().matrix().labels[-1][rude] == shown


def test_a_run_file_holds_the_real_labels_and_its_page_shows_what_was_typed():
    run = run_of(LOUD)
    names = ["logits"]
    data = menu._run_file(asked_for("logits"), names)
    assert len(data) == run_file_size(rude_words.unmasked(run), names, LOUD.text)
    filed = open_run(data)
    real = rude_words.unmasking(run.model.tokenizer).label
    assert filed.labels == [real(i) for i in run.ids] and not any(label.endswith("•••") for label in filed.labels)
    assert "␣shit" in sent_to(run_file_page(data)), "it was typed"


def test_what_a_run_file_has_of_a_random_model_is_masked_where_it_is_shown(toys):
    filed = open_run(toys)
    filed.labels[-1] = "␣cunt"
    filed.steps[-1] = replace(filed.steps[-1], sampled=replace(filed.steps[-1].sampled, label="␣cunt"))
    page = run_file_page()
    page.session_state["filed-run"] = filed
    page.run()
    assert not page.exception and "␣c•••" in sent_to(page) and "cunt" not in sent_to(page)
    assert any(rude_words.REMARK in caption.value for caption in page.caption)
    assert filed.labels[-1] == "␣cunt"
    filed.seed = None  # a real model's: as it is
    assert "␣cunt" in sent_to(page.run())

"""Which models may be chosen, where, and how they are named."""

import re

import pytest

from dashboard.link import models
from dashboard.link.models import Unusable
from dashboard.link.settings import Settings
from llm_core import PRESETS
from llm_core.weights.curated import CURATED


def test_what_is_said_of_a_model_has_a_subject_and_a_verb():
    assert all(re.match("(It|This|Its) [^.;]+[.]", entry.about) for entry in CURATED.values())
    for name in (*PRESETS, "custom"):
        assert re.match(r"This (model has|is a) [^;]+\.$", models.model_facts(Settings(model=name))), name
    said = models.model_facts(Settings(model="gpt2"))
    assert said.startswith("This is a small real model with 124 million trained numbers. It is ")
    assert said.endswith(" Its precise name is GPT-2.")
    assert models.model_facts(Settings(model="tinyllama-1.1b")).startswith("This is a real model with 1,100 million")


@pytest.fixture
def hosted(monkeypatch):
    monkeypatch.setenv("HOSTED", "1")


@pytest.fixture
def here(monkeypatch):
    """The names that are on this machine, for a test to add to."""
    names = set()
    monkeypatch.setattr(models, "on_this_machine", names.__contains__)
    return names


@pytest.mark.parametrize("name", [*PRESETS, "custom"])
@pytest.mark.parametrize("is_hosted", ["0", "1"])
def test_random_models_may_be_chosen_everywhere(name, is_hosted, monkeypatch):
    monkeypatch.setenv("HOSTED", is_hosted)
    assert models.checked_name(name) == name


@pytest.mark.parametrize("name", [*CURATED, "owner/name", "./model", "/tmp", "~/model", "model.gguf", "dashboard"])
def test_real_models_may_be_named_on_ones_own_machine(name, monkeypatch):
    monkeypatch.delenv("HOSTED", raising=False)
    assert models.checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "gpt-9",
        "<script>alert(1)</script>",
        "![x](http://example.org)",
        "a\x00/b",
        "/tmp\x00",
        "a/b\n",
        "x" * 10_000,
        "/" * 10_000,
        "a/b/c",
        "\u202egpt2",
        "ＧＰＴ/２",
    ],
)
def test_what_can_be_no_models_name_is_refused(name):
    with pytest.raises(Unusable, match="no model has this name"):
        models.checked_name(name)


@pytest.mark.parametrize("name", ["owner/name", "/etc", "../../etc/passwd", "~/model", "model.gguf", ".", "dashboard"])
def test_a_hosted_page_reads_no_paths_and_no_other_models(name, hosted):
    with pytest.raises(Unusable, match="the listed models only"):
        models.checked_name(name)


def test_a_hosted_page_has_the_curated_models_that_are_there(hosted, here):
    with pytest.raises(Unusable, match="nothing is downloaded"):
        models.checked_name("gpt2")
    assert models.listed_models() == list(PRESETS)
    here.add("gpt2")
    assert models.checked_name("gpt2") == "gpt2"
    assert models.listed_models() == [*PRESETS, "gpt2"]


def test_a_hosted_page_refuses_a_large_shape(hosted):
    with pytest.raises(Unusable, match="at most 10,000,000"):
        models.checked_shape("v1,dim:256")


def test_a_shape_is_written_in_full_again():
    assert models.checked_shape("v1,layers:3").startswith("v1,layers:3,dim:16,")


def test_only_models_of_the_hub_that_are_not_here_would_be_downloaded(here):
    here.add("gpt2")
    asked = {
        name: models.downloads(name) for name in ("toy", "custom", "smollm2-135m", "gpt2", "/tmp", "./a", "x.gguf")
    }
    assert not any(asked.values())
    assert models.downloads("distilgpt2") and models.downloads("owner/name")


def test_a_name_says_what_the_weights_are():
    assert models.model_title("smollm2-135m") == "SmolLM2-135M-Instruct, Q4_1 expanded to float32"
    assert models.model_title("smollm2-135m", "bfloat16").endswith("expanded to bfloat16")
    assert models.model_title("owner/name") == "owner/name"


def test_the_list_says_a_models_size_and_whether_it_is_here(here):
    assert models.option("gpt2") == "GPT-2 · 0.55 GB, to download"
    assert models.option("smollm2-135m").endswith("a package to install")
    here.update(["gpt2", "smollm2-135m"])
    assert models.option("gpt2") == "GPT-2 · 0.55 GB, on this machine"
    assert models.option("smollm2-135m").endswith("on this machine")


def test_settings_that_do_not_matter_to_a_model_name_no_other():
    seeded = [models.model_key(Settings(model="gpt2", weights_seed=seed)) for seed in (0, 1)]
    typed = [models.model_key(Settings(model="toy", dtype=dtype)) for dtype in models.OFFERED_DTYPES]
    shaped = [models.model_key(Settings(model="toy", shape=shape)) for shape in ("v1", "v1,layers:3")]
    for first, second in (seeded, typed, shaped):
        assert first == second
    assert models.model_key(Settings(weights_seed=1)) != models.model_key(Settings())
    assert models.model_key(Settings(model="gpt2", dtype="bfloat16")) != models.model_key(Settings(model="gpt2"))
    assert models.model_key(Settings(model="custom", shape="v1,layers:3")) != models.model_key(Settings(model="custom"))

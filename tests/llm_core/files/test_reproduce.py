"""The Python lines are executed, and what they compute is the run."""

import pytest
import torch

from llm_core import ModelConfig, Sampling, generate, load_model, python_lines, random_model
from llm_core.config.model_config import RopeScaling
from tests.helpers.small_models import CONFIGS, SMALL, ids

SETTINGS = [
    Sampling(),
    Sampling(temperature=0.8, seed=1),
    Sampling(temperature=0.0),
    Sampling(temperature=1.37, top_k=50, top_p=0.9, seed=2**64 - 1),
]


def executed(lines: str) -> dict:
    """The names that the lines define, in a namespace of their own."""
    assert "eval" not in lines and "exec" not in lines
    found: dict = {}
    exec(compile(lines, "lines", "exec"), found)
    return found


def assert_same_run(mine, run) -> None:
    assert mine.prompt_ids == run.prompt_ids and mine.new_ids == run.new_ids
    assert mine.sampling == run.sampling and mine.model.weights.version == run.model.weights.version


@pytest.mark.parametrize("sampling", SETTINGS, ids=str)
def test_the_lines_bring_back_a_presets_run_and_one_of_its_matrices(sampling):
    run = generate(load_model("toy", seed=5), "hello how are you?", 3, sampling)
    name = "layers.0.attention.weights"
    found = executed(python_lines(run, 2, name))
    assert_same_run(found["run"], run)
    assert torch.equal(found["values"], run.steps[2].matrix(name).values)


def test_the_lines_are_the_ones_that_a_person_would_write():
    run = generate(load_model("toy"), "hello", 3, Sampling(temperature=0.8, seed=1))
    assert python_lines(run, 0, "input").splitlines() == [
        "from llm_core import Sampling, generate, load_model",
        "",
        "model = load_model('toy', seed=0)",
        f'assert model.weights.version.startswith("{run.model.weights.version[:16]}"), "these are other weights"',
        "run = generate(model, 'hello', max_new_tokens=3, sampling=Sampling(temperature=0.8, seed=1))",
        'values = run.steps[0].matrix("input").values',
    ]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda name: name.replace(" ", "-").replace(",", ""))
def test_the_lines_bring_back_a_model_of_any_shape_from_its_config(config):
    run = generate(random_model(CONFIGS[config], seed=9), ids(6), 2)
    name = "layers.0.attention.head_output"
    found = executed(python_lines(run, 1, name, head=0))
    assert found["model"].config == run.model.config
    assert_same_run(found["run"], run)
    assert torch.equal(found["values"], run.steps[1].matrix(name).values[0])


def test_the_lines_bring_back_stretched_rotations_and_stop_tokens():
    config = ModelConfig(**SMALL, position="rope", rope_scaling=RopeScaling("llama3", 8.0), stop_ids=(3, 5), heads=2)
    run = generate(random_model(config, seed=1, name="mine"), ids(6), 1)
    found = executed(python_lines(run, 0, "logits"))
    assert found["model"].config == config and found["model"].name == "mine"
    assert torch.equal(found["values"], run.steps[0].logits)


@pytest.mark.parametrize(
    "text",
    [
        'it\'s "quoted" \\ and\n\ttabbed',
        "'''\"\"\"",
        "\u202eesrever",
        "👩‍👩‍👧 🦜 café",
        "{braces} %s",
        "x\x00y",
        "'); import os; ('",
        "a\r\nb",
    ],
)
def test_no_text_breaks_out_of_its_quotes(toy, text):
    run = generate(toy, text, 1)
    lines = python_lines(run)
    assert "\u202e" not in lines
    assert executed(lines)["run"].prompt_ids == run.prompt_ids


def test_ids_that_no_text_has_are_written_as_ids(toy):
    run = generate(toy, [220, 220, 31373, 995], 1)  # two spaces apart: the tokenizer would join them
    assert_same_run(executed(python_lines(run))["run"], run)
    odd = generate(toy, [104, 68, 297, 78], 1)  # "hello" in other pieces
    assert "[104, 68, 297, 78]" in python_lines(odd)
    assert_same_run(executed(python_lines(odd))["run"], odd)


def test_a_weight_is_fetched_by_its_name(toy):
    run = generate(toy, "hello", 1)
    found = executed(python_lines(run, 0, "layers.0.attention.w_q"))
    assert torch.equal(found["values"], toy.get_parameter("layers.0.attention.w_q"))


def test_edited_weights_are_refused_in_words(own_model):
    model = own_model()
    model = model.with_weights({"embedding.token": model.weight("embedding.token") + 1})
    with pytest.raises(ValueError, match="given by hand or trained"):
        python_lines(generate(model, ids(3), 1))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_lines_bring_back_a_real_models_run(dtype):
    run = generate(load_model("smollm2-135m", dtype=dtype), "The capital of France is", 2, Sampling(temperature=0))
    name = "layers.20.attention.weights"
    lines = python_lines(run, 1, name, head=4)
    assert "load_model('smollm2-135m'" in lines
    found = executed(lines)
    assert_same_run(found["run"], run)
    assert torch.equal(found["values"], run.steps[1].matrix(name).values[4])

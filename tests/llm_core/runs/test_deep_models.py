"""Looking is free in deep models too: what is derived is what the run computed, whatever else is asked for."""

import pytest
import torch

from llm_core import ModelConfig, Transformer, generate, random_model
from llm_core.runs import budget
from llm_core.runs.budget import Budget
from tests.helpers.small_models import assert_close, ids, record

SIZES = {"vocab_size": 101, "model_dim": 16, "feedforward_dim": 24, "max_positions": 256}
MODELS = {
    "six layers, sinusoidal, post-norm": ModelConfig(
        **{**SIZES, "model_dim": 8, "feedforward_dim": 16},
        layers=6,
        position="sinusoidal",
        norm="layernorm",
        norm_place="post",
        unembedding_bias=True,
    ),
    "three layers, post-norm RMS, rope, one KV head": ModelConfig(
        **SIZES, layers=3, heads=4, kv_heads=1, position="rope", norm="rmsnorm", norm_place="post", feedforward="gelu"
    ),
    "three layers, pre-norm, rope, grouped, gated": ModelConfig(
        **SIZES,
        layers=3,
        heads=4,
        kv_heads=2,
        position="rope",
        norm="rmsnorm",
        final_norm=True,
        feedforward="swiglu",
        feedforward_bias=False,
        tied=True,
    ),
    "three layers, normed queries, window": ModelConfig(
        **SIZES,
        layers=3,
        heads=4,
        kv_heads=2,
        head_dim=6,
        qk_norm=True,
        window=70,
        position="rope",
        norm="rmsnorm",
        final_norm=True,
        feedforward="swiglu",
        attention_bias=True,
        attention_output_bias=True,
    ),
    "three layers, parallel, partly rotated": ModelConfig(
        **SIZES,
        layers=3,
        heads=2,
        position="rope",
        rope_fraction=0.5,
        norm="layernorm",
        final_norm=True,
        parallel=True,
        feedforward="gelu_tanh",
        attention_bias=True,
    ),
    "three layers, learned positions": ModelConfig(
        **SIZES,
        layers=3,
        heads=2,
        position="learned",
        norm="layernorm",
        final_norm=True,
        feedforward="gelu_tanh",
        attention_bias=True,
        attention_output_bias=True,
    ),
}


def perturbed(config: ModelConfig) -> Transformer:
    """A random model none of whose norms are 1 and biases 0."""
    model = random_model(config, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model


@pytest.fixture(scope="module", params=MODELS, ids=lambda name: name.replace(" ", "-").replace(",", ""))
def run(request):
    """A prompt of three blocks of rows, the last of them short, and two decode steps."""
    return generate(perturbed(MODELS[request.param]), ids(150), max_new_tokens=3)


@pytest.fixture(autouse=True)
def empty_budget(monkeypatch, small_blocks):
    """Nothing derived before is at hand."""
    monkeypatch.setattr(budget, "DERIVED", Budget(2**26))


def forget(monkeypatch) -> None:
    monkeypatch.setattr(budget, "DERIVED", Budget(2**26))


def test_what_is_derived_is_what_a_full_recording_shows(run):
    for step in run.steps:
        whole = record(run.model, run.ids[: step.positions.stop])
        for matrix in step.matrices(step.names):
            expected = whole[matrix.name]
            if matrix.axes[-1] == "vocab":
                expected = expected[-1:]
            else:
                axis = next((i for i, word in enumerate(matrix.axes) if word in ("position", "query")), None)
                if axis is not None:
                    expected = expected.narrow(axis, step.positions.start, len(step.positions))
            assert_close(matrix.values, expected, 2e-5, matrix.name)


def test_the_same_bits_in_any_order_and_company(run, monkeypatch):
    for step in (run.steps[0], run.steps[-1]):
        together = {matrix.name: matrix.values for matrix in step.matrices(step.names)}
        for name in step.names[::-1]:
            forget(monkeypatch)
            assert torch.equal(step.matrix(name).values, together[name]), name
        forget(monkeypatch)
        for pair in zip(step.names[::3], step.names[1::3], strict=False):
            for matrix in step.matrices(pair[::-1]):
                assert torch.equal(matrix.values, together[matrix.name]), matrix.name


@pytest.mark.parametrize("rows", [range(0, 1), range(63, 65), range(100, 150)], ids=str)
def test_a_tile_has_the_bits_of_the_whole(run, rows, monkeypatch):
    step = run.steps[0]
    matrices = step.matrices(step.names)
    forget(monkeypatch)
    for whole, tile in zip(matrices, step.matrices(step.names, rows), strict=True):
        axis = next((i for i, word in enumerate(whole.axes) if word in ("position", "query")), None)
        expected = whole.values
        if axis is not None and whole.axes[-1] != "vocab":
            expected = expected.narrow(axis, rows.start, len(rows))
        assert torch.equal(tile.values, expected), whole.name


def test_every_layer_arrives_at_the_runs_own_door(run):
    for step in run.steps:
        assert all(matrix.arrives for matrix in step.matrices(step.names))


@pytest.mark.parametrize("part", ["attention.w_q", "attention.w_o", "feedforward.w_up", "feedforward_norm.scale"])
def test_a_sabotaged_layer_does_not_arrive_and_the_others_do(run, part, monkeypatch):
    for sabotaged in range(run.model.config.layers):
        weight = run.model.get_parameter(f"layers.{sabotaged}.{part}")
        before = weight.clone()
        with torch.no_grad():
            weight += 0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(sabotaged))
        try:
            for step in run.steps:
                for layer in range(run.model.config.layers):
                    arrives = step.matrix(f"layers.{layer}.feedforward.up").arrives
                    assert arrives == (layer != sabotaged), (sabotaged, layer, step.index)
            forget(monkeypatch)
        finally:
            with torch.no_grad():
                weight.copy_(before)


def test_a_cache_that_was_changed_is_noticed_by_its_layer_alone(run):
    keys = run.nodes[0].keys_and_values(1)[0][:, :, :4]
    before = keys.clone()
    with torch.inference_mode():
        keys += torch.randn(keys.shape, generator=torch.Generator().manual_seed(0))
    try:
        for step in run.steps:
            found = [step.matrix(f"layers.{layer}.attention.output") for layer in range(run.model.config.layers)]
            hidden = run.model.config.window is not None and step.index > 0  # the window has left these keys behind
            assert [matrix.arrives for matrix in found] == [layer != 1 or hidden for layer in range(len(found))]
    finally:
        with torch.inference_mode():
            keys.copy_(before)


def test_prefill_and_decode_are_one_pass_over_all(run):
    """The doors that a run keeps, side by side, are those of a run whose prompt was all of it."""
    whole = generate(run.model, run.ids[:-1]).steps[0]
    for layer, door in enumerate(whole.doors):
        parts = torch.cat([step.doors[layer] for step in run.steps])
        assert_close(parts, door, 1e-5, f"door {layer}")
    assert_close(run.steps[-1].logits, whole.logits, 1e-5)

"""The one table of sizes says how large matrices and weights really are."""

import pytest

from llm_core import ModelConfig, catalogue, generate
from llm_core.catalogue.axis_sizes import matrix_shape, row_size, widest_row
from tests.helpers.small_models import CONFIGS, ids

# Where a row meets few keys, the queries of this one have the longest rows
WIDE_HEADS = ModelConfig(
    vocab_size=101, model_dim=10, feedforward_dim=14, max_positions=60, heads=6, kv_heads=3, head_dim=4
)


def test_matrices_of_prefill_and_decode_have_the_shapes_of_the_table(small_model):
    config = small_model.config
    for step in generate(small_model, ids(7), max_new_tokens=2).steps:
        for matrix in step.matrices(step.names):
            assert matrix.shape == matrix_shape(config, matrix.axes, step.positions), matrix.name


def test_weights_have_the_shapes_of_the_table(small_model):
    parameters = {name: tuple(p.shape) for name, p in small_model.named_parameters()}
    assert {entry.name: entry.shape for entry in catalogue.weights(small_model.config)} == parameters


def test_a_row_has_the_numbers_of_all_heads(small_model):
    step = generate(small_model, ids(7), max_new_tokens=1).steps[0]
    for matrix in step.matrices(step.names):
        size = matrix.shared.numel() // matrix.shape[-2]
        assert row_size(small_model.config, matrix.axes, step.positions.stop) == size, matrix.name


@pytest.mark.parametrize("config", [*CONFIGS.values(), WIDE_HEADS], ids=[*CONFIGS, "wide heads"])
@pytest.mark.parametrize("keys", [1, 2, 300])
def test_no_row_of_a_layer_is_longer_than_the_widest(config, keys):
    entries = [entry for entry in catalogue.matrices(config) if entry.layer == 0]
    assert widest_row(config, keys) == max(row_size(config, entry.axes, keys) for entry in entries)

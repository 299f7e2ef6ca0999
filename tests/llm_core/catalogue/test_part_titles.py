"""Every kind of part that a config may name has its title and its function, and none has one that no config names."""

from dataclasses import fields
from typing import get_args

import pytest

from llm_core import catalogue
from llm_core.catalogue.part_titles import ACTIVATION_TITLES, FEEDFORWARD_TITLES, NORM_TITLES
from llm_core.config.model_config import FeedForwardKind, ModelConfig, Norm
from llm_core.families.config_fields import ACTIVATION_NAMES, GATED_NAMES
from llm_core.model.layers import ACTIVATIONS, NORMS
from llm_core.proof import float64
from tests.helpers.small_models import CONFIGS, TINY

FEEDFORWARDS, KINDS_OF_NORM = set(get_args(FeedForwardKind)), set(get_args(Norm))


def test_every_kind_has_its_title_and_its_function_and_no_other_has_one():
    assert set(FEEDFORWARD_TITLES) == set(ACTIVATION_TITLES) == set(ACTIVATIONS) == FEEDFORWARDS
    assert set(float64.IN_FLOAT64) == FEEDFORWARDS
    assert set(NORM_TITLES) == set(NORMS) == KINDS_OF_NORM


def test_every_kind_is_known_by_a_name_of_transformers_and_built_by_a_small_model():
    assert {*ACTIVATION_NAMES.values(), *GATED_NAMES.values()} == FEEDFORWARDS
    assert {config.feedforward for config in CONFIGS.values()} == FEEDFORWARDS
    assert {config.norm for config in CONFIGS.values()} == KINDS_OF_NORM


OF_PARTS_THAT_ARE_THERE = {"norm_epsilon", "rope_theta", "rope_scaling", "stop_ids"}


def test_every_choice_of_a_config_is_made_by_a_small_model():
    """What no small model has, no test explains, proves, draws or tells in the tour."""
    for field in fields(ModelConfig):
        made = any(getattr(config, field.name) != field.default for config in CONFIGS.values())
        assert made or field.name in OF_PARTS_THAT_ARE_THERE, (
            f"add a model with another {field.name} to CONFIGS of small_models.py"
        )


@pytest.mark.parametrize("kind", sorted(FEEDFORWARDS))
def test_a_formula_names_the_function(kind):
    entry = catalogue.matrix(TINY.with_(feedforward=kind), "layers.0.feedforward.hidden")
    assert entry.formula.startswith(f"H = {ACTIVATION_TITLES[kind]}(")

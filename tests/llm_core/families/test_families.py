"""Every family is tested as the others are, and named where people look for it."""

import re

import pytest
import transformers

from llm_core.families.families import FAMILIES
from tests.helpers.checkpoints import ARCHITECTURES, EACH_FAMILY
from tests.helpers.pages import ROOT


def kind_of(name: str) -> str:
    """The type that the configs of an architecture name."""
    return getattr(transformers, f"{ARCHITECTURES[name][0]}Config").model_type


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_family_has_architectures_to_be_compared_with_transformers(kind):
    assert kind in map(kind_of, ARCHITECTURES), f"add models of {kind} to ARCHITECTURES of tests/helpers/checkpoints.py"
    assert kind in map(kind_of, EACH_FAMILY), "add one of them to EACH_FAMILY of tests/helpers/checkpoints.py"


def plain(name: str) -> str:
    """A name in small letters and digits alone: people write GPT-2, configs gpt2."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def test_the_readme_names_every_family():
    readme = (ROOT / "README.md").read_text()
    said = plain(readme.split("The project supports ")[1].split(". ")[0])
    for kind in FAMILIES:
        assert plain(kind) in said, f"name {kind} in the README, below “Another model family”"

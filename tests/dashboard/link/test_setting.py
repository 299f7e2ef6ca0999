"""A setting is declared once: links, refusals, defaults and the browser's history follow from its field."""

from dataclasses import dataclass, fields

import pytest

from dashboard.link.setting import declared, of_run, of_view
from dashboard.link.settings import DEFAULTS, EARLIER, LINK_VERSION, SETTINGS, Settings, link_query, read_link
from dashboard.link.values import whole_number
from llm_core.runs.stages import STAGES


def test_each_field_is_a_setting_and_no_setting_is_listed_elsewhere():
    assert list(SETTINGS) == [each.name for each in fields(Settings)]
    stages = {stage.name for stage in STAGES}
    assert {each.name for each in fields(Settings) if declared(each) is None} == stages
    assert all(SETTINGS[name].of == "run" and SETTINGS[name].quiet for name in stages)


def test_a_default_is_what_its_own_parser_makes_of_it():
    for name, known in SETTINGS.items():
        default = getattr(DEFAULTS, name)
        if default not in (None, ""):
            assert known.parse(str(default)) == default, name


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_refused_says_what_it_leads_to(name):
    values, (refusal,) = read_link({name: "\0" if name != "text" else "x" * 1_000_000})
    assert not values and refusal.name == name
    assert refusal.outcome.endswith(("is used instead", "is explained", "does not start", "is shown"))


def test_only_an_earlier_version_implies_another_default():
    assert set(EARLIER) == {str(version) for version in range(1, int(LINK_VERSION))}
    for version, implied in EARLIER.items():
        for name, value in implied.items():
            assert SETTINGS[name].earlier[version] == value != getattr(DEFAULTS, name)


def test_one_more_setting_is_one_more_field():
    @dataclass(frozen=True)
    class More:
        colour: int = of_view(3, whole_number(0, 9), noun="colour", refused="the page stays grey")
        model: str = of_run("toy", str)

    colour, model = map(declared, fields(More))
    assert More() == More(3, "toy")
    assert (colour.of, colour.noun, colour.outcome(3)) == ("view", "colour", "the page stays grey")
    assert (model.of, model.outcome("toy")) == ("run", "toy is used instead")


def test_a_link_says_what_differs_from_the_defaults_in_the_order_of_the_fields():
    query = link_query(Settings(step=1, model="gpt2-nano", temperature=0.5))
    assert list(query.items()) == [("v", LINK_VERSION), ("temperature", "0.5"), ("model", "gpt2-nano"), ("step", "1")]

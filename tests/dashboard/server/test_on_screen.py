"""Which token and step a page looks at."""

import pytest

from dashboard.link.settings import Settings
from dashboard.server.on_screen import token_position
from llm_core import generate


@pytest.fixture(scope="module")
def run(toy):
    return generate(toy, "hello how are you?", max_new_tokens=3)  # 5 tokens in


@pytest.mark.parametrize(("step", "position"), [(0, 4), (1, 5), (2, 6)])
def test_without_a_chosen_token_the_row_of_the_step_that_predicts_is_outlined(run, step, position):
    assert token_position(Settings(step=step), run) == position
    assert run.steps[step].positions[-1] == position


def test_a_chosen_token_stays_chosen_on_every_step_where_the_run_has_it(run):
    assert [token_position(Settings(step=step, token=1), run) for step in range(3)] == [1, 1, 1]
    assert token_position(Settings(step=1, token=99), run) == 5

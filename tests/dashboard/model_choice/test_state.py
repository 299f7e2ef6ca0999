"""The state of a model's loading: what each act and each outcome makes of it."""

from dataclasses import replace

import pytest

from dashboard.link.models import model_key
from dashboard.link.settings import DEFAULTS, Settings
from dashboard.model_choice.failure import Failure
from dashboard.model_choice.state import Link, LoadingState

NANO, LOST = Settings(model="llama-nano"), Settings(model="owner/lost")
VERSION = "0123456789abcdef"
WHY = Failure(LOST, "there is no network")

ARRIVING = LoadingState()
SHOWING = LoadingState(shown=NANO, arrived=True)
INSTEAD = replace(SHOWING, failure=WHY)  # the page has not said it yet
SAID = replace(INSTEAD, since=NANO)
STATES = [ARRIVING, SHOWING, INSTEAD, SAID]


def linked(version: str | None) -> LoadingState:
    return ARRIVING.came(Link(model_key(NANO), version))


@pytest.mark.parametrize("state", STATES)
def test_whatever_was_before_a_model_that_is_chosen_by_hand_may_be_loaded_and_no_failure_is_left(
    state: LoadingState,
) -> None:
    chosen = state.chose("gpt2")
    assert (chosen.asked_for, chosen.failure, chosen.since) == ("gpt2", None, None)
    assert chosen.shown == state.shown


@pytest.mark.parametrize("state", STATES)
def test_a_model_that_is_there_is_the_one_to_go_back_to(state: LoadingState) -> None:
    shown, other = state.loaded(NANO, VERSION)
    assert shown.shown == NANO and other is None
    assert shown.failure == state.failure  # why another one is not shown is still to be said


@pytest.mark.parametrize(
    ("state", "failed", "instead"),
    [
        (ARRIVING, LOST, DEFAULTS),
        (SHOWING, LOST, NANO),
        (SAID, Settings(model="owner/other"), NANO),
        (SHOWING, NANO, DEFAULTS),  # the very model that was shown does not come any more
        (LoadingState(shown=LOST, arrived=True), LOST, DEFAULTS),
    ],
)
def test_where_a_model_does_not_come_the_one_before_is_shown_or_the_default(
    state: LoadingState, failed: Settings, instead: Settings
) -> None:
    failure = Failure(failed, "why")
    after, shown = state.failed(failure)
    assert (after.failure, after.since, shown) == (failure, None, instead)
    assert after.shown == state.shown


def test_where_not_even_the_default_comes_there_is_nothing_to_fall_back_on() -> None:
    with pytest.raises(ValueError, match="no memory"):
        ARRIVING.failed(Failure(DEFAULTS, "no memory"))


def test_a_failure_is_said_until_the_visitor_does_something_else() -> None:
    assert SHOWING.said(NANO) == SHOWING
    assert INSTEAD.said(NANO) == SAID == SAID.said(NANO)
    assert SAID.said(replace(NANO, dice_seed=8)) == SAID.dismissed() == SHOWING


def test_a_second_failure_is_said_although_the_settings_have_changed_since_the_first() -> None:
    again = SAID.chose("owner/other").failed(WHY)[0]
    assert again.said(replace(NANO, dice_seed=8)).failure == WHY


@pytest.mark.parametrize(("version", "other"), [("01234567", None), ("fedcba98", "fedcba98"), (None, None)])
def test_the_weights_of_a_link_are_compared_once(version: str | None, other: str | None) -> None:
    state, found = linked(version).loaded(NANO, VERSION)
    assert found == other
    assert state.loaded(NANO, VERSION)[1] is None


def test_only_the_model_that_the_link_names_is_compared_and_only_the_visits_first_link_counts() -> None:
    state, found = linked("fedcba98").loaded(DEFAULTS, VERSION)
    assert found is None
    assert state.came(Link(model_key(DEFAULTS), "00000000")).loaded(DEFAULTS, VERSION)[1] is None
    assert state.loaded(NANO, VERSION)[1] == "fedcba98"

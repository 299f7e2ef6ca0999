"""The tour's state: what each act and each arrival makes of it."""

import pytest

from dashboard.link.settings import Settings
from dashboard.tour.state import Told, TourState

MASK, SCORES = Told("mask", "weights", True), Told("scores", "weights", True)
NONE = Told("", "weights", True)
HERE = {"station": "logits", "step": 2, "layer": 1, "head": 3}
CHOSEN = Settings(**HERE)
STOP = Settings(station="attention", step=0, tour="mask")

BEFORE, OUTSIDE, INSIDE = TourState(), TourState(NONE), TourState(MASK, HERE)


@pytest.mark.parametrize("state", [BEFORE, OUTSIDE])
def test_who_enters_the_tour_comes_back_to_what_they_looked_at(state: TourState) -> None:
    inside = state.entered(MASK, CHOSEN)
    assert inside == INSIDE
    assert inside.left() == (TourState(MASK), HERE)


def test_the_next_stop_keeps_what_was_looked_at_before_the_first_one() -> None:
    assert INSIDE.entered(SCORES, STOP) == TourState(SCORES, HERE)


@pytest.mark.parametrize(
    ("state", "told", "after", "must_look"),
    [
        (BEFORE, NONE, OUTSIDE, False),
        (OUTSIDE, NONE, OUTSIDE, False),
        (BEFORE, MASK, INSIDE, True),  # a link into the tour
        (OUTSIDE, MASK, INSIDE, True),
        (INSIDE, MASK, INSIDE, False),  # the same page, drawn again: the visitor may look elsewhere
        (INSIDE, SCORES, TourState(SCORES, HERE), True),
        (INSIDE, Told("mask", "others", True), TourState(Told("mask", "others", True), HERE), True),
        (INSIDE, Told("mask", "weights", False), TourState(Told("mask", "weights", False), HERE), True),
        (INSIDE, NONE, OUTSIDE, False),  # back in the browser's history, out of the tour
    ],
)
def test_a_page_is_made_to_look_where_its_stop_looks_once_for_each_run(
    state: TourState, told: Told, after: TourState, must_look: bool
) -> None:
    assert state.arrived(told, CHOSEN) == (after, must_look)


def test_who_never_was_in_the_tour_leaves_to_where_they_are() -> None:
    assert OUTSIDE.left() == (OUTSIDE, {})

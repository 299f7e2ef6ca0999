"""The state of a visitor's proof: what each act and each drawing makes of it."""

import pytest

from dashboard.proof.state import ProofState

NOTHING, BUSY, OPEN = ProofState(), ProofState(busy=True), ProofState(table_of="run 1")


@pytest.mark.parametrize("state", [NOTHING, BUSY])
def test_what_the_server_has_no_place_for_is_said_once(state: ProofState) -> None:
    assert state.asked(has_place=False).busy
    assert not state.asked(has_place=True).busy
    assert not state.asked(has_place=False).drawn(False, "run 1")[0].busy


@pytest.mark.parametrize(
    ("state", "wants_table", "run", "after", "shown"),
    [
        (NOTHING, False, "run 1", NOTHING, False),
        (NOTHING, True, "run 1", OPEN, True),
        (BUSY, True, "run 1", OPEN, True),
        (OPEN, True, "run 1", OPEN, True),
        (OPEN, True, "run 2", NOTHING, False),  # the table was asked for of another run
        (OPEN, False, "run 1", NOTHING, False),
        (OPEN, False, "run 2", NOTHING, False),
    ],
)
def test_a_table_is_shown_of_the_run_that_it_was_asked_for(
    state: ProofState, wants_table: bool, run: str, after: ProofState, shown: bool
) -> None:
    assert state.drawn(wants_table, run) == (after, shown)

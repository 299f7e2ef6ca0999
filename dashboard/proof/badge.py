"""The proof of the run on screen: its badge, a mark at each matrix, and the table of all errors.

A small random model is proven by itself, once the page stands still; any other on request, also by a link that shows
the table.
"""

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.browser.proof import proof_badge
from dashboard.link import visit
from dashboard.proof.state import ProofState
from dashboard.proof.words import ABSOLUTE, OTHERS, RELATIVE, TABLE_TITLE, badge_of, explanation, rounded, verdict
from dashboard.server.computed import run_of
from dashboard.server.proofs import Proofs
from dashboard.shell.dialogs import dialog_on_page
from dashboard.shell.fragments import callback, fragment
from dashboard.shell.glossary import marked_one
from dashboard.shell.workarounds import keep_room_for_dialog
from llm_core import Run, catalogue
from llm_core.proof.compare import Proof

if TYPE_CHECKING:
    import pandas as pd

PROOFS = Proofs()
_AUTOMATIC = "toy"
_STATE = "proof-state"


@fragment("proof", reads={"tokens", "proof"})
def proof() -> None:
    """The badge. What was asked for is answered here; the rest of the page stands still."""
    chosen = visit.current()
    run = run_of(chosen)
    future = PROOFS.get(run)
    busy, said = _state().busy, f"{run.model.weights.version} {run.ids}"
    st.session_state[_STATE], asked = _state().drawn(bool(chosen.proof), said)
    if not asked:
        _close()
    badge = badge_of(future, chosen.model == _AUTOMATIC or asked, busy, PROOFS.progress(run))
    if asked and badge.state in ("offered", "failed"):
        _close()
    is_open = asked and badge.state in ("ok", "off") and dialog_on_page() is None
    proof_badge(badge, run=said, is_open=is_open, key="proof-badge", on_ask=_ask, on_open=_open)
    if is_open and future is not None:
        _table(run, future.result())
    else:
        keep_room_for_dialog()


def _state() -> ProofState:
    found: ProofState = st.session_state.get(_STATE, ProofState())
    return found


@callback
def _ask() -> None:
    """The browser asks for the proof; where it is under way, whether it is done."""
    chosen = visit.current()
    visitor = st.session_state.setdefault("proof-visitor", object())
    proof = PROOFS.start(run_of(chosen), small=chosen.model == _AUTOMATIC, visitor=visitor)
    st.session_state[_STATE] = _state().asked(has_place=proof is not None)


def _open() -> None:
    visit.look_at("proof", 1)


def _close() -> None:
    visit.look_at("proof", 0)


@st.dialog(TABLE_TITLE, width="large", icon=":material/verified:", on_dismiss=_close)
def _table(run: Run, found: Proof) -> None:
    """Every matrix with its error."""
    st.markdown(marked_one(explanation(found)))
    column = st.column_config.Column
    widths = {"matrix": 180, "result": 210, RELATIVE: 310, ABSOLUTE: 110, "name": 240, "compared with": 280}
    st.dataframe(
        error_table(run, found),
        hide_index=True,
        height=420,
        key="proof-table",
        column_config={name: column(width=width) for name, width in widths.items()},
        placeholder="–",
    )


def error_table(run: Run, found: Proof) -> "pd.io.formats.style.Styler":
    """One row for each matrix. The errors are numbers, to be sorted, and are written as everywhere on the page."""
    import pandas as pd  # takes a third of a second, which the first page need not wait for

    entries = catalogue.matrices(run.model.config)
    table = pd.DataFrame(
        {
            "matrix": [e.title for e in entries],
            "result": [verdict(found, e.name) for e in entries],
            RELATIVE: pd.array([found.relative[e.name] for e in entries], dtype="Float64"),
            ABSOLUTE: pd.array([found.errors[e.name] for e in entries], dtype="Float64"),
            "name": [e.name for e in entries],
            "compared with": [found.reasons.get(e.name) or OTHERS[found.reference] for e in entries],
        }
    )
    return table.style.format({RELATIVE: _cell, ABSOLUTE: _cell}, na_rep="–")


def _cell(error: object) -> str:
    return rounded(error) if isinstance(error, float) else "–"

"""The proof of the run on screen: its badge, a mark at each matrix, and the table of all errors.

A small random model is proven by itself, once the page stands still; any other on request, also by a link that shows
the table.
"""

from concurrent.futures import Future
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.browser.proof import Badge, Mark, proof_badge
from dashboard.link import visit
from dashboard.proof.state import ProofState
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
RELATIVE, ABSOLUTE = "error compared with the largest number", "largest error"
_OTHERS = {"float64": "a second program, in float64", "transformers": "transformers"}
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


def badge_of(
    future: Future[Proof] | None, automatic: bool, busy: bool = False, progress: tuple[str, float] | None = None
) -> Badge:
    """What to say of a proof. busy: it was asked for in vain. progress: of one that is being made, see `Proofs`."""
    if busy:
        return Badge(
            "offered",
            "The server is busy: try again in a moment",
            "Your last run is still being double-checked, or several others are waiting.",
        )
    if future is None:
        if automatic:
            return Badge("automatic", "Double-checking …", "Every matrix is being computed again.")
        return Badge("offered", "Double-check this run", "A second program computes every matrix again.")
    if not future.done():
        doing, share = progress or ("", 0.0)
        text = f"Double-checking: {doing}" if doing else "Double-checking …"
        return Badge("pending", text, "Every matrix is being computed again.", share=share)
    error = future.exception()
    if error is not None:
        said = str(error) if isinstance(error, ValueError) else "the server's log says why"
        return Badge("failed", "Not double-checked: try again", f"The run could not be double-checked: {said}.")
    found = future.result()
    marks = {name: mark_of(found, name) for name in found.errors}
    if found.ok:
        return Badge("ok", _agreement(found), "Show each matrix's error.", marks)
    others = {1: "", 2: " and one other matrix"}.get(len(found.off), f" and {len(found.off) - 1} other matrices")
    differ = "differ" if others else "differs"
    text = f"{found.first_off}{others} {differ} from the results of {_OTHERS[found.reference]}, by more than rounding."
    return Badge("off", text, "Show each matrix's error.", marks)


def _agreement(found: Proof) -> str:
    """What was computed again, and that it is the same."""
    count = len(found.errors)
    lacking = sum(error is None for error in found.errors.values())
    which = f"{count - lacking:,} of the {count:,}" if lacking else f"all {count:,}"
    if found.reference == "float64":
        said = f"A second program computed {which} matrices again. The results are the same, apart from rounding"
        return f"{said} (at most {rounded(found.worst)} of the largest number)."
    said = f"Another program, transformers, computed {which} matrices too: they are the same, apart from rounding."
    return f"{said} It does not show the other {f'{lacking:,}' if lacking > 1 else 'one'}." if lacking else said


def mark_of(found: Proof, name: str) -> Mark:
    """What to write at one matrix: its error compared with its largest number, as the badge tells it."""
    error = found.relative[name]
    if error is None:
        return "none", "–", f"This matrix was not compared: {found.reasons[name]}."
    off = name in found.off
    size = f"{rounded(error)} of the matrix's largest number"
    sentence = f"The largest difference from the results of {_OTHERS[found.reference]} is {size}"
    sentence += ", which is more than rounding explains." if off else "."
    return ("off", f"✗ {rounded(error)}", sentence) if off else ("ok", f"✓ {rounded(error)}", sentence)


def rounded(error: float) -> str:
    """An error with one digit: 3e−6, 0.5, 0."""
    if error == float("inf"):
        return "∞"
    return f"{error:.1g}".replace("e-0", "e−").replace("e-", "e−") if error < 1 else f"{error:,.0f}"


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


@st.dialog("Double-check of this run", width="large", icon=":material/verified:", on_dismiss=_close)
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
            "compared with": [found.reasons.get(e.name) or _OTHERS[found.reference] for e in entries],
        }
    )
    return table.style.format({RELATIVE: _cell, ABSOLUTE: _cell}, na_rep="–")


def _cell(error: object) -> str:
    return rounded(error) if isinstance(error, float) else "–"


def verdict(found: Proof, name: str) -> str:
    if found.errors[name] is None:
        return "not compared"
    return "more than rounding" if name in found.off else "the same, apart from rounding"


def explanation(found: Proof) -> str:
    """What was done, in two sentences."""
    if found.reference == "transformers":
        what = "The transformers library ran the same token ids with the model's original files."
    else:
        weights = "used this model's own weights" if found.own_weights else "drew the weights from their seed again"
        what = (
            f"A second program computed every matrix again in float64. It {weights} and shares no arithmetic with the "
            "first one."
        )
    return (
        f"{what} Rounding explains errors of up to {rounded(found.tolerance)} of a matrix's largest number; "
        "a wrong weight or a wrong formula would cause larger errors."
    )

"""The proof of the run on screen: its badge, a mark at each matrix, and the table of all errors.

A small random model is proven by itself, once the page stands still; any other on request, also by a link that shows
the table.
"""

from concurrent.futures import Future
from functools import partial

import streamlit as st

from dashboard import settings, shape_dialog, take_away
from dashboard.components.proof import Badge, Mark, proof_badge
from dashboard.proofs import Proofs
from dashboard.redraw import callback, guarded
from dashboard.settings import Settings
from dashboard.state import run_of
from dashboard.style import ROOM_FOR_DIALOG
from llm_core import Run, catalogue
from llm_core.proof import Proof

PROOFS = Proofs()
REFERENCES = {"float64": "recomputed in float64", "transformers": "held against transformers' own implementation"}
_AUTOMATIC = "toy"


@st.fragment(key="proof")
@guarded
def proof() -> None:
    """The badge. What was asked for is answered here; the rest of the page stands still."""
    chosen = settings.current()
    run = run_of(chosen)
    future = PROOFS.get(run)
    busy = st.session_state.pop("proof-busy", False)
    said = f"{run.model.fingerprint} {run.ids}"
    asked = _is_asked_for(chosen, said)
    badge = badge_of(future, automatic=chosen.model == _AUTOMATIC or asked, busy=busy)
    if asked and badge.state in ("offered", "failed"):
        _close()
    is_open = asked and badge.state in ("ok", "off") and not (take_away.is_open() or shape_dialog.is_open())
    proof_badge(badge, run=said, is_open=is_open, key="proof-badge", on_ask=_ask, on_open=_open)
    if is_open and future is not None:
        _table(run, future.result())
    else:
        st.html(ROOM_FOR_DIALOG)


def _is_asked_for(chosen: Settings, run: str) -> bool:
    """Whether the table is to be open. A link asks for the run that it was made of, not for the next one as well."""
    if not chosen.proof:
        st.session_state.pop("proof-of", None)
        return False
    if st.session_state.setdefault("proof-of", run) == run:
        return True
    st.session_state.pop("proof-of")
    _close()
    return False


def badge_of(future: Future[Proof] | None, automatic: bool, busy: bool = False) -> Badge:
    """What to say of a proof. busy: it was asked for in vain."""
    if busy:
        return Badge(
            "offered", "Busy: ask again in a moment", "Your last run is still being proven, or several others wait."
        )
    if future is None:
        if automatic:
            return Badge("automatic", "Being proven …", "Every matrix is computed once more.")
        return Badge("offered", "Prove this run", "Compute every matrix once more, by an independent implementation.")
    if not future.done():
        return Badge("pending", "Being proven …", "Every matrix is computed once more.")
    error = future.exception()
    if error is not None:
        said = str(error) if isinstance(error, ValueError) else "the server's log says why"
        return Badge("failed", "Not proven: try again", f"The proof could not be made: {said}.")
    found = future.result()
    marks = {name: mark_of(found, name) for name in found.errors}
    how = REFERENCES[found.reference]
    if found.ok:
        held = sum(error is not None for error in found.errors.values())
        count = f"{held}" if held == len(found.errors) else f"{held} of {len(found.errors)}"
        text = f"{count} matrices {how}: all agree to {rounded(found.worst)} of their largest number"
        return Badge("ok", text, "Show each matrix's error.", marks)
    others = {1: "", 2: ", and one other,"}.get(len(found.off), f", and {len(found.off) - 1} others,")
    text = f"{found.first_off} is off{others} when {how}"
    return Badge("off", text, "Show each matrix's error.", marks)


def mark_of(found: Proof, name: str) -> Mark:
    """What to write at one matrix."""
    error = found.errors[name]
    if error is None:
        return "none", "–", f"No counterpart: {found.reasons[name]}."
    off = name in found.off
    how = "matches transformers to" if found.reference == "transformers" else "recomputed in float64:"
    sentence = f"{how} {rounded(error)}" + (", which is more than rounding explains" if off else "")
    return ("off", f"✗ {rounded(error)}", sentence) if off else ("ok", f"✓ {rounded(error)}", sentence)


def rounded(error: float) -> str:
    """An error with one digit: 3e-6, 0.5, 0."""
    if error == float("inf"):
        return "∞"
    return f"{error:.1g}".replace("e-0", "e-") if error < 1 else f"{error:,.0f}"


@callback
def _ask() -> None:
    """The browser asks for the proof; where it is under way, whether it is done."""
    chosen = settings.current()
    visitor = st.session_state.setdefault("proof-visitor", object())
    proof = PROOFS.start(run_of(chosen), small=chosen.model == _AUTOMATIC, visitor=visitor)
    st.session_state["proof-busy"] = proof is None


def _open() -> None:
    settings.look_at("proof", 1)


def _close() -> None:
    settings.look_at("proof", 0)


@st.dialog("Proof of this run", width="large", icon=":material/verified:", on_dismiss=_close)
def _table(run: Run, found: Proof) -> None:
    """Every matrix with its error."""
    st.text(explanation(found))
    rows = [
        (e.name, found.errors[e.name], found.relative[e.name], verdict(found, e.name), e.title)
        for e in catalogue.matrices(run.model.config)
    ]
    scientific = partial(st.column_config.NumberColumn, format="%.1e")
    column = st.column_config.Column
    looks = {"matrix": column(width=250), "largest error": scientific(width=110),
             "of its largest number": scientific(width=170), "verdict": column(width=320),
             "what": column(width=240)}  # fmt: skip
    table = dict(zip(looks, map(list, zip(*rows, strict=True)), strict=True))
    st.dataframe(table, hide_index=True, height=420, key="proof-table", column_config=looks, placeholder="–")


def verdict(found: Proof, name: str) -> str:
    return found.reasons.get(name) or ("off" if name in found.off else "agrees")


def explanation(found: Proof) -> str:
    """What was done, in two sentences."""
    what = (
        "The same token ids went through transformers' own implementation, with the model's original files."
        if found.reference == "transformers"
        else "Every matrix was computed once more in float64, with the weights drawn from their seed again, by a "
        "second implementation that shares no arithmetic with the first."
    )
    return (
        f"{what} Rounding explains errors of up to {rounded(found.tolerance)} of a matrix's largest number; "
        "a wrong weight or formula makes larger ones, from the first matrix that it touches on."
    )

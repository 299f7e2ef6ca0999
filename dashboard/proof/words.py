"""A proof in words: its badge, the mark at each matrix, and what is said of the table; to edit or to translate."""

from concurrent.futures import Future

from dashboard.browser.proof import Badge, Mark
from llm_core.proof.compare import Proof

TABLE_TITLE = "Double-check of this run"
RELATIVE, ABSOLUTE = "error compared with the largest number", "largest error"
OTHERS = {"float64": "a second program, in float64", "transformers": "transformers"}
"""What a run is compared with, within a sentence."""


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
    text = f"{found.first_off}{others} {differ} from the results of {OTHERS[found.reference]}, by more than rounding."
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
        return Mark("none", "–", f"This matrix was not compared: {found.reasons[name]}.")
    off = name in found.off
    size = f"{rounded(error)} of the matrix's largest number"
    sentence = f"The largest difference from the results of {OTHERS[found.reference]} is {size}"
    sentence += ", which is more than rounding explains." if off else "."
    return Mark("off", f"✗ {rounded(error)}", sentence) if off else Mark("ok", f"✓ {rounded(error)}", sentence)


def rounded(error: float) -> str:
    """An error with one digit: 3e−6, 0.5, 0."""
    if error == float("inf"):
        return "∞"
    return f"{error:.1g}".replace("e-0", "e−").replace("e-", "e−") if error < 1 else f"{error:,.0f}"


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

"""A run as text, for reading in a terminal.

Prefill shows every row of the prompt; from then on only one row is new: the last, which the next token comes
from. Tokens are printed by their labels, so that nothing in a text can reach the terminal as a command.
"""

from collections.abc import Collection, Iterator

from torch import Tensor
from torch._tensor_str import printoptions  # torch's own options, set for a while and put back

from llm_core.proof.compare import Proof
from llm_core.runs.candidates import in_order, most_likely
from llm_core.runs.generation import Run, Step
from llm_core.runs.matrix import Matrix
from llm_core.runs.stages import all_titles

LINE_WIDTH = 100


def run_heading(run: Run, model_seed: int) -> Iterator[str]:
    """What stands before the first step: the model, the settings and the prompt's tokens."""
    model = run.model
    seed = f", weights seed {model_seed}" if model.random_weights else ""
    yield f"Model: {printable(model.name)}{seed} (fingerprint {model.weights.version[:16]})"
    yield f"Sampling: {run.sampling.in_words()}"
    yield f"Token ids: {run.prompt_ids}"
    yield "Tokens: " + "  ".join(model.tokenizer.label(i) for i in run.prompt_ids)


def step_text(step: Step, full: bool, names: Collection[str] | None = None) -> Iterator[str]:
    """One step: for prefill first all rows; then the row that the next token comes from, and that token.

    full: print every number; otherwise long matrices are shortened as PyTorch shortens tensors. names: of which
    matrices; of all by default.
    """
    last = len(step.positions) - 1
    label = step.run.model.tokenizer.label(step.ids[-1])
    if step.phase == "prefill":
        yield f"\n--- Prefill ---\nThe model reads the whole prompt at once: one row for each token, {last + 1} in all."
        for matrix in in_order(step, names=names):
            if "vocab" not in matrix.axes:  # these are of the last row alone, and follow below
                yield from _matrix(matrix, full)
        about = "Only the last row of the prefill predicts the next token; it belongs to"
    else:
        about = (
            "The model reads one new token; the keys and values of earlier tokens come from the KV cache.\n"
            "The new token is"
        )
    yield f"\n--- Decoding next token ---\n{about} {label} at position {step.positions[-1]}."
    for matrix in in_order(step, range(last, last + 1), names):
        yield from _matrix(matrix, full)
    yield from _prediction(step)


def closing(run: Run) -> Iterator[str]:
    """Why the run ended before as many tokens as were asked for, where it did."""
    if run.ended == "context":
        limit = run.model.config.max_positions
        yield f"\nThe run ended here: the model takes at most {limit:,} tokens, and the text has reached that length."
    if run.ended == "stop" and len(run.new_ids) < run.max_new_tokens:
        yield "\nThe run ended here: the last token marks the end of the text."


def proof_text(proof: Proof) -> Iterator[str]:
    """A proof as a table: each matrix, its largest error, that relative to its largest magnitude, and the verdict."""
    width = max(map(len, proof.errors))
    theirs = "the transformers library, which ran the same files"
    against = theirs if proof.reference == "transformers" else "a second computation in float64"
    yield f"\nEvery matrix of every step was compared with {against}."
    if proof.own_weights:
        yield "It used the model's own weights: no seed and no file has them."
    yield f"Rounding explains errors of up to {proof.tolerance:g} of a matrix's largest magnitude."
    yield f"\n{'matrix':<{width}}  largest error  relative  verdict"
    for name, error in proof.errors.items():
        relative = proof.relative[name]
        if error is None or relative is None:
            yield f"{name:<{width}}  {'–':>13}  {'–':>8}  {proof.reasons[name]}"
        else:
            yield f"{name:<{width}}  {error:13.1e}  {relative:8.1e}  {'off' if name in proof.off else 'ok'}"
    if proof.ok:
        yield f"\nDouble-checked: no matrix is off by more than {proof.worst:.1e} of its largest magnitude."
    else:
        off = "1 matrix is" if len(proof.off) == 1 else f"{len(proof.off)} matrices are"
        yield f"\nThe double-check failed. {off} off; the first in order of computation is"
        yield f"{proof.first_off}."


def values_text(values: Tensor, full: bool) -> str:
    """A tensor as PyTorch prints it, whatever print options the process has set; full: every number."""
    # a little wider than by default, so that the toy's rows of 8 keep to one line
    with printoptions(profile="full" if full else "default", linewidth=LINE_WIDTH):
        return str(values)


def printable(text: str) -> str:
    """The text with all that a terminal would not print as a character written as an escape, like \\x1b."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _matrix(matrix: Matrix, full: bool) -> Iterator[str]:
    axes = " × ".join(matrix.axes)
    yield f"\n{matrix.name}   {matrix.entry.formula}   shape {matrix.shape} {axes}"
    if not matrix.arrives:
        yield "Careful: this layer was computed again, and its output differs from what the run itself has computed."
    yield values_text(matrix.shared, full)


def _prediction(step: Step) -> Iterator[str]:
    sampled = step.sampled
    yield f"\nPredicted next token: {sampled.label} (token {sampled.id})"
    yield (
        f"Its probability is {_percent(sampled.probability)}. "
        f"Its probability after {all_titles()} is {_percent(sampled.drawn_probability)}."
    )
    yield from filter(None, (stage.removal for stage in sampled.stages))
    candidates = most_likely(step)
    yield f"The {len(candidates)} most likely tokens:"
    for rank, candidate in enumerate(candidates, start=1):
        yield f"  {rank:2}. {_percent(candidate.probability):>12}  {candidate.label} (token {candidate.id})"


def _percent(probability: float) -> str:
    return f"{100 * probability:.4g} %"

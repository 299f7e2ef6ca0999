"""The console's command: python -m llm_core ["sentence"] prints every matrix on the way to the next token."""

import argparse
import os
import re
import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from typing import NoReturn

from llm_core import catalogue
from llm_core.config.model_config import PRESETS
from llm_core.files import json_document
from llm_core.proof.compare import prove
from llm_core.runs.generation import generate, steps
from llm_core.runs.sampling import Sampling
from llm_core.runs.stages import STAGES
from llm_core.text import console
from llm_core.weights.checkpoint import DTYPES
from llm_core.weights.curated import CURATED
from llm_core.weights.loading import load_model

NOT_PROVEN, BAD_INPUT, CANNOT_WRITE = 1, 2, 74  # 74: EX_IOERR in sysexits.h
INTERRUPTED, CLOSED_PIPE = 130, 141  # as a shell reports SIGINT and SIGPIPE
RESERVED = ("train", "eval")

EPILOG = """\
With --prove the console prints a table of every matrix: its largest error over all steps, absolute and relative to
its largest magnitude, and the verdict. A model from files is compared with the transformers library; any other
model is computed again in float64.

--only layers.0.attention.weights shows this matrix alone. It can be given several times, and * stands for any
part of a name, as in --only "layers.*.attention.weights".

--ids 5 90 3 runs these token ids instead of a sentence. A model without a tokenizer is run in this way.

With --json the document holds the model, its config and fingerprint, the settings, the versions, the prompt's
ids and tokens, and for each step its phase, positions, sampled token, the ten most likely tokens and every matrix
(name, formula, axes, shape, values). It has all values in full, also the logits and probabilities of the whole
vocabulary in the order of token ids. Masked scores and numbers that are NaN or infinite are null.
With --prove the document ends with the proof; with --only it has the matrices of these names alone.

If you give no sentence, the console reads one line from standard input. "train" and "eval" are reserved as first
words: to use one of them as the sentence, write it after --, as in: python -m llm_core -- train

The exit code is 0 after a run, 1 if --prove finds a matrix beyond the tolerance, 2 if the input is refused,
and 74 if the output cannot be written.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)  # one line for all that is refused, without the usage above it


def main(argv: Sequence[str]) -> int:
    """Run the console with these arguments, without the program's name. Returns the exit code."""
    try:
        return _show(argv)
    except ValueError as refusal:
        print(f"llm_core: {console.printable(str(refusal))}", file=sys.stderr)
        return BAD_INPUT
    except SystemExit:
        pass  # argparse has shown the help
    return 0


def _show(argv: Sequence[str]) -> int:
    options = _parser().parse_args(argv)
    sampling = Sampling(**{kind.name: getattr(options, kind.name) for kind in STAGES}, seed=options.seed)
    if options.new_tokens < 1:
        raise ValueError(f"--new-tokens is {options.new_tokens}; it must be at least 1")
    _check_together(options)
    _check_words(options.sentence, plain="--" in argv)
    model = load_model(options.model, options.model_seed, options.dtype)
    for note in model.notes:
        print(f"llm_core: {console.printable(note)}", file=sys.stderr)
    if options.model_seed and not model.random_weights:
        raise ValueError(f"--model-seed is for random weights, and those of {model.name} are learned: leave it out")
    names = None if options.only is None else catalogue.chosen(model.config, options.only)
    prompt = _ids(options.ids) if options.ids else options.sentence[0] if options.sentence else _ask()
    if options.json or options.prove:
        run = generate(model, prompt, options.new_tokens, sampling)
        proof = prove(run) if options.prove else None  # before anything is written: it may be refused
        if options.json:
            text = prompt if isinstance(prompt, str) else None
            for chunk in json_document.chunks(run, text, options.model_seed, names, proof):
                print(chunk, end="")
        elif proof is not None:
            _print(console.run_heading(run, options.model_seed))
            _print(console.proof_text(proof))
        return 0 if proof is None or proof.ok else NOT_PROVEN
    for run in steps(model, prompt, options.new_tokens, sampling):
        if len(run.steps) == 1:
            _print(console.run_heading(run, options.model_seed))
        _print(console.step_text(run.steps[-1], options.full, names))
    _print(console.closing(run))
    return 0


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m llm_core",
        description="Print every matrix that a language model computes on the way to its next token.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("sentence", nargs="*", help="the text to continue, in quotes; if you leave it out, the console asks for it")
    add(
        "--model",
        default="toy",
        help=f"a model with random weights: {', '.join(PRESETS)}; a real model: {', '.join(CURATED)}; or a folder in "
        "the Hub's format, a .gguf file, or a Hub id as owner/name (default: %(default)s)",
    )
    add(
        "--model-seed",
        type=_whole,
        default=0,
        help="the seed of a model's random weights (default: %(default)s)",
    )
    add(
        "--dtype",
        choices=DTYPES,
        default="float32",
        help="the number type of real weights and of all results; bfloat16 takes half the memory "
        "(default: %(default)s)",
    )
    add(
        "--seed",
        type=_whole,
        default=Sampling().seed,
        help="the dice seed: the same seed draws the same tokens (default: %(default)s)",
    )
    for kind in STAGES:
        add(
            f"--{kind.name.replace('_', '-')}",
            type=_whole if kind.whole else _number,
            default=kind.off,
            help=f"{kind.meaning} (default: %(default)s)",
        )
    add("--new-tokens", type=_whole, default=1, help="how many new tokens to draw (default: %(default)s)")
    add(
        "--ids",
        nargs="+",
        metavar="ID",
        help="token ids instead of a sentence, as in --ids 5 90 3; a model without a tokenizer is run in this way",
    )
    add(
        "--only",
        action="append",
        metavar="NAME",
        help="show the matrix of this name alone; may be given several times, and * stands for any part of a name",
    )
    add("--full", action="store_true", help="print long matrices in full")
    add("--json", action="store_true", help="write the run as one JSON document instead; with --prove, the proof too")
    add("--prove", action="store_true", help="compare every matrix with an independent computation instead")
    return parser


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _ids(words: Sequence[str]) -> list[int]:
    """Token ids, each a word of its own, or several in one with spaces or commas between them."""
    found = " ".join(words).replace(",", " ").split()
    wrong = next((word for word in found if not re.fullmatch("-?[0-9]+", word)), None)
    if wrong is not None:
        raise ValueError(f"--ids: {wrong[:40]!r} is not a token id, which is a whole number, as in --ids 5 90 3")
    if not found:
        raise ValueError("--ids has no token ids: give them as in --ids 5 90 3")
    return [int(word[:40]) for word in found]


def _check_together(options: argparse.Namespace) -> None:
    """Refuse options that say two things at once, or that would be passed over."""
    if options.ids and options.sentence:
        raise ValueError("a sentence and --ids were given: a run has one prompt, so leave one of them out")
    if options.prove and not options.json and options.only:
        raise ValueError("--prove checks every matrix: leave --only out, or add --json to have these in a document")
    if options.full and options.prove and not options.json:
        raise ValueError("--prove prints errors and no matrices: leave --full out")
    if options.full and options.json:
        raise ValueError("--json always writes every number: leave --full out")


def _check_words(words: Sequence[str], plain: bool) -> None:
    """Refuse more than one sentence, and the reserved first words unless the arguments hold a -- (plain)."""
    if words and words[0] in RESERVED and not plain:
        raise ValueError(
            f"{words[0]!r} is reserved as a first word; to use it as the sentence, write it after --: "
            f"python -m llm_core -- {words[0]}"
        )
    if len(words) > 1:
        raise ValueError("you gave more than one sentence: put the whole sentence in quotes")


def _ask() -> str:
    """One line from standard input. Raises EOFError where there is none."""
    print("Sentence: ", end="", file=sys.stderr, flush=True)  # not on stdout, which may be a document
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError as problem:
        raise ValueError(
            f"the sentence is not valid {problem.encoding}: byte {problem.start:,} is not part of a character; "
            "type the sentence again"
        ) from None
    if not line:
        raise EOFError
    return line.removesuffix("\n")


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def run_as_process() -> int:
    """The console as a process: how it ends where its reader or its writer goes away."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without our symbols gets escapes, not a crash
    try:
        code = main(sys.argv[1:])
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except (KeyboardInterrupt, EOFError):
        print(file=sys.stderr)  # the shell's prompt goes to a line of its own
        code = INTERRUPTED
    except BrokenPipeError:
        code = CLOSED_PIPE
    except OSError as problem:
        print(f"llm_core: {problem}", file=sys.stderr)
        code = CANNOT_WRITE
    _discard_output()
    return code


def _discard_output() -> None:
    """Let what is still buffered go nowhere: Python flushes at exit, and would complain where it cannot."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

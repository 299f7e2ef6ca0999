"""The console: python -m llm_core ["sentence"] prints every matrix on the way to the next token."""

import argparse
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from typing import NoReturn

if __name__ == "__main__":  # while torch is imported, for seconds, Ctrl-C has nothing to tidy up and nothing to tell
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

from llm_core import PRESETS, Sampling, console, export_json, generate, load_model, prove
from llm_core.checkpoint import DTYPES
from llm_core.curated import CURATED
from llm_core.generation import steps

NOT_PROVEN, BAD_INPUT, CANNOT_WRITE = 1, 2, 74  # 74: EX_IOERR in sysexits.h
INTERRUPTED, CLOSED_PIPE = 130, 141  # as a shell reports SIGINT and SIGPIPE
RESERVED = ("train", "eval")

EPILOG = """\
With --prove, a table of every matrix: its largest error over all steps, absolute and relative to its largest
magnitude, and the verdict. A model from files is held against transformers, any other against float64.

With --json the document holds the model, its config and fingerprint, the settings, the versions, the prompt's
ids and tokens, and for each step its phase, positions, sampled token, the ten most likely and every matrix
(name, formula, axes, shape, values). All values are there in full, logits and probabilities of the whole
vocabulary in the order of token ids included; masked scores, and what is NaN or infinite, are null.

Without a sentence, one line is read from standard input. "train" and "eval" are reserved as first words: to
use one of them as the sentence, write it after --, as in: python -m llm_core -- train

Exit code: 0 after a run, 1 where --prove finds a matrix beyond the tolerance, 2 where the input is
refused, 74 where the output cannot be written.
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
    sampling = Sampling(options.temperature, options.top_k, options.top_p, options.seed)
    if options.new_tokens < 1:
        raise ValueError(f"--new-tokens is {options.new_tokens}; it must be at least 1")
    if options.json and options.prove:
        raise ValueError("--json and --prove each write something else: choose one")
    _check_words(options.sentence, plain="--" in argv)
    model = load_model(options.model, options.model_seed, options.dtype)
    sentence = options.sentence[0] if options.sentence else _ask()
    if options.json:
        run = generate(model, sentence, options.new_tokens, sampling)
        for chunk in export_json.chunks(run, sentence, options.model_seed):
            print(chunk, end="")
        return 0
    if options.prove:
        run = generate(model, sentence, options.new_tokens, sampling)
        proof = prove(run)
        _print(console.opening(run, options.model_seed))
        _print(console.proof_text(proof))
        return 0 if proof.ok else NOT_PROVEN
    for run in steps(model, sentence, options.new_tokens, sampling):
        if len(run.steps) == 1:
            _print(console.opening(run, options.model_seed))
        _print(console.step_text(run.steps[-1], options.full))
    _print(console.closing(run))
    return 0


def _parser() -> _Parser:
    default = Sampling()
    parser = _Parser(
        prog="python -m llm_core",
        description="Print every matrix that a language model computes on the way to its next token.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("sentence", nargs="*", help="the text to continue, in quotes; asked for if it is not given")
    add(
        "--model",
        default="toy",
        help=f"random weights: {', '.join(PRESETS)}; real ones: {', '.join(CURATED)}; or a folder in the Hub's "
        "format, a .gguf file, or a Hub id as owner/name (default: %(default)s)",
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
        help="the type of real weights and of all that is computed with them; bfloat16 takes half the memory "
        "(default: %(default)s)",
    )
    add(
        "--seed",
        type=_whole,
        default=default.seed,
        help="the seed of the dice that draw tokens (default: %(default)s)",
    )
    add(
        "--temperature",
        type=_number,
        default=default.temperature,
        help="0: take the most likely (default: %(default)s)",
    )
    add(
        "--top-k",
        type=_whole,
        default=default.top_k,
        help="draw from the k most likely; 0: from all (default: %(default)s)",
    )
    add(
        "--top-p",
        type=_number,
        default=default.top_p,
        help="draw from the most likely that reach p (default: %(default)s)",
    )
    add("--new-tokens", type=_whole, default=1, help="how many tokens to add (default: %(default)s)")
    add("--full", action="store_true", help="print long matrices in full")
    add("--json", action="store_true", help="write the run as one JSON document instead")
    add("--prove", action="store_true", help="hold every matrix against an independent computation instead")
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


def _check_words(words: Sequence[str], plain: bool) -> None:
    """Refuse more than one sentence, and the reserved first words unless the arguments hold a -- (plain)."""
    if words and words[0] in RESERVED and not plain:
        raise ValueError(
            f"{words[0]!r} is reserved as a first word; to use it as the sentence, write it after --: "
            f"python -m llm_core -- {words[0]}"
        )
    if len(words) > 1:
        raise ValueError("more than one sentence was given: put the whole sentence in quotes")


def _ask() -> str:
    """One line from standard input. Raises EOFError where there is none."""
    print("Sentence: ", end="", file=sys.stderr, flush=True)  # not on stdout, which may be a document
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError as problem:
        raise ValueError(
            f"the sentence is not valid {problem.encoding}: byte {problem.start:,} makes no character"
        ) from None
    if not line:
        raise EOFError
    return line.removesuffix("\n")


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _command() -> int:
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


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(_command())

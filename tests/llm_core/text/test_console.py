"""The console: what it prints, what it refuses, and how it ends."""

import functools
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch._tensor_str import get_printoptions, printoptions

from llm_core import PRESETS, Run, Sampling, catalogue, generate, load_model
from llm_core.text import command as program
from tests.helpers.checkpoints import write_gguf
from tests.helpers.pages import ROOT

HELLO = "hello how are you?"
MATRIX = re.compile(r"^(\S+)   .+   shape \(", re.MULTILINE)
DECODING = "\n--- Decoding next token ---\n"


@pytest.fixture(scope="module", autouse=True)
def models_loaded_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "load_model", functools.cache(program.load_model))
        yield


def console(*argv: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = program.main(argv)
    return code, out.getvalue(), err.getvalue()


def text(*argv: str) -> str:
    code, out, err = console(*argv)
    assert (code, err) == (0, "")
    return out


def strict(document: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(document, parse_constant=refuse)


def document(*argv: str) -> Any:
    return strict(text("--json", *argv))


def run(new_tokens: int = 1, model_seed: int = 0, **sampling: Any) -> Run:
    return generate(load_model("toy", model_seed), HELLO, new_tokens, Sampling(**sampling))


def tensor(values: Any) -> torch.Tensor:
    """A document's values as float32, null as −∞."""

    def finite(value: Any) -> Any:
        if isinstance(value, list):
            return [finite(v) for v in value]
        return -torch.inf if value is None else value

    return torch.tensor(finite(values), dtype=torch.float32)


# ---- the text -----------------------------------------------------------------------------------------------------


def test_the_text_opens_with_the_tokens() -> None:
    out = text(HELLO)
    assert "\nToken ids: [31373, 703, 389, 345, 30]\nTokens: hello  ␣how  ␣are  ␣you  ?\n" in out


def test_prefill_comes_first_then_one_row_for_each_new_token() -> None:
    prefill, *decodes = text(HELLO, "--new-tokens", "3").split(DECODING)
    names = [entry.name for entry in catalogue.matrices(load_model("toy").config)]
    assert "\n--- Prefill ---\n" in prefill
    assert MATRIX.findall(prefill) == [name for name in names if name not in ("logits", "probabilities")]
    assert [MATRIX.findall(decode) for decode in decodes] == [names] * 3


def test_prefill_has_a_row_for_each_token_and_decoding_has_the_last() -> None:
    prefill, last, decode = text(HELLO, "--new-tokens", "2").split(DECODING)
    line = "layers.0.attention.q   Q = X W_q   shape {} head × position × head_dim\n"
    assert line.format((1, 5, 8)) in prefill
    assert line.format((1, 1, 8)) in last
    assert line.format((1, 1, 8)) in decode
    keys = "layers.0.attention.keys   K = cache + this step's rows   shape {} kv_head × key × head_dim\n"
    assert keys.format((1, 5, 8)) in last
    assert keys.format((1, 6, 8)) in decode


def test_the_last_row_is_that_of_prefill() -> None:
    prefill, last = (part.split("layers.0.feedforward.up")[1] for part in text(HELLO).split(DECODING))
    numbers = [re.findall(r"-?\d+\.\d{4}", part.split("\n\n")[0]) for part in (prefill, last)]
    assert len(numbers[1]) == 16
    assert numbers[0][-16:] == numbers[1]


def test_each_step_ends_with_its_token_and_the_ten_most_likely() -> None:
    out = text(HELLO, "--new-tokens", "2", "--seed", "5")
    for step, part in zip(run(2, seed=5).steps, out.split(DECODING)[1:], strict=True):
        assert f"\nPredicted next token: {step.sampled.label} (token {step.sampled.id})\n" in part
        best = step.logits[0].sort(descending=True, stable=True).indices[:10].tolist()
        listed = re.findall(r"^ +\d+\. .* \(token (\d+)\)$", part, re.MULTILINE)
        assert [int(i) for i in listed] == best


def test_the_settings_reach_the_run() -> None:
    out = text(HELLO, "--model-seed", "3", "--seed", "4", "--temperature", "0.5", "--top-k", "9", "--top-p", "0.8")
    sampled = run(model_seed=3, seed=4, temperature=0.5, top_k=9, top_p=0.8).steps[0].sampled
    assert f"Predicted next token: {sampled.label} (token {sampled.id})" in out
    greedy = run(temperature=0).new_ids[0]
    assert f"(token {greedy})" in text(HELLO, "--temperature", "0").split("Predicted")[1].splitlines()[0]


def test_each_stage_that_removes_tokens_says_how_many_are_left() -> None:
    stages = run(temperature=0.5, top_k=9, top_p=0.2).steps[0].sampled.stages
    out = text(HELLO, "--temperature", "0.5", "--top-k", "9", "--top-p", "0.2")
    assert "Sampling: temperature 0.5, top-k 9, top-p 0.2, dice seed 0" in out
    assert "\nTop-k 9 leaves 9 of 50,257 tokens: only the k most likely tokens can be drawn.\n" in out
    assert f"\nTop-p 0.2 leaves {stages[-1].left} of 9 tokens: " in out and 1 < stages[-1].left < 9
    assert "leaves" not in text(HELLO)


def test_long_matrices_shorten_unless_asked_for_in_full() -> None:
    short, full = (text(HELLO, *more).split("\nprobabilities   ")[1].split("\n\n")[0] for more in ([], ["--full"]))
    assert "..." in short and len(short.splitlines()) < 5
    assert "..." not in full
    printed = [float(x) for x in re.findall(r"\d\.\d+e-\d+", full)]
    expected = run()
    values = expected.steps[0].matrix("probabilities").values[0]
    torch.testing.assert_close(torch.tensor(printed), values, rtol=1e-4, atol=0.0)


def test_the_print_options_of_the_process_are_neither_read_nor_changed() -> None:
    expected = text(HELLO)
    with printoptions(precision=2, threshold=5):
        before = get_printoptions()
        assert text(HELLO) == expected
        assert get_printoptions() == before


def test_the_end_of_the_context_is_said() -> None:
    out = text(" a" * 255, "--new-tokens", "9")
    assert out.count("Predicted next token: ") == 2
    assert out.endswith(
        "\nThe run ended here: the model takes at most 256 tokens, and the text has reached that length.\n"
    )


def test_without_an_argument_a_line_is_asked_for_and_stdout_stays_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{HELLO}\nnot this\n"))
    code, out, err = console("--json")
    assert (code, err) == (0, "Sentence: ")
    assert strict(out)["prompt"]["text"] == HELLO


# ---- the document -------------------------------------------------------------------------------------------------


def test_the_document_holds_the_runs_own_numbers() -> None:
    found, expected = document(HELLO, "--new-tokens", "3"), run(3)
    assert found["model"]["fingerprint"] == expected.model.weights.version
    assert found["prompt"] == {
        "text": HELLO,
        "ids": expected.prompt_ids,
        "tokens": ["hello", " how", " are", " you", "?"],
    }
    assert (found["new_ids"], found["text"], found["ended"]) == (expected.new_ids, expected.text, "length")
    for step, own in zip(found["steps"], expected.steps, strict=True):
        assert (step["phase"], step["positions"], step["ids"]) == (own.phase, list(own.positions), own.ids)
        assert [m["name"] for m in step["matrices"]] == own.names
        for matrix in step["matrices"]:
            m = own.matrix(matrix["name"])
            assert (matrix["axes"], matrix["shape"]) == (list(m.axes), list(m.shape))
            assert (matrix["formula"], matrix["arrives"]) == (m.entry.formula, True)
            assert torch.equal(tensor(matrix["values"]), m.values), matrix["name"]


def test_the_document_holds_each_steps_token_and_the_ten_most_likely() -> None:
    found, expected = document(HELLO, "--new-tokens", "2", "--temperature", "0.7"), run(2, temperature=0.7)
    for step, own in zip(found["steps"], expected.steps, strict=True):
        sampled = own.sampled
        assert step["sampled"]["id"] == sampled.id
        assert step["sampled"]["probability"] == sampled.probability
        assert step["sampled"]["drawn_probability"] == sampled.drawn_probability
        first, *_, last = step["sampled"]["stages"]
        assert first == {"name": "softmax", "setting": None, "probability": sampled.probability, "left": 50_257}
        assert last == {"name": "top_p", "setting": 1, "probability": sampled.drawn_probability, "left": 50_257}
        softmax = own.logits[0].double().softmax(-1)
        assert [c["probability"] for c in step["most_likely"]] == softmax.sort(descending=True).values[:10].tolist()
        assert [softmax[c["id"]].item() for c in step["most_likely"]] == [c["probability"] for c in step["most_likely"]]


def test_the_document_holds_what_is_needed_to_run_it_again() -> None:
    given_ = ["--model-seed", "2", "--seed", "3", "--temperature", "0.5", "--top-k", "40", "--top-p", "0.9"]
    found = document(HELLO, *given_, "--new-tokens", "2")
    assert (found["model"]["name"], found["model"]["seed"]) == ("toy", 2)
    assert found["settings"] == {"temperature": 0.5, "top_k": 40, "top_p": 0.9, "seed": 3, "new_tokens": 2}
    assert found["versions"]["torch"] and found["versions"]["python"]


def test_masked_scores_are_null_and_nothing_else_is() -> None:
    nulls = {m["name"]: str(m["values"]).count("None") for m in document(HELLO)["steps"][0]["matrices"]}
    masked = nulls.pop("layers.0.attention.masked_scores")
    assert masked == 10  # above the diagonal of 5 × 5
    assert set(nulls.values()) == {0}


# ---- real weights -------------------------------------------------------------------------------------------------


def test_real_weights_are_float32_and_bfloat16_on_request(tmp_path: Path) -> None:
    where = str(write_gguf(tmp_path / "tiny.gguf"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path))
        usual, narrow = (document("hello", "--model", where, *more) for more in ([], ["--dtype", "bfloat16"]))
        assert "expanded to bfloat16" in text("hello", "--model", where, "--dtype", "bfloat16")
    for found, dtype in ((usual, "float32"), (narrow, "bfloat16")):
        assert {m["dtype"] for m in found["steps"][0]["matrices"] if m["name"] != "probabilities"} == {dtype}
    assert usual["model"]["fingerprint"] != narrow["model"]["fingerprint"]


# ---- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([""], "blank"),
        ([" \t\n"], "blank"),
        ([" a" * 300], "300 tokens; the model takes at most 256"),
        (["a\udcff"], "half a character at position 1"),
        (["a", "--model", "nonsense\x1b[31m"], "no model named 'nonsense\\x1b[31m'"),
        (["a", "--temperature", "-1"], "temperature"),
        (["a", "--temperature", "nan"], "temperature"),
        (["a", "--temperature", "inf"], "temperature"),
        (["a", "--temperature", "warm"], "--temperature: 'warm' is not a number"),
        (["a", "--top-k", "-1"], "top-k"),
        (["a", "--top-k", "1.5"], "--top-k: '1.5' is not a whole number"),
        (["a", "--top-p", "0"], "top-p"),
        (["a", "--top-p", "1.01"], "top-p"),
        (["a", "--seed", "-1"], "seed"),
        (["a", "--seed", str(2**64)], "seed"),
        (["a", "--model-seed", "-1"], "weights seed"),
        (["a", "--new-tokens", "0"], "--new-tokens"),
        (["a", "--dtype", "float16"], "--dtype: invalid choice: 'float16' (choose from"),
        (["a", "--dtype", "bfloat16"], "bfloat16 is for real weights, and those of toy are random, always float32"),
        (["a", "--new-tokens", "\x1b[2J"], "'\\x1b[2J' is not a whole number"),
        (["a", "--colour\x1b[31m"], "--colour\\x1b[31m"),
        (["hello", "how", "are", "you?"], "in quotes"),
        (["train"], "-- train"),
        (["eval", "--json"], "-- eval"),
        (["train", "toy"], "reserved"),
    ],
)
def test_bad_input_is_refused_in_one_line(argv: list[str], says: str) -> None:
    code, out, err = console(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("llm_core: ") and says in err
    assert err.endswith("\n") and err.removesuffix("\n").isprintable()


def test_bytes_that_make_no_character_are_refused_at_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\xff\n"), "utf-8"))
    code, out, err = console()
    assert (code, out) == (2, "")
    assert "not valid utf-8" in err


def test_help_says_what_there_is() -> None:
    out = text("--help")
    assert out.startswith("usage: python -m llm_core ")
    assert all(name in out for name in (*PRESETS, "smollm2-135m", "owner/name"))


@pytest.mark.parametrize("word", ["train", "eval"])
def test_a_reserved_word_is_a_sentence_after_two_dashes(word: str) -> None:
    assert document("--", word)["prompt"]["text"] == word
    assert document(f"{word} it")["prompt"]["text"] == f"{word} it"


@settings(max_examples=15, deadline=None)
@given(sentence=st.text(st.characters(), max_size=40), as_json=st.booleans())
@example(sentence="\x1b[31mred\x1b]0;title\x07\x9b5n", as_json=False)
@example(sentence="\x00\x08\r\x7f\x85\u2028\u202e\u200b\ufeff\u00a0", as_json=True)
@example(sentence="👩‍👩‍👧 \U0001f468 שלום", as_json=False)
@example(sentence="--", as_json=False)
@example(sentence="--help", as_json=True)
def test_any_text_is_shown_or_refused_and_never_commands_the_terminal(sentence: str, as_json: bool) -> None:
    code, out, err = console(*(["--json"] if as_json else []), "--", sentence)
    assert (out + err).replace("\n", "").isprintable()
    surrogate = any("\ud800" <= c <= "\udfff" for c in sentence)
    assert code == (2 if surrogate or not sentence.strip() else 0)
    if code == 2:
        assert out == "" and err.count("\n") == 1
    elif as_json:
        assert strict(out)["prompt"]["text"] == sentence


# ---- how the process ends -----------------------------------------------------------------------------------------


def process(*argv: str, **options: Any) -> subprocess.Popen[bytes]:
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen([sys.executable, "-m", "llm_core", *argv], cwd=ROOT, **options)


def test_a_closed_pipe_ends_it_quietly() -> None:
    with process("--json", HELLO) as child:  # megabytes, more than any pipe holds
        assert child.stdout is not None and child.stderr is not None
        assert child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 141


def test_ctrl_c_at_the_prompt_ends_it_quietly() -> None:
    with process() as child:
        assert child.stdout is not None and child.stderr is not None
        asked = b"Sentence: "
        assert child.stderr.read(len(asked)) == asked
        child.send_signal(signal.SIGINT)
        assert child.stderr.read() == b"\n"
        assert child.stdout.read() == b""
    assert child.returncode == 130


@pytest.mark.slow  # the ways to end below are each a process of their own
def test_ctrl_c_ends_it_quietly_even_while_nobody_reads_on() -> None:
    with process("--json", HELLO) as child:
        assert child.stdout is not None and child.stderr is not None
        assert child.stdout.read(1) == b"{"  # from here on it waits for room in the pipe
        child.send_signal(signal.SIGINT)
        assert child.wait() == 130
        assert child.stderr.read() == b"\n"


@pytest.mark.slow
def test_the_end_of_input_at_the_prompt_ends_it_quietly() -> None:
    with process(stdin=subprocess.DEVNULL) as child:
        assert child.communicate() == (b"", b"Sentence: \n")
    assert child.returncode == 130


@pytest.mark.slow
def test_output_without_our_symbols_gets_escapes() -> None:
    with process(HELLO, env={**os.environ, "PYTHONIOENCODING": "ascii"}) as child:
        out, err = child.communicate()
    assert (child.returncode, err) == (0, b"")
    assert rb"Tokens: hello  \u2423how  \u2423are  \u2423you  ?" in out.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_cannot_be_written_is_said_in_one_line() -> None:
    with open("/dev/full", "wb") as full, process(HELLO, stdout=full) as child:
        _, err = child.communicate()
    assert child.returncode == 74
    assert err.startswith(b"llm_core: ") and err.count(b"\n") == 1


# ---- token ids, chosen matrices, the proof in the document ----------------------------------------------------------

WEIGHTS = "layers.0.attention.weights"


@pytest.mark.parametrize("words", [["31373", "703", "389"], ["31373 703 389"], ["31373,703, 389"]], ids=str)
def test_token_ids_run_as_the_sentence_does(words: list[str]) -> None:
    assert text("--ids", *words, "--only", "logits") == text("hello how are", "--only", "logits")
    found = document("--ids", *words, "--only", WEIGHTS)
    assert found["prompt"] == {"text": None, "ids": [31373, 703, 389], "tokens": ["hello", " how", " are"]}


@pytest.mark.parametrize("words", ["5 --5", "5 -", "5 ٣", "5 1e3"])
def test_what_is_no_token_id_is_refused_in_a_sentence(words: str) -> None:
    code, _, err = console("--ids", words)
    assert code == 2 and "is not a token id, which is a whole number, as in --ids 5 90 3" in err


def test_a_model_without_a_tokenizer_runs_by_its_ids(model_folder) -> None:
    where = str(model_folder("gpt2"))
    code, _, err = console("--model", where, "5 90 3")
    assert code == 2 and "comes without a tokenizer: give it token ids, as in --ids 5 90 3 on the console" in err
    assert document("--model", where, "--ids", "5", "90", "3")["prompt"]["ids"] == [5, 90, 3]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([WEIGHTS], [WEIGHTS]),
        (["logits", "input", "logits"], ["input", "logits"]),
        (["layers.*.attention.?"], ["layers.0.attention.q", "layers.0.attention.k", "layers.0.attention.v"]),
        (["*embed*", "log*ts", "*n.weights"], ["token_embedding", WEIGHTS, "logits"]),
    ],
)
def test_only_chosen_matrices_are_shown(patterns: list[str], expected: list[str]) -> None:
    only = [word for pattern in patterns for word in ("--only", pattern)]
    found = document(HELLO, *only, "--new-tokens", "2")
    for step, own in zip(found["steps"], run(2).steps, strict=True):
        assert [m["name"] for m in step["matrices"]] == expected
        assert all(torch.equal(tensor(m["values"]), own.matrix(m["name"]).values) for m in step["matrices"])
    prefill, decode = text(HELLO, *only).split(DECODING)
    assert MATRIX.findall(decode) == expected
    assert MATRIX.findall(prefill) == [name for name in expected if name != "logits"]


def test_the_proof_is_in_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    found = document(HELLO, "--prove", "--only", WEIGHTS)
    proof = found["proof"]
    assert (proof["ok"], proof["reference"], proof["off"]) == (True, "float64", [])
    assert list(proof["errors"]) == list(proof["relative"]) == run().steps[0].names
    assert 0 < max(proof["relative"].values()) < 1e-5
    assert [m["name"] for m in found["steps"][0]["matrices"]] == [WEIGHTS]
    assert "proof" not in document(HELLO, "--only", WEIGHTS)
    monkeypatch.setattr(type(PRESETS["toy"]), "attention_scale", property(lambda c: float("nan")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "generate", lambda *_: expected)
        expected = run()
        code, out, _ = console("--json", "--prove", "--only", WEIGHTS, HELLO)
    assert code == 1
    proof = strict(out)["proof"]
    assert proof["ok"] is False and proof["off"][0] == "layers.0.attention.scores"
    assert proof["relative"]["layers.0.attention.scores"] is None  # infinite


def test_the_document_is_handed_out_in_pieces_of_a_row() -> None:
    from llm_core.files import json_document

    long = generate(load_model("gpt2-nano"), " a" * 200)
    names = [n for n in long.steps[0].names if n not in ("logits", "probabilities")]
    assert max(map(len, json_document.chunks(long, None, 0, names))) < 10_000


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["a", "--only", "layers.0.attention.weight"], "did you mean layers.0.attention.weights"),
        (["a", "--only", "layers.3.residual"], "it has 1 layer, layers.0"),
        (["a", "--only", "layers.0.attention.w_q"], "is a weight"),
        (["a", "--only", "*xyz*"], "no matrix of this model has a name like '*xyz*'; it has: token_embedding"),
        (["a", "--only"], "--only: expected one argument"),
        (["a", "--only", "input", "--prove"], "leave --only out, or add --json"),
        (["a", "--full", "--prove"], "leave --full out"),
        (["a", "--full", "--json"], "leave --full out"),
        (["a", "--ids", "5"], "a sentence and --ids were given"),
        (["--ids", "5", "hello"], "--ids: 'hello' is not a token id"),
        (["--ids", "5.0"], "'5.0' is not a token id"),
        (["--ids", "٣"], "is not a token id"),
        (["--ids", "-1"], "token id -1 is not in the vocabulary"),
        (["--ids", "9" * 5000], "is not in the vocabulary"),
        (["--ids", "50257"], "token id 50257 is not in the vocabulary of this model: ids go from 0 to 50,256"),
        (["--ids", " , "], "--ids has no token ids"),
        (["--ids", ""], "--ids has no token ids"),
        (["--ids"], "--ids: expected at least one argument"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(argv: list[str], says: str) -> None:
    code, out, err = console(*argv)
    assert (code, out) == (2, "") and says in err and err.count("\n") == 1


def test_a_seed_for_weights_that_are_learned_is_refused(model_folder) -> None:
    code, _, err = console("--model", str(model_folder("gpt2")), "--ids", "5", "--model-seed", "1")
    assert code == 2 and "--model-seed is for random weights" in err


def test_help_names_every_option() -> None:
    out = text("--help")
    assert all(option in out for option in ("--ids", "--only", "--json", "--prove", "--full", "--dtype"))

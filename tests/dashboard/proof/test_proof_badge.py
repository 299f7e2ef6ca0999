"""The proof of the run on screen."""

import json
import re
import threading
import time
from concurrent.futures import Future
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.link.settings import DEFAULTS
from dashboard.proof.badge import PROOFS, error_table
from dashboard.proof.words import ABSOLUTE, RELATIVE, badge_of, explanation, mark_of, rounded
from dashboard.server.proofs import Proofs
from llm_core import Run, catalogue, generate, load_model, prove
from llm_core.proof.compare import Proof
from llm_core.proof.transformers_side import REASON
from tests.helpers.links import link_of
from tests.helpers.pages import APP


def done(result: Proof | Exception) -> Future[Proof]:
    future: Future[Proof] = Future()
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
    return future


def run_of(text: str = "hello how are you?", model: str = "toy") -> Run:
    return generate(load_model(model), text, 2)


def started(proofs: Proofs, run: Run, small: bool = False) -> Future[Proof]:
    """The proof, from now on under way."""
    future = proofs.start(run, small)
    assert future is not None
    return future


def shown(page: AppTest) -> dict[str, Any]:
    """What the badge on a page was given."""
    for element in page.get("bidi_component"):
        data = json.loads(element.proto.json or "{}")
        if "marks" in data:
            return dict(data)
    raise AssertionError("there is no badge")


def proof(errors: dict[str, float | None], reference: Any = "float64") -> Proof:
    return Proof(reference, errors, errors, {n: REASON for n, e in errors.items() if e is None}, tolerance=1e-4)


def test_the_drawer_says_which_weights_the_second_program_used() -> None:
    toy = load_model("toy")
    edited = toy.with_weights({"unembedding.bias": toy.weight("unembedding.bias") + 1})
    drawn, own = (explanation(prove(generate(model, "hello", 1))) for model in (toy, edited))
    assert "It drew the weights from their seed again and shares" in drawn and "own weights" not in drawn
    assert "It used this model's own weights and shares" in own and "seed" not in own


def test_a_proof_is_made_once_for_all_who_ask_and_beside_them() -> None:
    made, go = [], threading.Event()

    def make(run: Run, progress: Any) -> Proof:
        go.wait(10)
        made.append(run)
        return prove(run)

    proofs, run = Proofs(make), run_of()
    assert proofs.get(run) is None
    first = started(proofs, run)
    assert not first.done()
    assert proofs.start(run_of()) is first  # an equal run
    assert proofs.get(run_of("another")) is None
    go.set()
    assert first.result(20).ok
    assert made == [run]


def test_why_a_proof_failed_is_in_the_log_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    def make(run: Run, progress: Any) -> Proof:
        raise ValueError("transformers cannot read it") from OSError("/home/someone/weights")

    assert started(Proofs(make), run_of()).exception(20) is not None
    assert "/home/someone/weights" in caplog.text and "transformers cannot read it" in caplog.text


def test_a_proof_that_failed_is_tried_again_when_asked_for() -> None:
    answers: list[Any] = [ValueError("the files are gone"), proof({"q": 0.0})]

    def make(run: Run, progress: Any) -> Proof:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    proofs, run = Proofs(make), run_of()
    with pytest.raises(ValueError, match="gone"):
        started(proofs, run).result(20)
    assert started(proofs, run).result(20).ok


def test_while_a_proof_is_made_it_is_told_how_far_it_is() -> None:
    begun, go = threading.Event(), threading.Event()

    def make(run: Run, progress: Any) -> Proof:
        progress("layer 3 of 30", 0.5)
        begun.set()
        go.wait(20)
        return proof({"q": 0.0})

    proofs, run = Proofs(make), run_of()
    assert proofs.progress(run) is None
    future = started(proofs, run)
    assert begun.wait(10)
    badge = badge_of(future, automatic=False, progress=proofs.progress(run))
    assert badge.state == "pending" and badge.share == 0.5 and badge.text.endswith("layer 3 of 30")
    go.set()
    assert future.result(20).ok
    deadline = time.monotonic() + 10
    while proofs.progress(run) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert proofs.progress(run) is None


def test_only_the_latest_proofs_are_kept() -> None:
    proofs = Proofs(lambda run, progress: proof({"q": 0.0}), most=2)
    runs = [run_of(text) for text in ("one", "two", "three")]
    for run in runs:
        started(proofs, run).result(20)
    assert [proofs.get(run) is not None for run in runs] == [False, True, True]


def test_few_proofs_wait_and_a_small_one_does_not_wait_behind_a_large_one() -> None:
    begun, go = threading.Event(), threading.Event()

    def make(run: Run, progress: Any) -> Proof:
        if run.model.name != "toy":
            begun.set()
            go.wait(20)
        return proof({"q": 0.0})

    proofs = Proofs(make, waiting=2)
    large = [run_of(text, "toy-6") for text in ("one", "two", "three", "four")]
    first = proofs.start(large[0])
    assert begun.wait(10)
    others = [proofs.start(run) for run in large[1:]]
    assert [other is None for other in others] == [False, False, True]
    assert proofs.get(large[3]) is None
    assert proofs.start(large[0]) is first  # asking again takes no place
    assert started(proofs, run_of(), small=True).result(10).ok
    go.set()
    assert started(proofs, large[2]).result(10).ok
    assert started(proofs, large[3]).result(10).ok


def test_a_visitor_has_one_long_proof_at_a_time_and_leaves_the_others_their_places() -> None:
    go = threading.Event()
    proofs = Proofs(lambda run, progress: go.wait(20) and proof({"q": 0.0}))
    runs = [run_of(text, "toy-6") for text in ("one", "two", "three", "four", "five")]
    first = proofs.start(runs[0], visitor="a")
    assert first is not None and proofs.start(runs[0], visitor="a") is first
    assert proofs.start(runs[1], visitor="a") is None
    assert proofs.start(runs[2], small=True, visitor="a") is not None
    assert proofs.start(runs[3], visitor="b") is not None
    go.set()
    first.result(20)
    assert proofs.start(runs[4], visitor="a") is not None


def test_whoever_asks_in_vain_is_told_to_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PROOFS, "start", lambda run, small, visitor: None)
    page = AppTest.from_function(_asking).run()
    page.button[0].click().run()
    badge = shown(page)
    assert (badge["state"], badge["text"]) == ("offered", "The server is busy: try again in a moment")
    assert shown(page.run())["state"] == "automatic"


def _asking() -> None:
    import streamlit as st

    from dashboard.proof import badge as proof

    st.session_state["text"] = "never proven"
    st.button("ask", on_click=proof._ask)
    proof.proof()


def test_the_badge_says_what_is_known() -> None:
    assert badge_of(None, automatic=True).state == "automatic"
    assert badge_of(None, automatic=False).state == "offered"
    assert badge_of(Future(), automatic=False).state == "pending"
    failed = badge_of(done(ValueError("the files are gone")), automatic=False)
    assert (failed.state, "the files are gone" in failed.detail) == ("failed", True)
    secret = badge_of(done(RuntimeError("/home/someone")), automatic=False)
    assert "someone" not in secret.detail + secret.text
    good = badge_of(done(proof({"q": 3e-6, "k": 0.0, "probabilities": None})), automatic=False)
    assert good.state == "ok"
    assert good.text == (
        "A second program computed 2 of the 3 matrices again. The results are the same, apart from rounding (at most "
        "3e−6 of the largest number)."
    )
    assert good.marks["probabilities"] == ("none", "–", f"This matrix was not compared: {REASON}.")
    bad = badge_of(done(proof({"q": 1e-6, "k": 0.3, "v": 0.2}, "transformers")), automatic=False)
    assert bad.state == "off"
    assert bad.text == "k and one other matrix differ from the results of transformers, by more than rounding."
    assert bad.marks["q"] == (
        "ok",
        "✓ 1e−6",
        "The largest difference from the results of transformers is 1e−6 of the matrix's largest number.",
    )
    assert bad.marks["v"][:2] == ("off", "✗ 0.2")


@pytest.mark.parametrize(
    ("lacking", "end"),
    [(0, "apart from rounding."), (1, "It does not show the other one."), (2, "It does not show the other 2.")],
)
def test_the_badge_says_what_transformers_does_not_show(lacking: int, end: str) -> None:
    found = proof({"q": 1e-6, **dict.fromkeys("kv"[:lacking])}, "transformers")
    text = badge_of(done(found), automatic=False).text
    which = f"1 of the {1 + lacking}" if lacking else "all 1"
    assert text.startswith(f"Another program, transformers, computed {which} matrices too: they are the same, ")
    assert text.endswith(end)


def test_a_mark_says_the_error_compared_with_the_largest_number_as_the_badge_does() -> None:
    found = Proof("float64", {"q": 0.5}, {"q": 2e-7}, {}, tolerance=1e-4)
    assert "2e−7" in badge_of(done(found), automatic=False).text
    assert mark_of(found, "q")[1] == "✓ 2e−7"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (0, "0"),
        (3.2e-6, "3e−6"),
        (4e-12, "4e−12"),
        (0.25, "0.2"),
        (0.5, "0.5"),
        (4.0, "4"),
        (22.0, "22"),
        (float("inf"), "∞"),
    ],
)
def test_errors_are_written_with_one_digit(error: float, text: str) -> None:
    assert rounded(error) == text


def test_the_toy_asks_for_its_proof_by_itself_and_each_matrix_gets_its_error() -> None:
    page = AppTest.from_file(str(APP), default_timeout=30)
    page.query_params["text"] = "prove this"
    assert shown(page.run())["state"] == "automatic"
    run = generate(load_model("toy"), "prove this", 3, sampling=DEFAULTS.sampling)
    expected = started(PROOFS, run).result(30)
    badge = shown(page.run())
    assert badge["state"] == "ok"
    assert badge["marks"] == {name: list(mark_of(expected, name)) for name in run.steps[0].names}


def test_another_model_is_proven_on_request() -> None:
    page = AppTest.from_file(str(APP), default_timeout=30)
    page.query_params["model"] = "llama-nano"
    badge = shown(page.run())
    assert (badge["state"], badge["text"]) == ("offered", "Double-check this run")
    assert badge["marks"] == {}


def test_the_table_names_every_matrix_with_its_error() -> None:
    page = AppTest.from_file(str(APP), default_timeout=30)
    page.query_params["text"] = "show all of it"
    run = generate(load_model("toy"), "show all of it", 3, sampling=DEFAULTS.sampling)
    expected = started(PROOFS, run).result(30)
    page.query_params["proof"] = "1"
    page.run()
    table = next(frame.value for frame in page.dataframe if "result" in frame.value)
    names = run.steps[0].names
    assert list(table)[:3] == ["matrix", "result", RELATIVE] and list(table["name"]) == names
    assert list(table["matrix"]) == [catalogue.matrix(run.model.config, name).title for name in names]
    assert list(table[RELATIVE]) == [expected.relative[name] for name in names]
    assert list(table[ABSOLUTE]) == [expected.errors[name] for name in names]
    assert set(table["result"]) == {"the same, apart from rounding"}
    assert set(table["compared with"]) == {"a second program, in float64"}


def test_the_table_writes_errors_as_the_page_does_and_says_what_was_not_compared() -> None:
    run = generate(load_model("toy"), "hello", 1)
    names = run.steps[0].names
    errors = dict.fromkeys(names, 0.0) | {names[1]: 3e-6, names[2]: None}
    styled = error_table(run, proof(errors, "transformers"))
    shown = styled.to_html()
    assert ">3e−6<" in shown and ">0<" in shown and not re.search(r"\de-", shown)
    assert styled.data["compared with"][2] == "transformers does not show this matrix"
    assert styled.data["result"][2] == "not compared"


def test_a_link_that_shows_the_table_asks_for_the_proof_and_shows_it_once_it_is_there() -> None:
    page = AppTest.from_file(str(APP), default_timeout=30)
    page.query_params.update({"model": "llama-nano", "text": "a link", "proof": "1"})
    assert shown(page.run())["state"] == "automatic"
    assert not any("result" in frame.value for frame in page.dataframe)
    run = generate(load_model("llama-nano"), "a link", 3, sampling=DEFAULTS.sampling)
    started(PROOFS, run).result(60)
    assert shown(page.run())["state"] == "ok"
    assert any("result" in frame.value for frame in page.dataframe)
    links = [link.proto.query_string for link in page.get("page_link")]
    assert links and not any("proof" in link for link in links)


def test_a_link_asks_for_the_proof_of_its_own_run_not_of_the_next_one() -> None:
    page = AppTest.from_file(str(APP), default_timeout=30)
    page.query_params.update({"model": "llama-nano", "text": "one link", "proof": "1"})
    assert shown(page.run())["state"] == "automatic"
    page.text_area(key="text").set_value("another text").run()
    assert shown(page.run())["state"] == "offered"
    assert "proof" not in link_of(page)


def test_the_table_waits_until_no_other_dialog_is_open() -> None:
    page = AppTest.from_file(str(APP), default_timeout=30)
    page.query_params["text"] = "two dialogs"
    run = generate(load_model("toy"), "two dialogs", 3, sampling=DEFAULTS.sampling)
    started(PROOFS, run).result(30)
    page.run().button(key="take-open").click().run()
    page.query_params["proof"] = "1"
    page.run()
    assert not page.exception and not any("could not be drawn" in text.value for text in page.text)
    assert not any("result" in frame.value for frame in page.dataframe)

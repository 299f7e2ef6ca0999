"""One more stage of the sampler is one entry and one field: page, console, files and keys know it without more.

The project with that stage is a process of its own. What a test asks there is a function of this file.
"""

import contextlib
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from types import ModuleType
from typing import Any

import pytest

from dashboard.link.settings import Settings
from dashboard.server.computed import run_of
from llm_core import Sampling, generate, load_model, open_run, python_lines
from llm_core.text.command import main
from tests.helpers.links import link_of
from tests.helpers.one_more_stage import add_min_p
from tests.helpers.pages import next_token, opened, run_file_page, saved, sentences, specs

TEXT, SHARE = "hello how are you?", 0.6
ALL = "temperature, top-k, top-p and min-p"
ADDED = {"min_p": SHARE}

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Calls a function of this file in the project with the stage; what it returns comes back."""
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=add_min_p) as elsewhere:
        with pytest.MonkeyPatch.context() as patch:
            # a new process runs the main module first, and AppTest leaves the app in its place
            patch.setitem(sys.modules, "__main__", ModuleType("__main__"))
            elsewhere.submit(int).result()
        yield lambda function, *given: elsewhere.submit(function, *given).result()


@pytest.fixture(scope="module")
def removal(toy) -> str:
    """What is said of the stage, by hand: min-p keeps the tokens with at least this share of the largest."""
    p = generate(toy, TEXT).steps[0].logits[0].double().softmax(-1)
    left = int((p >= SHARE * p.max()).sum())
    assert 1 < left < len(p)
    return (
        f"Min-p {SHARE} leaves {left:,} of {len(p):,} tokens: only tokens with this share of the largest probability "
        "can be drawn."
    )


def test_the_project_itself_has_no_such_stage() -> None:
    with pytest.raises(TypeError):
        Sampling(**ADDED)


# ---- the run --------------------------------------------------------------------------------------------------------


def made(**settings: Any) -> Any:
    return generate(load_model("toy", seed=0), TEXT, 2, Sampling(**settings))


def last_stage(settings: dict[str, float]) -> dict[str, Any]:
    run = made(**settings)
    stage = run.steps[0].sampled.stages[-1]
    return {
        "name": stage.name,
        "title": stage.title,
        "setting": stage.setting,
        "removed": stage.removed.tolist(),
        "before": stage.before.tolist(),
        "after": stage.probabilities.tolist(),
        "notebook": run._repr_html_(),
        "lines": python_lines(run),
        "ids": run.new_ids,
    }


def test_the_stage_acts_last_and_tells_what_it_removed(ask: Ask, toy) -> None:
    found = ask(last_stage, ADDED)
    p = generate(toy, TEXT).steps[0].logits[0].double().softmax(-1)
    kept = p >= SHARE * p.max()
    assert (found["name"], found["title"], found["setting"]) == ("min_p", f"min-p {SHARE}", SHARE)
    assert found["before"] == p.tolist() and found["removed"] == (~kept).tolist()
    assert found["after"] == ((p * kept) / (p * kept).sum()).tolist()
    assert f"top-p off, min-p {SHARE}, dice seed 0" in found["notebook"]


def test_off_it_changes_no_run(ask: Ask, toy) -> None:
    found = ask(last_stage, {})
    assert found["title"] == "min-p off" and not any(found["removed"])
    assert found["ids"] == generate(toy, TEXT, 2).new_ids


def program(lines: str) -> list[int]:
    told: dict[str, Any] = {}
    exec(lines, told)
    return told["run"].new_ids


def test_the_python_lines_bring_the_run_back(ask: Ask) -> None:
    found = ask(last_stage, ADDED)
    assert f"sampling=Sampling(min_p={SHARE})" in found["lines"]
    assert ask(program, found["lines"]) == found["ids"]


def positional() -> dict[str, object]:
    return asdict(Sampling(0.5, 5, 0.9, 12, **ADDED))


def test_the_dice_seed_stays_the_fourth_argument(ask: Ask) -> None:
    assert ask(positional) == {"temperature": 0.5, "top_k": 5, "top_p": 0.9, "seed": 12, **ADDED}


# ---- console, document and file -------------------------------------------------------------------------------------


def console(*arguments: str) -> tuple[str, str]:
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        main(arguments)
    return out.getvalue(), errors.getvalue()


def test_the_console_has_the_option_and_prints_the_stage(ask: Ask, removal: str) -> None:
    out, _ = ask(console, TEXT, "--min-p", str(SHARE), "--only", "logits")
    assert f"top-p off, min-p {SHARE}, dice seed 0" in out
    assert f"Its probability after {ALL} is" in out and f"\n{removal}\n" in out
    shown, _ = ask(console, "--help")
    assert "--min-p MIN_P" in shown and "0 keeps all tokens (default: 0.0)" in shown
    _, refused = ask(console, TEXT, "--min-p", "2")
    assert refused == "llm_core: min-p is 2.0; it must be from 0 (off) to 1\n"
    _, refused = ask(console, TEXT, "--min-p", "low")
    assert "--min-p: 'low' is not a number" in refused


def test_the_document_tells_the_setting_and_the_stage(ask: Ask) -> None:
    out, _ = ask(console, TEXT, "--min-p", str(SHARE), "--json", "--only", "logits")
    found = json.loads(out)
    assert found["settings"] == {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": SHARE, "seed": 0, "new_tokens": 1}
    sampled = found["steps"][0]["sampled"]
    stage = sampled["stages"][-1]
    assert stage["name"] == "min_p" and stage["setting"] == SHARE
    assert stage["probability"] == sampled["drawn_probability"] > sampled["probability"]


def run_file() -> bytes:
    return saved(made(**ADDED), [])


def filed(data: bytes) -> dict[str, object]:
    return asdict(open_run(data).sampling)


def test_a_run_file_keeps_the_setting_and_older_files_open(ask: Ask, toy) -> None:
    data = ask(run_file)
    assert ask(filed, data) == {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": SHARE, "seed": 0}
    older = saved(generate(toy, TEXT, 2, Sampling(top_k=9)), [])
    assert ask(filed, older) == {"temperature": 1, "top_k": 9, "top_p": 1, "min_p": 0, "seed": 0}
    with pytest.raises(ValueError, match="has the setting 'min_p', which is not known here: open it with a newer"):
        open_run(data)


# ---- page -----------------------------------------------------------------------------------------------------------


def page(query: dict[str, str]) -> dict[str, Any]:
    """What the page of a link shows, and the drawn token's card after the setting was changed by its control."""
    shown = opened(station="sample", **query)
    (more,) = (each for each in shown.expander if each.label == "More settings")
    (control,) = (each for each in more.slider if each.key == "min_p")
    found = {
        "control": (control.label, control.value, control.min, control.max, control.help),
        "stages": [note["text"] for note in json.loads(specs(shown)["chart-sample"])["layout"]["annotations"]],
        "words": re.sub(r"\[([^]]+)\]\(#word-[\w-]+\)", r"\1", " ".join(caption.value for caption in shown.caption)),
        "card": [word for _, word, _ in next_token(shown)["facts"]],
        "link": link_of(shown),
        "refused": sentences(shown),
    }
    control.set_value(1.0).run()
    return found | {"changed": link_of(shown), "only": next_token(shown)["facts"][2][0]}


def test_the_page_shows_the_stage_and_its_link_holds_it(ask: Ask, removal: str) -> None:
    found = ask(page, {"text": TEXT, "min_p": str(SHARE)})
    meaning = "Only tokens with this share of the largest probability can be drawn; 0 keeps all tokens."
    assert found["control"] == ("Min-p", SHARE, 0, 1, meaning)
    assert found["stages"] == ["softmax", "temperature 1", "top-k off", "top-p off", f"min-p {SHARE}"]
    assert removal in found["words"] and f"probability after {ALL}" in found["card"]
    assert found["link"]["min_p"] == str(SHARE) and not found["refused"]
    assert found["changed"]["min_p"] == "1" and found["only"] == "100 %"


def test_a_link_without_it_leaves_it_off_and_one_that_asks_too_much_is_refused(ask: Ask) -> None:
    found = ask(page, {"text": TEXT})
    assert found["stages"][-1] == "min-p off" and "min_p" not in found["link"]
    refused = ask(page, {"text": TEXT, "min_p": "1.5"})["refused"]
    assert "The link says min_p = 1.5, which cannot be used (it must be a number from 0 to 1" in refused


def same_runs() -> tuple[bool, bool]:
    first = run_of(Settings(text=TEXT, **ADDED))
    return first is run_of(Settings(text=TEXT, **ADDED)), first is run_of(Settings(text=TEXT))


def test_the_setting_is_part_of_a_runs_key(ask: Ask) -> None:
    assert ask(same_runs) == (True, False)


def page_of_file(data: bytes) -> tuple[str, str]:
    shown = run_file_page(data)
    (way,) = (each.proto.url for each in shown.get("link_button"))
    return sentences(shown), way


def test_the_page_of_a_run_file_tells_it_and_leads_to_the_same_run(ask: Ask) -> None:
    told, way = ask(page_of_file, ask(run_file))
    assert f"top-p off · min-p {SHARE} · dice seed 0" in told and f"min_p={SHARE}" in way

"""A run from a file, in a notebook: it answers what it can, and says in a sentence what needs the model."""

import ast
import io

import pytest
import torch

from llm_core import (
    Sampling,
    contributions,
    explain,
    generate,
    links_to,
    load_model,
    open_run,
    prove,
    python_lines,
    random_model,
    save_run,
)
from llm_core.files import json_document
from llm_core.measures.health import health, in_blocks
from llm_core.measures.logit_lens import lens
from llm_core.runs.candidates import in_order, most_likely
from tests.helpers.small_models import CONFIGS

SAMPLING = Sampling(temperature=0.7, top_k=40, seed=3)


def opened(run, names=()):
    file = io.BytesIO()
    save_run(run, names, file)
    return open_run(file.getvalue())


@pytest.fixture(scope="module")
def filed(toy):
    return opened(generate(toy, "hello how are you?", 3, SAMPLING), ["input", "logits"])


NEEDS_MODEL = {
    "explain": lambda run, step: explain(step, "input", (0, 0)),
    "contributions": lambda run, step: contributions(step, "input", (0, 0)),
    "links_to": lambda run, step: links_to(step, "input", (0, 0), ("embedding.token", (0, 0))),
    "prove": lambda run, step: prove(run),
    "lens": lambda run, step: lens(step),
    "health": lambda run, step: health(step, ["input"]),
    "in blocks": lambda run, step: list(in_blocks(step, ["input"])),
    "save": lambda run, step: save_run(run, ["input"], io.BytesIO()),
    "likeliest": lambda run, step: most_likely(step),
    "all matrices": lambda run, step: list(in_order(step)),
    "JSON": lambda run, step: list(json_document.chunks(run, "", 0)),
}


@pytest.mark.parametrize("ask", NEEDS_MODEL.values(), ids=NEEDS_MODEL)
def test_what_needs_the_model_says_so_and_where_the_lines_are(filed, ask):
    with pytest.raises(ValueError, match=r"needs the model, .* python_lines\(run\) gives the lines for that"):
        ask(filed, filed.steps[1])


@pytest.mark.parametrize("ask", NEEDS_MODEL.values(), ids=NEEDS_MODEL)
def test_what_is_no_run_is_refused_too(ask):
    with pytest.raises(ValueError, match=r"takes a (run|step of a run), .*of type str"):
        ask("run", "step")


def test_what_a_file_lacks_is_said_where_it_is_looked_for(filed):
    sampled = filed.steps[0].sampled
    for thing, name in (
        (filed, "model"),
        (filed, "text"),
        (filed, "cache"),
        (filed.steps[0], "doors"),
        (sampled, "stages"),
        (sampled, "text"),
    ):
        with pytest.raises(AttributeError, match=rf"from a file has no {name}: load the model and run it again"):
            getattr(thing, name)


def test_a_filed_step_answers_with_what_was_saved(filed):
    step = filed.steps[1]
    assert step.ids == filed.ids[5:6] and [m.name for m in step.matrices(["logits", "input"])] == ["logits", "input"]
    with pytest.raises(ValueError, match="was not saved with this step; it has: input, logits"):
        step.matrix("layers.0.attention.q")
    with pytest.raises(ValueError, match=r"no matrix named 'logit': did you mean logits\?"):
        step.matrix("logit")
    with pytest.raises(ValueError, match="it has 1 layer"):
        step.matrix("layers.1.attention.q")


def test_a_filed_step_is_asked_as_one_that_was_computed(toy):
    run = generate(toy, "hello how are you?", 3, SAMPLING)
    names = run.steps[0].names
    there = opened(run, names)
    for step, filed in zip(run.steps, there.steps, strict=True):
        for rows in (None, range(len(step.positions) - 1, len(step.positions)), range(1)):
            for ours, theirs in zip(step.matrices(names, rows), filed.matrices(names, rows), strict=True):
                assert torch.equal(ours.values, theirs.values) and ours.axes == theirs.axes
                assert (ours.mask is None) == (theirs.mask is None)
                assert ours.mask is None or torch.equal(ours.mask, theirs.mask)
                assert [len(labels) for labels in ours.labels] == [len(labels) for labels in theirs.labels]
                if "vocab" not in ours.axes:
                    assert [list(labels) for labels in ours.labels] == [list(labels) for labels in theirs.labels]
    step = there.steps[0]
    assert torch.equal(step.matrix("input", range(2)).values, step.matrix("input").values[:2])
    assert [m.name for m in step.matrices("input")] == ["input"]
    with pytest.raises(ValueError, match="rows 0 to 9 are not among this step's 5 rows"):
        step.matrix("input", range(9))
    with pytest.raises(ValueError, match="rows must be a range"):
        step.matrix("input", 1)


def namespace_of(lines):
    found = {}
    exec(lines, found)
    return found


@pytest.mark.parametrize("name", ["toy", "a shape of its own"])
def test_the_lines_that_a_file_gives_bring_the_run_back(name):
    config = CONFIGS["normed queries, wide heads, window"].with_(vocab_size=300)
    model = load_model("toy", seed=2) if name == "toy" else random_model(config, 5)
    run = generate(model, [5, 17, 5, 9], 3, SAMPLING)
    file = opened(run, ["input"])
    found = namespace_of(python_lines(file, 1, "input"))
    assert found["run"].ids == run.ids and found["model"].weights.version == model.weights.version
    assert found["values"].equal(run.steps[1].matrix("input").values)


def test_lines_are_refused_where_they_would_be_wrong(filed, toy):
    with pytest.raises(ValueError, match=r"did you mean input\?"):
        python_lines(filed, 0, "inputt")
    with pytest.raises(ValueError, match="the run has no step 3: choose one from 0 to 2"):
        python_lines(filed, 3, "input")
    with pytest.raises(ValueError, match="of type str"):
        python_lines("run")
    filed = opened(generate(toy, "a"))
    filed.seed = filed.loads_as = None
    with pytest.raises(ValueError, match="on another machine alone"):
        python_lines(filed)


def test_a_strangers_file_cannot_put_code_into_the_lines(toy):
    filed = opened(generate(toy, "a"))
    filed.weights_version, filed.loads_as, filed.dtype = '")or 1/0#', "toy'); 1/0 #", "x'); 1/0 #"
    filed.seed = None
    lines = python_lines(filed)
    assert not [node for node in ast.walk(ast.parse(lines)) if isinstance(node, ast.BinOp)]  # no 1/0 but in quotes

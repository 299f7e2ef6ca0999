"""Any cell is what its terms say: summed here in float64 from the operands' own values, in every matrix of all models.

A wrong entry of the catalogue, or a wrong link, makes a cell that its operands do not give.
"""

import math

import pytest
import torch

from llm_core import PRESETS, catalogue, contributions, explain, generate, links_to, random_model
from llm_core.config.model_config import RopeScaling
from llm_core.explanation.cells import TOKEN_IDS
from llm_core.explanation.explanation import shape_of
from llm_core.explanation.operations import OPERATIONS, Operation
from tests.helpers.small_models import CONFIGS, ids

GATED = CONFIGS["grouped queries, RoPE, SwiGLU"]
ALL = {
    **PRESETS,
    **CONFIGS,
    "biases everywhere": GATED.with_(
        attention_bias=True, attention_output_bias=True, feedforward_bias=True, unembedding_bias=True
    ),
    "slower turns for all": GATED.with_(rope_scaling=RopeScaling("linear", 4.0)),
    "slower turns, long waves": GATED.with_(rope_scaling=RopeScaling("llama3", 8.0, original_max_positions=16)),
    "post-norm without W_o": CONFIGS["post-norm, sinusoidal positions"].with_(attention_output=False),
    "pre-norm without W_o and residuals": GATED.with_(kv_heads=4, attention_output=False, residuals=False),
}
ACTIVATIONS = {
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "gelu_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    "swiglu": torch.nn.functional.silu,
    "geglu": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
}
models = pytest.mark.parametrize(
    "name",
    # the larger presets have the blocks of CONFIGS, in more layers
    [pytest.param(name, marks=[pytest.mark.slow] * (name in PRESETS and name != "toy")) for name in ALL],
    ids=lambda name: name.replace(" ", "-").replace(",", ""),
)


def perturbed_run(name):
    """A prompt and three tokens, by a model of which no weight is at its usual value."""
    model = random_model(ALL[name], seed=5)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return generate(model, ids(9), max_new_tokens=3)


class Values:
    """The value behind a link, read from the matrix or weight itself."""

    def __init__(self, run):
        self.run, self.known = run, {}
        self.weights = dict(run.model.named_parameters())

    def __call__(self, link):
        if isinstance(link[0], str):
            return float(self.weights[link[0]][link[1]])
        step, name, index = link
        if name == TOKEN_IDS:
            return step.ids[index[0]]
        if (step.index, name) not in self.known:
            self.known[step.index, name] = step.matrix(name).values
        return float(self.known[step.index, name][index])


def links(term):
    """A term's operands, each step told by its number: a run makes its steps anew whenever it is asked."""
    return [link if len(link) == 2 else (link[0].index, *link[1:]) for link in term.operands]


def random_index(shape, generator):
    return tuple(int(torch.randint(size, (), generator=generator)) for size in shape)


def some_cells(run, count):
    """(step, matrix, index) of random cells of every matrix, in prefill and in both decode steps."""
    generator = torch.Generator().manual_seed(2)
    for step in run.steps:
        for matrix in step.matrices(step.names):
            slow = matrix.shape[-1] > 10_000 and matrix.entry.operation == "softmax"  # as many terms
            for _ in range((step.index == 0) if slow else count):
                yield step, matrix, random_index(matrix.shape, generator)


def recomputed(told, values, config):
    """The cell, from the values of its terms' operands and by the formula of its operation."""
    first = [values(term.operands[0]) for term in told.terms if term.operands]
    own = told.index[-1]
    match told.operation:
        case "sum" | "rotate":
            return math.fsum(t.factor * math.prod(map(values, t.operands)) for t in told.terms)
        case "softmax":
            x = torch.tensor(first, dtype=torch.float64)
            return float(x.softmax(0)[own])
        case "norm":
            learned = 1 if told.name.endswith("_normed") or config.norm == "rmsnorm" else 2
            x, w = torch.tensor(first[:-learned], dtype=torch.float64), first[-learned:]
            if learned == 2:
                y = (x - x.mean()) / (x.var(correction=0) + config.norm_epsilon).sqrt()
                return float(y[own] * w[0] + w[1])
            return float(x[own] / (x.square().mean() + config.norm_epsilon).sqrt() * w[0])
        case "activate":
            x = ACTIVATIONS[config.feedforward](torch.tensor(first[0], dtype=torch.float64))
            return float(x) * math.prod(first[1:])
        case "mask":
            return -math.inf if told.note else first[0]
        case "lookup" if first:
            return first[0] * (
                config.model_dim**0.5 if told.name == "token_embedding" and config.scaled_embedding else 1
            )
        case "lookup":
            angle = told.numbers["position"] / 10_000 ** (2 * (own // 2) / config.model_dim)
            return math.sin(angle) if own % 2 == 0 else math.cos(angle)


@models
def test_every_cell_is_what_its_operands_give(name):
    run = perturbed_run(name)
    values, seen = Values(run), set()
    for step, matrix, index in some_cells(run, count=2):
        told = explain(step, matrix.name, index)
        cell = float(matrix.values[index])
        where = f"{matrix.name} {index} of step {step.index}"
        seen.add(told.operation)
        for found in (told.result, recomputed(told, values, run.model.config)):
            if math.isinf(cell):
                assert found == cell, where
            else:
                assert abs(found - cell) <= 1e-4 * max(1.0, abs(cell)), where
        if told.operation in ("sum", "rotate"):
            assert math.fsum(t.value for t in told.terms) == pytest.approx(told.result, rel=1e-9, abs=1e-12), where
        if told.operation == "softmax":
            assert told.numbers["total"] == pytest.approx(float(told.terms.values.sum()))
        assert told.entry is matrix.entry and told.name == matrix.name and told.index == index
    assert {"sum", "softmax", "lookup", "mask", "activate"} <= seen


@models
def test_a_terms_value_is_its_operands(name):
    """In a sum factor × product; elsewhere the operand's own value, or its exponential."""
    run = perturbed_run(name)
    values = Values(run)
    for step, matrix, index in some_cells(run, count=1):
        told = explain(step, matrix.name, index)
        for term in [*told.terms[:3], told.terms[-1]]:
            expected = term.factor * math.prod(values(o) for o in term.operands[:2] if o[1] != TOKEN_IDS)
            if told.operation == "softmax":
                expected = math.exp(expected - told.numbers["maximum"])
            if term.operands:
                assert term.value == pytest.approx(expected, rel=1e-5, abs=1e-6), (matrix.name, term.label)
            assert term.inputs == pytest.approx([values(o) for o in term.operands], rel=1e-5, abs=1e-6)
            assert term.label


@models
def test_links_end_at_weights_and_token_ids(name):
    run = perturbed_run(name)
    generator = torch.Generator().manual_seed(4)
    ends = set()
    for step, matrix, index in some_cells(run, count=1):
        link, length = (step, matrix.name, index), 0
        while True:
            told = explain(*link) if len(link) == 3 else explain(step, *link)
            further = [o for t in told.terms[:200] for o in t.operands]
            if not further:
                break
            link = further[int(torch.randint(len(further), (), generator=generator))]
            length += 1
            assert length < 20 * (run.model.config.layers + 1)
        fixed = told.name == "position_embedding" and run.model.config.position == "sinusoidal"
        assert told.operation in ("learned", "given") or fixed
        ends.add(told.operation)
    assert "learned" in ends


def everywhere(run):
    """(name, shape, steps) of all that a link could lead to: matrices and token ids in each step, and each weight."""
    for step in run.steps:
        for name in [*step.names, TOKEN_IDS]:
            yield name, tuple(shape_of(step, name).values()), (step.index,)
    for weight in catalogue.weights(run.model.config):
        yield weight.name, weight.shape, ()


def beside(link, steps, generator):
    """Links to this one's neighbours along each axis, to a cell further off, and to the same cell in each step."""
    *where, name, index = link
    for axis in range(len(index)):
        for i in (index[axis] - 1, index[axis] + 1, int(torch.randint(40, (), generator=generator))):
            yield (*where, name, (*index[:axis], i, *index[axis + 1 :]))
    if where:
        for step in steps:
            yield (step.index, name, index)


@pytest.mark.parametrize("most", [6, pytest.param(100, marks=pytest.mark.slow)], ids="of-{}-operands".format)
@models
def test_a_cell_links_to_its_operands_and_to_nothing_else(name, most):
    run = perturbed_run(name)
    steps, places = run.steps, list(everywhere(run))
    generator = torch.Generator().manual_seed(6)

    def some(things):
        return [things[i] for i in torch.randperm(len(things), generator=generator)[:most]]

    for step, matrix, index in some_cells(run, count=1):
        if most < 10 and step.index not in (0, 2 if "key" in matrix.axes else 0):
            continue
        terms = list(explain(step, matrix.name, index).terms)
        if matrix.name == "input" or matrix.entry.operation == "add":
            terms += contributions(step, matrix.name, index)
        operands = {link for term in terms for link in links(term)}
        asked = {link for term in [*some(terms), *terms[-2:]] for link in links(term)}
        asked |= {near for link in asked for near in beside(link, steps, generator)}
        asked |= {(*where, other, random_index(shape, generator)) for other, shape, where in some(places)}
        for link in asked:
            linked = (steps[link[0]], *link[1:]) if len(link) == 3 else link
            told = links_to(step, matrix.name, index, linked)
            assert told == (link in operands), f"{matrix.name} {index} of step {step.index} from {link}"


def test_weights_and_token_ids_link_to_nothing_and_a_cell_that_is_not_there_is_refused():
    step = perturbed_run("toy").steps[0]
    for cell in [("embedding.token", (7, 3)), (TOKEN_IDS, (2,))]:
        assert not any(links_to(step, *cell, link) for link in [("embedding.token", (7, 3)), (step, TOKEN_IDS, (2,))])
    for cell in [
        ("embedding.token", (50_257, 0)),
        (TOKEN_IDS, (9,)),
        ("logits", (1, 0)),
        ("layers.9.residual", (0, 0)),
    ]:
        with pytest.raises(ValueError, match="has no"):
            links_to(step, *cell, (step, TOKEN_IDS, (2,)))


@models
def test_contributions_add_up_to_the_stream(name):
    run = perturbed_run(name)
    values = Values(run)
    for step, matrix, index in some_cells(run, count=2):
        if matrix.entry.operation != "add" and matrix.name != "input":
            continue
        parts = contributions(step, matrix.name, index)
        cell = float(matrix.values[index])
        assert abs(float(parts.values.sum()) - cell) <= 1e-4 * max(1.0, abs(cell)), matrix.name
        for part in parts:
            assert part.value == pytest.approx(values(part.operands[0]), rel=1e-5, abs=1e-6)
        assert len({part.label for part in parts}) == len(parts)


@models
def test_a_shape_is_told_without_computing_anything(name):
    run = perturbed_run(name)
    for step in run.steps:
        for matrix in step.matrices(step.names):
            assert shape_of(step, matrix.name) == dict(zip(matrix.axes, matrix.shape, strict=True))
        for weight in catalogue.weights(run.model.config):
            assert tuple(shape_of(step, weight.name).values()) == weight.shape
        assert shape_of(step, TOKEN_IDS) == {"position": len(step.ids)}


def test_contributions_of_each_layer_with_pre_norm_and_back_to_the_norm_with_post_norm():
    run = perturbed_run("gpt2-nano")
    names = [t.operands[0][1] for t in contributions(run.steps[1], "layers.1.residual", (0, 3))]
    parts = ["attention.output", "feedforward.output"]
    assert names == ["token_embedding", "position_embedding"] + [f"layers.{i}.{p}" for i in range(2) for p in parts]
    run = perturbed_run("toy-6")
    names = [t.operands[0][1] for t in contributions(run.steps[0], "layers.3.residual", (2, 3))]
    assert names == ["layers.3.attention.norm", "layers.3.feedforward.output"]
    with pytest.raises(ValueError, match="not a sum of what layers"):
        contributions(run.steps[0], "layers.0.attention.norm", (0, 0))
    with pytest.raises(ValueError, match="not a sum of what layers"):
        contributions(run.steps[0], "layers.0.attention.keys", (0, 0, 0))


def test_a_head_reads_the_kv_head_that_it_shares():
    run = perturbed_run("llama-nano")  # 4 heads, 2 KV heads
    told = explain(run.steps[1], "layers.1.attention.dot_products", (3, 0, 4))
    assert links(told.terms[5]) == [
        (1, "layers.1.attention.q_rotated", (3, 0, 5)),
        (1, "layers.1.attention.keys", (1, 4, 5)),
    ]
    told = explain(run.steps[0], "layers.1.attention.k", (1, 2, 3))
    assert links(told.terms[0]) == [
        (0, "layers.1.attention.norm", (2, 0)),
        ("layers.1.attention.w_k", (0, 16 + 3)),
    ]


def test_a_cached_row_leads_to_the_step_that_computed_it():
    run = perturbed_run("llama-nano")
    name, end = "layers.2.attention.keys", "layers.2.attention.k_rotated"
    told = explain(run.steps[2], name, (1, 4, 7))
    assert told.operation == "lookup" and links(told.terms[0]) == [(0, end, (1, 4, 7))]
    assert "cache" in told.note
    assert links(explain(run.steps[2], name, (1, 9, 7)).terms[0]) == [(1, end, (1, 0, 7))]
    own = explain(run.steps[2], name, (1, 10, 7))
    assert links(own.terms[0]) == [(2, end, (1, 0, 7))] and not own.note


def test_a_hidden_cell_says_why():
    run = perturbed_run("normed queries, wide heads, window")  # a window of 5
    name = "layers.0.attention.masked_scores"
    future, window = explain(run.steps[0], name, (0, 3, 4)), explain(run.steps[0], name, (0, 7, 2))
    assert future.result == window.result == -math.inf
    assert "token 4 comes after token 3" in future.note and "its 5 latest tokens only" in window.note
    seen = explain(run.steps[0], name, (0, 7, 3))
    assert seen.note == "" and math.isfinite(seen.result)


def test_a_numbers_names_are_those_of_its_formula():
    run = perturbed_run("llama-nano")
    numbers = explain(run.steps[1], "layers.0.attention.q_rotated", (0, 0, 9)).numbers
    assert numbers["pair"] == 1 and numbers["position"] == 9
    assert numbers["angle"] == pytest.approx(9 * 10_000 ** (-1 / 8))
    assert numbers["cos"] ** 2 + numbers["sin"] ** 2 == pytest.approx(1)
    assert {"mean square", "normed", "scale"} <= explain(run.steps[1], "final_norm", (0, 1)).numbers.keys()
    assert explain(run.steps[0], "layers.0.attention.scores", (0, 1, 1)).terms[0].factor == 0.25


def test_weights_and_token_ids_explain_themselves():
    run = perturbed_run("toy")
    told = explain(run.steps[0], "embedding.token", (7, 3))
    assert told.operation == "learned" and not told.terms
    assert told.result == float(run.model.embedding.token[7, 3])
    told = explain(run.steps[0], "token_embedding", (2, 3))
    assert links(told.terms[0]) == [
        ("embedding.token", (run.prompt_ids[2], 3)),
        (0, TOKEN_IDS, (2,)),
    ]
    prompt, sampled = explain(run.steps[0], TOKEN_IDS, (2,)), explain(run.steps[2], TOKEN_IDS, (0,))
    assert prompt.operation == "given" and prompt.result == run.prompt_ids[2] and "prompt" in prompt.note
    assert sampled.result == run.new_ids[1] and "Step 1 sampled" in sampled.note


@pytest.mark.parametrize(
    "name, index, words",
    [
        ("layers.0.attention.q", (0, 0), r"has 3 numbers \(head, position, head_dim\), not 2"),
        ("layers.0.attention.q", (0, 9, 0), "has no position 9: choose one from 0 to 8"),
        ("layers.0.attention.q", (0, -1, 0), "has no position -1"),
        ("layers.0.attention.q", (0, 1.5, 0), "whole number"),
        ("layers.0.attention.q", 3, "whole number"),
        ("logits", (1, 0), "has no position 1: choose one from 0 to 0"),
        ("embedding.token", (50_257, 0), "has no vocab 50257: choose one from 0 to 50,256"),
        (TOKEN_IDS, (9,), "has no position 9"),
        ("layers.9.attention.q", (0, 0, 0), "no matrix named"),
    ],
)
def test_what_is_not_there_is_refused(toy, name, index, words):
    step = generate(toy, ids(9)).steps[0]
    with pytest.raises(ValueError, match=words):
        explain(step, name, index)


def test_every_operation_of_the_catalogue_is_explained():
    used = {entry.operation for config in ALL.values() for entry in catalogue.matrices(config)}
    assert used == set(OPERATIONS)
    assert {rule.operation for rule in OPERATIONS.values()} <= set(Operation.__args__)


def test_whether_a_cell_links_to_another_is_told_without_deriving_anything(long_run, monkeypatch):
    from llm_core.runs import derivation

    monkeypatch.setattr(derivation, "derive_matrices", lambda *args: pytest.fail("derived"))
    step = long_run.steps[0]
    for matrix in catalogue.matrices(long_run.model.config):
        links_to(step, matrix.name, [0] * len(matrix.axes), ("embedding.token", (0, 0)))


def test_one_cell_of_a_long_prompt_derives_one_block_of_rows(long_run, monkeypatch):
    from llm_core.runs import derivation

    blocks = []
    layer_rows = derivation._layer_rows
    monkeypatch.setattr(derivation, "_layer_rows", lambda *args: blocks.append(args[-1]) or layer_rows(*args))
    explain(long_run.steps[0], "layers.0.attention.weights", (0, 100, 7))
    assert blocks == [range(64, 128)]

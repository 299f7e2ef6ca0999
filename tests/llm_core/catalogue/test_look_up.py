"""The catalogue tells what a model computes and learned: no more, no less, in order."""

import re

import pytest

from llm_core import PRESETS, catalogue, generate
from tests.helpers.small_models import CONFIGS, assert_close, ids, record

TOY = [
    ("token_embedding", ("position", "model")),
    ("input", ("position", "model")),
    ("layers.0.attention.q", ("head", "position", "head_dim")),
    ("layers.0.attention.k", ("kv_head", "position", "head_dim")),
    ("layers.0.attention.v", ("kv_head", "position", "head_dim")),
    ("layers.0.attention.keys", ("kv_head", "key", "head_dim")),
    ("layers.0.attention.values", ("kv_head", "key", "head_dim")),
    ("layers.0.attention.dot_products", ("head", "query", "key")),
    ("layers.0.attention.scores", ("head", "query", "key")),
    ("layers.0.attention.masked_scores", ("head", "query", "key")),
    ("layers.0.attention.weights", ("head", "query", "key")),
    ("layers.0.attention.head_output", ("head", "position", "head_dim")),
    ("layers.0.feedforward.up", ("position", "hidden")),
    ("layers.0.feedforward.hidden", ("position", "hidden")),
    ("logits", ("position", "vocab")),
    ("probabilities", ("position", "vocab")),
]

configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def test_the_toys_matrices_and_their_axes(toy):
    assert [(entry.name, entry.axes) for entry in catalogue.matrices(toy.config)] == TOY


def test_catalogue_is_what_a_full_recording_taps_in_order(small_model):
    assert [entry.name for entry in catalogue.matrices(small_model.config)] == list(record(small_model, ids(5)))


def test_weights_are_the_models_parameters(small_model):
    entries = catalogue.weights(small_model.config)
    parameters = {name: tuple(p.shape) for name, p in small_model.named_parameters()}
    assert {entry.name: entry.shape for entry in entries} == parameters
    assert len(entries) == len(parameters)
    assert all(entry.learned and len(entry.axes) == len(entry.shape) for entry in entries)


@configs
def test_operands_are_weights_or_matrices_computed_before(config):
    known = {entry.name for entry in catalogue.weights(config)}
    used = set()
    for entry in catalogue.matrices(config):
        assert set(entry.operands) <= known, entry.name
        used |= set(entry.operands)
        known.add(entry.name)
    assert known - used <= {"probabilities"} | {f"layers.{i}.attention.k" for i in range(config.layers)}


@configs
def test_every_entry_is_complete(config):
    entries = [*catalogue.matrices(config), *catalogue.weights(config)]
    assert len({entry.name for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.title and entry.symbol and entry.formula and entry.meaning and entry.axes
        assert entry.learned == (entry.operation is None)
        layer = int(entry.name.split(".")[1]) if entry.name.startswith("layers.") else None
        assert entry.layer == layer


@configs
def test_a_title_tells_the_matrices_of_a_layer_apart_and_so_the_weights(config):
    for entries in (catalogue.matrices(config), catalogue.weights(config)):
        titles = [(entry.layer, entry.title) for entry in entries]
        assert len(set(titles)) == len(titles)


def test_axes_are_as_long_as_they_say(small_model):
    c = small_model.config
    sizes = {
        "model": c.model_dim,
        "head": c.heads,
        "kv_head": c.kv_heads,
        "head_dim": c.head_dim,
        "hidden": c.feedforward_dim,
        "vocab": c.vocab_size,
    }
    run = generate(small_model, ids(7), max_new_tokens=2)
    for step in run.steps:
        rows = {**sizes, "position": len(step.positions), "query": len(step.positions), "key": step.positions.stop}
        for matrix in step.matrices(step.names):
            expected = [1 if axis == "position" and "vocab" in matrix.axes else rows[axis] for axis in matrix.axes]
            assert list(matrix.shape) == expected, matrix.name
            assert [len(labels) for labels in matrix.labels] == expected, matrix.name


def test_probabilities_are_marked_and_nothing_else(small_model):
    run = generate(small_model, ids(7))
    for matrix in run.steps[0].matrices(run.steps[0].names):
        if matrix.entry.quantity == "probability":
            assert matrix.entry.operation == "softmax"
            assert matrix.values.sum(-1).numpy() == pytest.approx(1, abs=1e-5)
        else:
            assert matrix.entry.operation != "softmax"


def test_a_sum_is_the_sum_of_its_operands_and_a_copy_its_operand(small_model):
    run = generate(small_model, ids(7))
    values = {m.name: m.values for m in run.steps[0].matrices(run.steps[0].names)}
    for entry in catalogue.matrices(small_model.config):
        if entry.operation in ("add", "copy"):
            assert_close(values[entry.name], sum(values[name] for name in entry.operands), 1e-6, entry.name)


def test_unknown_names_are_refused_with_the_name(toy):
    for find in (catalogue.matrix, catalogue.weight):
        with pytest.raises(ValueError, match="no-such-thing"):
            find(toy.config, "no-such-thing")
    run = generate(toy, "a")
    with pytest.raises(ValueError, match=r"layers\.1\.attention\.q"):
        run.steps[0].matrix("layers.1.attention.q")


def test_a_window_is_told_in_the_mask_and_only_there(toy):
    windowed = toy.config.with_(window=3)
    told = [entry.name for entry in catalogue.matrices(windowed) if "3 or more positions back" in entry.formula]
    assert told == ["layers.0.attention.masked_scores"]
    assert not any("back" in entry.formula for entry in catalogue.matrices(toy.config))


@pytest.mark.parametrize(
    "wrong",
    [{"head_dim": 3}, {"norm": "batchnorm"}, {"feedforward": "tanh"}, {"position": "rope", "rope_fraction": 1.5}],
    ids=str,
)
def test_a_config_that_could_not_run_is_refused_in_words(toy, wrong):
    with pytest.raises(ValueError, match=r"must|choose"):
        toy.config.with_(**wrong)


# ---- names that are wrong -------------------------------------------------------------------------------------------

TINY = PRESETS["llama-nano"]  # 4 layers


@pytest.mark.parametrize(
    ("look_up", "name", "says"),
    [
        (catalogue.matrix, "layers.0.attention.weight", "did you mean layers.0.attention.weights"),
        (catalogue.matrix, "attention.scores", "did you mean layers.0.attention.scores or "),
        (catalogue.matrix, "scores", "did you mean layers.0.attention.scores or "),
        (catalogue.matrix, "LAYERS.3.residual ", "did you mean layers.3.residual"),
        (catalogue.matrix, "logit", "did you mean logits?"),
        (catalogue.matrix, "layers.4.attention.q", "it has 4 layers, layers.0 to layers.3"),
        (catalogue.matrix, "layers.-1.residual", "it has 4 layers, layers.0 to layers.3"),
        (catalogue.matrix, "layers." + "9" * 50 + ".residual", "it has 4 layers"),
        (catalogue.matrix, "layers.0.attention.w_q", "is a weight, not a matrix: model.weight(name) has its values"),
        (catalogue.matrix, "xyzzy", "it has token_embedding, "),
        (catalogue.matrix, "", "it has token_embedding, "),
        (catalogue.matrix, 5, "needs its name, a text like 'token_embedding', not 5"),
        (catalogue.matrix, ["logits"], "needs its name"),
        (catalogue.weight, "layers.0.attention.wq", "did you mean layers.0.attention.w_q"),
        (catalogue.weight, "layers.0.attention.q", "is a matrix, not a weight: step.matrix(name) has its values"),
        (catalogue.find, "layers.0.feedforward.w_dwon", "did you mean layers.0.feedforward.w_down"),
        (catalogue.find, None, "needs its name"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(look_up, name, says):
    with pytest.raises(ValueError) as refused:
        look_up(TINY, name)
    assert says in str(refused.value)


@pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)
def test_one_letter_less_leads_back_to_the_name(config):
    for entry in catalogue.matrices(config):
        assert entry.name in catalogue.nearest(entry.name[:-1], [e.name for e in catalogue.matrices(config)])


@configs
def test_what_a_weight_does_is_a_sentence_and_what_a_matrix_is_goes_on_after_its_title(config):
    for entry in catalogue.weights(config):
        assert re.fullmatch(r"(This|These) .*[^.]\.", entry.meaning), entry.meaning
    assert not any(entry.meaning.endswith(".") for entry in catalogue.matrices(config))

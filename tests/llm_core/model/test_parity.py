"""Each architecture computes what transformers computes: full tensors, from both sides, within 1e-5 in float32."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from llm_core import Run, Sampling, Transformer, catalogue, generate, load_model
from llm_core.model.cache import KVCache
from tests.helpers.checkpoints import ARCHITECTURES, EACH_FAMILY, WINDOW, Reference, assert_same, error, make, save
from tests.helpers.small_models import record

GREEDY = Sampling(temperature=0.0)


def prompt(count: int, seed: int = 0) -> list[int]:
    return [int(i) for i in np.random.default_rng(seed).integers(2, 131, count)]


@pytest.fixture(scope="module", params=ARCHITECTURES, ids=lambda name: name.replace(" ", "-").replace(",", ""))
def pair(request, tmp_path_factory) -> tuple[Transformer, Reference]:
    """An architecture's model, saved by transformers and loaded by us; and transformers' own."""
    theirs = make(request.param)
    return load_model(str(save(theirs, tmp_path_factory.mktemp("model")))), Reference(theirs)


def step_matrices(run: Run, index: int, names) -> dict[str, torch.Tensor]:
    """These matrices of one step, as a person who looks gets them; each layer arrives at the run's next door."""
    matrices = {name: run.steps[index].matrix(name) for name in names}
    assert all(matrix.arrives for matrix in matrices.values())
    return {name: matrix.values for name, matrix in matrices.items()}


def test_a_perturbed_model_has_no_parameter_left_at_its_start(pair):
    for name, parameter in pair[1].model.named_parameters():
        assert parameter.std() > 0.1, name  # no norm that is all 1, no bias that is all 0


@pytest.mark.parametrize("count", [1, 7, 3 * WINDOW + 2])
def test_prefill_recorded_in_full(pair, count):
    ours, theirs = pair
    assert_same(record(ours, prompt(count)), theirs(prompt(count)))


def test_prefill_untraced(pair):
    ours, theirs = pair
    ids = prompt(3 * WINDOW + 2, seed=1)
    with torch.inference_mode():
        logits = ours(torch.tensor([ids]))[0]
    assert_same({"logits": logits}, {"logits": theirs(ids)["logits"]})


def test_rows_of_a_batch_do_not_see_each_other(pair):
    ours, theirs = pair
    batch = [prompt(9, seed) for seed in (2, 3)]
    with torch.inference_mode():
        logits = ours(torch.tensor(batch))
    for row, ids in zip(logits, batch, strict=True):
        assert_same({"logits": row}, {"logits": theirs(ids)["logits"]})


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(5, id="a short prompt"),
        pytest.param(150, id="a prompt of three blocks of rows", marks=pytest.mark.slow),
    ],
)
def test_a_run_and_what_is_derived_from_it(pair, count, small_blocks):
    ours, theirs = pair
    run = generate(ours, prompt(count), max_new_tokens=WINDOW + 3 if count == 5 else 3, sampling=GREEDY)
    assert run.ended == "length"
    for index, step in enumerate(run.steps):
        expected = theirs(step.ids, decode=index > 0)
        expected["logits"] = expected["logits"][-1:]
        assert_same(step_matrices(run, index, expected), expected)
        assert step.sampled.id == int(expected["logits"].argmax())


def test_prefill_then_decode_is_one_pass_over_all(pair):
    ours, _ = pair
    ids = prompt(3 * WINDOW)
    whole, cache = record(ours, ids), KVCache(ours.config)
    parts = [record(ours, ids[a:b], cache) for a, b in ((0, 7), (7, 8), (8, 15), (15, 16), (16, 18))]
    rows = {name: torch.cat([part[name] for part in parts], 0) for name in whole if whole[name].dim() == 2}
    del rows["probabilities"]
    assert_same(rows, {name: whole[name] for name in rows})
    for layer in range(ours.config.layers):
        for name in ("keys", "values"):
            full = f"layers.{layer}.attention.{name}"
            assert_same({name: parts[-1][full]}, {name: whole[full]})


def test_the_fused_kernel_gives_what_the_explicit_one_gives(pair):
    ours, _ = pair
    ids = prompt(3 * WINDOW)
    fused, explicit = KVCache(ours.config), KVCache(ours.config)
    for a, b in ((0, 10), (10, 11), (11, 16), (16, 17), (17, 18)):
        with torch.inference_mode():
            logits = ours(torch.tensor([ids[a:b]]), fused)[0]
        assert_same({"logits": logits}, {"logits": record(ours, ids[a:b], explicit)["logits"]})


def test_the_catalogue_names_what_a_full_recording_shows_in_order(pair):
    ours, _ = pair
    assert list(record(ours, prompt(4))) == [entry.name for entry in catalogue.matrices(ours.config)]
    assert {e.name: e.shape for e in catalogue.weights(ours.config)} == {
        name: tuple(parameter.shape) for name, parameter in ours.named_parameters()
    }


def test_a_tied_embedding_is_stored_once(pair):
    ours, theirs = pair
    assert ours.config.tied == theirs.model.config.tie_word_embeddings
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.model.parameters())


# ---- bfloat16 -----------------------------------------------------------------------------------------------------


def read_by_transformers(folder: Path, dtype: torch.dtype) -> Reference:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager")
    return Reference(model.eval())


@pytest.mark.parametrize("name", EACH_FAMILY)
def test_bfloat16_on_request(name, tmp_path):
    folder, ids = save(make(name), tmp_path), prompt(20)
    ours = load_model(str(folder), dtype="bfloat16")
    assert {p.dtype for p in ours.parameters()} == {torch.bfloat16} == {ours.dtype}
    mine = record(ours, ids)
    assert mine["logits"].dtype == torch.bfloat16
    assert_same(mine, read_by_transformers(folder, torch.bfloat16)(ids), 0.06)
    exact = read_by_transformers(folder, torch.float32)(ids)
    assert_same(mine, exact, 0.1)
    assert error(mine["logits"], exact["logits"]) > 1e-3  # it is not float32 in secret


@pytest.mark.parametrize("name", ["llama, grouped, tied", "gemma"])
def test_bfloat16_on_disk_is_float32_in_memory_unless_asked_for(name, tmp_path):
    folder = save(make(name).bfloat16(), tmp_path)
    ours = load_model(str(folder))
    assert {p.dtype for p in ours.parameters()} == {torch.float32}
    assert_same(record(ours, prompt(9)), read_by_transformers(folder, torch.float32)(prompt(9)))


# ---- what the table shows -----------------------------------------------------------------------------------------


def test_a_failure_is_told_layer_by_layer():
    good, wrong = torch.ones(2, 3), torch.ones(2, 3) * 1.1
    with pytest.raises(AssertionError) as failure:
        assert_same({"a": good, "b": wrong, "c": good[:1]}, {"a": good, "b": good, "c": good, "d": good})
    lines = str(failure.value).splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["a", "b", "c", "d"]
    assert [line.count("<-") for line in lines] == [0, 1, 1, 1]
    assert "shape (1, 3), expected (2, 3)" in lines[2] and "no such matrix" in lines[3]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_no_comparison_takes_nan_or_infinity_for_equal(bad):
    values = torch.full((2, 2), bad)
    assert error(values, values) == float("inf")
    assert error(torch.ones(2, 2), values) == float("inf")

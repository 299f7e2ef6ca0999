"""Which weights a model has never changes: other weights are another model, which shares what is the same."""

import dataclasses

import pytest
import torch

from llm_core import generate, load_model
from llm_core.model.identity import Edited, Seed, Trained, Weights
from tests.helpers.small_models import ids

W_Q = "layers.0.attention.w_q"


def logits(model):
    with torch.inference_mode():
        return model(torch.tensor([ids(9)]))


def halved(model, name=W_Q):
    return model.with_weights({name: model.weight(name) / 2})


# ---- the version ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "seed", "version"),
    [
        ("toy", 0, "7d1f530c029aa4c304833c83e62c5e3e6a2f9847388189eaa0206fe1ea09d409"),
        ("toy", 7, "06712244ab776605024e74c8a22cd1c541c8c0cc6aeba2379e0a436820825305"),
        ("gpt2-nano", 3, "906622d50bb7368127c876caae6490da653bcab6aeae7a70f3c6a6487a1947dc"),
    ],
)
def test_a_preset_keeps_the_version_that_links_and_run_files_hold(name, seed, version):
    assert load_model(name, seed=seed).weights == Weights(version, Seed(seed))


def test_a_model_takes_no_other_identity(own_model):
    model = own_model()
    with pytest.raises(AttributeError):
        model.weights = Weights("0" * 64, Seed(1))
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.weights.version = "0" * 64


# ---- changed weights ------------------------------------------------------------------------------------------------


def test_an_edited_model_has_the_new_values_and_shares_all_others(small_model):
    before = {name: weight.clone() for name, weight in small_model.named_parameters()}
    was = logits(small_model)
    edited = halved(small_model)
    for name, weight in edited.named_parameters():
        shared = weight.data_ptr() == small_model.get_parameter(name).data_ptr()
        assert shared == (name != W_Q), name
        assert torch.equal(weight, before[name] / 2 if name == W_Q else before[name]), name
    assert not torch.equal(logits(edited), was)
    # the original is as it was
    assert torch.equal(logits(small_model), was) and small_model.weights.source == Seed(3)
    assert all(torch.equal(weight, before[name]) for name, weight in small_model.named_parameters())


def test_an_edited_model_computes_to_the_bit_as_one_that_was_read_with_these_weights(saved_model):
    """So a changed matrix lies in memory as the one in whose place it is: column after column where that is taller."""
    model = load_model(str(saved_model("gpt2")))
    assert not model.get_parameter("embedding.token").is_contiguous()
    for name, weight in model.named_parameters():
        same = model.with_weights({name: weight.contiguous()})
        assert same.get_parameter(name).stride() == weight.stride(), name
        assert torch.equal(logits(same), logits(model)), name


def test_all_else_of_the_model_goes_along(own_model):
    model = own_model()
    model.notes = ("A sentence.",)
    edited = halved(model)
    for attribute in ("config", "tokenizer", "name", "notes", "finite", "dtype"):
        assert getattr(edited, attribute) == getattr(model, attribute), attribute
    assert not edited.training and not any(weight.requires_grad for weight in edited.parameters())


def test_the_version_is_that_of_the_weights_before_and_of_what_has_changed(toy):
    w = toy.weight(W_Q)
    edited, again = halved(toy), halved(toy)
    assert edited.weights == again.weights == Weights(edited.weights.version, Edited(toy.weights.version, (W_Q,)))
    assert len(edited.weights.version) == 64 and set(edited.weights.version) <= set("0123456789abcdef")
    one_bit = (w / 2).view(torch.int32)
    one_bit[0, 0] ^= 1
    others = [
        toy,
        edited,
        load_model("toy", seed=1).with_weights({W_Q: w / 2}),
        halved(edited),
        toy.with_weights({"layers.0.attention.w_k": w / 2}),
        toy.with_weights({W_Q: (w / 2).mT}),
        toy.with_weights({W_Q: one_bit.view(torch.float32)}),
        toy.with_weights({W_Q: w / 2, "layers.0.attention.w_k": w}),
        toy.with_weights({W_Q: w, "layers.0.attention.w_k": w / 2}),
    ]
    assert len({model.weights.version for model in others}) == len(others)
    either_order = [{W_Q: w, "unembedding.bias": toy.weight("unembedding.bias")}]
    either_order.append(dict(reversed(either_order[0].items())))
    one, other = (toy.with_weights(changed).weights for changed in either_order)
    assert one == other and one.source.names == (W_Q, "unembedding.bias")


def test_the_version_of_values_does_not_depend_on_how_they_lie_in_memory(toy):
    w = toy.weight(W_Q) / 2
    lying = [w, w.mT.contiguous().mT, torch.stack([w, w], -1)[..., 0]]
    assert len({toy.with_weights({W_Q: values}).weights.version for values in lying}) == 1


def test_training_says_so_itself(toy):
    source = Trained(of=toy.weights.version, steps=10)
    trained = toy.with_weights({W_Q: toy.weight(W_Q) / 2}, source)
    assert trained.weights == Weights(halved(toy).weights.version, source)
    assert toy.random_weights and not trained.random_weights and not halved(toy).random_weights


def test_what_was_given_may_change_afterwards(toy):
    given = toy.weight(W_Q) / 2
    edited = toy.with_weights({W_Q: given})
    given.zero_()
    assert torch.equal(edited.weight(W_Q), toy.weight(W_Q) / 2)


def test_a_model_in_bfloat16_stays_one(saved_model):
    model = load_model(str(saved_model("gpt2")), dtype="bfloat16")
    edited = halved(model)
    assert edited.get_parameter(W_Q).dtype == torch.bfloat16
    assert torch.equal(edited.weight(W_Q), model.weight(W_Q) / 2)
    assert edited.weights.version != model.weights.version


@pytest.mark.parametrize(
    ("name", "shape", "told"),
    [("layers.9.attention.w_q", (8, 8), "layers.9.attention.w_q"), (W_Q, (1, 8), r"\(8, 8\).*\(1, 8\)")],
)
def test_a_name_or_shape_that_the_model_lacks_is_refused(toy, name, shape, told):
    with pytest.raises(ValueError, match=told):
        toy.with_weights({name: torch.zeros(shape)})


@pytest.mark.parametrize("changed", [None, 3, [("embedding.token", torch.zeros(2))], {"embedding.token": [0.0]}])
def test_what_are_no_weights_is_refused_in_a_sentence(toy, changed):
    with pytest.raises(ValueError, match=r"are given by their names|must be a tensor"):
        toy.with_weights(changed)


def test_an_edit_that_is_no_number_is_noticed_and_one_that_repairs_it_too(toy):
    values = toy.weight(W_Q)
    values[0, 0] = torch.nan
    broken = toy.with_weights({W_Q: values})
    assert not broken.finite
    with pytest.raises(ValueError, match=f"the first such weight is {W_Q}"):
        generate(broken, "hello", 1)
    assert not halved(broken, "layers.0.attention.w_k").finite
    repaired = broken.with_weights({W_Q: toy.weight(W_Q)})
    assert repaired.finite and torch.equal(logits(repaired), logits(toy))

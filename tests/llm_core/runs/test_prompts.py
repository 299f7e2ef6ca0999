"""What may be given as a prompt runs; anything else is refused in a sentence that says what to give instead."""

import collections
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llm_core import Sampling, generate
from llm_core.runs.prompts import check_prompt

IDS = [17, 5, 9]


@pytest.mark.parametrize(
    "prompt",
    [
        tuple(IDS),
        iter(IDS),
        (i for i in IDS),
        collections.deque(IDS),
        np.array(IDS),
        np.array(IDS, np.uint8),
        torch.tensor(IDS),
        torch.tensor([IDS]),
        np.array([IDS]),
        torch.tensor(IDS, dtype=torch.int32),
        list(np.array(IDS)),
        list(torch.tensor(IDS)),
        np.array(IDS, object),
    ],
    ids=lambda prompt: type(prompt).__name__,
)
def test_whole_numbers_in_one_row_are_token_ids(toy, prompt):
    assert generate(toy, prompt).prompt_ids == IDS


def test_a_range_is_token_ids(toy):
    assert generate(toy, range(3, 6)).prompt_ids == [3, 4, 5]


REFUSED = {
    "a list of texts": (["hello", "how"], "a list of texts, and one run has one prompt: run each of them"),
    "a tuple of texts": (("hello",), "a list of texts"),
    "texts and ids": ([5, "hello"], "a list of texts"),
    "an array of texts": (np.array(["a", "b"]), "a list of texts"),
    "bytes": (b"hello", "decode it first"),
    "a list of bytes": ([b"hello"], "a list of texts"),
    "None": (None, "there is no prompt: give a text, or a list of token ids"),
    "a list of None": ([None], "None (NoneType) where a token id belongs"),
    "a number": (5, "the prompt is 5 (int): give a text"),
    "a float": (1.5, "the prompt is 1.5 (float)"),
    "floats": ([5.0, 3.0], "5.0 (float) where a token id belongs: a token id is a whole number"),
    "NaN": ([float("nan")], "nan (float)"),
    "a tensor of floats": (torch.tensor([5.0]), "5.0 (float)"),
    "an array of floats": (np.array([5.0]), "5.0 (float)"),
    "a list of floats of numpy": ([np.float32(5)], "of type float32"),
    "booleans": ([True, False], "True or False where a token id belongs"),
    "a tensor of booleans": (torch.tensor([True]), "True or False"),
    "an array of booleans": (np.array([True]), "True or False"),
    "lists": ([[5, 3], [9]], "a list of lists, and one run has one prompt"),
    "a batch of one id each": (torch.tensor([[5], [6]]), "2 rows of 1 token id: one run has one prompt"),
    "a batch": (torch.tensor([IDS, IDS]), "2 rows of 3 token ids: one run has one prompt"),
    "three axes": (torch.zeros(1, 1, 3, dtype=torch.int64), "the shape (1, 1, 3)"),
    "no axis": (torch.tensor(5), "the shape ()"),
    "no numbers": ([], "the prompt has no tokens"),
    "an empty tensor": (torch.tensor([]), "the prompt has no tokens"),
    "an empty generator": (iter(()), "the prompt has no tokens"),
    "a mapping": ({"input_ids": [5]}, "pass its token ids, as in prompt['input_ids']"),
    "a set": ({5, 3}, "has no order"),
    "outside": ([5, 50_257], "token id 50257 is not in the vocabulary of this model: ids go from 0 to 50,256"),
    "negative": ([-1], "token id -1"),
    "enormous": ([10**6000], "token id of more than 20 digits"),
    "too long": ([5] * 257, "257 tokens; the model takes at most 256"),
    "endless": (itertools.repeat(5), "more than 257 tokens; the model takes at most 256"),
    "a function": (len, "of type builtin_function_or_method"),
    "a tensor without numbers": (torch.zeros(3, dtype=torch.long, device="meta"), "on the device meta, which holds no"),
    "a sparse tensor": (torch.tensor([1, 2]).to_sparse(), "a sparse tensor: give it as a dense one, prompt.to_dense()"),
    "a list of tensors of floats": ([torch.tensor(3.0)], "has 3.0 (Tensor) where a token id belongs"),
    "a list of tensors": ([torch.tensor([3, 5])], "a list of lists, and one run has one prompt"),
    "a list of arrays": ([np.array([3, 5])], "a list of lists, and one run has one prompt"),
    "a list of tensors without numbers": ([torch.zeros((), device="meta")], "something of type Tensor where a token"),
    "complex numbers": ([1j], "has 1j (complex) where a token id belongs"),
    "chat messages": ([{"role": "user", "content": "hi"}], "such as chat messages: make one text of them first"),
    "blank": (" \n", "blank"),
}


@pytest.mark.parametrize(("prompt", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_prompt_is_refused_in_a_sentence(toy, prompt, says):
    with pytest.raises(ValueError) as refused:
        generate(toy, prompt)
    assert says in str(refused.value) and "\n" not in str(refused.value) and len(str(refused.value)) < 250


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
        max_leaves=5,
    )
)
def test_whatever_is_given_runs_or_is_refused_as_a_value(toy, prompt):
    try:
        ids = check_prompt(toy, prompt)
    except ValueError:
        return
    assert ids and all(type(i) is int for i in ids)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"max_new_tokens": 0}, "at least 1"),
        ({"max_new_tokens": 1.5}, "1.5 new tokens were asked for; ask for a whole number"),
        ({"max_new_tokens": True}, "a whole number"),
        ({"max_new_tokens": None}, "None new tokens"),
        ({"sampling": 0.8}, "Sampling(temperature=0.8, seed=1)"),
    ],
)
def test_settings_of_another_kind_are_refused(toy, more, says):
    with pytest.raises(ValueError) as refused:
        generate(toy, "a", **more)
    assert says in str(refused.value)


def test_no_model_and_no_number_are_refused():
    with pytest.raises(ValueError, match="a run needs a model, as load_model gives it"):
        generate("toy", "a")
    for wrong in ({"temperature": "warm"}, {"top_p": None}, {"top_k": 1.5}, {"seed": True}, {"temperature": True}):
        with pytest.raises(ValueError, match="number"):
            Sampling(**wrong)

"""SmolLM2 from its package: the weights, the tokens and the texts that transformers has from the same file."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from llm_core import Sampling, generate, load_model
from llm_core.weights.loading import packaged_smollm2
from tests.helpers.pages import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

GREEDY = Sampling(temperature=0.0)
NAME = "smollm2-135m"
CHAT = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a small village by the sea,",
    "def fibonacci(n):\n",
    CHAT.format("What is two plus two? Answer with one word."),
    CHAT.format("What is the capital of France?"),
    "Naïve café — 東京 😀",
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """An empty place to keep models in, for this module."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "every-matrix"


@pytest.fixture(scope="module")
def killed(cache) -> list[str]:
    """What is in the cache after a conversion that was killed while it wrote the weights."""
    child = subprocess.Popen(
        [sys.executable, "-c", f"from llm_core import load_model; load_model({NAME!r})"],
        cwd=ROOT,
        env=os.environ.copy(),
    )
    while child.poll() is None and not list(cache.glob(".partial-*/*")):
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    return [folder.name for folder in cache.iterdir()]


@pytest.fixture(scope="module")
def ours(killed):
    return load_model(NAME)


@pytest.fixture(scope="module")
def theirs():
    file = packaged_smollm2()
    return AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32).eval()


def test_a_killed_conversion_leaves_nothing_half_done_and_the_next_start_converts(killed, ours, cache):
    assert [name.startswith(".partial-") for name in killed] == [True]
    (folder,) = cache.iterdir()
    assert not folder.name.startswith(".")
    assert all(parameter.isfinite().all() for parameter in ours.parameters())
    assert load_model(NAME).weights.version == ours.weights.version


def test_it_says_what_it_is(ours):
    assert ours.name == "SmolLM2-135M-Instruct, Q4_1 expanded to float32"
    assert ours.config.layers == 30 and (ours.config.heads, ours.config.kv_heads) == (9, 3)
    assert ours.config.tied and sum(p.numel() for p in ours.parameters()) == 134_515_008


def test_tokens_are_those_of_its_own_tokenizer(ours):
    file = packaged_smollm2()
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    for prompt in PROMPTS:
        ids = tokenizer(prompt)["input_ids"]
        assert ours.tokenizer.encode(prompt) == ids
        assert ours.tokenizer.decode(ids) == prompt


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("First.\n\n2 plus 2", [5345, 30, 1116, 34, 8055, 216, 34]),
        ("Total:  12", [17647, 42, 256, 33, 34]),
        ("    4", [289, 36]),
    ],
)
def test_digits_are_cut_apart_first(ours, text, ids):
    assert ours.tokenizer.encode(text) == ids  # by hand; transformers cuts as GPT-2 does


@pytest.mark.parametrize("prompt", PROMPTS)
def test_logits_are_within_a_thousandth_of_transformers(ours, theirs, prompt):
    ids = torch.tensor([ours.tokenizer.encode(prompt)])
    with torch.inference_mode():
        mine, expected = ours(ids), theirs(ids).logits
    assert mine.shape == expected.shape and mine.isfinite().all()
    assert (mine - expected).abs().max() < 1e-3
    assert expected.std() > 1


@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_texts_are_those_of_transformers(ours, theirs, prompt):
    run = generate(ours, prompt, max_new_tokens=40, sampling=GREEDY)
    with torch.inference_mode():
        expected = theirs.generate(
            torch.tensor([run.prompt_ids]),
            attention_mask=torch.ones(1, len(run.prompt_ids)),
            max_new_tokens=40,
            do_sample=False,
        )[0].tolist()
    assert run.ids == expected


@pytest.mark.parametrize("prompt", PROMPTS[3:5], ids=["two-plus-two", "capital-of-France"])
def test_both_stop_at_the_end_of_text(ours, theirs, prompt):
    assert ours.config.stop_ids == (theirs.generation_config.eos_token_id,) == (2,)
    run = generate(ours, prompt, max_new_tokens=40, sampling=GREEDY)
    assert run.ended == "stop" and run.new_ids[-1] == 2 and 2 not in run.new_ids[:-1]


def test_the_capital_of_france_is_paris(ours):
    run = generate(ours, "The capital of France is", sampling=GREEDY)
    assert run.steps[0].sampled.text == " Paris"


def test_every_layer_derived_arrives_at_the_runs_own_door(ours):
    run = generate(ours, "The capital of France is", max_new_tokens=3, sampling=GREEDY)
    for step in run.steps:
        for layer in range(ours.config.layers):
            weights, out = step.matrices([f"layers.{layer}.attention.weights", f"layers.{layer}.attention.output"])
            assert weights.arrives and out.arrives
            assert torch.allclose(weights.values.sum(-1), torch.ones(()), atol=1e-5)

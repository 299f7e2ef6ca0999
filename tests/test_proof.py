"""A run is proven against an implementation of its own; one wrong weight or formula is found, where it first shows."""

import math
from unittest.mock import Mock

import pytest
import torch
from checkpoints import ARCHITECTURES, make, save
from conftest import CONFIGS, ids
from torch.nn import functional as F

from llm_core import (
    PRESETS,
    ModelConfig,
    Sampling,
    catalogue,
    generate,
    load_model,
    proof_float64,
    proof_transformers,
    prove,
    random_model,
)
from llm_core.__main__ import main
from llm_core.layers import RMSNorm, gelu_tanh

GREEDY = Sampling(temperature=0.0)
FAMILIES = ["gpt2", "llama, llama3 rope", "mistral, window", "qwen2", "qwen3", "neox, parallel",
            "neox, sequential, fully rotated"]  # fmt: skip


def perturb(model, size=0.25):
    """No weight at its usual value; the model's weights are then its own, and no seed's."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += size * torch.randn(parameter.shape, generator=generator)
    model.origin = None
    return model


def nudge(model, name, index, by=0.5):
    with torch.no_grad():
        model.get_parameter(name)[index] += by


# ---- against float64 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_proven_in_float64(name):
    run = generate(load_model(name), "hello how are you?", max_new_tokens=3)
    proof = prove(run)
    assert proof.ok and proof.reference == "float64" and proof.first_off is None
    assert list(proof.errors) == run.steps[0].names == list(proof.relative)
    assert not proof.reasons and None not in proof.errors.values()
    assert 0 < proof.worst < 1e-5


def test_every_kind_of_block_is_proven_with_all_weights_perturbed(small_model):
    proof = prove(generate(perturb(small_model, 0.1), ids(150), max_new_tokens=3))
    assert proof.ok and proof.worst < 2e-5, proof.off


@pytest.mark.parametrize("name", ARCHITECTURES, ids=lambda name: name.replace(" ", "-").replace(",", ""))
def test_float64_and_transformers_agree_on_each_architecture(name, tmp_path):
    model = load_model(str(save(make(name), tmp_path)))
    run = generate(model, ids(20), max_new_tokens=3, sampling=GREEDY)
    proof = prove(run)
    assert proof.reference == "transformers" and proof.ok and proof.worst < 1e-5, proof.off
    lacking = {n.rsplit(".", 1)[-1] for n in proof.reasons}
    assert lacking <= {"q_rotated", "dot_products", "scores", "masked_scores", "probabilities"}
    assert all(proof.errors[n] is None and "never holds" in why for n, why in proof.reasons.items())
    model.origin = None  # as if it had been given by hand
    proof = prove(run)
    assert proof.reference == "float64" and proof.ok and not proof.reasons


def test_a_long_prompt_is_compared_in_blocks_of_rows(monkeypatch, tmp_path):
    model = load_model(str(save(make("mistral, window"), tmp_path)))
    run = generate(model, ids(40), max_new_tokens=6, sampling=GREEDY)
    for reference in (proof_transformers, proof_float64):
        monkeypatch.setattr(reference, "ROWS", 16)
    whole = prove(run)
    assert whole.ok and whole.reference == "transformers"
    model.origin = None
    assert prove(run).ok
    # what differs in the second block and in a cached row alone is seen
    with torch.inference_mode():
        run.passes[0].doors[1][20] += 0.5
    assert prove(run).first_off == "layers.0.residual"


# ---- sabotage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "weight, index, first",
    [
        ("embedding.token", (17, 3), "token_embedding"),
        ("layers.0.attention.w_k", (2, 5), "layers.0.attention.k"),
        ("layers.0.feedforward.b_up", (4,), "layers.0.feedforward.up"),
        ("unembedding.weight", (3, 40_000), "logits"),
    ],
)
def test_a_weight_that_is_not_its_seeds_is_found_where_it_first_shows(weight, index, first):
    model = load_model("toy")
    nudge(model, weight, index)
    proof = prove(generate(model, [17, 5, 17, 9], max_new_tokens=2))
    assert not proof.ok and proof.first_off == first
    model.origin = None  # whoever changes weights on purpose says so
    assert prove(generate(model, [17, 5, 17, 9], max_new_tokens=2)).ok


FORMULAS = [
    ("toy", ModelConfig, "attention_scale", property(lambda c: 1 / c.head_dim), "layers.0.attention.scores"),
    ("grouped queries, RoPE, SwiGLU", RMSNorm, "forward",
     lambda self, x: self.scale * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 0.01), "layers.0.attention.norm"),
]  # fmt: skip


@pytest.mark.parametrize("name, owner, attribute, wrong, first", FORMULAS, ids=["scale", "norm"])
def test_a_wrong_formula_is_found_where_it_first_shows(monkeypatch, name, owner, attribute, wrong, first):
    monkeypatch.setattr(owner, attribute, wrong)
    proof = prove(generate(random_model(CONFIGS[name]), ids(9), max_new_tokens=2))
    assert not proof.ok and proof.first_off == first


def test_wrong_angles_and_a_wrong_mask_are_found(monkeypatch):
    from llm_core import attention

    model = random_model(CONFIGS["normed queries, wide heads, window"])
    frequencies, allowed = attention.rope_frequencies, attention.allowed_keys
    monkeypatch.setattr(attention, "rope_frequencies", lambda config: frequencies(config) * 1.01)
    assert prove(generate(model, ids(9), max_new_tokens=2)).first_off == "layers.0.attention.q_rotated"
    monkeypatch.setattr(attention, "rope_frequencies", frequencies)
    monkeypatch.setattr(attention, "allowed_keys", lambda p, end, window: allowed(p, end, window + 1))
    proof = prove(generate(model, ids(9), max_new_tokens=2))
    assert proof.first_off == "layers.0.attention.masked_scores"
    assert proof.errors[proof.first_off] == math.inf


@pytest.mark.parametrize("name", FAMILIES)
def test_a_loaded_weight_that_is_not_the_files_is_found(name, tmp_path):
    model = load_model(str(save(make(name), tmp_path)))
    nudge(model, "layers.1.feedforward.w_down", (3, 5), 2.0)
    proof = prove(generate(model, ids(9), max_new_tokens=2, sampling=GREEDY))
    assert proof.reference == "transformers" and proof.first_off == "layers.1.feedforward.output"


@pytest.mark.parametrize("name", ["gpt2", "llama, llama3 rope", "qwen3", "neox, parallel"])
def test_another_activation_than_transformers_has_is_found_in_its_layer(name, tmp_path):
    model = load_model(str(save(make(name), tmp_path)))
    feedforward = model.layers[1].feedforward
    feedforward.activation = F.gelu if feedforward.activation is not F.gelu else gelu_tanh  # near, and yet another
    proof = prove(generate(model, ids(9), max_new_tokens=2, sampling=GREEDY))
    assert proof.reference == "transformers" and proof.first_off == "layers.1.feedforward.hidden"


def test_not_a_number_is_never_proven():
    model = load_model("toy")
    run = generate(model, "a b c", max_new_tokens=1)
    with torch.inference_mode():
        run.passes[0].doors[0][1, 3] = torch.nan
    proof = prove(run)
    assert proof.first_off == "input" and proof.relative["input"] == math.inf


# ---- where a model is from ----------------------------------------------------------------------------------------


def test_a_model_remembers_where_it_is_from(tmp_path):
    assert load_model("toy", seed=9).origin == 9
    folder = save(make("gpt2"), tmp_path)
    assert load_model(str(folder)).origin == folder.resolve()


def test_files_that_are_gone_are_said(tmp_path):
    model = load_model(str(save(make("gpt2"), tmp_path / "model")))
    (tmp_path / "model").rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="not there any more"):
        prove(generate(model, ids(4)))


def test_what_transformers_says_of_files_stays_out_of_the_sentence(monkeypatch, tmp_path):
    model = load_model(str(save(make("gpt2"), tmp_path / "model")))
    failing = Mock(side_effect=OSError(tmp_path))
    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", failing)
    with pytest.raises(ValueError) as refused:
        prove(generate(model, ids(4)))
    assert failing.called and str(tmp_path) in str(refused.value.__cause__)
    assert str(tmp_path) not in str(refused.value)
    assert "transformers cannot read model (OSError)" in str(refused.value) and "again" in str(refused.value)


def test_bfloat16_is_held_against_bfloat16(tmp_path):
    model = load_model(str(save(make("llama, grouped, tied"), tmp_path)), dtype="bfloat16")
    proof = prove(generate(model, ids(9), max_new_tokens=2))
    assert proof.ok and proof.tolerance == 0.1


# ---- the console --------------------------------------------------------------------------------------------------


def test_the_console_prints_the_table_and_exits_with_the_verdict(capsys, monkeypatch):
    assert main(["--prove", "hello how are you?"]) == 0
    text = capsys.readouterr().out
    config = PRESETS["toy"]
    lines = {line.split()[0]: line for line in text.splitlines() if line.endswith("  ok")}
    assert list(lines) == [entry.name for entry in catalogue.matrices(config)]
    assert "float64" in text and "Proven" in text
    monkeypatch.setattr(ModelConfig, "attention_scale", property(lambda c: 1.0))
    assert main(["--prove", "hello how are you?"]) == 1
    text = capsys.readouterr().out
    assert "the first in order of computation is\nlayers.0.attention.scores." in text
    assert main(["--prove", "--json", "a"]) == 2


def test_the_console_says_what_has_no_counterpart(capsys, tmp_path):
    folder = save(make("gpt2"), tmp_path)
    from llm_core.console import proof_text

    text = "\n".join(proof_text(prove(generate(load_model(str(folder)), ids(4)))))
    assert "transformers, with the same files" in text
    assert "no counterpart: transformers never holds it" in text


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_smollm2_is_proven_against_transformers():
    from llm_core.curated import CURATED

    model = load_model("smollm2-135m")
    run = generate(model, "The capital of France is", max_new_tokens=2, sampling=GREEDY)
    proof = prove(run)
    assert CURATED["smollm2-135m"].title == model.name
    assert proof.reference == "transformers" and proof.ok and proof.worst < 5e-5
    assert len(proof.errors) == len(run.steps[0].names)

"""A run is proven against an implementation of its own; one wrong weight or formula is found, where it first shows."""

import math
from typing import get_args
from unittest.mock import Mock

import pytest
import torch
from torch.nn import functional as F

from llm_core import PRESETS, ModelConfig, Sampling, Transformer, catalogue, generate, load_model, prove, random_model
from llm_core.config.model_config import FeedForwardKind
from llm_core.model import attention
from llm_core.model.attention import Attention
from llm_core.model.identity import Edited, Files, Seed, Weights
from llm_core.model.layers import RMSNorm, gelu_tanh
from llm_core.proof import float64, transformers_side
from llm_core.text import console
from llm_core.text.command import main
from tests.helpers.checkpoints import ARCHITECTURES, EACH_FAMILY, make, save
from tests.helpers.small_models import CONFIGS, TINY, ids

GREEDY = Sampling(temperature=0.0)
FAMILIES = [*EACH_FAMILY, "neox, sequential, fully rotated"]


def perturb(model, size=0.25):
    """A model with no weight at its usual value: they are its own, and no seed's."""
    generator = torch.Generator().manual_seed(1)
    return model.with_weights(
        {name: w + size * torch.randn(w.shape, generator=generator) for name, w in model.named_parameters()}
    )


def by_hand(model):
    """The same weights, as if they had been given by hand."""
    return model.with_weights({"embedding.token": model.weight("embedding.token")})


def nudge(model, name, index, by=0.5):
    with torch.no_grad():
        model.get_parameter(name)[index] += by


# ---- against float64 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", get_args(FeedForwardKind))
def test_every_activation_is_proven_in_float64(kind):
    proof = prove(generate(random_model(TINY.with_(feedforward=kind), 0), [1, 2, 3], 1))
    assert proof.ok and proof.reference == "float64"
    assert proof.errors["layers.0.feedforward.hidden"] is not None


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
    assert all(proof.errors[n] is None and "does not show" in why for n, why in proof.reasons.items())
    assert not proof.own_weights
    proof = prove(generate(by_hand(model), ids(20), max_new_tokens=3, sampling=GREEDY))
    assert proof.reference == "float64" and proof.ok and not proof.reasons and proof.own_weights


def test_a_long_prompt_is_compared_in_blocks_of_rows(monkeypatch, tmp_path):
    model = load_model(str(save(make("mistral, window"), tmp_path)))
    run = generate(model, ids(40), max_new_tokens=6, sampling=GREEDY)
    monkeypatch.setattr(transformers_side, "HOOKED_ROWS", 16)
    monkeypatch.setattr(float64, "SCORE_ROWS", 16)
    whole = prove(run)
    assert whole.ok and whole.reference == "transformers"
    run = generate(by_hand(model), ids(40), max_new_tokens=6, sampling=GREEDY)
    assert prove(run).ok
    # what differs in the second block and in a cached row alone is seen
    with torch.inference_mode():
        run.nodes[0].doors[1][20] += 0.5
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
    assert not proof.ok and proof.first_off == first and not proof.own_weights


@pytest.mark.parametrize("weight", ["embedding.token", "layers.0.attention.w_k", "unembedding.weight"])
def test_an_edited_model_is_held_against_its_own_weights_and_the_proof_says_so(toy, weight):
    edited = toy.with_weights({weight: toy.weight(weight) * 1.5})
    run, before = (generate(model, [17, 5, 17, 9], max_new_tokens=2) for model in (edited, toy))
    proof = prove(run)
    assert proof.ok and proof.reference == "float64" and proof.own_weights
    assert "It used the model's own weights: no seed and no file has them." in console.proof_text(proof)
    assert prove(before).ok and not prove(before).own_weights
    assert not any("own weights" in line for line in console.proof_text(prove(before)))


FORMULAS = [
    ("toy", ModelConfig, "attention_scale", property(lambda c: 1 / c.head_dim), "layers.0.attention.scores"),
    (
        "grouped queries, RoPE, SwiGLU",
        RMSNorm,
        "forward",
        lambda self, x: self.scale * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 0.01),
        "layers.0.attention.norm",
    ),
]


@pytest.mark.parametrize("name, owner, attribute, wrong, first", FORMULAS, ids=["scale", "norm"])
def test_a_wrong_formula_is_found_where_it_first_shows(monkeypatch, name, owner, attribute, wrong, first):
    monkeypatch.setattr(owner, attribute, wrong)
    proof = prove(generate(random_model(CONFIGS[name]), ids(9), max_new_tokens=2))
    assert not proof.ok and proof.first_off == first


def test_wrong_angles_and_a_wrong_mask_are_found(monkeypatch):
    model = random_model(CONFIGS["normed queries, wide heads, window"])
    frequencies, allowed = attention.rope_frequencies, attention.allowed_keys
    monkeypatch.setattr(attention, "rope_frequencies", lambda *of: frequencies(*of) * 1.01)
    assert prove(generate(model, ids(9), max_new_tokens=2)).first_off == "layers.0.attention.q_rotated"
    monkeypatch.setattr(attention, "rope_frequencies", frequencies)
    monkeypatch.setattr(attention, "allowed_keys", lambda p, end, window, _: allowed(p, end, window + 1))
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
        run.nodes[0].doors[0][1, 3] = torch.nan
    proof = prove(run)
    assert proof.first_off == "input" and proof.relative["input"] == math.inf


# ---- where a model is from ----------------------------------------------------------------------------------------


def test_a_model_remembers_where_it_is_from(tmp_path):
    assert load_model("toy", seed=9).weights.source == Seed(9)
    folder = save(make("gpt2"), tmp_path)
    assert load_model(str(folder)).weights.source == Files(folder.resolve())


def test_files_that_are_gone_are_said(tmp_path):
    model = load_model(str(save(make("gpt2"), tmp_path / "model")))
    (tmp_path / "model").rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="no longer exist"):
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


# ---- bfloat16 -----------------------------------------------------------------------------------------------------


def bfloat16_run(folder, length=9, seed=0):
    return generate(load_model(str(folder), dtype="bfloat16"), ids(length, seed), 2, Sampling(seed=seed))


@pytest.mark.parametrize("name", [*FAMILIES[:-1], pytest.param(FAMILIES[-1], marks=pytest.mark.slow)])
def test_a_right_run_in_bfloat16_is_proven(name, saved_model):
    proof = prove(bfloat16_run(saved_model(name)))
    assert proof.ok and proof.reference == "transformers", proof.off
    inner = {n: e for n, e in proof.relative.items() if e is not None and n not in proof.wider}
    assert 1e-3 < max(inner.values()) < 0.012  # of 0.02
    assert list(proof.reasons) == ["probabilities"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ARCHITECTURES, ids=lambda name: name.replace(" ", "-").replace(",", ""))
def test_right_runs_in_bfloat16_are_proven_whatever_their_length_and_seed(name, tmp_path):
    for seed in range(3):
        folder = save(make(name, seed), tmp_path / str(seed))
        for length in (1, 2, 40, 200):
            proof = prove(bfloat16_run(folder, length, seed))
            assert proof.ok, (seed, length, proof.off)


def test_a_long_run_in_bfloat16_is_proven_in_blocks(monkeypatch, saved_model):
    monkeypatch.setattr(transformers_side, "HOOKED_ROWS", 16)
    monkeypatch.setattr(float64, "SCORE_ROWS", 16)
    run = bfloat16_run(saved_model("mistral, window"), 40)
    assert prove(run).ok
    edited = prove(generate(by_hand(run.model), ids(40), 2, Sampling(seed=0)))
    assert edited.ok and edited.reference == "float64"


def test_every_kind_of_block_is_proven_in_bfloat16_with_its_own_weights(small_model):
    """Weights that no file has are held against float64, matrix by matrix, and no drift is taken for a mistake."""
    weights = {name: w.bfloat16() for name, w in perturb(small_model, 0.1).named_parameters()}
    identity = Weights("0" * 64, Edited(small_model.weights.version, tuple(weights)))
    model = Transformer.of_tensors(small_model.config, small_model.tokenizer, "narrow", identity, weights)
    proof = prove(generate(model, ids(150), max_new_tokens=3))
    assert proof.ok and proof.own_weights, proof.off
    assert not proof.reasons and None not in proof.errors.values()
    inner = {name: error for name, error in proof.relative.items() if name not in proof.wider}
    assert 1e-3 < max(inner.values()) < 0.012  # of 0.02


def swap_heads(model):
    with torch.no_grad():
        w = model.get_parameter("layers.1.attention.w_q")
        w[:, :16] = w[:, :16].roll(8, 1)


def no_bias(model):
    with torch.no_grad():
        model.get_parameter("layers.1.attention.b_v").zero_()


def one_position_on(model):
    with torch.no_grad():
        model.get_parameter("embedding.position")[:] = model.get_parameter("embedding.position").roll(1, 0)


def one_number(model):
    nudge(model, "layers.1.feedforward.w_down", (3, 5), 2.0)


def heads_in_another_order(model, patch):
    """Each head mixes the values of the wrong group."""
    mix = Attention._explicit
    patch.setattr(Attention, "_explicit", lambda self, q, k, v, rows, tap: mix(self, q, k, v.flip(1), rows, tap))


def a_wider_window(model, patch):
    allowed = attention.allowed_keys
    patch.setattr(attention, "allowed_keys", lambda p, end, window, _: allowed(p, end, window and window + 1))


def no_mask(model, patch):
    patch.setattr(attention, "allowed_keys", lambda p, end, window, _: torch.ones(len(p), end, dtype=torch.bool))


def other_angles(model, patch):
    frequencies = attention.rope_frequencies
    patch.setattr(attention, "rope_frequencies", lambda *of: frequencies(*of) * 1.05)


def angles_of_the_next_position(model, patch):
    patch.setattr(
        attention.Rows, "index", property(lambda rows: torch.arange(rows.positions.start + 1, rows.positions.stop + 1))
    )


def another_scale(model, patch):
    patch.setattr(ModelConfig, "attention_scale", property(lambda c: 1.05 / c.head_dim**0.5))


LAYER = "layers.{}.attention."
WRONG = [
    ("llama, grouped, tied", swap_heads, LAYER.format(1) + "q"),
    ("qwen2", no_bias, LAYER.format(1) + "v"),
    ("gpt2", one_position_on, "position_embedding"),
    ("neox, parallel", one_number, "layers.1.feedforward.output"),
    ("llama, grouped, tied", heads_in_another_order, LAYER.format(0) + "head_output"),
    ("mistral, window", a_wider_window, LAYER.format(0) + "masked_scores"),
    ("qwen3", no_mask, LAYER.format(0) + "masked_scores"),
    ("llama, llama3 rope", other_angles, LAYER.format(0) + "q_rotated"),
    ("neox, parallel", angles_of_the_next_position, LAYER.format(0) + "q_rotated"),
    ("gpt2", another_scale, LAYER.format(0) + "scores"),
]

FORMULAS_IN_BFLOAT16 = [wrong for wrong in WRONG if wrong[1].__code__.co_argcount == 2]


@pytest.mark.parametrize(("name", "spoil", "first"), WRONG, ids=[spoil.__name__ for _, spoil, _ in WRONG])
def test_a_wrong_run_in_bfloat16_is_found_where_it_first_shows(name, spoil, first, saved_model, monkeypatch):
    model = load_model(str(saved_model(name)), dtype="bfloat16")
    spoil(*[model, monkeypatch][: spoil.__code__.co_argcount])
    proof = prove(generate(model, ids(12), 2, GREEDY))
    assert not proof.ok and proof.first_off == first


@pytest.mark.parametrize(
    ("name", "spoil", "first"), FORMULAS_IN_BFLOAT16, ids=[spoil.__name__ for _, spoil, _ in FORMULAS_IN_BFLOAT16]
)
def test_a_wrong_formula_in_bfloat16_is_found_against_float64_too(name, spoil, first, saved_model, monkeypatch):
    model = by_hand(load_model(str(saved_model(name)), dtype="bfloat16"))
    spoil(model, monkeypatch)
    proof = prove(generate(model, ids(12), 2, GREEDY))
    assert proof.reference == "float64" and proof.first_off == first


def test_another_kernel_than_the_matrices_tell_is_found_in_bfloat16(saved_model, monkeypatch):
    """The run itself attends wrongly, and what is derived from it does not."""
    fused = Attention._fused
    monkeypatch.setattr(Attention, "_fused", lambda self, q, k, v, rows, tap: fused(self, q, k, v, rows, tap).flip(1))
    assert prove(bfloat16_run(saved_model("llama, grouped, tied"))).first_off == "layers.0.residual"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_right_runs_of_smollm2_in_bfloat16_are_proven():
    model = load_model("smollm2-135m", dtype="bfloat16")
    for text in ("1", "The capital of France is", "def f(x):\n    return x\n" * 20):
        proof = prove(generate(model, text, 2, GREEDY))
        assert proof.ok, (text, proof.off)


# ---- the console --------------------------------------------------------------------------------------------------


def test_the_console_prints_the_table_and_exits_with_the_verdict(capsys, monkeypatch):
    assert main(["--prove", "hello how are you?"]) == 0
    text = capsys.readouterr().out
    config = PRESETS["toy"]
    lines = {line.split()[0]: line for line in text.splitlines() if line.endswith("  ok")}
    assert list(lines) == [entry.name for entry in catalogue.matrices(config)]
    assert "float64" in text and "Double-checked" in text
    monkeypatch.setattr(ModelConfig, "attention_scale", property(lambda c: 1.0))
    assert main(["--prove", "hello how are you?"]) == 1
    text = capsys.readouterr().out
    assert "the first in order of computation is\nlayers.0.attention.scores." in text
    assert main(["--prove", "--json", "hello how are you?"]) == 1


def test_the_console_says_what_has_no_counterpart(capsys, tmp_path):
    folder = save(make("gpt2"), tmp_path)
    text = "\n".join(console.proof_text(prove(generate(load_model(str(folder)), ids(4)))))
    assert "the transformers library, which ran the same files" in text
    assert "transformers does not show this matrix" in text


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_smollm2_is_proven_against_transformers():
    from llm_core.weights.curated import CURATED

    model = load_model("smollm2-135m")
    run = generate(model, "The capital of France is", max_new_tokens=2, sampling=GREEDY)
    proof = prove(run)
    assert CURATED["smollm2-135m"].title == model.name
    assert proof.reference == "transformers" and proof.ok and proof.worst < 5e-5
    assert len(proof.errors) == len(run.steps[0].names)


@pytest.mark.parametrize("count", [5, 300])
def test_it_is_told_which_layer_is_compared_and_which_share_is_done(llama, count):
    told = []
    assert prove(generate(llama, ids(count), 2), lambda doing, share: told.append((doing, share))).ok
    layers, shares = llama.config.layers, [share for _, share in told]
    assert {doing for doing, _ in told} == {f"layer {layer} of {layers}" for layer in range(layers)}
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] < 1
    assert len(told) == layers * (1 if count < 256 else 2)


def test_before_the_first_layer_it_is_told_that_the_files_are_read(saved_model):
    told = []
    model = load_model(str(saved_model("llama, grouped, tied")))
    assert prove(generate(model, ids(5), 1), lambda doing, share: told.append((doing, share))).ok
    assert [doing for doing, _ in told[:2]] == ["starting transformers", "transformers is reading the model's files"]
    assert [share for _, share in told] == sorted(share for _, share in told) and told[-1][1] < 1

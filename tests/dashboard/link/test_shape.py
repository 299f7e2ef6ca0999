"""A model's shape: as text for links, as a config, and in words."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.link import shape as shapes
from dashboard.link.shape import CHOICE_TITLES, DEFAULT, OPTION_TITLES, OPTIONS, RANGES, Shape
from llm_core import PRESETS, generate, random_model

shape_values = st.builds(
    Shape,
    **{name: st.integers(*limits) for name, limits in RANGES.items()},
    **{name: st.sampled_from(options) for name, options in OPTIONS.items()},
    residuals=st.booleans(),
    tied=st.booleans(),
)


@given(shape_values)
def test_a_shape_comes_back_from_its_text(shape):
    text = shapes.shape_text(shape)
    assert shapes.read_shape(text) == shape
    assert len(text) < shapes.LONGEST_SHAPE


@given(shape_values, st.booleans())
def test_any_shape_is_a_model_or_a_sentence(shape, hosted):
    try:
        config = shapes.config(shape, hosted)
    except ValueError as error:
        assert ":" in str(error) and len(str(error)) > 40  # it says what to change
    else:
        assert shapes.parameters(config) <= (shapes.MOST_PARAMETERS_HOSTED if hosted else shapes.MOST_SHAPED_PARAMETERS)


@given(st.text(max_size=60) | st.text("v1,:abdehiklmnors2 ", max_size=60))
def test_any_other_text_is_refused_with_a_sentence(text):
    try:
        shape = shapes.read_shape(text)
    except ValueError as error:
        assert " " in str(error)
    else:
        assert text == "v1" and shape == DEFAULT


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "starts with v1"),
        ("v2,layers:2", "starts with v1"),
        ("v1," + "x" * 10_000, "at most 400 characters"),
        ("v1,layers:0", "from 1 to 12"),
        ("v1,layers:13", "from 1 to 12"),
        ("v1,layers:٣", "from 1 to 12"),
        ("v1,layers:-1", "from 1 to 12"),
        ("v1,layers:1e1", "from 1 to 12"),
        ("v1,layers:2,layers:3", "once"),
        ("v1,depth:2", "once"),
        ("v1,layers", "once"),
        ("v1,dim:99999999999999", "from 2 to 256"),
        ("v1,kind:tanh", "relu, gelu, swiglu"),
        ("v1,tied:True", "yes, no"),
        ("v1,norm:<script>", "none, layernorm, rmsnorm"),
        ("v1,dim:1\x006", "from 2 to 256"),
    ],
)
def test_a_wrong_text_is_told_what_is_right(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        shapes.read_shape(text)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dim": 17, "heads": 2, "kv": 2}, "choose 1 head, or"),
        ({"dim": 16, "heads": 3, "kv": 3}, "choose 1, 2, 4, 8 or 16 heads"),
        ({"heads": 4, "kv": 3}, "choose 1, 2 or 4 KV heads"),
        ({"dim": 6, "heads": 2, "position": "rope"}, "choose an even number"),
        ({"dim": 15, "heads": 1, "kv": 1, "position": "sinusoidal"}, "choose an even one"),
        ({"place": "post", "residuals": False}, "needs residual connections: switch them on"),
        ({"dim": 256, "layers": 12, "hidden": 1024, "kind": "swiglu"}, "at most 30,000,000"),
    ],
)
def test_an_impossible_shape_says_what_to_change(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        shapes.config(replace(DEFAULT, **changes))


def test_a_hosted_page_shapes_smaller_models():
    large = replace(DEFAULT, dim=256)
    shapes.config(large)
    with pytest.raises(ValueError, match="at most 10,000,000"):
        shapes.config(large, hosted=True)


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "toy"])
def test_a_presets_shape_is_the_preset(name):
    assert shapes.config(shapes.of_preset(name)) == PRESETS[name]


def test_the_toys_shape_keeps_all_that_a_shape_can_say():
    toy, shaped = PRESETS["toy"], shapes.config(shapes.of_preset("toy"))
    assert shaped.with_(attention_output=False, feedforward_output=False) == toy


def test_parameters_and_matrices_are_those_of_the_model():
    config = shapes.config(replace(DEFAULT, dim=8, heads=2, kv=1, position="rope", kind="swiglu"))
    model = random_model(config, 0)
    assert shapes.parameters(config) == sum(p.numel() for p in model.parameters())
    assert shapes.matrices_per_step(config) == len(generate(model, "a").steps[0].names)


CHOICES = [
    (field.name, value)
    for field in fields(Shape)
    for value in OPTIONS.get(field.name, (True, False) if field.type is bool else (getattr(DEFAULT, field.name),))
]
USERS = (
    "the toy here",
    "GPT-2",
    "GPT-3",
    "Llama",
    "Mistral",
    "Qwen",
    "SmolLM2",
    "the first Transformer (2017)",
    "every large model",
)


def test_every_choice_has_a_title_and_one_or_two_sentences_that_name_who_uses_it():
    for name, value in CHOICES:
        assert CHOICE_TITLES[name]
        sentence = shapes.meaning(name, value)
        assert sentence.endswith(".") and sentence.count(". ") <= 1
        assert any(user in sentence for user in USERS), sentence
    assert {name: set(titles) for name, titles in OPTION_TITLES.items()} == {n: set(o) for n, o in OPTIONS.items()}
    for switch in ("residuals", "tied"):
        assert shapes.meaning(switch, True) != shapes.meaning(switch, False)


@pytest.mark.parametrize(("user", "preset"), [("the toy here", "toy"), ("GPT-2", "gpt2-nano"), ("Llama", "llama-nano")])
def test_who_is_said_to_use_a_choice_has_it(user, preset):
    """As far as the presets are of these models' architectures; numbers are larger in the models themselves."""
    said = [(n, v) for n, v in CHOICES if isinstance(v, (str, bool)) and user in shapes.meaning(n, v)]
    assert len(said) >= 4
    assert all(getattr(shapes.of_preset(preset), name) == value for name, value in said)

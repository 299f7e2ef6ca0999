"""A model for the page, as its name in a link says: from a seed, a shape, or from files."""

from collections.abc import Callable

from dashboard.link import shape as shapes
from dashboard.link.hosting import hosted
from dashboard.link.models import CUSTOM, Key
from dashboard.server import rude_words
from llm_core import Transformer, load_model, random_model


def build_model(key: Key, progress: Callable[[str, float], None]) -> Transformer:
    """Load or make the model. Raises ValueError with the sentence to show."""
    if key.name == CUSTOM:
        model = random_model(shapes.config(shapes.read_shape(key.shape), hosted()), key.seed, CUSTOM)
    else:
        model = load_model(key.name, key.seed, key.dtype or "float32", progress)
    if key.random:
        model.tokenizer = rude_words.masking(model.tokenizer)
    return model

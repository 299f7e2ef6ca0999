"""The tokenizer by a short path, for those who bring a `tokenizers.Tokenizer` of their own: `Tokenizer(backend)`."""

from llm_core.model.tokenizer import Tokenizer

__all__ = ["Tokenizer"]

"""The tokenizers that lie beside weights."""

"""The Transformer: its layers, attention, KV cache, tokenizer, and the tap that shows its matrices."""

"""The families of models: how each one is written on disk, and where transformers holds its matrices."""

"""A run: generation, sampling, and any matrix of it, derived when someone looks."""

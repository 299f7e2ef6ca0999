"""Ratios to peers, measured side by side. `python -m benchmarks` runs all; README.md says how, and what came out."""

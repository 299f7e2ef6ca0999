"""The catalogue: one entry for each kind of matrix and each weight of a model."""

from llm_core.catalogue.entry import Entry
from llm_core.catalogue.look_up import advice, chosen, door, find, matrices, matrix, nearest, weight, weights

__all__ = ["Entry", "advice", "chosen", "door", "find", "matrices", "matrix", "nearest", "weight", "weights"]

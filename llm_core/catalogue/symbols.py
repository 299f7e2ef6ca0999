"""The symbols by which formulas call the matrices that they read."""

_SYMBOLS = {
    "input": "X",
    "residual_middle": "X_mid",
    "residual": "X_out",
    "norm": "X̂",
    "final_norm": "X̂",
    "head_output": "Z",
    "hidden": "H",
    "token_embedding": "X_tok",
    "position_embedding": "X_pos",
}


def symbol_of(name: str) -> str:
    """The symbol of a matrix, from its name. Raises KeyError for one that no other part of the model reads."""
    last = name.rsplit(".", 1)[-1]
    if last == "output":
        return "O" if ".attention." in name else "F"
    if last not in _SYMBOLS:
        raise KeyError(f"{name} has no symbol: add one to llm_core/catalogue/symbols.py")
    return _SYMBOLS[last]

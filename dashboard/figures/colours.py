"""The colours of all figures, made to work on a light and on a dark page without knowing which it is.

Zero is transparent, so it is the page's own background, and strength is opacity. The full colours stop short of
opaque: numbers in the page's text colour keep a contrast of 4.5 on them, in both themes.
"""

BLUE, ORANGE, TEAL, GREY = "37, 99, 235", "217, 92, 6", "13, 148, 136", "128, 132, 142"
STRONGEST = 0.74

# Never left to Plotly: its default scale turns around in the dark theme.
SIGNED = [
    [0.0, f"rgba({BLUE}, {STRONGEST})"],
    [0.5, f"rgba({BLUE}, 0)"],
    [0.5, f"rgba({ORANGE}, 0)"],
    [1.0, f"rgba({ORANGE}, {STRONGEST})"],
]
PROBABILITY = [[0.0, f"rgba({TEAL}, 0)"], [1.0, f"rgba({TEAL}, {STRONGEST})"]]
MASKED = [[0.0, f"rgba({GREY}, 0.3)"], [1.0, f"rgba({GREY}, 0.3)"]]

FRAME = f"rgba({GREY}, 0.9)"
MUTED = "rgb(125, 130, 142)"  # captions; the page's style reads it as the text colour, fainter
BAR, BAR_FAINT, BAR_CHOSEN = f"rgba({TEAL}, 0.75)", f"rgba({GREY}, 0.35)", f"rgba({ORANGE}, 0.9)"
LINES = f"rgb({TEAL})", f"rgb({ORANGE})"  # thin: they have to stand out from the page by themselves

# A hue each for queries, keys and values: letters only, never cells.
LETTERS = {"Q": "rgb(147, 93, 235)", "K": "rgb(22, 160, 96)", "V": "rgb(219, 70, 140)"}

MONO = "'Source Code Pro', ui-monospace, monospace"
SANS = "'Source Sans', sans-serif"
"""The fonts of tokens and numbers, and of words; Streamlit brings the first of each along."""

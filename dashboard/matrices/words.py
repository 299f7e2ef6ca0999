"""The words beside the matrices, to edit or to translate; a {placeholder} stands for what the page fills in."""

ALSO_SHOW = "Also show"
LEAVE_FIRST_OUT = "Leave the first token out of the colour scale (the values stay)"
END_OF_SPAN = "{end} {word} (of 0 to {last:,})"
A_PART = "{title}, a part of it. {picture}"
ALL_OF_VOCABULARY = "Show all {size:,} tokens with their probabilities"

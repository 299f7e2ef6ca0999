"""The words of the Whole model page, to edit or to translate; a {placeholder} stands for what the page fills in."""

MAP_MEANING = (
    "The map shows every matrix of this step. Layers go from top to bottom; within a layer, matrices stand in order of "
    "computation. Attention weights have one picture for each head, so that an unusual head stands out."
)
MAP_SCALES = (
    "The attention weights of all heads share one colour scale, 0 … 100 %. Each other matrix has its own scale: "
    "blue is below zero, orange is above zero, and grey is masked."
)
MAP_GROUPS = {
    "attention": "Attention",
    "weights": "Weights A, by head",
    "mixed": "Output",
    "feedforward": "Feed-forward",
}
COMPUTING_LAYERS = "Computing the matrices of {layers} …"
LAST_ROWS = "This step has {count:,} rows; this page shows the last {shown:,} of them."
SEE_HOW = "See how it is computed"

STREAM_TITLE = "The residual stream after every layer"
STREAM_MEANING = (
    "The lines show the length (norm) of the rows that each layer passes to the next. With residual connections every "
    "layer adds to these rows. In trained models one row is often much longer than the others. "
    "It belongs to an attention sink."
)

LENS_TITLE = "What the model would predict after every layer"
LENS_MEANING = (
    "The logit lens applies the final norm and the unembedding to the residual stream after every layer. Each cell "
    "shows the most likely next token at that point, so that you can see in which layer an answer appears."
)
RANDOM = "With random weights these predictions are noise in every layer."
NO_LENS = (
    "This model has no logit lens. Its unembedding reads the hidden layer, which has {read} numbers for each token; "
    "the input of the layer has {width}, so the unembedding cannot read it."
)
POSITIONS_SHOWN, ALL_POSITIONS, UP_TO_POSITION = "Positions shown (of {count:,})", "all {count}", "Up to position"
LENS_SCALE = (
    "Scale: 0 … 100 %, the probability of the token in the cell. Point at a cell to see the next most likely tokens. "
)
TOKEN_TO_FOLLOW, TYPE_TOKEN = "Token to follow", "Or type a token"
OF_TYPE_TOKEN = "Type a word. Begin with a space if it is not the first word."

HEALTH_TITLE = "Health of every matrix"
HEALTH_MEANING = (
    "Click the title of a column to sort the table. Masked cells are left out. Faults of a model show here first: NaN "
    "and infinite numbers, very large numbers, hidden units that are always zero, heads that look at one token only."
)
HEALTH_HELP = {
    "norm": "The square root of the sum of all squares",
    "zeros": "The share of cells that are 0",
    "entropy": "For attention weights: over how many tokens a row spreads its attention, on average, in bits; 0 means "
    "one token",
    "first": "For attention weights: the share of a row that goes to the first token, on average",
    "name": "The name of the matrix in Python",
}
"""Of each column of the table, what its numbers say."""

"""The words of the sidebar, of the choice of a model and of its loading, to edit or to translate.

A {placeholder} stands for what the page fills in; a name may be used as often as one likes, or left out.
"""

# ---- the sidebar ----------------------------------------------------------------------------------------------------

EXAMPLES = {
    "Greeting": "hello how are you?",
    "Echo": "tick tock tick tock tick",
    "Emoji": "crème brûlée 🍮",
}
REAL_EXAMPLES = {
    "Capital": "The capital of France is",  # a fact: " Paris"
    "Echo": "Romeo and Juliet. Romeo and",  # heads that look at what followed last time
    "Sums": "2 + 2 = 4, 3 + 3 = 6, 4 + 4 =",  # a pattern to go on with
}
KEYS = "Press Enter to run the text, Shift+Enter to add a line."
GREEDY = "At temperature 0 the choice is greedy: the most likely token is always taken, and the dice are not thrown."
MORE_SETTINGS = "More settings"
DICE_SEED = "Dice seed"
OF_DICE_SEED = "The dice seed decides which token is drawn: the same seed draws the same tokens."
OF_ROLL = "Roll the dice: choose another dice seed at random"
NEW_TOKENS_UP_TO = "New tokens (1 to {most})"
WEIGHTS_SEED = "Weights seed"
OF_WEIGHTS_SEED = "The weights seed decides the weights of a random model. It has nothing to do with the dice."
NUMBER_TYPE = "Number type"
OF_NUMBER_TYPE = "The number type of real weights: bfloat16 takes half the memory and keeps about three digits."
CELLS_OF_LARGE = "Cells of large matrices"
OF_CELLS_OF_LARGE = (
    "In a large matrix one cell stands for several numbers: it shows the one of largest magnitude, their mean, or "
    "their maximum."
)
COLOUR_SCALE = "Colour scale"
OF_COLOUR_SCALE = (
    "Robust: a few very large cells do not change the scale. Matrix: the scale reaches up to the largest cell. Heads: "
    "all heads of a matrix share one scale, so that you can compare them."
)
WHOLE_NUMBER = "The {name} must be a whole number from 0 to {most}. Until then it stays {now}."

# ---- the choice of a model ------------------------------------------------------------------------------------------

SHAPE_YOUR_OWN, NAME_A_MODEL = "Shape your own …", "A Hub id, folder or GGUF file …"
TYPED_NAME, OF_TYPED_NAME = "Hub id, folder or GGUF file", "owner/name, or a path"
CHANGE_SHAPE = "Change its shape"
NOTICE = "Random weights know no English, but every computation is real."
RUN_REAL_MODEL = "Run this text with SmolLM2, a real model"
NOT_LOADABLE = "{name} cannot be loaded: {why}."

# ---- the dialog "Shape your own model" ------------------------------------------------------------------------------

SHAPE_TITLE = "Shape your own model"
START_FROM, OF_START_FROM = "Start from", "a built-in model"
SHOW_MODEL = "Show this model"
NUMBER_OF = "{title} ({least} to {most})"
OF_TOY = (
    "The toy's layer ends at its hidden layer. A shaped model has two more matrices, so that its layers "
    "can be stacked: an output projection `W_o` and a second feed-forward matrix."
)
OF_SEED = "The weights seed decides the random weights. It has nothing to do with the dice."
THIS_MODEL = "This model {described}"

# ---- loading --------------------------------------------------------------------------------------------------------

LOADING_MODEL = "Loading {title}"
STOP_WAITING, TRY_AGAIN, NOT_NOW = "Stop waiting", "Try again", "Not now"
OPEN, DOWNLOAD = "Open", "Download it"  # what a visitor is asked for
NO_SUCH = "There is no such model. Choose one from the list on the left."
NOT_SHOWN = "{title} is not shown: {why}."
SHOWN_INSTEAD = "{failure} {title} is shown."
MAY_OPEN = "This link wants to open {name} from this machine."
MAY_DOWNLOAD = "it is not on this machine yet, and {size} would be downloaded from the Hub"
LOADING_FAILED = "it could not be loaded, and the server's log says why"
OTHER_WEIGHTS = (
    "This link was made with other weights (fingerprint {linked}) than this model has here ({here}), so the matrices "
    "and tokens here may differ from those that were shared."
)

"""The words of the dialog "Download", to edit or to translate; a {placeholder} stands for what the page fills in."""

TAKE_AWAY = "Download"
OF_TAKE_AWAY = "Save one matrix for a spreadsheet, numpy or a slide, or the whole run as one file"
ONE_MATRIX, WHOLE_RUN = "One matrix", "The whole run"
MATRIX_OR_WEIGHT = "Matrix or weight"
OF_PYTHON_LINES = (
    "These lines of Python compute the same run and the same matrix again. Run them in a copy of this project."
)
FILES_CONTAIN = "The files contain {axis} {number}."
TOO_MANY_NUMBERS = "{kind} has at most {most:,} numbers."
USE_PYTHON_LINES = "Use the lines of Python below instead."
WHICH_MATRICES = "Which matrices of each step should the file contain?"
NOTHING, MATRIX, LAYER, THESE, ALL = (
    "Tokens and settings",
    "This matrix",
    "This layer",
    "These matrices",
    "Every matrix",
)
SAVE_RUN_FILE, OPEN_RUN_FILE = "Save the run file", "Open a run file"
FILE_TOO_LARGE = "A run file has at most {most} MB: choose fewer matrices."
OF_RUN_FILE = (
    "The file contains the text, the token ids, the settings, both seeds, the versions, the weights' fingerprint, the "
    "most likely tokens of each step, and these matrices. The page “Run file” opens it without the model."
)
CHOOSE_MATRICES = "Choose one or more"
MATRICES_OF_LAYER = (
    "The list has the matrices of layer {layer}. Choose another layer above to add some of its matrices."
)

"""The words of the page of a run from a file, to edit or to translate; a {placeholder} stands for what is filled in."""

FILE_HEADLINE = "Open a run from a file."
FILE_MEANING = (
    "This page shows a run that was saved in a file. It computes nothing and loads no model. “Download” on "
    "the Inference page saves such a file."
)
FILE_FIELD = "A run file"
NOT_HOSTED = (
    "This public page does not open files. Run the project on your own machine (make run) to open a run file, or read "
    "the file in Python: from llm_core import open_run."
)
CHOOSE_ANOTHER_FILE = ". Choose a file that you saved with “Download”"
SAVED_WITH = "Saved with {versions}"
SAME_RUN_WITH_MODEL = "Open the same run with its model"
NO_SAME_RUN = "This page cannot compute the same run: it does not know the run's model, text or settings."
NO_MATRICES = "This file contains the run's tokens and settings, but no matrices."

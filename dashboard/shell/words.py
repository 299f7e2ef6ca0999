"""The words that every page has around it, to edit or to translate; a {placeholder} stands for what is filled in."""

PAGE_TITLES = {"inference.py": "Inference", "whole_model.py": "Whole model", "run_file.py": "Run file"}
NO_PAGE = f"The link leads to a page that does not exist, so the page {PAGE_TITLES['inference.py']} is shown."
TOO_LONG = (
    "The link of this view contains the whole text and has {length:,} characters. Many programs cut a link after "
    "{most:,} characters: to share this view, shorten the text."
)
NO_LINK = "This text is too long for a link, so the link leaves it out. To share this view, shorten the text."
WAY_OUT = "Stop presenting"
READING_TEXT = "The model is reading {tokens:,} tokens."
COMPUTING_LAYER = "Computing the matrices of layer {layer} for {rows:,} tokens."
NOT_DRAWN = "this part of the page could not be drawn; the server's log says why"

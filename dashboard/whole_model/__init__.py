"""The sections of the Whole model page."""

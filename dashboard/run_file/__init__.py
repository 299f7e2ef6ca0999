"""A run from a file, on the page: opened, drawn, and led back to its model. Nothing of it is computed."""

"""What is measured in a run: the health of its matrices, the logit lens."""

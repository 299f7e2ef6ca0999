"""Every architectural choice of a model, as data."""

"""A run as text: the console."""

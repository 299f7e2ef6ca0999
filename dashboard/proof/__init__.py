"""The proof of the run on screen: badge and table."""

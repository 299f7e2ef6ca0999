"""The sidebar: which model, which text, which settings."""

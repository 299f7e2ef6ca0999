"""The dashboard in a real browser, as visitors meet it."""

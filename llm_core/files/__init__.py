"""Runs as files: written, opened without trust, as JSON, and as Python lines."""

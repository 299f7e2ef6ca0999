"""What a visitor sees first: tokens, steps, stations, and the sampled token."""

"""The tour: twelve stops over the Inference page, each told with the numbers of the run on screen.

link/tour_stops.py says which there are and where each of them looks, facts.py computes its numbers, texts.toml holds
all words, texts.py fills the ones into the others, card.py shows them.
"""

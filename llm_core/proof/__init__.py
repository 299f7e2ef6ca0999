"""The proof: a run, held against two implementations that share no arithmetic with the engine."""

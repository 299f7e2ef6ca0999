"""What the server keeps and all visitors share: models, runs, proofs, turns, memory."""

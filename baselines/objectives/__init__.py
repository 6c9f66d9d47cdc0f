"""Training objectives: each computes a loss and its parts from (network, batch, progress)."""

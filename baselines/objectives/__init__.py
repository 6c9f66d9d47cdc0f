"""Training objectives: from (network, batch, progress) to a loss and its parts."""

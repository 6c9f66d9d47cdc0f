"""Training: the loop, its optimisers, checkpoints and processes."""

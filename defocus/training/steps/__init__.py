"""What a training step is made of: optimisers, their step, averages of weights."""

"""Fine-tuning of a network for a user's own lens."""

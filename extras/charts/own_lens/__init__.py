"""A network trained on for one's own lens."""

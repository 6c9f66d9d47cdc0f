"""Two studies compared."""

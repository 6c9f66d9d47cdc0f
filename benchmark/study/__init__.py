"""Studies: many runs from one file; what is left of them, and where they run."""

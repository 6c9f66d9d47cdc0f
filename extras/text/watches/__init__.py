"""Scores that this extra adds to the validation of a training."""

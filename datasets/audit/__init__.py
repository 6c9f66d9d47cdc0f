"""Audit of a dataset: misalignment, exposure, sharpness and leaks between splits."""

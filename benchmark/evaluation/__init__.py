"""Evaluation of the runs of a study: missing, kept and stored results."""

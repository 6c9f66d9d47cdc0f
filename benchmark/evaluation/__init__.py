"""Evaluating the runs of a study: what is missing, what is kept, what is stored."""

"""Scores in a store: one score, those of a run as an array, and rows that are not sound."""

"""Curation: the pairs that a dataset keeps, and their splits."""

"""Curation: which pairs a dataset keeps, and the split of each."""

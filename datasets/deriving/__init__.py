"""Datasets made of other datasets and of capture sessions."""

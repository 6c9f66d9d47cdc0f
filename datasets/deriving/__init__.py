"""Datasets derived from other datasets and from capture sessions."""

"""Uformer-B: attention within windows, in a U of five levels."""

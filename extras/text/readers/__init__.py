"""Readers of this extra."""

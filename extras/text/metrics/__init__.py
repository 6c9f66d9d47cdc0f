"""Metrics of this extra."""

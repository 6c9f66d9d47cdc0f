"""Experiments: series of studies that answer one question."""

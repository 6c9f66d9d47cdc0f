"""Straightforward implementations that ours are measured against."""

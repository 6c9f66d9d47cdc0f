"""Sizes of systems, measured and declared."""

"""Systems: one folder each, found by its ``baseline.py``."""

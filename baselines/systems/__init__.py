"""Systems: one folder each, found by its ``baseline.py``."""

__all__ = ["DEFAULT_SYSTEM"]

DEFAULT_SYSTEM = "defocus-m"
"""Restores pictures where no system is named."""

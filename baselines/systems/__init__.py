"""Systems: one folder each; its ``__init__.py`` has the cards."""

DEFAULT_SYSTEM = "defocus-m"
"""Restores pictures where no system is named."""

"""Systems: one folder each; its ``__init__.py`` has the cards."""

DEFAULT_SYSTEM = "defocus-m"
"""System that restores pictures where none is named."""

"""Makes pages, tables and pictures of the docs: ``python -m research.pages.NAME``."""

from pathlib import Path

__all__ = ["DOCS"]

DOCS = Path(__file__).parents[2] / "docs"

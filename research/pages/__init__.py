"""Makes pages, tables and pictures of the docs: ``python -m research.pages.NAME``."""

from pathlib import Path

__all__ = ["DOCS", "DOSE_STUDY"]

DOCS = Path(__file__).parents[2] / "docs"

DOSE_STUDY = Path(__file__).parents[1] / "dose_study"
"""Results of the study by dose of ``docs/jdrl-numbers.md``."""

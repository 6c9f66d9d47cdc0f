"""zedd-stacks:DIR - ZEDD: every focus distance with f/16 of the middle one; focus travels."""

from defocus.datasets.layouts.published_set import PublishedSet
from defocus.datasets.readers.zedd import CARD, FOLDERS, facts, layout

__all__ = ["CARD", "check", "read"]

SET = PublishedSet("zedd-stacks", CARD, (layout("5", "*"),), FOLDERS, facts)
"""The published dataset. Its sharp picture is run 5 at f/16, which the authors' own loader calls
all-in-focus."""
read, check = SET.read, SET.check

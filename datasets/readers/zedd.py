"""zedd:DIR - ZEDD: five wide apertures with f/16 of the same focus distance."""

from defocus.datasets.layouts.known import KnownSet
from defocus.datasets.layouts.zedd import CARD, FOLDERS, facts, layout

__all__ = ["CARD", "check", "read"]

SET = KnownSet("zedd", CARD, (layout("{run}", "{motor}"),), FOLDERS, facts)
read, check = SET.read, SET.check

"""dpdd-dual:DIR - DPDD, Canon, with the dual-pixel views of each blurry picture."""

from defocus.datasets.layouts.published_set import PublishedSet
from defocus.datasets.readers.dpdd import CARD, DUAL_LAYOUTS, FOLDERS, indoor_outdoor

__all__ = ["CARD", "check", "read"]

SET = PublishedSet("dpdd-dual", CARD, DUAL_LAYOUTS, FOLDERS, indoor_outdoor)
read, check = SET.read, SET.check

"""dpdd-dual:DIR - DPDD, Canon, with the dual-pixel views of each blurry picture."""

from defocus.datasets.layouts.dpdd import CARD, DUAL_LAYOUTS, FOLDERS, indoor_outdoor
from defocus.datasets.layouts.known import KnownSet

__all__ = ["CARD", "check", "read"]

SET = KnownSet("dpdd-dual", CARD, DUAL_LAYOUTS, FOLDERS, indoor_outdoor)
read, check = SET.read, SET.check

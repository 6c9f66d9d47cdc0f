"""dpdd:DIR - DPDD, Canon: 16-bit pairs of a wide and a narrow aperture."""

from defocus.datasets.layouts.dpdd import CARD, FOLDERS, LAYOUTS, indoor_outdoor
from defocus.datasets.layouts.known import KnownSet

__all__ = ["CARD", "check", "read"]

SET = KnownSet("dpdd", CARD, LAYOUTS, FOLDERS, indoor_outdoor)
read, check = SET.read, SET.check

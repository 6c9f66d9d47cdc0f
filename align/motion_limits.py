"""What the transform between the members of a pair may be."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MotionLimits:
    """Limits of a measurement; see :func:`defocus.align.measure.measure`."""

    at_most: str = (
        "homography"  # richest model: translation, similarity, affine or homography
    )
    largest_px: float = math.inf  # no place moved farther than this

    @classmethod
    def of(cls, at_most: str | None, largest_px: float | None) -> "MotionLimits":
        """The limits of a command line, where None is no limit."""
        return cls(at_most or cls.at_most, largest_px or cls.largest_px)

    @property
    def zoomed(self) -> bool:
        """Whether a pair may have a zoom, which its session can share."""
        return self.at_most != "translation"

    @property
    def arguments(self) -> list[str]:
        """The options of a command line that give them."""
        words = (
            [] if self.at_most == type(self).at_most else ["--at-most", self.at_most]
        )
        if math.isfinite(self.largest_px):
            words += ["--largest-shift", f"{self.largest_px!r}"]
        return words

    def to_json(self) -> dict[str, Any]:
        """The limits as JSON values; None for no largest shift."""
        largest = self.largest_px if math.isfinite(self.largest_px) else None
        return {"at_most": self.at_most, "largest_shift_px": largest}


NO_LIMITS = MotionLimits()

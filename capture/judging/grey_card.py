"""Grey card of a scene: its brightness and colour."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from defocus.capture.judging.quick_look import CLIPPED, read_look

__all__ = ["GREY_REFLECTANCE", "GreyCard", "measure_grey_card"]

GREY_REFLECTANCE = 0.18
CENTRE_SHARE = 0.2
"""Side of the measured part over that of the picture: whoever holds the card fills this much."""


@dataclass(frozen=True)
class GreyCard:
    """Grey card: factors that make it grey (green is 1), green level, scatter (std over mean)."""

    white_balance: tuple[float, float, float]
    level: float  # linear green light of the card, 1 = clipping of the sensor
    scatter: float
    clipped: bool

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "white_balance": list(self.white_balance),
            "level": self.level,
            "level_ev": float(np.log2(max(self.level, 1e-6) / GREY_REFLECTANCE)),
            "scatter": self.scatter,
            "clipped": self.clipped,
        }


def measure_grey_card(path: Path) -> GreyCard:
    """Measure the centre of a picture of a grey card."""
    linear = read_look(path).linear
    height, width = linear.shape[:2]
    rows, columns = (max(round(side * CENTRE_SHARE / 2), 1) for side in (height, width))
    centre = linear[
        height // 2 - rows : height // 2 + rows, width // 2 - columns : width // 2 + columns
    ].astype(np.float64)
    red, green, blue = np.maximum(centre.mean(axis=(0, 1)), 1e-6)
    light = centre.mean(axis=2)
    return GreyCard(
        white_balance=(float(green / red), 1.0, float(green / blue)),
        level=float(green),
        scatter=float(light.std() / max(light.mean(), 1e-6)),
        clipped=bool((centre >= CLIPPED).mean() > 0.001),
    )

"""Pupil of a real lens: its shape and wavefront error.

Places are in radii of the pupil in use, x to the right and y down, as in the picture.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.scene.real_lens import WAVE_UM, RealLens

__all__ = ["Pupil"]

Array = NDArray[np.float64]

ROUND_UNTIL = 0.5
"""Stopped down to so many radii of the open pupil the diaphragm has its full corners."""


@dataclass(frozen=True)
class Pupil:
    """The pupil that one place of the picture sees.

    Attributes:
        lens: The lens.
        field: Place (x, y) in the picture relative to its centre, 1 = distance of the corner.
    """

    lens: RealLens
    field: tuple[float, float]

    @property
    def height(self) -> float:
        """Distance from the centre of the picture, 1 = corner."""
        return math.hypot(*self.field)

    @property
    def meridian(self) -> tuple[float, float]:
        """Direction of the field, a unit vector."""
        height = self.height
        return (self.field[0] / height, self.field[1] / height) if height else (1.0, 0.0)

    def depth(self, x: Array, y: Array) -> Array:
        """Distance to the nearest edge of the opening, in radii, negative outside of it."""
        lens, stop = self.lens, self.lens.stop
        distance = np.hypot(x, y)
        inside = 1.0 - distance
        flat = (1.0 - lens.roundness) * min((1.0 - stop) / (1.0 - ROUND_UNTIL), 1.0)
        if flat:
            half = math.pi / lens.blades
            angle = np.mod(np.arctan2(y, x) - math.radians(lens.turn_deg), 2 * half) - half
            inside -= flat * (1.0 - math.cos(half) / np.cos(angle))
        along, across = self.meridian
        for rim in (lens.front, lens.rear):
            shift = rim.shift * self.height
            if abs(shift) + stop > rim.radius:
                from_rim = np.hypot(x * stop - shift * along, y * stop - shift * across)
                inside = np.minimum(inside, (rim.radius - from_rim) / stop)
        return inside

    def wavefront(self, x: Array, y: Array) -> Array:
        """Aberration in green without the defocus of the scene, µm."""
        w020, w040, w060, w131, w222 = self._coefficients()
        along, across = self.meridian
        radial, square = along * x + across * y, x * x + y * y
        return (
            square * (w020 + square * (w040 + square * w060) + w131 * radial)
            + w222 * radial * radial
        )

    def slopes(self, x: Array, y: Array) -> tuple[Array, Array]:
        """The wavefront's derivatives in x and y, µm per radius."""
        w020, w040, w060, w131, w222 = self._coefficients()
        along, across = self.meridian
        radial, square = along * x + across * y, x * x + y * y
        both = 2.0 * (w020 + square * (2.0 * w040 + 3.0 * square * w060) + w131 * radial)
        meridional = w131 * square + 2.0 * w222 * radial
        return both * x + meridional * along, both * y + meridional * across

    def defocus(self, diameter_px: float) -> float:
        """W020 of a circle of confusion, µm: D p / (8 N)."""
        return diameter_px * self.lens.pixel_pitch_um / (8.0 * self.lens.f_number)

    def _coefficients(self) -> tuple[float, float, float, float, float]:
        """W020, W040, W060, W131, W222 over the pupil in use, µm."""
        lens, stop, height = self.lens, self.lens.stop, self.height
        waves = (
            (lens.best_focus + lens.field_curvature.even(height)) * stop**2,
            (lens.spherical + lens.oblique_spherical.even(height)) * stop**4,
            lens.spherical_6 * stop**6,
            lens.coma.odd(height) * stop**3,
            lens.astigmatism.even(height) * stop**2,
        )
        w020, w040, w060, w131, w222 = (wave * WAVE_UM for wave in waves)
        return w020, w040, w060, w131, w222

"""A real lens at its working aperture, and its pupil as a place of the picture sees it.

Places in the pupil are in radii of the pupil in use, x to the right and y down."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from defocus.errors import OpticsError

WAVE_UM = 0.55
"""Wavelength in which aberrations are given, µm."""

BANDS_UM = ((0.590, 0.610, 0.630), (0.510, 0.530, 0.550), (0.440, 0.460, 0.480))
"""Wavelengths that stand for red, green and blue, µm; the middle one leads."""

Place: TypeAlias = tuple[float, float]
"""Place (x, y) in the picture relative to its centre, 1 = distance of the corner."""

FIRST_HEIGHT = 0.7


@dataclass(frozen=True)
class OffAxis:
    """A coefficient that is 0 on the axis, in waves over the open pupil."""

    at_07: float = 0.0  # value at 0.7 of the way to the corner
    at_corner: float = 0.0  # value in the corner

    def odd(self, height: float) -> float:
        """The value at a field height as a H + b H³."""
        return self._between(height, 1)

    def even(self, height: float) -> float:
        """The value at a field height as a H² + b H⁴."""
        return self._between(height, 2)

    def _between(self, height: float, power: int) -> float:
        """A H^p + b H^(p + 2) that has both values; a + b is that of the corner, where H is 1."""
        low = FIRST_HEIGHT**power
        high = FIRST_HEIGHT ** (power + 2)
        first = (self.at_07 - high * self.at_corner) / (low - high)
        second = self.at_corner - first
        return first * height**power + second * height ** (power + 2)


@dataclass(frozen=True)
class Rim:
    """A rim in front of or behind the diaphragm, as the corner of the picture sees it."""

    # shift of its centre towards the corner, in radii of the open pupil; in proportion to the field
    # height
    shift: float = 0.0
    radius: float = 1.3  # in radii of the open pupil, > 0


@dataclass(frozen=True)
class RealLens:
    """A lens with its aberrations, at one aperture and pixel pitch."""

    # Wavefront errors are in waves of 0.55 µm over the open pupil: W = W040 ρ⁴ + W060 ρ⁶ + W131 ρ³
    # cos φ + W222 ρ² cos² φ + W020 ρ², ρ = 1 at the rim of the open pupil, φ from the direction of
    # the field. Stopping down uses the middle of that pupil only.

    f_number: float  # F-number of the picture, >= ``open_f_number``
    open_f_number: float  # F-number of the fully open lens
    # pixel pitch of the blurred picture, µm: that of the sensor times the reduction of the picture
    pixel_pitch_um: float
    blades: int = 9  # number of blades of the diaphragm, 5 or more
    # roundness of the diaphragm two stops down or more: 1 is a circle, 0 a polygon whose corners
    # are on the circle. The open pupil is round.
    roundness: float = 1.0
    turn_deg: float = 0.0  # rotation of the diaphragm
    spherical: float = 0.0  # W040 on the axis
    spherical_6: float = 0.0  # W060, everywhere
    oblique_spherical: OffAxis = OffAxis()  # addition to W040 off the axis
    coma: OffAxis = OffAxis()  # W131
    astigmatism: OffAxis = OffAxis()  # W222
    # difference of W020 to the best focus on the axis
    field_curvature: OffAxis = OffAxis()
    # distance of the foci of red and blue behind that of green, µm
    axial_colour_um: tuple[float, float] = (0.0, 0.0)
    # distance by which red and blue are farther out than green in the corner, µm; proportional to
    # the field height
    lateral_colour_um: tuple[float, float] = (0.0, 0.0)
    # front, rear: the rims that make the cat's eye, from either side
    front: Rim = Rim()
    rear: Rim = Rim()

    def __post_init__(self) -> None:
        if not 0 < self.open_f_number <= self.f_number < math.inf:
            raise OpticsError(
                f"f/{self.f_number} of a lens of f/{self.open_f_number}: it opens no wider"
            )
        if not 0 < self.pixel_pitch_um < math.inf:
            raise OpticsError(
                f"a pixel pitch of {self.pixel_pitch_um} µm: give more than 0"
            )
        if self.blades < 5 or not 0 <= self.roundness <= 1:
            raise OpticsError(
                f"{self.blades} blades of roundness {self.roundness}: give 5 or more, in [0, 1]"
            )

    @property
    def stop(self) -> float:
        """Radius of the pupil relative to the open pupil, in (0, 1]."""
        return self.open_f_number / self.f_number

    @property
    def best_focus(self) -> float:
        """W020 over the open pupil where a point on the axis is sharpest (least RMS wavefront).

        With t = ρ² even on [0, s²], t² and t³ are closest to s² t and 0.9 s⁴ t but for constants.
        """
        square = self.stop**2
        return -(self.spherical * square + 0.9 * self.spherical_6 * square**2)


Array = NDArray[np.float64]

ROUND_UNTIL = 0.5
"""Radius, as a share of the open pupil's, at which the diaphragm has its full corners."""


@dataclass(frozen=True)
class Pupil:
    """The pupil that one place of the picture sees."""

    lens: RealLens
    field: Place

    @property
    def height(self) -> float:
        """Distance from the centre of the picture, 1 = corner."""
        return math.hypot(*self.field)

    @property
    def meridian(self) -> tuple[float, float]:
        """Direction of the field, a unit vector."""
        height = self.height
        if height:
            return (self.field[0] / height, self.field[1] / height)
        return (1.0, 0.0)

    def depth(self, x: Array, y: Array) -> Array:
        """Distance to the nearest edge of the opening, in radii, negative outside of it."""
        stop = self.lens.stop
        inside = self._depth_in_blades(x, y)
        along, across = self.meridian
        for rim in (self.lens.front, self.lens.rear):
            shift = rim.shift * self.height
            if abs(shift) + stop > rim.radius:
                right = x * stop - shift * along
                down = y * stop - shift * across
                from_rim = rim.radius - np.hypot(right, down)
                inside = np.minimum(inside, from_rim / stop)
        return inside

    def _depth_in_blades(self, x: Array, y: Array) -> Array:
        """Distance to the edge of the aperture, which is between a polygon and a circle."""
        lens = self.lens
        inside = 1.0 - np.hypot(x, y)
        stopped_down = (1.0 - lens.stop) / (1.0 - ROUND_UNTIL)
        flat = (1.0 - lens.roundness) * min(stopped_down, 1.0)
        if flat:
            half = math.pi / lens.blades
            angle = np.arctan2(y, x) - math.radians(lens.turn_deg)
            from_middle = np.mod(angle, 2 * half) - half
            inside -= flat * (1.0 - math.cos(half) / np.cos(from_middle))
        return inside

    def wavefront(self, x: Array, y: Array) -> Array:
        """Aberration in green without the defocus of the scene, µm."""
        w020, w040, w060, w131, w222 = self._coefficients()
        along, across = self.meridian
        radial = along * x + across * y
        square = x * x + y * y
        spherical = square * (w040 + square * w060)
        without_astigmatism = square * (w020 + spherical + w131 * radial)
        return without_astigmatism + w222 * radial * radial

    def slopes(self, x: Array, y: Array) -> tuple[Array, Array]:
        """The wavefront's derivatives in x and y, µm per radius."""
        w020, w040, w060, w131, w222 = self._coefficients()
        along, across = self.meridian
        radial = along * x + across * y
        square = x * x + y * y
        spherical = square * (2.0 * w040 + 3.0 * square * w060)
        both = 2.0 * (w020 + spherical + w131 * radial)
        meridional = w131 * square + 2.0 * w222 * radial
        slope_x = both * x + meridional * along
        slope_y = both * y + meridional * across
        return slope_x, slope_y

    def defocus(self, diameter_px: float) -> float:
        """W020 of a circle of confusion, µm: D p / (8 N)."""
        return diameter_px * self.lens.pixel_pitch_um / (8.0 * self.lens.f_number)

    def _coefficients(self) -> tuple[float, float, float, float, float]:
        """W020, W040, W060, W131, W222 over the pupil in use, µm."""
        # of the middle of the open pupil, up to the stop: a term of ρ^n scales with stop^n
        lens = self.lens
        stop = self.lens.stop
        height = self.height
        defocus = lens.best_focus + lens.field_curvature.even(height)
        spherical = lens.spherical + lens.oblique_spherical.even(height)
        return (
            defocus * stop**2 * WAVE_UM,
            spherical * stop**4 * WAVE_UM,
            lens.spherical_6 * stop**6 * WAVE_UM,
            lens.coma.odd(height) * stop**3 * WAVE_UM,
            lens.astigmatism.even(height) * stop**2 * WAVE_UM,
        )

"""Aperture of a lens: shape, aberration and vignetting of the pupil, and its two halves.

A defocused point is an image of the pupil, upside down in front of the focal plane."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from defocus.errors import OpticsError
from defocus.scene.colour_psf import across_pupil, sub_pixels
from defocus.scene.real_lens import Place
from defocus.settings import StrictNumbers

Array = NDArray[np.float64]
View: TypeAlias = Literal["left", "right"]

SUPERSAMPLING = 8
LEAST_BLADES = 5
MOST_BLADES = 12
PUPIL_STEPS = 256
OUTER_SHARE = 0.58
"""Share of the area that a cat's eye covers on the side away from the picture's centre. In the
corners of ten traced lenses the opening has a mean half-width of 0.43 radii, and its middle is 0.09
radii off."""
RADII = np.linspace(0.0, 1.0, 1025)


@dataclass(frozen=True)
class Aperture(StrictNumbers):
    """Properties that determine the shape of a defocused point."""

    # corners of the aperture, 5 to 12; 0 is a circle. The corners are on the circle of confusion.
    blades: int = 0
    turn_deg: float = 0.0  # rotation of the corners
    # spherical aberration, from -1 to 1: positive, a point behind the focus plane has a bright core
    # and one in front of it a bright rim; negative is the reverse. At 1 or -1 the rim is a caustic.
    spherical: float = 0.0
    # how much the rims of the lens barrel cover the pupil from either side in the corner of the
    # picture, in pupil diameters, from 0 (not at all) to 0.5
    cats_eye: float = 0.0

    def __post_init__(self) -> None:
        if self.blades and not LEAST_BLADES <= self.blades <= MOST_BLADES:
            raise OpticsError(
                f"{self.blades} aperture blades: give 0 (a circle) or 5 to 12"
            )
        if not -1 <= self.spherical <= 1 or not 0 <= self.cats_eye <= 0.5:
            raise OpticsError(
                f"{self}: spherical is in [-1, 1] and cats_eye in [0, 0.5]"
            )
        if not math.isfinite(self.turn_deg):
            raise OpticsError(f"{self}: the rotation must be a number")


ROUND = Aperture()
"""An ideal circular aperture."""


@dataclass(frozen=True)
class DualPixel(StrictNumbers):
    """How a dual-pixel sensor divides the pupil between its two views."""

    # The views are those of two cameras, left and right of the lens's centre, that converge on the
    # focal plane.

    # Source: the soft profile after A. Abuolaim et al., Learning to reduce defocus blur by
    # realistically modeling dual-pixel data, ICCV 2021, section 3 (a Butterworth filter on the
    # disc); here the two shares add up to 1 everywhere.

    # ``half-disc``: a straight cut through the middle of the pupil. ``butterworth``: a soft cut:
    # each view's share falls off like a Butterworth filter around the edge of its own half, as in
    # measured sensors.
    profile: Literal["half-disc", "butterworth"] = "butterworth"
    order: int = 3  # of the Butterworth filter, >= 1; greater is harder
    cutoff: float = 1.2  # of the filter, in radii of the pupil, > 0

    def __post_init__(self) -> None:
        if self.order < 1 or not 0 < self.cutoff < math.inf:
            raise OpticsError(f"{self}: order is 1 or more and cutoff above 0")

    def left_share(self, u: Array, v: Array) -> Array:
        """Share of the left view at points of the pupil, in radii, u to the right.

        ``left_share(u, v) + left_share(-u, v)`` is 1."""
        if self.profile == "half-disc":
            not_left = np.where(u > 0, 0.0, 0.5)
            return np.where(u < 0, 1.0, not_left)
        near = self._filter(np.hypot(u + 1.0, v))
        far = self._filter(np.hypot(u - 1.0, v))
        return np.asarray(near / (near + far))

    def _filter(self, distance: Array) -> Array:
        """Butterworth: 1 / (1 + (r / cutoff)^(2 order))."""
        falloff = (distance / self.cutoff) ** (2 * self.order)
        return np.asarray(1.0 / (1.0 + falloff))


def aperture_psf(
    diameter_px: float,
    aperture: Aperture = ROUND,
    field: Place = (0.0, 0.0),
) -> Array:
    """The PSF of a defocused point, anti-aliased by 8 × 8 sub-pixels: ``(K, K)``, K odd, sum 1."""
    # The chief ray is at ``K // 2``. The diameter, px, is negative in front of the focus plane; up
    # to one pixel either way it is a point. ``field`` is the place (x, y) in the picture relative
    # to its centre, 1 = distance of the corner.
    u, v, size = _pupil(diameter_px)
    if size == 1:
        return np.ones((1, 1))
    u, v, density = _origins(aperture, diameter_px, u, v)
    through = _open(aperture, field, u, v) * density
    light = _binned(np.asarray(through, np.float64), size)
    return np.asarray(light / light.sum())


def disc_psf(diameter_px: float) -> Array:
    """The PSF of a defocused ideal lens, a uniform disc: ``(K, K)``, K odd, sum 1.

    Up to a diameter of one pixel it is a point."""
    if not math.isfinite(diameter_px) or diameter_px < 0:
        raise OpticsError(
            f"a circle of confusion of {diameter_px} px has no kernel; give 0 or more"
        )
    return aperture_psf(diameter_px)


def dual_pixel_psfs(
    diameter_px: float,
    dual_pixel: DualPixel,
    aperture: Aperture = ROUND,
    field: Place = (0.0, 0.0),
) -> tuple[Array, Array]:
    """The PSFs of the left and the right view, each ``(K, K)`` of the full view's size, sum 1."""
    # Behind the focus plane the left view's light is to the left of the chief ray, in front of it
    # to the right: the disparity of the views changes its sign at the focus. Weighted with their
    # shares of the light (:func:`pupil_light`) their mean is :func:`aperture_psf`; the shares are
    # equal unless the lens barrel covers more of one half.
    u, v, size = _pupil(diameter_px)
    if size == 1:
        return np.ones((1, 1)), np.ones((1, 1))
    u, v, density = _origins(aperture, diameter_px, u, v)
    through = _open(aperture, field, u, v) * density
    light = np.asarray(through, np.float64)
    share = dual_pixel.left_share(u, v)
    left = _binned(light * share, size)
    right = _binned(light * (1.0 - share), size)
    return np.asarray(left / left.sum()), np.asarray(right / right.sum())


def pupil_light(
    aperture: Aperture,
    field: Place,
    half: tuple[DualPixel, View] | None = None,
) -> float:
    """Light through the pupil at a place in the picture, relative to the open pupil."""
    if not aperture.cats_eye:
        return 1.0
    steps = across_pupil(PUPIL_STEPS)
    u = steps[None, :]
    v = steps[:, None]
    through = _open(aperture, field, u, v).astype(np.float64)
    if half is not None:
        dual_pixel, view = half
        share = dual_pixel.left_share(u, v)
        if view == "right":
            share = 1.0 - share
        through = 2.0 * through * share
    uncovered = _open(aperture, (0.0, 0.0), u, v)
    return float(through.sum() / uncovered.sum())


def _pupil(diameter_px: float) -> tuple[Array, Array, int]:
    """Points of the pupil, in radii, that sub-pixels see, and the kernel's size in pixels."""
    if not math.isfinite(diameter_px):
        raise OpticsError(f"a circle of confusion of {diameter_px} px has no kernel")
    radius = abs(diameter_px) / 2
    size = 2 * math.ceil(max(radius - 0.5, 0.0)) + 1
    if size == 1:
        return np.zeros(1), np.zeros(1), 1
    steps = sub_pixels(size, SUPERSAMPLING) / radius
    turned = steps if diameter_px > 0 else -steps
    return turned[None, :], turned[:, None], size


def _origins(
    aperture: Aperture,
    diameter_px: float,
    u: Array,
    v: Array,
) -> tuple[Array, Array, Array | float]:
    """Points of the pupil whose rays land on points of the image, and their density there."""
    # A ray through the pupil at a radius rho lands at rho (1 - s (1 - rho²) / 2): the edge of the
    # circle of confusion stays where it is. To first order in s the light becomes 1 + s (1 - 2
    # rho²) of what it is without aberration; at s = -1 it piles up at the rim without bound.
    if not aperture.spherical:
        return u, v, 1.0
    half = aperture.spherical * math.copysign(0.5, diameter_px)
    landed = np.hypot(u, v)
    landings = RADII * (1.0 - half * (1.0 - RADII**2))
    rho = np.interp(landed, landings, RADII)
    stretch = 1.0 - half * (1.0 - rho**2)
    slope = 1.0 - half * (1.0 - 3.0 * rho**2)
    density = np.zeros_like(landed)
    np.divide(
        1.0,
        stretch * slope,
        out=density,
        where=landed < 1.0,
    )
    return u / stretch, v / stretch, density


def _open(
    aperture: Aperture,
    field: Place,
    u: Array,
    v: Array,
) -> NDArray[np.bool_]:
    """Mask of the open part of the pupil."""
    inside = u * u + v * v <= 1.0
    if aperture.blades:
        inside = _between_blades(aperture, u, v)
    if aperture.cats_eye:
        across, down = field
        for share in (-OUTER_SHARE, 1.0 - OUTER_SHARE):
            shift = 2.0 * aperture.cats_eye * share
            from_rim = np.hypot(u - shift * across, v - shift * down)
            inside = inside & (from_rim <= 1.0)
    return np.asarray(inside)


def _between_blades(aperture: Aperture, u: Array, v: Array) -> NDArray[np.bool_]:
    """Mask of a regular polygon whose corners are on the unit circle."""
    turns = 2 * math.pi * np.arange(aperture.blades) / aperture.blades
    angles = math.radians(aperture.turn_deg) + turns
    distances = [math.cos(angle) * u + math.sin(angle) * v for angle in angles]
    farthest = np.max(distances, axis=0)
    return np.asarray(farthest <= math.cos(math.pi / aperture.blades))


def _binned(light: Array, size: int) -> Array:
    """Sum sub-pixels into pixels."""
    cells = light.reshape(size, SUPERSAMPLING, size, SUPERSAMPLING)
    return np.asarray(cells.sum(axis=(1, 3)))

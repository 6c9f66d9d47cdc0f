"""PSF of a real lens, one kernel per colour."""

import math

import numpy as np
from numpy.typing import NDArray

from defocus.errors import OpticsError
from defocus.scene.pupil import Pupil
from defocus.scene.rays import pupil_grid, ray_psfs
from defocus.scene.real_lens import BANDS_UM, RealLens
from defocus.scene.waves import RINGS, wave_psfs

__all__ = [
    "colour_defocus",
    "colour_psfs",
    "colour_shifts",
    "greatest_slopes",
    "light_reach_px",
    "wave_samples",
]

Array = NDArray[np.float64]

RED, GREEN, BLUE = (band[1] for band in BANDS_UM)
SHORTEST = min(min(band) for band in BANDS_UM)
RAYS_FROM_WAVES = 8.0
"""From this defocus on (or what equals it in other aberrations) diffraction changes the MTF by
0.02 or less."""
LEAST_AIRY = 0.1
"""λN below so many pixels does not show."""
MOST_SAMPLES = 144
"""Over the pupil: where flare would need more, rays do."""
PROBE_SIDE = 24
HEIGHTS = (0.0, 0.35, 0.7, 1.0)


def colour_psfs(lens: RealLens, diameter_px: float, field: tuple[float, float]) -> Array:
    """The PSF of a point in red, green and blue, for pictures that are already sampled.

    Rays are used where they suffice, waves elsewhere. Vignetting changes the shape, never the sum.

    Args:
        lens: The lens at its aperture and pixel pitch.
        diameter_px: Signed circle-of-confusion diameter of green on the axis, px, negative in
            front of the focus plane.
        field: Place (x, y) in the picture relative to its centre, 1 = distance of the corner.

    Returns:
        ``(3, K, K)``, K odd, >= 0, each colour sums to 1, the chief ray of green at ``K // 2``.

    Raises:
        OpticsError: The diameter is not finite, or the place is outside the picture or gets no
            light past the rims.
    """
    if not math.isfinite(diameter_px) or not math.hypot(*field) <= 1.0 + 1e-9:
        raise OpticsError(
            f"no kernel for a diameter of {diameter_px} px at {field}: give a finite "
            "diameter and a place in the picture (1 = corner)"
        )
    pupil = Pupil(lens, field)
    defocus = colour_defocus(pupil, diameter_px)
    lateral = colour_shifts(pupil)
    middle = [band[1] for band in defocus]
    most, usual = greatest_slopes(pupil, middle)
    unit = lens.f_number / lens.pixel_pitch_um  # px per µm of the wavelength, or half a slope
    samples = wave_samples(lens, most, usual)
    if samples is None:
        return ray_psfs(pupil, middle, lateral, 2.0 * unit * usual)
    bands = [
        list(zip(waves, w020, strict=True)) for waves, w020 in zip(BANDS_UM, defocus, strict=True)
    ]
    farthest = max(math.hypot(*shift) for shift in lateral)
    return wave_psfs(pupil, bands, lateral, 2.0 * unit * most + farthest, samples)


def wave_samples(lens: RealLens, most: float, usual: float) -> int | None:
    """Samples across the pupil that waves need, None where rays are used instead."""
    by_rays = usual >= 2.0 * RAYS_FROM_WAVES * GREEN
    if by_rays or GREEN * lens.f_number / lens.pixel_pitch_um < LEAST_AIRY:
        return None
    samples = 16 * math.ceil((6.0 * most / SHORTEST + 32.0) / 16)
    return samples if samples <= MOST_SAMPLES else None


def light_reach_px(lens: RealLens) -> float:
    """How far light of a point in focus lands from where it should, anywhere in the picture, px.

    Args:
        lens: The lens at its aperture and pixel pitch.

    Raises:
        OpticsError: The rims leave nothing of the pupil open somewhere.
    """
    unit = lens.f_number / lens.pixel_pitch_um
    reaches = []
    for pupil in (Pupil(lens, (height, 0.0)) for height in HEIGHTS):
        most, _ = greatest_slopes(pupil, [band[1] for band in colour_defocus(pupil, 0.0)])
        farthest = max(math.hypot(*shift) for shift in colour_shifts(pupil))
        reaches.append((2.0 * most + RINGS * RED) * unit + farthest)
    return max(reaches)


def colour_defocus(pupil: Pupil, diameter_px: float) -> list[list[float]]:
    """W020 of a circle of confusion at each wavelength of red, green and blue, µm."""
    return [[_defocus(pupil, diameter_px, wave) for wave in band] for band in BANDS_UM]


def colour_shifts(pupil: Pupil) -> list[tuple[float, float]]:
    """Where the chief rays of red, green and blue land beside green's, (x, y), px."""
    lens, (across, down) = pupil.lens, pupil.field
    red, blue = lens.lateral_colour_um
    return [
        (shift / lens.pixel_pitch_um * across, shift / lens.pixel_pitch_um * down)
        for shift in (red, 0.0, blue)
    ]


def _defocus(pupil: Pupil, diameter_px: float, wave_um: float) -> float:
    """W020 at one wavelength, µm: that of the scene and the axial colour's.

    Between the three leading wavelengths the focus goes along a parabola. A focus that lies
    farther behind the lens makes the circle of confusion more like that in front of the focus
    plane: D changes by -Δz / (N p).
    """
    lens = pupil.lens
    red, blue = lens.axial_colour_um
    to_red = (wave_um - GREEN) * (wave_um - BLUE) / ((RED - GREEN) * (RED - BLUE))
    to_blue = (wave_um - GREEN) * (wave_um - RED) / ((BLUE - GREEN) * (BLUE - RED))
    focus_um = red * to_red + blue * to_blue
    return pupil.defocus(diameter_px) - focus_um / (8.0 * lens.f_number**2)


def greatest_slopes(pupil: Pupil, defocus_um: list[float]) -> tuple[float, float]:
    """The wavefront's greatest slope over the colours, and green's usual one, µm per radius.

    The usual slope is that at the rim of a pupil with nothing but defocus, 2 W020, whose slopes
    have the same RMS.
    """
    x, y = pupil_grid(PROBE_SIDE)
    open_ = pupil.depth(x, y) >= 0.0
    if not open_.any():
        raise OpticsError(f"the rims leave nothing of the pupil open at {pupil.field}: shift less")
    x, y = x[open_], y[open_]
    slope_x, slope_y = pupil.slopes(x, y)
    square = [
        np.square(slope_x + 2.0 * w020 * x) + np.square(slope_y + 2.0 * w020 * y)
        for w020 in defocus_um
    ]
    greatest = max(float(one.max()) for one in square)
    return math.sqrt(greatest), math.sqrt(2.0 * float(square[1].mean()))

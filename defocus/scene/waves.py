"""PSFs by wave optics: diffraction with aberrations."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defocus.scene.pixels import framed, kernels_of
from defocus.scene.pupil import Pupil
from defocus.scene.real_lens import BANDS_UM, RealLens

__all__ = ["RINGS", "wave_frame", "wave_light", "wave_psfs"]

Array = NDArray[np.float64]

RINGS = 8.0
"""So far out, in λN beyond the last ray, the kernel goes: all but 2.5 % of an Airy pattern."""


def wave_psfs(
    pupil: Pupil,
    bands: Sequence[Sequence[tuple[float, float]]],
    lateral_px: Sequence[tuple[float, float]],
    radius_px: float,
    samples: int,
) -> Array:
    """Make kernels by wave optics: ``(C, K, K)``, K odd, each sums to 1."""
    size, places = wave_frame(pupil.lens, radius_px)
    return kernels_of(wave_light(pupil, bands, lateral_px, places, samples), size)


def wave_frame(lens: RealLens, radius_px: float) -> tuple[int, Array]:
    """Side of the square that holds the light, px, and the places of its sub-pixels.

    The result: the side, odd, and ``(side * F,)`` distances from the chief ray of green, px, F
    odd.
    """
    unit = lens.f_number / lens.pixel_pitch_um  # px per µm of the wavelength
    longest, shortest = (limit(limit(band) for band in BANDS_UM) for limit in (max, min))
    size = framed(radius_px + RINGS * longest * unit)
    # of the spectrum, up to 1 / (λN), what is folded must stay clear of what pixels pass
    fineness = 2 * math.ceil(0.5 / (shortest * unit)) + 1
    return size, (np.arange(size * fineness) + 0.5) / fineness - size / 2


def wave_light(
    pupil: Pupil,
    bands: Sequence[Sequence[tuple[float, float]]],
    lateral_px: Sequence[tuple[float, float]],
    places: Array,
    samples: int,
) -> Array:
    """Intensity on a grid of places: |FT{A exp(2πi W)}|² by products with two matrices.

    The result: ``(C, P, P)``, in arbitrary units.
    """
    unit = pupil.lens.f_number / pupil.lens.pixel_pitch_um
    steps = (np.arange(samples) + 0.5) * 2.0 / samples - 1.0
    x, y = steps[None, :], steps[:, None]
    amplitude = np.clip(pupil.depth(x, y) * samples / 2 + 0.5, 0.0, 1.0).astype(np.float32)
    bend, square = pupil.wavefront(x, y), x * x + y * y
    light = np.zeros((len(bands), len(places), len(places)))
    for colour, band in enumerate(bands):
        for wave, defocus_um in band:
            field = amplitude * _turned((2.0 / wave) * (bend + defocus_um * square))
            across, down = (
                _turned(-1.0 / (wave * unit) * np.outer(places - shift, steps))
                for shift in lateral_px[colour]
            )
            reached = down @ field @ across.T
            light[colour] += np.square(reached.real) + np.square(reached.imag)
    return light


def _turned(half_turns: Array) -> NDArray[np.complex64]:
    """Phasors of an angle, single precision."""
    angle = (np.pi * half_turns).astype(np.float32)
    phasor = np.empty(angle.shape, np.complex64)
    phasor.real, phasor.imag = np.cos(angle), np.sin(angle)
    return phasor

"""The diameter of a disc that blurs a whole picture, from the zeros of its power spectrum."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, special

Floats = NDArray[np.float64]

LARGEST_DIAMETER_PX = 18.0
STEP_PX = 0.5
BLOCK_PX = 128
FILLING = 10.0 ** np.arange(-5.0, 0.0)
"""Constants that are tried for filling the zeros of a disc's spectrum (n in the formula of this
module)."""
POWER_LAW = (1.0, 3.5)
"""Allowed range of the exponent b. Natural pictures have about 2; a steeper fall comes from the
disc."""
FLOOR = 3e-6
"""Share of the strongest annulus below which a spectrum says nothing about the blur."""
FLAT = 1e-6
"""Contrast below which a picture is only rounding: one step of 16 bits."""
EVIDENCE = 2.0
"""Factor by which a disc must explain the spectrum better than no blur to be believed."""


@dataclass(frozen=True)
class _Spectrum:
    """Radial power spectrum: frequency in cycles per pixel and power, ``(K,)`` each."""

    frequency: Floats
    power: Floats


def disc_diameter_px(luminance: Floats) -> float:
    """The diameter of the disc that explains a picture's spectrum best, from linear light."""
    # It is 0 (no blur) or 0.5 to 18 px in steps of 0.5. The error is mostly below 0.5 px from 3 to
    # 15 px; below 3 px a disc is like a soft lens. Of several depths, the sharper parts decide.
    if np.ptp(luminance) <= FLAT:
        return 0.0
    spectrum = _radial_spectrum(luminance)
    height, width = luminance.shape
    # a block holds several rings
    largest_px = min(LARGEST_DIAMETER_PX, height / 4, width / 4)
    diameters = np.arange(0.0, largest_px + STEP_PX / 2, STEP_PX)
    misfits = np.array([_misfit(spectrum, diameter) for diameter in diameters])
    best = int(misfits.argmin())
    return float(diameters[best]) if misfits[best] * EVIDENCE < misfits[0] else 0.0


def _radial_spectrum(luminance: Floats) -> _Spectrum:
    """Mean power of half-overlapping Hann-windowed blocks, averaged over annuli."""
    side = min(BLOCK_PX, *luminance.shape)
    power = _block_power(luminance, side)
    frequency = np.hypot(fft.fftfreq(side)[:, None], fft.rfftfreq(side))
    annulus = np.rint(frequency * side).astype(int).ravel()
    counts = np.bincount(annulus)
    means = (
        np.bincount(annulus, values.ravel()) / counts for values in (frequency, power)
    )
    # the first two are the taper's; beyond Nyquist annuli are broken
    return _Spectrum(*(mean[2 : side // 2] for mean in means))


def _block_power(luminance: Floats, side: int) -> Floats:
    """Sum of the power of half-overlapping Hann-windowed blocks."""
    taper = np.hanning(side + 2)[1:-1]
    window = np.outer(taper, taper)
    blocks = np.lib.stride_tricks.sliding_window_view(luminance, (side, side))
    power = np.zeros((side, side // 2 + 1))
    for row in blocks[:: side // 2, :: side // 2]:
        centred = row - row.mean(axis=(1, 2), keepdims=True)
        power += (np.abs(fft.rfft2(centred * window)) ** 2).sum(axis=0)
    return power


def _misfit(spectrum: _Spectrum, diameter_px: float) -> float:
    """Mean squared error of the model in log power, for the best a, b and n."""
    # log P(f) = a - b log f + log(J(f)² + n): the power law of natural pictures, J the Fourier
    # transform of a disc, n what fills its zeros (noise, sharper parts).
    measured = np.log(spectrum.power + FLOOR * spectrum.power.max())
    argument = np.pi * diameter_px * spectrum.frequency
    disc = (
        2.0 * special.j1(argument) / argument
        if diameter_px > 0
        else np.ones_like(argument)
    )
    law = np.log(spectrum.frequency)
    centred = law - law.mean()
    left = measured - np.log(disc**2 + FILLING[:, None])
    slope = -(left @ centred) / (centred @ centred)
    left = left + np.clip(slope, *POWER_LAW)[:, None] * law
    return float(left.var(axis=1).min())

"""Vignetting, tint and dust of the simulated camera."""

import numpy as np
from numpy.typing import NDArray

from defocus.scene.aperture import disc_psf

__all__ = ["dust_shadow", "tint", "vignette"]

WIDEST_F_NUMBER = 1.4
PARTICLE_SHARE = 0.01
"""Diameter of a speck of dust over the width of the picture."""

DUST_HEIGHT_SHARE = 0.3
"""Distance of the speck from the pixels over the width of the picture: its shadow is blurred by
that over the f-number."""

Floats = NDArray[np.float64]


def vignette(width: int, height: int, corner_ev: float, f_number: float) -> Floats:
    """``(H, W, 1)`` factor on the light, falling with squared radius by ``corner_ev`` at f/1.4."""
    y, x = np.mgrid[0:height, 0:width]
    radius = np.hypot((x - (width - 1) / 2) / width, (y - (height - 1) / 2) / height) / np.sqrt(0.5)
    loss_ev = corner_ev * WIDEST_F_NUMBER / f_number * radius**2
    return np.asarray(2.0**-loss_ev)[:, :, None]


def tint(warmth: float) -> Floats:
    """``(3,)`` factors on red, green and blue of a light that is warmer than the sensor expects."""
    return np.array([1.0 + warmth, 1.0, 1.0 / (1.0 + warmth)])


def dust_shadow(width: int, height: int, specks: int, f_number: float, seed: int) -> Floats:
    """``(H, W, 1)`` shadows of specks, smaller and darker at narrow apertures."""
    shadow = np.zeros((height, width))
    psf = disc_psf(PARTICLE_SHARE * width)
    spot = _spread(psf / psf.max(), disc_psf(DUST_HEIGHT_SHARE * width / f_number))
    random = np.random.default_rng([seed, 0xD057])
    for x, y in random.uniform(0.1, 0.9, (specks, 2)) * (width, height):
        _add(shadow, spot, round(x), round(y))
    return np.asarray(np.clip(1.0 - shadow, 0.0, 1.0)[:, :, None])


def _spread(spot: Floats, psf: Floats) -> Floats:
    from scipy.signal import fftconvolve

    return np.asarray(np.maximum(fftconvolve(spot, psf), 0.0))


def _add(shadow: Floats, spot: Floats, x: int, y: int) -> None:
    """Add ``spot`` centred at (x, y), clipped to the picture."""
    half = spot.shape[0] // 2
    top, left = max(y - half, 0), max(x - half, 0)
    part = shadow[top : y + half + 1, left : x + half + 1]
    from_top, from_left = top - (y - half), left - (x - half)
    rows, columns = part.shape
    part += spot[from_top : from_top + rows, from_left : from_left + columns]

"""Stars and dead leaves blurred by a disc in the Fourier domain, with seeded normal noise."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import j1

from defocus.extras.charts.measures.star import SQUARE_WAVE, star_mtf
from defocus.extras.charts.measures.texture import compare_texture
from defocus.scene.leaves import leaves_picture

Array = NDArray[np.float64]

STAR_D = (1.5, 3.0, 5.0, 8.0)
LEAVES_D = (1.5, 3.0, 5.0, 8.0)
STAR_PX = 401
CYCLES = 36
FINENESS = 6
DARK, BRIGHT = 0.1, 0.7
HIGHEST = 0.4
"""Cycles per pixel up to which the star is compared; beyond it the pixels alias its harmonics."""


def disc_transfer(diameter_px: float, frequencies: Array) -> Array:
    """2 J1(x) / x with x = pi D f, signed."""
    x = np.pi * diameter_px * np.asarray(frequencies)
    x = np.maximum(x, 1e-9)
    return np.asarray(2.0 * j1(x) / x)


def star_picture(size: int, cycles: int) -> tuple[Array, Array, Array]:
    """A star of black and white sectors seen by square pixels, and its pixels' offsets."""
    steps = (np.arange(size * FINENESS) + 0.5) / FINENESS - size / 2 + 0.21
    angle = np.arctan2(steps[:, None], steps[None, :])
    bright = np.cos(cycles * angle) > 0
    by_pixel = bright.reshape(size, FINENESS, size, FINENESS)
    share = by_pixel.mean(axis=(1, 3))
    light = DARK + (BRIGHT - DARK) * share
    pixels = np.arange(size) + 0.5 - size / 2 + 0.21
    x, y = np.meshgrid(pixels, pixels)
    return light, x, y


def star_errors(diameter_px: float, noise: float = 0.0, seed: int = 0) -> Array:
    """Measured minus true transfer of a disc and the pixel, ring by ring."""
    light, x, y = star_picture(STAR_PX, CYCLES)
    contrast = SQUARE_WAVE * (BRIGHT - DARK) / (BRIGHT + DARK)
    seen = _noisy(_blurred(light, diameter_px), noise, seed)
    response = star_mtf(seen, x, y, CYCLES, contrast)
    frequencies = response.frequencies
    inside = frequencies * STAR_PX * math.pi > 1.1 * CYCLES
    kept = (frequencies < HIGHEST) & inside
    f = frequencies[kept]
    around = np.linspace(0, math.pi / 2, 16, endpoint=False)[:, None]
    across = np.sinc(f * np.cos(around))
    down = np.sinc(f * np.sin(around))
    pixel = (across * down).mean(axis=0)
    true = disc_transfer(diameter_px, f) * pixel
    return np.asarray(response.values[kept] - true)


def leaves_errors(diameter_px: float, noise: float = 0.0, seed: int = 0) -> Array:
    """Measured minus true transfer of a disc, band by band."""
    sharp = leaves_picture(512, seed=1)
    blurred = _noisy(_blurred(sharp, diameter_px), noise, seed)
    inner = (slice(64, -64), slice(64, -64))
    response = compare_texture(blurred[inner], sharp[inner]).kept
    true = np.abs(disc_transfer(diameter_px, response.frequencies))
    return np.asarray(response.values - true)


def _noisy(light: Array, noise: float, seed: int) -> Array:
    random = np.random.default_rng(seed)
    return light + noise * random.standard_normal(light.shape)


def _blurred(light: Array, diameter_px: float) -> Array:
    """Multiply the spectrum with the disc's transfer; light wraps round at the borders."""
    rows, columns = map(np.fft.fftfreq, light.shape)
    frequency = np.hypot(rows[:, None], columns[None, :])
    transfer = disc_transfer(diameter_px, frequency)
    spectrum = np.fft.fft2(light)
    return np.asarray(np.fft.ifft2(spectrum * transfer).real)

"""Phase congruency, which is high at edges and lines."""

import functools
import itertools
import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

__all__ = ["kept_phase_congruency", "phase_congruency"]

_SCALES = 4
_ORIENTATIONS = 4
_SHORTEST_WAVE_PX = 6.0
_WAVE_FACTOR = 2.0
_SIGMA_ON_FREQUENCY = 0.55
_ANGULAR_SIGMA = math.pi / (_ORIENTATIONS * 1.2)
_CUTOFF, _ORDER = 0.45, 15
_NOISE_DEVIATIONS = 2.0
_NOISE_CORRECTION = 1.7

_KEPT = 80
"""Of so many pictures: the references of a small test set, which every system is compared with."""

Array = NDArray[np.float64]


def phase_congruency(brightness: Array) -> Array:
    """How well the phases of a picture's waves agree at each pixel, >= 0; brightness to 255."""
    # Source: Kovesi 1999, with the constants of Zhang et al. 2011 (FSIM).
    waves = fft.fft2(brightness)
    energy, amplitude = np.zeros(brightness.shape), np.zeros(brightness.shape)
    for bank, noise in _banks(*brightness.shape):
        responses = fft.ifft2(waves * bank)
        strengths = np.abs(responses)
        squared = np.square(strengths[0]).ravel()
        middle = (squared.size - 1) // 2  # of two middle values the lower one
        median = float(np.partition(squared, middle)[middle])
        threshold = _threshold(median, noise)
        energy += np.maximum(_energy(responses) - threshold, 0.0)
        amplitude += strengths.sum(axis=0)
    return np.divide(energy, amplitude, out=np.zeros_like(energy), where=amplitude > 0)


def kept_phase_congruency(brightness: Array) -> Array:
    """As :func:`phase_congruency`, remembered: for pictures that are asked for again."""
    return _of_content(np.ascontiguousarray(brightness).tobytes(), brightness.shape)


@functools.lru_cache(maxsize=_KEPT)
def _of_content(content: bytes, shape: tuple[int, ...]) -> Array:
    found = phase_congruency(np.frombuffer(content).reshape(shape))
    found.setflags(write=False)
    return found


def _energy(responses: NDArray[np.complex128]) -> Array:
    """Energy of one orientation: each response along the mean phase, minus its part across."""
    total = responses.sum(axis=0)
    length = np.abs(total)
    phase = np.divide(total, length, out=np.zeros_like(total), where=length > 0)
    turned = responses * phase.conj()
    return np.asarray((turned.real - np.abs(turned.imag)).sum(axis=0))


def _threshold(median: float, noise: tuple[float, float, float]) -> float:
    """Energy that noise alone would reach, from the median of the finest squared amplitudes."""
    filter_energy, squares, products = noise
    if filter_energy == 0:  # a single pixel has no waves
        return 0.0
    power = median / math.log(2.0) / filter_energy
    total = 2.0 * power * squares + 4.0 * power * products
    tau = math.sqrt(total / 2.0)
    mean, deviation = tau * math.sqrt(math.pi / 2), tau * math.sqrt(2 - math.pi / 2)
    return (mean + _NOISE_DEVIATIONS * deviation) / _NOISE_CORRECTION


@functools.lru_cache(maxsize=2)
def _banks(height: int, width: int) -> list[tuple[Array, tuple[float, float, float]]]:
    """For each orientation, its filters ``(scales, H, W)`` and their noise energies."""
    # the first axis of the angles is the rows': which half of a wave at the largest frequency
    # counts depends on it, by about 1e-6 of a score
    x, y = np.meshgrid(_frequencies(height), _frequencies(width), indexing="ij")
    radius = np.hypot(x, y)
    angle = np.arctan2(-y, x)
    low_pass = 1.0 / (1.0 + (radius / _CUTOFF) ** (2 * _ORDER))
    radius[0, 0] = 1.0
    radial = np.stack([_log_gabor(radius, scale) * low_pass for scale in range(_SCALES)])
    radial[:, 0, 0] = 0.0
    banks = []
    for orientation in range(_ORIENTATIONS):
        bank = radial * _spread(angle, orientation * math.pi / _ORIENTATIONS)
        banks.append((bank, _noise_energies(bank)))
    return banks


def _frequencies(count: int) -> Array:
    """Frequencies of an axis, zero first; with an odd count the largest is a half, as theirs."""
    if count % 2:
        steps = np.arange(-(count - 1) // 2, (count - 1) // 2 + 1) / max(count - 1, 1)
    else:
        steps = np.arange(-count // 2, count // 2) / count
    return np.asarray(fft.ifftshift(steps))


def _log_gabor(radius: Array, scale: int) -> Array:
    centre = 1.0 / (_SHORTEST_WAVE_PX * _WAVE_FACTOR**scale)
    return np.exp(-(np.log(radius / centre) ** 2) / (2 * math.log(_SIGMA_ON_FREQUENCY) ** 2))


def _spread(angle: Array, centre: float) -> Array:
    sine = np.sin(angle) * math.cos(centre) - np.cos(angle) * math.sin(centre)
    cosine = np.cos(angle) * math.cos(centre) + np.sin(angle) * math.sin(centre)
    return np.exp(-(np.arctan2(sine, cosine) ** 2) / (2 * _ANGULAR_SIGMA**2))


def _noise_energies(bank: Array) -> tuple[float, float, float]:
    """Energy of the finest filter, and sums of squares and products of all filters in space."""
    spatial = fft.ifft2(bank).real * math.sqrt(bank[0].size)
    squares = float(np.square(spatial).sum())
    products = sum(
        float((first * second).sum()) for first, second in itertools.combinations(spatial, 2)
    )
    return float(np.square(bank[0]).sum()), squares, products

"""Feature similarity of colour pictures (FSIMc): phase congruency, gradients and chroma."""

import functools
import itertools
import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from defocus.benchmark.metrics.metric import (
    Mask,
    Metric,
    MetricUnavailableError,
    Picture,
)
from defocus.benchmark.scoring.profiles import Profile

_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]]
)
_PHASE, _GRADIENT, _CHROMA = 0.85, 160.0, 200.0
"""Constants that keep the similarities from dividing by 0, for values in [0, 255]."""

_CHROMA_EXPONENT = 0.03
_SIDE_PX = 256
"""Approximate shorter side, px, to which pictures are averaged down."""

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
"""Number of references that are remembered: those of a small test set, with which every system is
compared."""

_KEPT_OUTPUTS = 8
"""Number of restored pictures that are remembered: those that are scored at once, each under
several protocols."""

Array = NDArray[np.float64]


def feature_similarity(
    restored: Picture,
    reference: Picture,
    mask: Mask,
    *,
    chroma: bool = True,
) -> float:
    """FSIMc, or FSIM of the brightness only, in [0, 1]; higher is better."""
    # Where the mask is false the restored picture shows the reference, and averaged pixels are
    # weighted by their share inside. Source: Zhang et al. 2011, constants as in the authors' code.
    shown = np.where(mask[:, :, None], restored, reference)
    factor = max(1, round(min(mask.shape) / _SIDE_PX))
    first = _yiq(shown, factor)
    second = _yiq(reference, factor)
    luma, reference_luma = first[:, :, 0], second[:, :, 0]
    phase = _of_output(*_content(luma))
    reference_phase = kept_phase_congruency(reference_luma)
    near = _similarity(phase, reference_phase, _PHASE)
    near = near * _similarity(_gradient(luma), _gradient(reference_luma), _GRADIENT)
    if chroma:
        of_each = _similarity(first[..., 1:], second[..., 1:], _CHROMA)
        colours = of_each.prod(axis=2)
        near = near * np.abs(colours) ** _CHROMA_EXPONENT
    covered = _averaged(mask[:, :, None].astype(np.float64), factor)[:, :, 0]
    weights = np.maximum(phase, reference_phase) * covered
    total = float(weights.sum())
    if total == 0:
        raise MetricUnavailableError(
            "neither picture has structure that FSIM could compare"
        )
    return float((near * weights).sum()) / total


def _yiq(picture: Picture, factor: int) -> Array:
    """Brightness to 255 and two colours, ``(H, W, 3)``, of a picture that is reduced."""
    colours = _averaged(255.0 * picture, factor) @ _YIQ.T
    return np.asarray(colours, np.float64)


def _similarity(first: Array, second: Array, constant: float) -> Array:
    return (2 * first * second + constant) / (first**2 + second**2 + constant)


def _averaged(picture: Array, factor: int) -> Array:
    """Means of square blocks of pixels; incomplete blocks at bottom and right are dropped."""
    full_height, full_width, channels = picture.shape
    height = full_height // factor
    width = full_width // factor
    whole = picture[: height * factor, : width * factor]
    total = np.zeros((height, width, channels))
    for row, column in np.ndindex(factor, factor):
        total += whole[row::factor, column::factor]
    return total / factor**2


def _gradient(brightness: Array) -> Array:
    """Length of Scharr's gradient, with zeros around the picture."""
    padded = np.pad(brightness, 1)
    across = padded[:, 2:] - padded[:, :-2]
    down = padded[2:] - padded[:-2]
    x = _across_edge(across[:-2], across[1:-1], across[2:])
    y = _across_edge(down[:, :-2], down[:, 1:-1], down[:, 2:])
    return np.hypot(x, y)


def _across_edge(before: Array, at: Array, after: Array) -> Array:
    """The mean of three neighbouring differences with Scharr's weights."""
    return (3 * before + 10 * at + 3 * after) / 16


def _fsim(restored: Picture, reference: Picture, mask: Mask, profile: Profile) -> float:  # noqa: ARG001 - every metric takes the profile
    return feature_similarity(restored, reference, mask)


def phase_congruency(brightness: Array) -> Array:
    """How well the phases of a picture's waves agree at each pixel, >= 0; brightness to 255."""
    # The sum over orientations of max(energy - threshold of noise, 0), divided by the sum of all
    # amplitudes. Source: Kovesi 1999, with the constants of Zhang et al. 2011 (FSIM).
    waves = fft.fft2(brightness)
    energy = np.zeros(brightness.shape)
    amplitude = np.zeros(brightness.shape)
    for bank, noise in _banks(*brightness.shape):
        responses = fft.ifft2(waves * bank)
        strengths = np.abs(responses)
        threshold = _threshold(_lower_median(np.square(strengths[0])), noise)
        energy += np.maximum(_energy(responses) - threshold, 0.0)
        amplitude += strengths.sum(axis=0)
    none = np.zeros_like(energy)
    return np.divide(energy, amplitude, out=none, where=amplitude > 0)


def _lower_median(values: Array) -> float:
    """The median; of two middle values the lower one."""
    middle = (values.size - 1) // 2
    return float(np.partition(values.ravel(), middle)[middle])


def kept_phase_congruency(brightness: Array) -> Array:
    """As :func:`phase_congruency`, remembered: for pictures that are asked for again."""
    return _of_reference(*_content(brightness))


def _content(brightness: Array) -> tuple[bytes, tuple[int, ...]]:
    """The values by which a picture is known again, and its shape."""
    return np.ascontiguousarray(brightness).tobytes(), brightness.shape


def _of_content(content: bytes, shape: tuple[int, ...]) -> Array:
    congruency = phase_congruency(np.frombuffer(content).reshape(shape))
    congruency.setflags(write=False)
    return congruency


_of_reference = functools.lru_cache(maxsize=_KEPT)(_of_content)
_of_output = functools.lru_cache(maxsize=_KEPT_OUTPUTS)(_of_content)


def _energy(responses: NDArray[np.complex128]) -> Array:
    """Energy of one orientation: each response along the mean phase, minus its part across."""
    # The parts along the mean phase add up to the length of the sum of all responses.
    total = responses.sum(axis=0)
    length = np.abs(total)
    none = np.zeros_like(length)
    scale = np.divide(1.0, length, out=none, where=length > 0)
    cosine = total.real * scale
    sine = total.imag * scale
    across = responses.imag * cosine
    across -= responses.real * sine
    np.abs(across, out=across)
    return np.asarray(length - across.sum(axis=0))


def _threshold(median: float, noise: tuple[float, float, float]) -> float:
    """Energy that noise alone would reach, from the median of the finest squared amplitudes."""
    # Noise alone has Rayleigh's distribution, with the mean tau * sqrt(pi / 2) and the variance
    # tau² * (2 - pi / 2). Source: Kovesi 1999.
    filter_energy, squares, products = noise
    if filter_energy == 0:  # a single pixel has no waves
        return 0.0
    power = median / math.log(2.0) / filter_energy
    total = 2.0 * power * squares + 4.0 * power * products
    tau = math.sqrt(total / 2.0)
    mean = tau * math.sqrt(math.pi / 2)
    deviation = tau * math.sqrt(2 - math.pi / 2)
    highest = mean + _NOISE_DEVIATIONS * deviation
    return highest / _NOISE_CORRECTION


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
    scales = [_log_gabor(radius, scale) * low_pass for scale in range(_SCALES)]
    radial = np.stack(scales)
    radial[:, 0, 0] = 0.0
    banks = []
    for orientation in range(_ORIENTATIONS):
        centre = orientation * math.pi / _ORIENTATIONS
        bank = radial * _spread(angle, centre)
        banks.append((bank, _noise_energies(bank)))
    return banks


def _frequencies(count: int) -> Array:
    """Frequencies of an axis, zero first; with an odd count the largest is a half, as in FSIM."""
    if count % 2:
        last = count - 1
        places = np.arange(-last // 2, last // 2 + 1)
        steps = places / max(last, 1)
    else:
        steps = np.arange(-count // 2, count // 2) / count
    return np.asarray(fft.ifftshift(steps))


def _log_gabor(radius: Array, scale: int) -> Array:
    """A filter of one scale: exp(-(log(radius / centre))² / (2 * log(sigma)²))."""
    centre = 1.0 / (_SHORTEST_WAVE_PX * _WAVE_FACTOR**scale)
    octaves = np.log(radius / centre)
    width = 2 * math.log(_SIGMA_ON_FREQUENCY) ** 2
    return np.exp(-(octaves**2) / width)


def _spread(angle: Array, centre: float) -> Array:
    """Weight of an angle by its distance from ``centre``, a Gaussian around the circle."""
    # sin(a - c) = sin(a) cos(c) - cos(a) sin(c), and likewise for the cosine
    sin_angle = np.sin(angle)
    cos_angle = np.cos(angle)
    sin_centre = math.sin(centre)
    cos_centre = math.cos(centre)
    sine = sin_angle * cos_centre - cos_angle * sin_centre
    cosine = cos_angle * cos_centre + sin_angle * sin_centre
    distance = np.arctan2(sine, cosine)
    return np.exp(-(distance**2) / (2 * _ANGULAR_SIGMA**2))


def _noise_energies(bank: Array) -> tuple[float, float, float]:
    """Energy of the finest filter, and sums of squares and products of all filters in space."""
    finest = bank[0]
    spatial = fft.ifft2(bank).real * math.sqrt(finest.size)
    squares = float(np.square(spatial).sum())
    products = 0.0
    for first, second in itertools.combinations(spatial, 2):
        products += float((first * second).sum())
    filter_energy = float(np.square(finest).sum())
    return filter_energy, squares, products


METRIC = Metric(
    name="fsim",
    display_name="FSIMc",
    better="higher",
    unit="",
    decimals=3,
    compute=_fsim,
    span=(0.0, 1.0),
    profiles=("defocus-v1",),
)

"""Deconvolution with a PSF per pixel: by levels, or by Richardson-Lucy with the varying blur.

By levels it rings where blur changes abruptly; knowing the blur of each pixel costs more."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from defocus.baselines.operators.domain import Array, Domain, Mirrored, Spectrum
from defocus.scene.aperture import disc_psf

Shape: TypeAlias = Literal["disc", "gaussian"]

SUPPORT = 4.0
"""Standard deviations that a Gaussian kernel reaches to each side."""
LEAST_SIGMA_PX = 0.118
"""Smallest standard deviation of a blur, px. Below it the weights of the neighbours are smaller
than the rounding of a value."""


def sigma_of(diameter_px: float) -> float:
    """Standard deviation, px, of the Gaussian with the second moment of a disc: c / 4."""
    return diameter_px / 4


@lru_cache(maxsize=256)
def kernel(diameter_px: float, shape: Shape) -> NDArray[np.float64]:
    """The kernel of a circle of confusion of a diameter in px: odd-sized, sum 1, symmetric."""
    if shape == "disc":
        return disc_psf(diameter_px)
    sigma = sigma_of(diameter_px)
    return gaussian_psf(sigma, math.ceil(SUPPORT * sigma))


def gaussian_psf(sigma_px: float, radius_px: int) -> NDArray[np.float64]:
    """A Gaussian at the pixels' centres, sum 1; a point if sigma is below 0.118 px."""
    if sigma_px < LEAST_SIGMA_PX:
        return np.ones((1, 1))
    places = np.arange(-radius_px, radius_px + 1)
    axis = np.exp(-0.5 * (places / sigma_px) ** 2)
    values = np.outer(axis, axis)
    return np.asarray(values / values.sum())


Method: TypeAlias = Callable[[Array, Iterable[Spectrum], Domain], Iterator[Array]]
"""Function from a channel ``(H, W)`` and the transfer functions of the levels to the channel at
each level."""

FINEST_PX = 0.25
"""Smallest distance between two levels of blur, px."""
POINT_PX = 1.0
"""A disc up to this diameter, px, counts as a point."""


def blur_levels(diameter_px: Array, count: int) -> NDArray[np.float64]:
    """Rising diameters, at most ``count``, whose kernels stand for a map's."""
    # They are those that occur, to a quarter of a pixel, where these are few; else evenly spaced
    # ones.
    blurred = np.maximum(np.asarray(diameter_px, np.float64), POINT_PX)
    occurring = np.unique(np.round(blurred / FINEST_PX)) * FINEST_PX
    if len(occurring) <= count:
        return np.asarray(occurring)
    return np.linspace(occurring[0], occurring[-1], count)


def hat_weights(diameter_px: Array, levels: Array) -> Iterator[Array]:
    """Per level, the share ``(H, W)`` that it has in each pixel; they add up to 1."""
    numbers = np.arange(len(levels))
    place = np.interp(diameter_px, levels, numbers).astype(np.float32)
    for index in range(len(levels)):
        yield np.maximum(1 - np.abs(place - index), 0)


def deconvolve(
    picture: Array,
    diameter_px: Array,
    method: Method,
    *,
    shape: Shape,
    count: int,
) -> NDArray[np.float32]:
    """Deconvolve with the kernels of a map of circles of confusion, px; not clipped."""
    levels = blur_levels(diameter_px, count)
    height, width = diameter_px.shape
    domain, padding = fast_domain(height, width)
    transfers = [domain.transfer(kernel(float(level), shape)) for level in levels]
    # all of the picture by each level, as the rim of a part rings; mixtures leave no seams
    weights = list(hat_weights(diameter_px, levels))
    restored = np.zeros(picture.shape, np.float32)
    for channel in range(picture.shape[2]):
        values = picture[:, :, channel].astype(np.float32)
        padded = np.pad(values, padding, mode="symmetric")
        estimates = method(padded, transfers, domain)
        total = np.zeros((height, width), np.float32)
        for weight, estimate in zip(weights, estimates, strict=True):
            total += weight * estimate[:height, :width]
        restored[:, :, channel] = total
    return restored


def fast_domain(
    height: int,
    width: int,
) -> tuple[Mirrored, tuple[tuple[int, int], tuple[int, int]]]:
    """The mirrored domain, padded to a size whose transforms are fast, and that padding."""
    rows = fft.next_fast_len(height, real=True)
    columns = fft.next_fast_len(width, real=True)
    padding = ((0, rows - height), (0, columns - width))
    return Mirrored((rows, columns)), padding


LEAST = 1e-4
"""Smallest value of light, because the method divides by it."""
LEAST_SHARE = 0.1
"""The prior never multiplies a pixel by more than the inverse of this in one step."""
GRADIENT_FLOOR = 1e-6
"""Number that is added to squared gradients, so that a flat area has a direction."""


@dataclass(frozen=True)
class VaryingBlur:
    """A x = sum over levels l of W_l (k_l * x): each pixel has its own kernel; the W_l sum to 1."""

    domain: Mirrored
    transfers: tuple[NDArray[np.float32], ...]
    weights: tuple[NDArray[np.float32], ...]

    def apply(self, scene: Array) -> Array:
        """The blurry picture of a scene, ``(H, W)``."""
        spectrum = self.domain.forward(scene)
        parts = zip(self.weights, self.transfers, strict=True)
        blurred = np.zeros_like(scene)
        for weight, transfer in parts:
            blurred += weight * self.domain.inverse(spectrum * transfer)
        return blurred

    def adjoint(self, picture: Array) -> Array:
        """The adjoint of :meth:`apply`."""
        parts = zip(self.weights, self.transfers, strict=True)
        total = np.zeros_like(picture)
        for weight, transfer in parts:
            total += self.domain.forward(weight * picture, spent=True) * transfer
        return self.domain.inverse(total)


def varying_blur(diameter_px: Array, *, shape: Shape, count: int) -> VaryingBlur:
    """The blur of a map of circles of confusion, px, reflected to a size with a fast transform."""
    height, width = diameter_px.shape
    domain, padding = fast_domain(height, width)
    padded = np.pad(diameter_px, padding, mode="symmetric")
    levels = blur_levels(padded, count)
    kernels = (kernel(float(level), shape) for level in levels)
    transfers = tuple(domain.transfer(psf).astype(np.float32) for psf in kernels)
    return VaryingBlur(domain, transfers, tuple(hat_weights(padded, levels)))


def richardson_lucy_varying(
    blurry: Array,
    blur: VaryingBlur,
    iterations: int,
    smoothness: float,
) -> Array:
    """Accelerated steps x ← x · Aᵀ(y / Ax) / Aᵀ1 / (1 - lambda div(grad x / |grad x|))."""
    # Source: Dey et al., Microscopy Research and Technique 69 (2006) for the prior; Biggs and
    # Andrews, Applied Optics 36 (1997) for the acceleration.
    seen = _widened(blurry, blur.domain.shape)
    norm = np.maximum(blur.adjoint(np.ones_like(seen)), LEAST)
    scene = before = seen
    last = np.zeros_like(seen)
    earlier = np.zeros_like(seen)
    for number in range(iterations):
        ahead = _ahead(last, earlier, number, scene, before)
        ratio, prior = _ratio_and_prior(blur, smoothness, seen, ahead)
        before = scene
        scene = np.maximum(ahead * ratio / norm / prior, 0)
        last, earlier = scene - ahead, last
    height, width = blurry.shape
    return scene[:height, :width]


def _widened(blurry: Array, shape: tuple[int, int]) -> Array:
    """The picture mirrored below and on the right up to a shape, with some light everywhere."""
    height, width = blurry.shape
    below = shape[0] - height
    right = shape[1] - width
    wide = np.pad(blurry, ((0, below), (0, right)), mode="symmetric")
    return np.maximum(wide, np.float32(LEAST))


def _ahead(
    last: Array,
    earlier: Array,
    number: int,
    scene: Array,
    before: Array,
) -> Array:
    """The estimate, moved on in the direction of the last step."""
    along = float(np.vdot(last, earlier))
    length = float(np.vdot(earlier, earlier))
    share = 0.0
    if number > 1:
        share = min(max(along / max(length, LEAST**2), 0.0), 1.0)
    ahead = scene + np.float32(share) * (scene - before)
    return np.maximum(ahead, 0)


def _ratio_and_prior(
    blur: VaryingBlur,
    smoothness: float,
    seen: Array,
    ahead: Array,
) -> tuple[Array, Array]:
    """Correction of the estimate by the picture, and the prior that divides it."""
    expected = np.maximum(blur.apply(ahead), LEAST)
    ratio = blur.adjoint(seen / expected)
    smoothed = 1 - np.float32(smoothness) * _curvature(ahead, blur.domain)
    prior = np.maximum(smoothed, LEAST_SHARE)
    return ratio, prior


def _curvature(scene: Array, domain: Mirrored) -> Array:
    """div(grad x / |grad x|)."""
    right, below = domain.gradient(scene)
    squares = right * right + below * below
    length = np.sqrt(squares + np.float32(GRADIENT_FLOOR))
    return -domain.adjoint(right / length, below / length)

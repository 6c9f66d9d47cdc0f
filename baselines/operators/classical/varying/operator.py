"""Blur operator with per-pixel kernels, and its Richardson-Lucy deconvolution.

Mixing pictures that were deconvolved as a whole, each with one kernel, rings where blur changes
abruptly. An iteration that knows the blur of each pixel does not, and costs more.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from defocus.baselines.operators.classical.deconvolution.domain import Array, Mirrored
from defocus.baselines.operators.classical.psf import Shape, kernel
from defocus.baselines.operators.classical.varying.levels import blur_levels, hat_weights

__all__ = ["VaryingBlur", "richardson_lucy_varying", "varying_blur"]

LEAST = 1e-4
"""No light is less than this; the method divides by it."""
LEAST_SHARE = 0.1
"""The prior never multiplies a pixel by more than the inverse of this in one step."""
GRADIENT_FLOOR = 1e-6
"""Added to squared gradients, so that a flat area has a direction."""


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
    height, width = (fft.next_fast_len(side, real=True) for side in diameter_px.shape)
    padding = ((0, height - diameter_px.shape[0]), (0, width - diameter_px.shape[1]))
    padded = np.pad(diameter_px, padding, mode="symmetric")
    levels = blur_levels(padded, count)
    domain = Mirrored((height, width))
    kernels = (kernel(float(level), shape) for level in levels)
    transfers = tuple(domain.transfer(psf).astype(np.float32) for psf in kernels)
    return VaryingBlur(domain, transfers, tuple(hat_weights(padded, levels)))


def richardson_lucy_varying(
    blurry: Array, blur: VaryingBlur, iterations: int, smoothness: float
) -> Array:
    """Accelerated steps x ← x · Aᵀ(y / Ax) / Aᵀ1 / (1 - lambda div(grad x / |grad x|))."""
    # Source: Dey et al., Microscopy Research and Technique 69 (2006) for the prior; Biggs and
    # Andrews, Applied Optics 36 (1997) for the acceleration.
    height, width = blurry.shape
    padding = ((0, blur.domain.shape[0] - height), (0, blur.domain.shape[1] - width))
    seen = np.maximum(np.pad(blurry, padding, mode="symmetric"), np.float32(LEAST))
    norm = np.maximum(blur.adjoint(np.ones_like(seen)), LEAST)
    scene = before = seen
    last, earlier = np.zeros_like(seen), np.zeros_like(seen)
    for number in range(iterations):
        along, length = float(np.vdot(last, earlier)), float(np.vdot(earlier, earlier))
        share = min(max(along / max(length, LEAST**2), 0.0), 1.0) if number > 1 else 0.0
        ahead = np.maximum(scene + np.float32(share) * (scene - before), 0)
        ratio = blur.adjoint(seen / np.maximum(blur.apply(ahead), LEAST))
        prior = np.maximum(1 - np.float32(smoothness) * _curvature(ahead, blur.domain), LEAST_SHARE)
        before, scene = scene, np.maximum(ahead * ratio / norm / prior, 0)
        last, earlier = scene - ahead, last
    return scene[:height, :width]


def _curvature(scene: Array, domain: Mirrored) -> Array:
    """div(grad x / |grad x|)."""
    right, below = domain.gradient(scene)
    length = np.sqrt(right * right + below * below + np.float32(GRADIENT_FLOOR))
    return -domain.adjoint(right / length, below / length)

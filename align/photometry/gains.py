"""Photometric difference of a pair: gain and offset of each channel."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.photometry.blur_matching import matched_blur
from defocus.align.sampling.pyramid import factor_for, reduced
from defocus.align.uncertainty import Array, block_sigma, blocks_of
from defocus.images import FloatImage

__all__ = ["GainMatch", "Photometry", "photometry"]

SATURATED = 0.95
DARK = 0.004
WINDOW_PX = 31
STRIDE_PX = 8
LARGEST_SIDE = 400
"""Larger pictures are reduced by a whole factor: window means need no detail."""
LEAST_RELIABLE = 0.25
"""Share of a window's pixels that must be reliable."""
OFFSET_PRIOR = 0.01
"""Stray light that a lens may add, as a share of white: decides where contrast decides nothing."""
NOISE_LEVEL = 0.02
"""Light at which a window's error turns from a share of its light into a constant."""
STEEPNESS = 10.0
"""Measured on rendered pairs, 15 px of blur: the errors of the gain fall from 0.4 to 0.04 %."""
SHARED_ERROR = (5e-4, 1e-4)
"""Of gain and offset, what all blocks have in common: rounding, noise that is cut at black."""
SMALLEST_ERROR = 1e-6
ROUNDS = 6
HUBER = 1.5


Triple: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True)
class GainMatch:
    """Model of the blurry member's linear light: gain · sharp + offset.

    Attributes:
        gain: Factor of each channel.
        offset: Offset of each channel, in shares of white.
    """

    gain: Triple
    offset: Triple

    def applied(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert sharp light ``(…, 3)`` to the exposure of the blurry member, clipped at black."""
        gain, offset = (np.array(values, np.float32) for values in (self.gain, self.offset))
        return np.asarray(np.maximum(light * gain + offset, np.float32(0.0)))


@dataclass(frozen=True)
class Photometry(GainMatch):
    """A match with its standard errors (1 σ).

    Attributes:
        gain_ev: log2 of blurry over sharp light, median over the picture, all channels together.
        gain_sigma, offset_sigma: ``(3,)`` standard errors.
        gain_ev_sigma: Standard error.
    """

    gain_ev: float
    gain_sigma: Triple
    offset_sigma: Triple
    gain_ev_sigma: float


def photometry(
    blurry: NDArray[np.float32],
    sharp: NDArray[np.float32],
    inside: NDArray[np.bool_],
    reliable: NDArray[np.bool_],
) -> Photometry | None:
    """Compare the light of a pair, independent of the blur.

    Blur keeps the mean over an area larger than itself, so window means are compared, away from
    saturated pixels (a highlight that clips in one member loses light only there), after the sharp
    member was blurred like the other one. Gain and offset are a robust fit (Huber) with errors in
    proportion to the light; the offset is held near zero if the picture has too little contrast to
    separate it from the gain.

    Args:
        blurry: ``(H, W, 3)``, linear light.
        sharp: Same shape, registered onto the blurry picture.
        inside: ``(H, W)``, where both show the scene.
        reliable: ``(H, W)``, where the registration is reliable.

    Returns:
        The result; None if nothing can be compared.
    """
    bad = _saturated(blurry) | _saturated(sharp) | ~inside
    factor = factor_for(blurry.shape, LARGEST_SIDE)
    untouched = _window(reduced(bad.astype(np.float32), factor)) <= 0.001
    share = _window(reduced(reliable.astype(np.float32), factor))
    small = reduced(blurry, factor)
    first = _window(small)
    second = _window(_equally_blurred(small, reduced(sharp, factor)))
    good = untouched & (share >= LEAST_RELIABLE)
    good &= (first.mean(axis=2) > DARK) & (second.mean(axis=2) > DARK)
    rows, columns = np.nonzero(good[::STRIDE_PX, ::STRIDE_PX])
    if rows.size == 0:
        return None
    # a window amid others that differ from it is the more in error, whatever moves light there
    steep = np.abs(cv2.blur(second, (3 * WINDOW_PX, 3 * WINDOW_PX)) - second)
    b, s, d = (
        p[::STRIDE_PX, ::STRIDE_PX][rows, columns].astype(np.float64)
        for p in (first, second, steep)
    )
    blocks = blocks_of(rows * STRIDE_PX, columns * STRIDE_PX, good.shape)
    found = [_robust_fit(s[:, c], b[:, c], d[:, c]) for c in range(3)]
    fits = np.array([fit.gain_offset for fit in found])
    sigmas = np.array([_fit_sigma(s[:, c], b[:, c], fit, blocks) for c, fit in enumerate(found)])
    sigmas = np.hypot(sigmas, SHARED_ERROR)
    ratio = np.log2(b.mean(axis=1) / s.mean(axis=1))
    ev_sigma = block_sigma(blocks, lambda i: float(np.median(ratio[i])))
    return Photometry(
        gain=_triple(fits[:, 0]),
        offset=_triple(fits[:, 1]),
        gain_ev=float(np.median(ratio)),
        gain_sigma=_triple(sigmas[:, 0]),
        offset_sigma=_triple(sigmas[:, 1]),
        gain_ev_sigma=float(ev_sigma),
    )


def _saturated(picture: NDArray[np.float32]) -> NDArray[np.bool_]:
    red, green, blue = cv2.split(picture)  # ten times quicker than max over an axis
    return np.asarray(cv2.max(cv2.max(red, green), blue) >= SATURATED)


def _triple(values: Array) -> Triple:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _window(picture: FloatImage) -> NDArray[np.float32]:
    return np.asarray(cv2.blur(picture, (WINDOW_PX, WINDOW_PX)), np.float32)


def _equally_blurred(blurry: NDArray[np.float32], sharp: NDArray[np.float32]) -> FloatImage:
    """The sharp picture with the blur of the other, so that equal light leaves each window."""
    gain = np.float32(blurry.mean() / max(float(sharp.mean()), 1e-6))
    matched, _ = matched_blur(blurry, sharp * gain)
    return matched / max(gain, np.float32(1e-6))


@dataclass(frozen=True)
class _Fit:
    """Gain and offset, the squared weights of the samples, and the prior's on the offset."""

    gain_offset: Array
    weights: Array
    prior: float


def _fit_sigma(s: Array, b: Array, fit: _Fit, blocks: NDArray[np.int_]) -> Array:
    """Standard errors from normal equations summed over blocks, with the weights of the fit."""
    parts = [blocks == block for block in np.unique(blocks)]
    equations = [_normal(s[p], b[p], fit.weights[p]) for p in parts]
    matrices, rights = (np.stack(sides) for sides in zip(*equations, strict=True))
    prior = np.diag([0.0, fit.prior])
    return block_sigma(
        np.arange(len(parts)),
        lambda i: np.linalg.solve(matrices[i].sum(axis=0) + prior, rights[i].sum(axis=0)),
    )


def _robust_fit(s: Array, b: Array, d: Array) -> _Fit:
    """Gain and offset of b = gain · s + offset, each error in proportion to b and to d."""
    precision = 1.0 / (b + NOISE_LEVEL + STEEPNESS * d)
    weights, prior = precision**2, (0.05 / OFFSET_PRIOR) ** 2
    for _ in range(ROUNDS):
        normal, right = _normal(s, b, weights)
        found = np.linalg.solve(normal + np.diag([0.0, prior]), right)
        residual = np.abs(precision * (b - found[0] * s - found[1]))
        scale = max(1.4826 * float(np.median(residual)), SMALLEST_ERROR)
        used = _Fit(np.asarray(found, np.float64), weights, prior)
        weights = precision**2 * np.minimum(1.0, HUBER * scale / np.maximum(residual, 1e-12))
        prior = (scale / OFFSET_PRIOR) ** 2
    return used


def _normal(s: Array, b: Array, weights: Array) -> tuple[Array, Array]:
    """Normal equations of b = gain · s + offset."""
    rows = np.stack([s, np.ones_like(s)])
    return (rows * weights) @ rows.T, (rows * weights) @ b

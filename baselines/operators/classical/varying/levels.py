"""Deconvolution with per-pixel kernels, approximated by blur levels of the whole picture.

A part of a picture cannot be deconvolved by itself, as its rim rings. So the whole picture is
deconvolved with every level's kernel, and each pixel takes a mixture of the two levels next to its
own blur: no seams where the map crosses from one level to the next.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from defocus.baselines.operators.classical.deconvolution.domain import (
    Array,
    Domain,
    Mirrored,
    Spectrum,
)
from defocus.baselines.operators.classical.psf import Shape, kernel

__all__ = ["Method", "blur_levels", "deconvolve", "hat_weights"]

Method: TypeAlias = Callable[[Array, Iterable[Spectrum], Domain], Iterator[Array]]
"""From a channel ``(H, W)`` and the levels' transfer functions to the channel at each level."""

FINEST_PX = 0.25
"""Levels are not closer than this."""
POINT_PX = 1.0
"""A disc up to this diameter is a point."""


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
    place = np.interp(diameter_px, levels, np.arange(len(levels))).astype(np.float32)
    for index in range(len(levels)):
        yield np.maximum(1 - np.abs(place - index), 0)


def deconvolve(
    picture: Array, diameter_px: Array, method: Method, *, shape: Shape, count: int
) -> NDArray[np.float32]:
    """Deconvolve with the kernels of a map of circles of confusion, px; not clipped."""
    levels = blur_levels(diameter_px, count)
    height, width = diameter_px.shape
    domain = Mirrored((fft.next_fast_len(height, real=True), fft.next_fast_len(width, real=True)))
    padding = ((0, domain.shape[0] - height), (0, domain.shape[1] - width))
    transfers = [domain.transfer(kernel(float(level), shape)) for level in levels]
    weights = list(hat_weights(diameter_px, levels))
    restored = np.zeros(picture.shape, np.float32)
    for channel in range(picture.shape[2]):
        padded = np.pad(picture[:, :, channel].astype(np.float32), padding, mode="symmetric")
        total = np.zeros((height, width), np.float32)
        for weight, found in zip(weights, method(padded, transfers, domain), strict=True):
            total += weight * found[:height, :width]
        restored[:, :, channel] = total
    return restored

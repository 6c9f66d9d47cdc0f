"""Conversion of stored pictures to linear light, a few rows at a time."""

import numba
import numpy as np

from defocus.align.arrays import Singles
from defocus.align.sampling.pyramid import reduced
from defocus.pictures import values
from defocus.pictures.values import (
    Image,
    as_integer,
    as_linear,
    bit_depth,
    linear_table,
    linear_to_srgb,
)

LUMINANCE = np.array(values.LUMINANCE, np.float32)
ROWS_AT_ONCE = 256


def encoded(linear: Singles, bits: int) -> Image:
    """Encode linear light for storage, clipped to 0..1."""
    clipped = np.minimum(linear, np.float32(1.0))
    return as_integer(linear_to_srgb(clipped), bits)


def reduced_light(
    picture: Image, factor: int, weights: Singles | None = None
) -> Singles:
    """Linear light averaged over squares of ``factor`` px; weighted channels are ``(h, w)``."""
    step = max(ROWS_AT_ONCE // factor, 1) * factor
    height = max(picture.shape[0] // factor, 1) * factor
    strips = []
    for top in range(0, height, step):
        bottom = min(top + step, height)
        strip = picture[top:bottom]
        if weights is None:
            strips.append(_mean_light(strip, factor))
            continue
        weighted = as_linear(strip) @ weights
        strips.append(reduced(weighted, factor))
    return np.concatenate(strips)


def reduced_twice(picture: Image, factor: int, further: int) -> tuple[Singles, Singles]:
    """Luminance reduced by a factor, and linear light by ``further`` times it, in one pass."""
    whole = factor * further
    step = max(ROWS_AT_ONCE // whole, 1) * whole
    luminance: list[Singles] = []
    light: list[Singles] = []
    for top in range(0, picture.shape[0], step):
        strip = picture[top : top + step]
        if len(strip) < factor and luminance:
            break
        half = _mean_light(strip, factor)
        luminance.append(half @ LUMINANCE)
        if len(half) >= further or not light:
            light.append(reduced(half, further))
    return np.concatenate(luminance), np.concatenate(light)


def _mean_light(picture: Image, factor: int) -> Singles:
    """``reduced(as_linear(picture), factor)``, to the bit; halving takes a quarter of its time."""
    height = picture.shape[0] // 2
    width = picture.shape[1] // 2
    if factor != 2 or not height or not width:
        return reduced(as_linear(picture), factor)
    means = np.empty((height, width, 3), np.float32)
    table = linear_table(bit_depth(picture))
    _halve(picture, table, means)
    return means


@numba.njit(nogil=True, cache=True)
def _halve(picture, table, means):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    """Fill in the means of a table's values, added in the order in which OpenCV adds them."""
    height, width, _ = means.shape
    for y in range(height):
        upper = picture[2 * y]
        lower = picture[2 * y + 1]
        mean = means[y]
        for x in range(width):
            left = 2 * x
            right = left + 1
            for c in range(3):
                total = table[upper[left, c]]
                total = total + table[upper[right, c]]
                total = total + table[lower[left, c]]
                total = total + table[lower[right, c]]
                mean[x, c] = total * np.float32(0.25)

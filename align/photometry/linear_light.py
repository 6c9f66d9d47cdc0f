"""Conversion of stored pictures to linear light, a few rows at a time."""

import numpy as np
from numpy.typing import NDArray

from defocus.align.sampling.pyramid import reduced
from defocus.images import Image, as_integer, as_linear, linear_to_srgb

__all__ = ["LUMINANCE", "encoded", "reduced_light", "reduced_twice"]

Array = NDArray[np.float32]
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
ROWS_AT_ONCE = 256


def encoded(linear: Array, bits: int) -> Image:
    """Encode linear light for storage, clipped to 0..1."""
    return as_integer(linear_to_srgb(np.minimum(linear, np.float32(1.0))), bits)


def reduced_light(picture: Image, factor: int, weights: Array | None = None) -> Array:
    """Linear light of a picture, averaged over squares of ``factor`` pixels, in bounded memory.

    Args:
        picture: ``(H, W, 3)`` uint8 or uint16.
        factor: Integer reduction; 1 keeps the size.
        weights: ``(3,)`` for a weighted sum of the channels, such as :data:`LUMINANCE`.

    Returns:
        ``(h, w, 3)`` float32, or ``(h, w)`` with ``weights``.
    """
    step = max(ROWS_AT_ONCE // factor, 1) * factor
    height = max(picture.shape[0] // factor, 1) * factor
    strips = []
    for top in range(0, height, step):
        light = as_linear(picture[top : min(top + step, height)])
        strips.append(reduced(light if weights is None else light @ weights, factor))
    return np.concatenate(strips)


def reduced_twice(picture: Image, factor: int, further: int) -> tuple[Array, Array]:
    """Luminance reduced by a factor, and linear light by a multiple of it, in one pass.

    Args:
        picture: ``(H, W, 3)`` uint8 or uint16.
        factor: Integer reduction of the luminance.
        further: By so much more the light is reduced.

    Returns:
        ``(h, w)`` and ``(h', w', 3)`` float32, as of two calls of :func:`reduced_light`.
    """
    whole = factor * further
    step = max(ROWS_AT_ONCE // whole, 1) * whole
    luminance: list[Array] = []
    light: list[Array] = []
    for top in range(0, picture.shape[0], step):
        strip = as_linear(picture[top : top + step])
        if len(strip) < factor and luminance:
            break
        half = reduced(strip, factor)
        luminance.append(half @ LUMINANCE)
        if len(half) >= further or not light:
            light.append(reduced(half, further))
    return np.concatenate(luminance), np.concatenate(light)

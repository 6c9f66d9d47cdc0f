"""Photographs of the chart through a known lens."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.scene.colour_psf import colour_psfs
from defocus.scene.real_lens import RealLens

Floats = NDArray[np.float64]

TILE = 24
NOISE = 0.004
"""Standard deviation of the noise in linear light, 0 to 1."""


def through_lens(
    light: Floats,
    lens: RealLens,
    diameter_px: float,
    seed: int = 0,
) -> Floats:
    """A picture blurred tile by tile with the kernel of the tile's middle, with noise."""
    height, width = light.shape[:2]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    random = np.random.default_rng(seed)
    seen = NOISE * random.standard_normal(light.shape)
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            bottom = min(top + TILE, height)
            right = min(left + TILE, width)
            x, y = _field_of((left + right - 1) / 2, (top + bottom - 1) / 2, centre)
            kernels = colour_psfs(lens, diameter_px, (x, y))
            box = (left, top, right, bottom)
            seen[top:bottom, left:right] += _blurred_tile(light, box, kernels)
    return np.asarray(np.clip(seen, 0.0, 1.0))


def _field_of(x: float, y: float, centre: Floats) -> tuple[float, float]:
    """A place of the picture, of which the corners are at a distance of 1 from the centre."""
    off = np.array([x, y]) - centre
    right, down = off / np.hypot(*centre)
    return float(right), float(down)


def _blurred_tile(
    light: Floats,
    box: tuple[int, int, int, int],
    kernels: Floats,
) -> Floats:
    """A tile behind the kernel of each colour; the border of the picture is repeated."""
    left, top, right, bottom = box
    reach = kernels.shape[-1] // 2
    part = _surroundings(light, box, reach)
    inside = np.s_[reach : reach + bottom - top, reach : reach + right - left]
    tile = np.empty((bottom - top, right - left, len(kernels)))
    for colour, kernel in enumerate(kernels):
        sharp = np.ascontiguousarray(part[:, :, colour])
        turned = np.ascontiguousarray(kernel[::-1, ::-1])  # OpenCV correlates
        blurred = cv2.filter2D(sharp, -1, turned, borderType=cv2.BORDER_REFLECT)
        tile[:, :, colour] = blurred[inside]
    return tile


def _surroundings(light: Floats, box: tuple[int, int, int, int], reach: int) -> Floats:
    """A part of the picture with what lies around it; the border of the picture is repeated."""
    height, width = light.shape[:2]
    left, top, right, bottom = box
    rows = np.clip(np.arange(top - reach, bottom + reach), 0, height - 1)
    columns = np.clip(np.arange(left - reach, right + reach), 0, width - 1)
    return light[np.ix_(rows, columns)]

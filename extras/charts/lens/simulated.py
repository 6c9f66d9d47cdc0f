"""Photographs of the chart through a known lens."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.scene.colour_psf import colour_psfs
from defocus.scene.real_lens import RealLens

Floats = NDArray[np.float64]

TILE = 24


def through_lens(
    light: Floats,
    lens: RealLens,
    diameter_px: float,
    noise: float = 0.004,
    seed: int = 0,
) -> Floats:
    """A picture blurred tile by tile with the kernel of the tile's middle, with noise."""
    height, width = light.shape[:2]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    seen = noise * np.random.default_rng(seed).standard_normal(light.shape)
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            bottom = min(top + TILE, height)
            right = min(left + TILE, width)
            middle = np.array([(left + right - 1) / 2, (top + bottom - 1) / 2]) - centre
            field = middle / np.hypot(*centre)
            kernels = colour_psfs(lens, diameter_px, (float(field[0]), float(field[1])))
            reach = kernels.shape[-1] // 2
            rows = np.clip(np.arange(top - reach, bottom + reach), 0, height - 1)
            columns = np.clip(np.arange(left - reach, right + reach), 0, width - 1)
            part = light[np.ix_(rows, columns)]
            for colour, kernel in enumerate(kernels):
                blurred = cv2.filter2D(
                    np.ascontiguousarray(part[:, :, colour]), -1,
                    np.ascontiguousarray(kernel[::-1, ::-1]), borderType=cv2.BORDER_REFLECT,
                )  # fmt: skip
                seen[top:bottom, left:right, colour] += blurred[
                    reach : reach + bottom - top, reach : reach + right - left
                ]
    return np.asarray(np.clip(seen, 0.0, 1.0))

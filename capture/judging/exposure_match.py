"""Exposure and colour difference of two shots of one scene."""

import numpy as np
from numpy.typing import NDArray

from defocus.capture.judging.quick_look import CLIPPED
from defocus.capture.judging.sharpness import block_means
from defocus.images import FloatImage

__all__ = ["Light", "compare_light"]

BLOCK_PX = 32
"""Light is compared over blocks: blur carries it across pixels, hardly across blocks."""

BLACK = 0.002
"""Linear value up to which a block counts as black."""

RED, GREEN, BLUE = 0, 1, 2


class Light:
    """Light of two pictures over their comparable area."""

    def __init__(self, sums: NDArray[np.float64]) -> None:
        """Create it from ``(2, 3)`` sums over red, green and blue."""
        self._sums = sums

    @property
    def gain_ev(self) -> float:
        """log2 of the light of the first over that of the second picture."""
        first, second = self._sums.sum(axis=1)
        return float(np.log2(first / second))

    @property
    def colour_ev(self) -> tuple[float, float]:
        """Red and blue relative to green of the first picture, compared with the second, EV."""
        ratios = np.log2(np.maximum(self._sums[0], 1e-9) / np.maximum(self._sums[1], 1e-9))
        return float(ratios[RED] - ratios[GREEN]), float(ratios[BLUE] - ratios[GREEN])


def compare_light(
    first: FloatImage, second: FloatImage, inside: NDArray[np.bool_] | None = None
) -> Light | None:
    """Compare ``(H, W, 3)`` linear light in [0, 1] where neither picture is clipped or black.

    None if every block of 32 × 32 pixels is black or has clipped pixels.
    """
    shown = np.ones(first.shape[:2], bool) if inside is None else inside
    clipped = (np.maximum(first, second).max(axis=2) >= CLIPPED) & shown
    usable = block_means(clipped, BLOCK_PX) == 0
    light = np.array(
        [
            [block_means(picture[:, :, channel] * shown, BLOCK_PX) for channel in range(3)]
            for picture in (first, second)
        ]
    )
    usable &= light.mean(axis=1).min(axis=0) > BLACK
    return Light(light[:, :, usable].sum(axis=2)) if usable.any() else None

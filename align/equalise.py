"""Giving the members of a pair one blur, so that flow can be measured between them.

Flow estimators compare brightness, or features learned from equally sharp pictures: a blurred
edge has neither the brightness nor the gradients of the sharp one. The sharper member is therefore
blurred by what the pair itself shows of the difference, place by place.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.align.blur_matching import matched_blur

__all__ = ["Equalised", "equalised"]

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Equalised:
    """A pair of one blur.

    Attributes:
        blurry: ``(H, W, 3)`` float32, linear light.
        sharp: Same shape, blurred where it was the sharper one.
        coc_px: ``(H, W)`` float32, disc diameter that was added to the sharp member.
    """

    blurry: Array
    sharp: Array
    coc_px: Array


def equalised(blurry: Array, sharp: Array) -> Equalised:
    """Blur the sharp member as the blurry one is blurred.

    Args:
        blurry: ``(H, W, 3)`` float32, linear light.
        sharp: Same shape, on the blurry grid to within a few pixels, of the same exposure.
    """
    matched, diameters_px = matched_blur(blurry, sharp)
    return Equalised(blurry, matched, diameters_px)

"""The exposure difference inside a pair."""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.images import FloatImage

__all__ = ["gain_ev"]

SATURATED = 0.95
DARK = 0.004


def gain_ev(
    blurry: FloatImage, sharp: FloatImage, inside: NDArray[np.bool_], window_px: int = 31
) -> float | None:
    """log2 of linear blurry over linear sharp light, blind to the blur.

    Blur keeps the mean over an area larger than itself, so window means are compared, away from
    saturated and black pixels (a highlight that clips in one member loses light in it alone).

    Args:
        blurry: ``(H, W, 3)``, linear light.
        sharp: The same, registered onto the blurry picture.
        inside: ``(H, W)``, where both show the scene.
        window_px: Side of the averaging window.

    Returns:
        EV, the median over the picture, or None where nothing can be compared.
    """
    bad = (blurry.max(axis=2) >= SATURATED) | (sharp.max(axis=2) >= SATURATED) | ~inside
    window = (window_px, window_px)
    touched = cv2.blur(bad.astype(np.float32), window) > 0.001
    first, second = (cv2.blur(picture.mean(axis=2), window) for picture in (blurry, sharp))
    good = ~touched & (first > DARK) & (second > DARK)
    if not good.any():
        return None
    return float(np.median(np.log2(first[good] / second[good])))

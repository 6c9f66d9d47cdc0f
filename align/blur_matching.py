"""Blurring the sharp picture as the blurry one is blurred, place by place.

The phase of a defocus PSF's spectrum jumps by 180 degrees beyond its first zero, so that a sharp
and a strongly blurred picture disagree even where they are aligned. A sharp picture blurred alike
agrees. Discs are symmetric, so this moves nothing.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.optics.psf import disc_psf

__all__ = ["DIAMETERS_PX", "matched_blur"]

DIAMETERS_PX = (0.0, 2.0, 3.5, 5.0, 7.0, 9.5, 12.5, 16.0, 20.0)
"""Circle-of-confusion diameters that are tried."""


def matched_blur(
    blurry: NDArray[np.float32],
    sharp: NDArray[np.float32],
    largest_px: float = DIAMETERS_PX[-1],
    window_px: int = 25,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The sharp picture under the disc blur that makes it locally most like the blurry one.

    Args:
        blurry: ``(H, W)``, linear light.
        sharp: Same shape, registered to within the window, of the same exposure.
        largest_px: No greater diameter is tried.
        window_px: Side of the square over which squared differences are summed.

    Returns:
        The blurred picture and the chosen diameters in pixels, both ``(H, W)``.
    """
    diameters = [d for d in DIAMETERS_PX if d <= largest_px]
    best = np.full(blurry.shape, np.inf, dtype=np.float32)
    matched = sharp.copy()
    chosen = np.zeros_like(sharp)
    for diameter in diameters:
        candidate = _disc_blurred(sharp, diameter)
        cost = cv2.blur((candidate - blurry) ** 2, (window_px, window_px))
        better = cost < best
        best = np.where(better, cost, best)
        matched = np.where(better, candidate, matched)
        chosen = np.where(better, np.float32(diameter), chosen)
    return matched, chosen


def _disc_blurred(picture: NDArray[np.float32], diameter: float) -> NDArray[np.float32]:
    if diameter <= 1:
        return picture
    blurred = cv2.filter2D(picture, cv2.CV_32F, disc_psf(diameter), borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, dtype=np.float32)

"""Best score that the noise of the sharp picture allows."""

import cv2
import numpy as np

from defocus.images import Image, as_float

__all__ = ["ceiling_db"]

_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
KERNEL_LENGTH = 6.0
MAD_TO_SIGMA = 1.4826


def ceiling_db(sharp: Image) -> float | None:
    """PSNR (dB) of the noise-free scene against the sharp picture in [0, 1]; None without noise."""
    # Immerkær, Fast noise variance estimation, CVIU 1996, with the median instead of the mean:
    # edges and texture hardly affect the median response to the difference of two Laplacians.
    picture = np.asarray(as_float(sharp), dtype=np.float32)
    response = cv2.filter2D(picture, cv2.CV_32F, _KERNEL)[1:-1, 1:-1]
    if response.size == 0:
        return None
    sigmas = MAD_TO_SIGMA / KERNEL_LENGTH * np.median(np.abs(response), axis=(0, 1))
    power = float(np.mean(sigmas**2))
    return None if power == 0.0 else -10.0 * float(np.log10(power))

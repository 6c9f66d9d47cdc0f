"""Registration by intensity (ECC), an independent check of the registration by tiles."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["ecc_step"]

ITERATIONS = 60


def ecc_step(
    blurry: NDArray[np.float32], matched: NDArray[np.float32]
) -> NDArray[np.float64] | None:
    """Affine movement left between pictures that are registered and blurred alike; or None.

    Source: Evangelidis and Psarakis, Parametric image alignment using ECC (TPAMI 2008).
    """
    inside = np.full(blurry.shape, 255, dtype=np.uint8)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, ITERATIONS, 1e-5)
    try:
        _, affine = cv2.findTransformECC(
            blurry, matched, np.eye(2, 3, dtype=np.float32), cv2.MOTION_AFFINE, criteria, inside, 5
        )
    except cv2.error:  # how OpenCV says that the iteration diverged
        return None
    return np.vstack([affine.astype(np.float64), [0.0, 0.0, 1.0]])

"""Registration by intensity (ECC), an independent check of the registration by tiles."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["ecc_step"]

ITERATIONS = 60


def ecc_step(
    blurry: NDArray[np.float32], matched: NDArray[np.float32]
) -> NDArray[np.float64] | None:
    """Remaining movement found by intensity-based registration, or None if it does not converge.

    Args:
        blurry: ``(H, W)`` grey.
        matched: Same shape, registered and blurred alike.

    Returns:
        ``(3, 3)`` affine transform from ``blurry`` to ``matched`` positions.

    Source: Evangelidis and Psarakis, Parametric image alignment using enhanced correlation
    coefficient maximization (TPAMI 2008).
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

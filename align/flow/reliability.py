"""Expected error of a dense flow, and the mask where it is small enough.

The standard error of the fit knows nothing of places where its model fails: at edges of depth,
where blur mixes two motions, and where the two ways disagree. Their shares were fitted to the true
errors on the choosing split of the truth set, so that the expectation is the mean error.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["believed", "expected_error"]

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

OF_STANDARD_ERROR = 0.32
OF_CONSISTENCY = 4.1
"""Both ways are held by the same expectation, so that a little disagreement means much."""
OF_CHANGE_PX = 7.3
"""A flow that changes is uncertain by what it changes over so many pixels."""
OF_BLUR = 0.0082

RELIABLE_PX = 0.5


def expected_error(standard_error: Array, consistency: Array, residual: Array, coc: Array) -> Array:
    """The error to be expected, all in pixels of the picture that was measured.

    Args:
        standard_error: ``(H, W)`` float32, of the fit.
        consistency: ``(H, W)``, distance from its start of the way there and back.
        residual: ``(2, H, W)``, the flow that the registration left.
        coc: ``(H, W)``, relative blur, diameter.

    Returns:
        ``(H, W)`` float32.
    """
    terms = (
        OF_STANDARD_ERROR * standard_error,
        OF_CONSISTENCY * consistency,
        OF_CHANGE_PX * _change(residual),
        OF_BLUR * coc,
    )
    return np.sqrt(np.sum([term * term for term in terms], axis=0, dtype=np.float32))


def believed(expected: Array, standard_error: Array, occluded: Mask) -> Mask:
    """Where the flow counts as reliable.

    A wall without texture errs little as long as the registration is right, but nothing there
    says that it is: its standard error alone must be small enough.
    """
    return ~occluded & (expected <= RELIABLE_PX) & (standard_error <= RELIABLE_PX)


def _change(residual: Array) -> Array:
    """Length of the flow's gradient, pixels per pixel."""
    squares = [
        cv2.Sobel(component, cv2.CV_32F, dx, 1 - dx, scale=1 / 8) ** 2
        for component in residual
        for dx in (0, 1)
    ]
    return np.asarray(np.sqrt(np.sum(squares, axis=0)), np.float32)

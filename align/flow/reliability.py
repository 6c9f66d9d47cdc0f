"""Expected error of a dense flow, and the mask where it is small enough.

The standard error of the fit does not cover places where its model fails: depth edges, blur that
mixes two motions, and disagreement of forward and backward flow. The weights of these terms were
fitted to the true errors on the split ``choose`` of the rendered pairs, so that the expectation
equals the mean error.
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
    """The expected error ``(H, W)``, px of the measured picture, as are all arguments."""
    terms = (
        OF_STANDARD_ERROR * standard_error,
        OF_CONSISTENCY * consistency,
        OF_CHANGE_PX * _change(residual),
        OF_BLUR * coc,
    )
    return np.sqrt(np.sum([term * term for term in terms], axis=0, dtype=np.float32))


def believed(expected: Array, standard_error: Array, occluded: Mask) -> Mask:
    """The mask of reliable flow; the standard error alone must be small enough too.

    A wall without texture has small errors if the registration is right, but gives no evidence.
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

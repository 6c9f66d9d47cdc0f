"""Expected error of a dense flow, and the mask where it is small enough.

The standard error of the fit does not cover places where its model fails: depth edges, blur that
mixes two motions, and disagreement of forward and backward flow. The weights of these terms were
fitted to the true errors on the split ``choose`` of the rendered pairs, so that the expectation
equals the mean error.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.robust_fit import ERROR_OVER_COC

__all__ = ["believed", "expected_error", "supported"]

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

TILE_PX = 32
"""Side of the place that is judged; what predicts it lies around it, up to three sides away."""
LEAST_SHARE = 0.25
"""Of the tile, and of what lies around it, that has to be reliable."""
OWN_ERROR_PX = 0.05
"""Error of a flow beyond its prediction where nothing is blurred; with blur it grows as that of a
registered tile does."""
SIGNIFICANT = 3.0
LEFT_SHARE = 0.5
"""Of a place's squared flow that the flow around it may leave unexplained."""


def supported(residual: Array, uncertainty_px: Array, coc_px: Array, reliable: Mask) -> Mask:
    """Where the flow around a place predicts that place, left out, better than no flow does.

    It must be longer than three times what a blur of its size errs by; all values are in px.
    """
    counted = reliable.astype(np.float32)
    terms = [*residual, uncertainty_px, np.abs(coc_px)]
    sums = [counted, *(counted * term for term in terms)]
    own = np.stack([_box(one, TILE_PX) for one in sums])
    around = [_box(one, 3 * TILE_PX) - part for one, part in zip(sums[:3], own[:3], strict=True)]
    share, ring_share = own[0] / TILE_PX**2, around[0] / (8 * TILE_PX**2)
    x, y, expected, coc = own[1:] / np.maximum(own[0], 1)
    near_x, near_y = (one / np.maximum(around[0], 1) for one in around[1:])
    squared = x * x + y * y
    variance = expected**2 + OWN_ERROR_PX**2 + (ERROR_OVER_COC * coc) ** 2
    left = (x - near_x) ** 2 + (y - near_y) ** 2
    return np.asarray(
        (share >= LEAST_SHARE)
        & (ring_share >= LEAST_SHARE)
        & (squared > SIGNIFICANT**2 * variance)
        & (left < LEFT_SHARE * squared)
    )


def _box(values: Array, side: int) -> Array:
    return np.asarray(
        cv2.boxFilter(
            values, cv2.CV_32F, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT
        )
    )


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

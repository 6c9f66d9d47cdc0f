"""A small part of the sharp member that is blurred, as by a drop or a smear on the lens.

Tests of the whole picture miss it: it covers a hundredth of it."""

import cv2
import numpy as np

from defocus.align.arrays import Mask, Singles
from defocus.align.sampling.pyramid import resized_to
from defocus.align.sharp_member.cells import (
    LEAKED,
    LEAST_ENERGY,
    NO_DETAIL,
    OVER_NOISE,
    Cells,
)

WIDTH = 0.04
"""Side of the square over which detail is averaged, as a share of the picture's width: it fits into
a drop of 5 % of the width."""
LEAST_CELLS = 3
"""Least side of that square, cells. A smaller one shows single edges."""
BRIGHTEST = 0.93
"""Largest mean code of a cell. Where a member is saturated, its detail is lost."""
BLURRIER_PX = 2.0
"""Blur, px, by which the map of blur must show the sharp member as the blurrier one. Without this
limit, light that a blur spreads looks like detail of the blurry member."""


def patch_stops(blurry: Cells, sharp: Cells, coc_px: Singles) -> float:
    """How much less fine detail the sharp member has where it lacks most, stops; at least 0.

    ``coc_px`` is the map of blur, negative where the sharp member is the blurrier one."""
    known = np.isfinite(sharp.fine)
    side = max(LEAST_CELLS, round(WIDTH * known.shape[1]))
    square = (side, side)
    in_sharp = _mean(np.where(known, sharp.fine, 0), square, sharp.noise)
    in_blurry = _mean(blurry.fine, square, blurry.noise)
    blur_px = cv2.blur(resized_to(coc_px, known.shape), square)
    around = np.ones((2 * side + 1, 2 * side + 1), np.uint8)
    near = cv2.dilate(in_sharp, around)
    noise = max(blurry.noise, sharp.noise)
    least = max(OVER_NOISE * noise, LEAST_ENERGY)
    brighter = np.maximum(blurry.codes, sharp.codes)
    seen = known & (brighter < BRIGHTEST)
    lacking = _within(seen, square) & (in_blurry > least)
    lacking &= in_blurry >= LEAKED * near
    lacking &= blur_px < -BLURRIER_PX
    if not lacking.any():
        return 0.0
    # grain may hide as much detail as it has energy
    at_most = in_sharp[lacking] + np.float32(noise)
    stops = np.log2(in_blurry[lacking] / at_most) / 2
    return max(float(stops.max()), 0.0)


def _mean(energy: Singles, square: tuple[int, int], noise: float) -> Singles:
    """Mean energy over a square, without that of the noise."""
    means = cv2.blur(np.asarray(energy, np.float32), square)
    above_noise = means - np.float32(noise)
    return np.asarray(np.maximum(above_noise, np.float32(NO_DETAIL)), np.float32)


def _within(seen: Mask, square: tuple[int, int]) -> Mask:
    """Where a whole square is seen."""
    inside = cv2.erode(seen.astype(np.uint8), np.ones(square, np.uint8))
    return np.asarray(inside > 0)

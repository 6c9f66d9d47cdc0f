"""Fine detail and grain of both members at (nearly) full size: a reduced copy shows neither."""

from dataclasses import dataclass

import cv2
import numpy as np

from defocus.align.arrays import Doubles, Mask, Singles
from defocus.align.sharp_member.cells import (
    LEAKED,
    LEAST_ENERGY,
    NO_DETAIL,
    OVER_NOISE,
    Cells,
)
from defocus.align.sharp_member.crisp import crisp_stops
from defocus.align.sharp_member.patch import patch_stops
from defocus.align.sharp_member.texture import ROUNDING

FINE_SIDE = 2048
"""Longest side, px; larger pictures are reduced by a whole factor. At the full size of a camera of
24 megapixels diffraction softens each good sharp member at a small aperture."""
EXCEEDING_SHARE = 0.02
"""Share of the tiles that exceed the reported number."""
LEAST_TILES = 30
SMOOTHEST = 0.1
"""Share of the cells that show grain: those with the least coarse detail."""
LEAST_CELLS = 40
"""Least number of cells that show grain."""
GREY = (0.06, 0.93)
"""Codes between which grain is compared: near black and white the codes end."""


@dataclass(frozen=True)
class FineDetail:
    """How the fine detail of both members differs; None if it is unknown."""

    # by how much the blurry member has more of it, where it has most
    finer_stops: float | None = None
    grain_stops: float | None = None  # grain of the sharp member over the blurry one's
    # by how much the sharp member has more of it, and less, where the blurry one is crisp
    oversharp_stops: float | None = None
    softer_stops: float | None = None
    # by how much it has less of it in the small part that lacks most; None without a map of blur
    patch_stops: float | None = None


def fine_detail(
    blurry: Singles,
    sharp: Singles,
    matrix: Doubles,
    coc_px: Singles | None = None,
) -> FineDetail:
    """Compare the fine detail and the grain of both members, luminance ``(H, W)``, linear.

    ``matrix`` leads from places of the blurry member to those of the sharp one; ``coc_px`` is the
    map of blur on any grid, in px of the blurry member."""
    own = Cells.of(blurry)
    other = Cells.of(sharp)
    other = other.moved(matrix, own.fine.shape)
    grain_stops = _grain_stops(own, other)
    crisp = crisp_stops(own, other, grain_stops)
    oversharp, softer = (None, None) if crisp is None else crisp
    patch = None if coc_px is None else patch_stops(own, other, coc_px)
    return FineDetail(
        _finer_stops(own, other),
        grain_stops,
        oversharp,
        softer,
        patch,
    )


def _finer_stops(blurry: Cells, sharp: Cells) -> float | None:
    """By how much the blurry member has more fine detail, exceeded in 2 % of the tiles; at least 0.

    None if the picture has too few tiles."""
    in_blurry = blurry.detail_of_tiles
    in_sharp = sharp.detail_of_tiles
    known = np.isfinite(in_sharp)
    if known.sum() < LEAST_TILES:
        return None
    in_sharp = np.where(known, in_sharp, np.float32(0))
    near = cv2.dilate(in_sharp, np.ones((3, 3), np.uint8))
    noise = max(blurry.noise, sharp.noise)
    least = max(OVER_NOISE * noise, LEAST_ENERGY)
    textured = known & (in_blurry > least)
    textured &= in_blurry >= LEAKED * near
    own = np.maximum(in_blurry, NO_DETAIL)
    ratio = own / np.maximum(in_sharp, NO_DETAIL)
    stops = np.where(textured, np.log2(ratio) / 2, 0)
    exceeded = np.quantile(stops[known], 1 - EXCEEDING_SHARE)
    return max(float(exceeded), 0.0)


def _grain_stops(blurry: Cells, sharp: Cells) -> float | None:
    """Grain of the sharp member over that of the blurry one where both are the smoothest, stops."""
    grey = _is_grey(blurry.codes) & _is_grey(sharp.codes)
    if not grey.any():
        return None
    coarse = np.maximum(blurry.coarse, sharp.coarse)
    most = np.quantile(coarse[grey], SMOOTHEST)
    smooth = grey & (coarse <= most)
    if smooth.sum() < LEAST_CELLS:
        return None
    sharp_grain = _grain(sharp.rough[smooth])
    ratios = sharp_grain / _grain(blurry.rough[smooth])
    return float(np.median(np.log2(ratios)))


def _is_grey(codes: Singles) -> Mask:
    darkest, brightest = GREY
    grey = (codes > darkest) & (codes < brightest)
    return np.asarray(grey)


def _grain(rough: Singles) -> Doubles:
    """Standard deviation of the noise that gives a mean absolute response, codes."""
    # the filter's weights have a root sum of squares of 6
    deviation = np.sqrt(np.pi / 2) / 6 * rough
    return np.asarray(np.hypot(deviation, ROUNDING))

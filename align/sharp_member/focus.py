"""Focus elsewhere: tiles where the sharp member is softer than the blurry one or its best."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blur.gradients import slopes

Array = NDArray[np.float32]

FINE_PX, COARSE_PX = 0.8, 1.8
"""Widths of the two Gaussians whose gradients show how soft an edge is."""
TILE_PX = 48
"""Side of the tiles whose edges are taken together, px."""
LEAST_GRADIENT = 0.012
"""Least coarse gradient of an edge, codes a px."""
RIDGE_PX, NEAR_RIDGE = 5, 0.98
"""Side of a square, px, and share of the largest gradient in it from which a pixel lies on an
edge."""
LEAST_EDGES, CRISPEST = 30, 0.2
"""Least number of edge pixels of a tile, and the quantile of their softness that is taken for the
tile: its crispest edges, because shadows and round things have soft edges even in focus."""
LEAST_RATIO, SOFTEST_PX = 1.02, 6.0
"""Least squared ratio of the two gradients that shows a softness, and largest softness that is
reported, as a standard deviation in px."""
DISC_OF_SIGMA = 4.0
"""Diameter of the disc whose standard deviation along one axis is 1."""
STOPPED_DOWN = 0.2
"""Share of the blurry member's blur that a smaller aperture may leave in a good sharp member."""
LEAST_TILES, LEAST_SHARE = 8, 0.25
"""Least number of tiles with edges, and their least share. A sky or a wall shows too little."""
DIRECTIONS, MIDDLE = 16, 0.15
"""Number of directions in which a picture is halved, and the share of half its side that is left
out around the dividing line."""
CRISP_TILES, CRISP_PX = 0.25, 2.0
"""The quantile of a half's tiles that shows what it has in focus, and the diameter up to which that
is in focus. Whatever a scene has, some of it is crisp in either half of a good sharp member."""
ALIKE_PX = 1.0
"""Blur, px, by which the blurry member may exceed the sharp one while both show a tile alike. What
is soft in both is soft in the scene, as a shadow is."""
ELSEWHERE_PX = 1.0
"""Blur, px, by which the sharp member must exceed the blurry one for a tile to count as out of
focus."""


def focus_elsewhere(codes: Array, coc_px: Array) -> tuple[float, float] | None:
    """Share of tiles with edges where the sharp member is the blurrier one, and a softness, px.

    The softness is that of the softer half, without what its aperture leaves. None if too few tiles
    have edges."""
    diameter = edge_diameters(codes)
    edged = np.isfinite(diameter)
    if edged.sum() < max(LEAST_TILES, LEAST_SHARE * edged.size):
        return None
    coc = _tile_means(coc_px)
    elsewhere = float((coc[edged] < -ELSEWHERE_PX).mean())
    return elsewhere, _softer_half_px(_softness_px(diameter, coc))


def _softness_px(diameter: Array, coc: Array) -> Array:
    """Softness of each tile of the sharp member, without what its aperture or the scene leaves.

    Where the blurry member shows a tile alike, only what the sharp one has more counts."""
    left_px = np.float32(STOPPED_DOWN) * np.maximum(coc, np.float32(0))
    softness = diameter - left_px
    beyond_blurry = np.float32(CRISP_PX) + np.maximum(-coc, np.float32(0))
    alike = coc < ALIKE_PX
    counted = np.where(alike, np.minimum(softness, beyond_blurry), softness)
    return np.asarray(counted, np.float32)


def _softer_half_px(diameter: Array) -> float:
    """How much softer the crispest tiles of one half are than those of the other, px.

    ``diameter`` is that of each tile, NaN where it is unknown; 0 where both halves are crisp."""
    height, width = diameter.shape
    rows = slice(-1, 1, complex(height))
    columns = slice(-1, 1, complex(width))
    y, x = np.mgrid[rows, columns]
    known = np.isfinite(diameter)
    most = 0.0
    for angle in np.arange(DIRECTIONS) * 2 * math.pi / DIRECTIONS:
        side = math.cos(angle) * x + math.sin(angle) * y
        soft = known & (side > MIDDLE)
        crisp = known & (side < -MIDDLE)
        if min(soft.sum(), crisp.sum()) >= LEAST_TILES:
            softer = np.quantile(diameter[soft], CRISP_TILES)
            best = np.quantile(diameter[crisp], CRISP_TILES)
            most = max(most, float(softer - max(best, CRISP_PX)))
    return most


def edge_diameters(codes: Array) -> Array:
    """Diameter of the disc that softens the crisper edges of each tile, px; NaN without edges."""
    fine = _slope(codes, FINE_PX)
    coarse = _slope(codes, COARSE_PX)
    ridge = np.asarray(
        cv2.dilate(coarse, np.ones((RIDGE_PX, RIDGE_PX), np.uint8)),
        np.float32,
    )
    edge = (coarse > LEAST_GRADIENT) & (coarse >= NEAR_RIDGE * ridge)
    rows, columns = np.nonzero(edge)
    sigma = _edge_sigma_px(fine, edge, coarse)
    return _by_tile(codes, rows, columns, sigma)


def _by_tile(
    codes: Array,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    sigma: NDArray[np.float64],
) -> Array:
    """Diameter of the crisper edges of each tile, px."""
    height = max(math.ceil(codes.shape[0] / TILE_PX), 1)
    width = max(math.ceil(codes.shape[1] / TILE_PX), 1)
    tile = rows // TILE_PX * width + columns // TILE_PX
    order = np.argsort(tile, kind="stable")
    ends = np.cumsum(np.bincount(tile, minlength=height * width))
    diameters = np.full(height * width, np.nan, np.float32)
    by_tile = np.split(sigma[order], ends[:-1])
    for number, values in enumerate(by_tile):
        if values.size >= LEAST_EDGES:
            diameters[number] = DISC_OF_SIGMA * np.quantile(values, CRISPEST)
    return diameters.reshape(height, width)


def _edge_sigma_px(
    fine: Array,
    edge: NDArray[np.bool_],
    coarse: Array,
) -> NDArray[np.float64]:
    """Deviation of the Gaussian that softens each edge, px, from its slopes behind two filters.

    An edge of deviation s has a slope of 1 / sqrt(s² + width²) behind a Gaussian of that width."""
    ratio = fine[edge] / coarse[edge]
    ratio = np.square(ratio, dtype=np.float64)
    shown = np.maximum(ratio, LEAST_RATIO)
    difference = COARSE_PX**2 - shown * FINE_PX**2
    variance = np.clip(difference / (shown - 1), 0, SOFTEST_PX**2)
    return np.asarray(np.sqrt(variance))


def _tile_means(values: Array) -> Array:
    """Means over the tiles; those at the right and below repeat the border."""
    height, width = values.shape
    below = -height % TILE_PX
    right = -width % TILE_PX
    whole = cv2.copyMakeBorder(values, 0, below, 0, right, cv2.BORDER_REPLICATE)
    size = ((width + right) // TILE_PX, (height + below) // TILE_PX)
    means = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.float32)


def _slope(codes: Array, width_px: float) -> Array:
    """Length of the gradient behind a Gaussian, codes a px."""
    smooth = cv2.GaussianBlur(codes, (0, 0), width_px)
    across, down = slopes(smooth)
    return np.asarray(cv2.magnitude(across, down), np.float32)

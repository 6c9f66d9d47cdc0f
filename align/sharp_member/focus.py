"""Focus elsewhere: tiles where the sharp member is softer than the blurry one or its best."""

import math

import cv2
import numpy as np

from defocus.align.arrays import Doubles, Indices, Mask, Singles
from defocus.align.sampling.pyramid import extended
from defocus.blur.gradients import slopes

FINE_PX = 0.8
"""Width of the finer of the two Gaussians whose gradients show how soft an edge is, px."""
COARSE_PX = 1.8
"""Width of the coarser one, px."""
TILE_PX = 48
"""Side of the tiles whose edges are taken together, px."""
LEAST_GRADIENT = 0.012
"""Least coarse gradient of an edge, codes a px."""
RIDGE_PX = 5
"""Side of the square in which gradients are compared, px."""
NEAR_RIDGE = 0.98
"""Share of the largest gradient in that square from which a pixel is on an edge."""
LEAST_EDGES = 30
"""Least number of edge pixels of a tile."""
CRISPEST = 0.2
"""Quantile of the softness of these pixels that is taken for the tile: its crispest edges, because
shadows and round things have soft edges even in focus."""
LEAST_RATIO = 1.02
"""Least squared ratio of the two gradients that shows a softness."""
SOFTEST_PX = 6.0
"""Largest softness that is reported, as a standard deviation in px."""
DISC_OF_SIGMA = 4.0
"""Diameter of the disc whose standard deviation along one axis is 1."""
STOPPED_DOWN = 0.2
"""Share of the blurry member's blur that a smaller aperture may leave in a good sharp member."""
LEAST_TILES = 8
"""Least number of tiles with edges."""
LEAST_SHARE = 0.25
"""Least share of the tiles that have edges. A sky or a wall shows too little."""
DIRECTIONS = 16
"""Number of directions in which a picture is halved."""
MIDDLE = 0.15
"""Share of half its side that is left out around the dividing line."""
CRISP_TILES = 0.25
"""Quantile of a half's tiles that shows what it has in focus. Whatever a scene has, some of it is
crisp in either half of a good sharp member."""
CRISP_PX = 2.0
"""Diameter, px, up to which that is in focus."""
ALIKE_PX = 1.0
"""Blur, px, by which the blurry member may exceed the sharp one while both show a tile alike. What
is soft in both is soft in the scene, as a shadow is."""
ELSEWHERE_PX = 1.0
"""Blur, px, by which the sharp member must exceed the blurry one for a tile to count as out of
focus."""


def focus_elsewhere(codes: Singles, coc_px: Singles) -> tuple[float, float] | None:
    """Share of tiles with edges where the sharp member is the blurrier one, and a softness, px.

    The softness is that of the softer half, without what its aperture leaves. None if too few tiles
    have edges."""
    diameter = edge_diameters(codes)
    edged = np.isfinite(diameter)
    least_tiles = max(LEAST_TILES, LEAST_SHARE * edged.size)
    if edged.sum() < least_tiles:
        return None
    coc = _tile_means(coc_px)
    blurrier = coc[edged] < -ELSEWHERE_PX
    softness = _softness_px(diameter, coc)
    return float(blurrier.mean()), _softer_half_px(softness)


def _softness_px(diameter: Singles, coc: Singles) -> Singles:
    """Softness of each tile of the sharp member, without what its aperture or the scene leaves.

    Where the blurry member shows a tile alike, only what the sharp one has more counts."""
    zero = np.float32(0)
    left_px = np.float32(STOPPED_DOWN) * np.maximum(coc, zero)
    softness = diameter - left_px
    beyond_blurry = np.float32(CRISP_PX) + np.maximum(-coc, zero)
    more_than_blurry = np.minimum(softness, beyond_blurry)
    alike = coc < ALIKE_PX
    counted = np.where(alike, more_than_blurry, softness)
    return np.asarray(counted, np.float32)


def _softer_half_px(diameter: Singles) -> float:
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
        if min(soft.sum(), crisp.sum()) < LEAST_TILES:
            continue
        softer = np.quantile(diameter[soft], CRISP_TILES)
        best = np.quantile(diameter[crisp], CRISP_TILES)
        in_focus = max(best, CRISP_PX)
        most = max(most, float(softer - in_focus))
    return most


def edge_diameters(codes: Singles) -> Singles:
    """Diameter of the disc that softens the crisper edges of each tile, px; NaN without edges."""
    fine = _slope(codes, FINE_PX)
    coarse = _slope(codes, COARSE_PX)
    square = np.ones((RIDGE_PX, RIDGE_PX), np.uint8)
    ridge = np.asarray(cv2.dilate(coarse, square), np.float32)
    edge = coarse > LEAST_GRADIENT
    edge &= coarse >= NEAR_RIDGE * ridge
    rows, columns = np.nonzero(edge)
    sigma = _edge_sigma_px(fine, edge, coarse)
    return _by_tile(codes, rows, columns, sigma)


def _by_tile(
    codes: Singles,
    rows: Indices,
    columns: Indices,
    sigma: Doubles,
) -> Singles:
    """Diameter of the crisper edges of each tile, px."""
    height = max(math.ceil(codes.shape[0] / TILE_PX), 1)
    width = max(math.ceil(codes.shape[1] / TILE_PX), 1)
    tiles = height * width
    tile_row = rows // TILE_PX
    tile = tile_row * width + columns // TILE_PX
    order = np.argsort(tile, kind="stable")
    edges_of_tile = np.bincount(tile, minlength=tiles)
    ends = np.cumsum(edges_of_tile)
    diameters = np.full(tiles, np.nan, np.float32)
    by_tile = np.split(sigma[order], ends[:-1])
    for number, values in enumerate(by_tile):
        if values.size >= LEAST_EDGES:
            crispest = np.quantile(values, CRISPEST)
            diameters[number] = DISC_OF_SIGMA * crispest
    return diameters.reshape(height, width)


def _edge_sigma_px(
    fine: Singles,
    edge: Mask,
    coarse: Singles,
) -> Doubles:
    """Deviation of the Gaussian that softens each edge, px, from its slopes behind two filters.

    An edge of deviation s has a slope of 1 / sqrt(s² + width²) behind a Gaussian of that width."""
    ratio = fine[edge] / coarse[edge]
    ratio = np.square(ratio, dtype=np.float64)
    shown = np.maximum(ratio, LEAST_RATIO)
    difference = COARSE_PX**2 - shown * FINE_PX**2
    variance = difference / (shown - 1)
    variance = np.clip(variance, 0, SOFTEST_PX**2)
    return np.asarray(np.sqrt(variance))


def _tile_means(values: Singles) -> Singles:
    """Means over the tiles; those at the right and below repeat the border."""
    height, width = values.shape
    below = -height % TILE_PX
    right = -width % TILE_PX
    whole = extended(values, below, right, cv2.BORDER_REPLICATE)
    columns = (width + right) // TILE_PX
    rows = (height + below) // TILE_PX
    means = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.float32)


def _slope(codes: Singles, width_px: float) -> Singles:
    """Length of the gradient behind a Gaussian, codes a px."""
    smooth = cv2.GaussianBlur(codes, (0, 0), width_px)
    across, down = slopes(smooth)
    return np.asarray(cv2.magnitude(across, down), np.float32)

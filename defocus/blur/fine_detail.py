"""Fine over coarse detail of a picture, and of both members of a pair at the same places.

The tables of an audit call it sharpness: it alone compares pictures of different scenes.
"""

import math
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from defocus.pictures.values import Image, luma_of

Array = NDArray[np.float32]

Floats = NDArray[np.float64]

FINE_SIGMA, COARSE_SIGMA = 0.7, 2.8
TILE_PX = 32
TEXTURED_SHARE = 0.2
"""Share of tiles, those with the strongest detail, by which a picture is judged. A plain wall is
not blur."""
STRIP_ROWS = 512
"""Rows that are filtered at once; a large picture as floats takes much memory and time."""
TINY = 1e-16
NOTHING = 1e-5
"""Strength of fine detail below which it counts as none."""
EQUAL_BLUR_PX = 0.25
"""Weight of a tile whose members are equally blurred, expressed in px of relative blur."""
FLAT = 1e-4
"""Contrast (of encoded values) below which a tile has only noise."""
REACH_PX = math.ceil(4 * COARSE_SIGMA)
"""Half the width of the wider filter, px: rows of the picture that a strip needs on each side."""


def fine_to_coarse(luma: Array) -> float | None:
    """Ratio of fine to coarse detail in a picture's most detailed tiles; None without detail."""
    # The deviation of detail finer than a Gaussian of 0.7 px over that of the band 0.7 to 2.8 px,
    # median over the fifth of the tiles with the strongest band. Blur removes fine detail first,
    # contrast and exposure cancel. Different scenes can be compared only roughly.
    slightly = cv2.GaussianBlur(luma, (0, 0), FINE_SIGMA)
    strongly = cv2.GaussianBlur(luma, (0, 0), COARSE_SIGMA)
    fine = _tile_deviation(luma - slightly)
    coarse = _tile_deviation(slightly - strongly)
    chosen = _textured(coarse)
    if not chosen.any():
        return None
    return float(np.median(fine[chosen] / coarse[chosen]))


def fine_to_coarse_of_pair(
    blurry: Image,
    sharp: Image,
    matrix: Floats,
    blur_px: Array | None = None,
    factor: int = 1,
) -> tuple[float | None, float | None]:
    """Ratios of the blurry and the sharp member on the same tiles; None without any detail."""
    # The strongest details of a defocused picture are elsewhere, so the tiles with coarse detail in
    # either member count, each at its own place (``matrix`` maps blurry to sharp positions). They
    # count more where the blur (px, a value per ``factor`` pixels) differs: in focus both are
    # equally sharp. Fine detail is divided by the larger coarse detail of the two: a strongly
    # defocused tile has little but noise, whose own ratio would be high.
    shape = blurry.shape[:2]
    (y, x), (ys, xs) = _shared_tiles(shape, matrix)
    if not len(y):
        return None, None
    first, first_coarse = _details(blurry, y, x)
    second, second_coarse = _details(sharp, ys, xs)
    coarse = np.maximum(first_coarse, second_coarse)
    chosen = _textured(coarse)
    if not chosen.any():
        return None, None
    weight = None
    if blur_px is not None:
        blur = _tile_means(np.abs(blur_px), factor, shape)
        weight = blur[y[chosen] // TILE_PX, x[chosen] // TILE_PX] + EQUAL_BLUR_PX
    return (
        _mean_ratio(first[chosen], coarse[chosen], weight),
        _mean_ratio(second[chosen], coarse[chosen], weight),
    )


def _mean_ratio(
    fine: Floats,
    coarse: Floats,
    weight: Floats | None,
) -> float:
    """Geometric mean of the ratios of fine to coarse detail."""
    logarithms = np.log(np.maximum(fine, NOTHING) / coarse)
    return float(np.exp(np.average(logarithms, weights=weight)))


def _textured(coarse: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """The tiles with the strongest coarse detail, if that is more than noise."""
    return coarse >= max(float(np.quantile(coarse, 1 - TEXTURED_SHARE)), FLAT)


def _shared_tiles(
    shape: tuple[int, ...],
    matrix: Floats,
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Rows and columns of tiles' middles in both members of a pair, ``(2, T)`` each."""
    margin = TILE_PX // 2
    sides = (
        np.arange(margin, max(side - margin, margin + 1), TILE_PX) for side in shape
    )
    y, x = (part.ravel() for part in np.meshgrid(*sides, indexing="ij"))
    moved = matrix @ np.stack([x, y, np.ones_like(x)])
    there = np.rint(moved[1::-1] / moved[2]).astype(int)
    seen = ((there >= margin) & (there < np.reshape(shape, (2, 1)) - margin)).all(
        axis=0
    )
    return np.stack([y, x])[:, seen], there[:, seen]


def _tile_means(
    values: Array,
    factor: int,
    shape: tuple[int, int],
) -> Floats:
    """Tile means of a map ``factor`` times coarser; missing rows and columns repeat the last."""
    shares = []
    for side, have in zip(shape, values.shape, strict=True):
        pixels = np.arange(side // TILE_PX * TILE_PX)
        share = np.zeros((side // TILE_PX, have))
        np.add.at(
            share,
            (pixels // TILE_PX, np.minimum(pixels // factor, have - 1)),
            1 / TILE_PX,
        )
        shares.append(share)
    return np.asarray(shares[0] @ values @ shares[1].T)


def _details(
    picture: Image,
    rows: NDArray[np.int_],
    columns: NDArray[np.int_],
) -> Floats:
    """Fine and coarse detail of the tiles around some places: ``(2, T)``."""
    tops = rows - TILE_PX // 2
    lefts = columns - TILE_PX // 2
    squares = np.zeros((2, len(rows)))
    for top in range(0, len(picture), STRIP_ROWS):
        own = (tops >= top) & (tops < top + STRIP_ROWS)
        first = max(top - REACH_PX, 0)
        luma = luma_of(picture[first : top + STRIP_ROWS + TILE_PX + REACH_PX])
        slightly = cv2.GaussianBlur(luma, (0, 0), FINE_SIGMA)
        strongly = cv2.GaussianBlur(luma, (0, 0), COARSE_SIGMA)
        squares[:, own] = _mean_squares(
            luma,
            slightly,
            strongly,
            tops[own] - first,
            lefts[own],
        )
    strengths: Floats = np.sqrt(np.maximum(squares, TINY))
    return strengths


@numba.njit(nogil=True, cache=True, fastmath=True)
def _mean_squares(luma, slightly, strongly, tops, lefts):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    """``(2, T)`` mean squares of fine and coarse detail in the tiles with these first pixels."""
    squares = np.zeros((2, len(tops)))
    for tile in range(len(tops)):
        across = slice(lefts[tile], lefts[tile] + TILE_PX)
        for row in range(tops[tile], tops[tile] + TILE_PX):
            one, two, three = (
                luma[row, across],
                slightly[row, across],
                strongly[row, across],
            )
            fines = coarses = np.float32(0)
            for k in range(TILE_PX):
                fines += (one[k] - two[k]) ** 2
                coarses += (two[k] - three[k]) ** 2
            squares[0, tile] += fines
            squares[1, tile] += coarses
    return squares / TILE_PX**2


def _tile_deviation(band: Array) -> Floats:
    """Root mean square of a band-pass picture in square tiles, flattened."""
    height, width = (max(1, side // TILE_PX) for side in band.shape)
    squared = band.astype(np.float64) ** 2
    means = cv2.resize(squared, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(np.sqrt(means)).ravel()

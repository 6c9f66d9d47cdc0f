"""Fine over coarse detail of a picture, and of both members of a pair at the same places.

The tables of an audit call it sharpness: it alone compares pictures of different scenes.
"""

import math

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from defocus.pictures.values import Image, luma_of

FINE_SIGMA, COARSE_SIGMA = 0.7, 2.8
TILE_PX = 32
TEXTURED_SHARE = 0.2
"""The picture is judged by the fifth of its tiles with the strongest detail: a wall is not blur."""
STRIP_ROWS = 512
"""Rows that are filtered at once: a large picture as floats takes much memory, and time for it."""
TINY = 1e-16
NOTHING = 1e-5
"""Fine detail that counts as none."""
EQUAL_BLUR_PX = 0.25
"""Weight of a tile where both members are equally blurred, in px of relative blur."""
FLAT = 1e-4
"""Below this contrast of encoded values a tile has nothing but noise to be judged by."""
REACH_PX = math.ceil(4 * COARSE_SIGMA)
"""Half of the width of the wider filter, px: a strip needs that much more of the picture on each
side."""


def fine_to_coarse(luma: NDArray[np.float32]) -> float | None:
    """Ratio of fine to coarse detail in a picture's most detailed tiles; None without detail."""
    # The deviation of detail finer than a Gaussian of 0.7 px over that of the band 0.7 to 2.8 px,
    # median over the fifth of the tiles with the strongest band. Blur removes fine detail first,
    # contrast and exposure cancel. Different scenes can be compared only roughly.
    slightly = cv2.GaussianBlur(luma, (0, 0), FINE_SIGMA)
    strongly = cv2.GaussianBlur(luma, (0, 0), COARSE_SIGMA)
    fine = _tile_deviation(luma - slightly)
    coarse = _tile_deviation(slightly - strongly)
    chosen = coarse >= max(float(np.quantile(coarse, 1 - TEXTURED_SHARE)), FLAT)
    if not chosen.any():
        return None
    return float(np.median(fine[chosen] / coarse[chosen]))


def fine_to_coarse_of_pair(
    blurry: Image,
    sharp: Image,
    matrix: NDArray[np.float64],
    blur_px: NDArray[np.float32] | None = None,
    factor: int = 1,
) -> tuple[float | None, float | None]:
    """The same of the blurry and the sharp member on the same tiles; None without any detail."""
    # The strongest details of a defocused picture are elsewhere, so the tiles with coarse detail in
    # either member count, each at its own place (``matrix`` maps blurry to sharp positions). They
    # count more where the blur (px, a value per ``factor`` pixels) differs: in focus both are
    # equally sharp. Fine detail is divided by the larger coarse detail of the two: a strongly
    # defocused tile has little but noise, whose own ratio would be high.
    height, width = blurry.shape[:2]
    margin = TILE_PX // 2
    rows, columns = (
        np.arange(margin, max(side - margin, margin + 1), TILE_PX) for side in (height, width)
    )
    y, x = (part.ravel() for part in np.meshgrid(rows, columns, indexing="ij"))
    there = matrix @ np.stack([x, y, np.ones_like(x)])
    xs, ys = (np.rint(part / there[2]).astype(int) for part in there[:2])
    seen = (xs >= margin) & (xs < width - margin) & (ys >= margin) & (ys < height - margin)
    if not seen.any():
        return None, None
    y, x = y[seen], x[seen]
    first = _details(blurry, y, x)
    second = _details(sharp, ys[seen], xs[seen])
    both = (first, second)
    coarse = np.maximum(first[1], second[1])
    chosen = (coarse >= FLAT) & (coarse >= float(np.quantile(coarse, 1 - TEXTURED_SHARE)))
    if not chosen.any():
        return None, None
    weight = np.ones(int(chosen.sum()))
    if blur_px is not None:
        blur = _tile_means(np.abs(blur_px), factor, (height, width))
        weight = blur[y[chosen] // TILE_PX, x[chosen] // TILE_PX] + EQUAL_BLUR_PX
    logarithms = (np.log(np.maximum(fine, NOTHING)[chosen] / coarse[chosen]) for fine, _ in both)
    means = [float(np.exp(np.average(logs, weights=weight))) for logs in logarithms]
    return means[0], means[1]


def _tile_means(
    values: NDArray[np.float32], factor: int, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Tile means of a map ``factor`` times coarser; what it lacks repeats its last values."""
    shares = []
    for side, have in zip(shape, values.shape, strict=True):
        pixels = np.arange(side // TILE_PX * TILE_PX)
        share = np.zeros((side // TILE_PX, have))
        np.add.at(share, (pixels // TILE_PX, np.minimum(pixels // factor, have - 1)), 1 / TILE_PX)
        shares.append(share)
    return np.asarray(shares[0] @ values @ shares[1].T)


def _details(
    picture: Image, rows: NDArray[np.int_], columns: NDArray[np.int_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fine and coarse detail of the tiles around some places, see :func:`fine_to_coarse`."""
    tops, lefts = rows - TILE_PX // 2, columns - TILE_PX // 2
    squares = np.zeros((2, len(rows)))
    for top in range(0, len(picture), STRIP_ROWS):
        own = np.flatnonzero((tops >= top) & (tops < top + STRIP_ROWS))
        first = max(top - REACH_PX, 0)
        luma = luma_of(picture[first : top + STRIP_ROWS + TILE_PX + REACH_PX])
        slightly = cv2.GaussianBlur(luma, (0, 0), FINE_SIGMA)
        strongly = cv2.GaussianBlur(luma, (0, 0), COARSE_SIGMA)
        squares[:, own] = _mean_squares(luma, slightly, strongly, tops[own] - first, lefts[own])
    fine, coarse = np.sqrt(np.maximum(squares, TINY))
    return fine, coarse


@numba.njit(nogil=True, cache=True, fastmath=True)
def _mean_squares(luma, slightly, strongly, tops, lefts):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled
    """``(2, T)`` mean squares of fine and coarse detail in the tiles with these first pixels."""
    squares = np.empty((2, len(tops)))
    for tile in range(len(tops)):
        fine = coarse = np.float64(0)
        across = slice(lefts[tile], lefts[tile] + TILE_PX)
        for row in range(tops[tile], tops[tile] + TILE_PX):
            one, two, three = luma[row, across], slightly[row, across], strongly[row, across]
            fines = coarses = np.float32(0)
            for k in range(TILE_PX):
                fines += (one[k] - two[k]) ** 2
                coarses += (two[k] - three[k]) ** 2
            fine += fines
            coarse += coarses
        squares[0, tile], squares[1, tile] = fine / TILE_PX**2, coarse / TILE_PX**2
    return squares


def _tile_deviation(band: NDArray[np.float32]) -> NDArray[np.float64]:
    """Root mean square of a band-pass picture in square tiles, flattened."""
    height, width = (max(1, side // TILE_PX) for side in band.shape)
    squared = band.astype(np.float64) ** 2
    means = cv2.resize(squared, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(np.sqrt(means)).ravel()

"""Sharpness of a picture, and of both members of a pair at the same places."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["sharpness", "sharpness_of_pair"]

FINE_SIGMA, COARSE_SIGMA = 0.7, 2.8
TILE_PX = 32
TEXTURED_SHARE = 0.2
"""The picture is judged by the fifth of its tiles with the strongest detail: a wall is not blur."""
TINY = 1e-16
NOTHING = 1e-5
"""Fine detail that counts as none."""
EQUAL_BLUR_PX = 0.25
"""Weight of a tile where both members are equally blurred, in px of relative blur."""
FLAT = 1e-4
"""Below this contrast of encoded values a tile has nothing but noise to be judged by."""


def sharpness(luma: NDArray[np.float32]) -> float | None:
    """Ratio of fine to coarse detail, in the most detailed tiles of a picture.

    It is the standard deviation of the detail finer than a Gaussian of 0.7 px, divided by that of
    the band between 0.7 and 2.8 px, as the median over the fifth of the tiles with the strongest
    coarse band. Blur removes the fine band first, so the ratio falls with blur, while contrast and
    exposure cancel. Pictures of the same scene can be compared with each other, different scenes
    only roughly.

    Args:
        luma: ``(H, W)`` float32, sRGB-encoded, 0..1.

    Returns:
        The ratio, > 0; None if no tile has detail.
    """
    slightly = cv2.GaussianBlur(luma, (0, 0), FINE_SIGMA)
    strongly = cv2.GaussianBlur(luma, (0, 0), COARSE_SIGMA)
    fine = _tile_deviation(luma - slightly)
    coarse = _tile_deviation(slightly - strongly)
    chosen = coarse >= max(float(np.quantile(coarse, 1 - TEXTURED_SHARE)), FLAT)
    if not chosen.any():
        return None
    return float(np.median(fine[chosen] / coarse[chosen]))


def sharpness_of_pair(
    blurry: NDArray[np.float32],
    sharp: NDArray[np.float32],
    matrix: NDArray[np.float64],
    blur_px: NDArray[np.float32] | None = None,
) -> tuple[float | None, float | None]:
    """Sharpness of both members, judged on the same tiles of the scene.

    The strongest details of two pictures lie in different places if one is defocused, so each
    picture's own tiles would compare different things. Here the tiles with the strongest coarse
    detail in either member count, each at its own place in both pictures, which are not resampled.
    Where the blur of the members differs, a tile counts more: in focus both are equally sharp, up
    to noise and diffraction.

    Args:
        blurry: ``(H, W)`` float32 luma, sRGB-encoded, 0..1.
        sharp: Same shape.
        matrix: ``(3, 3)`` from blurry to sharp positions.
        blur_px: ``(H, W)`` relative blur, px; None if it is unknown.

    Returns:
        Sharpness of the blurry and of the sharp member: fine detail over the coarse detail of the
        member that has more of it, because a strongly defocused tile has little but noise, whose
        own ratio would be high. Weighted geometric means over the tiles; None if no tile has
        detail.
    """
    height, width = blurry.shape
    rows, columns = (
        np.arange(TILE_PX // 2, max(side - TILE_PX // 2, TILE_PX // 2 + 1), TILE_PX)
        for side in (height, width)
    )
    y, x = (part.ravel() for part in np.meshgrid(rows, columns, indexing="ij"))
    there = matrix @ np.stack([x, y, np.ones_like(x)])
    xs, ys = (np.rint(part / there[2]).astype(int) for part in there[:2])
    margin = TILE_PX // 2
    seen = (xs >= margin) & (xs < width - margin) & (ys >= margin) & (ys < height - margin)
    if not seen.any():
        return None, None
    first = _details(blurry, y[seen], x[seen])
    second = _details(sharp, ys[seen], xs[seen])
    both = (first, second)
    coarse = np.maximum(first[1], second[1])
    chosen = (coarse >= FLAT) & (coarse >= float(np.quantile(coarse, 1 - TEXTURED_SHARE)))
    if not chosen.any():
        return None, None
    weight = np.ones(int(chosen.sum()))
    if blur_px is not None:
        mean = cv2.blur(np.abs(blur_px), (TILE_PX, TILE_PX))
        weight = mean[y[seen], x[seen]][chosen] + EQUAL_BLUR_PX
    found = (np.log(np.maximum(fine, NOTHING)[chosen] / coarse[chosen]) for fine, _ in both)
    means = [float(np.exp(np.average(logs, weights=weight))) for logs in found]
    return means[0], means[1]


def _details(
    luma: NDArray[np.float32], rows: NDArray[np.int_], columns: NDArray[np.int_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fine and coarse detail of the tiles around some places, as :func:`sharpness` defines them."""
    slightly = np.asarray(cv2.GaussianBlur(luma, (0, 0), FINE_SIGMA), np.float32)
    fine = _deviation_around(luma - slightly, rows, columns)
    strongly = np.asarray(cv2.GaussianBlur(luma, (0, 0), COARSE_SIGMA), np.float32)
    np.subtract(slightly, strongly, out=strongly)
    return fine, _deviation_around(strongly, rows, columns)


def _deviation_around(
    band: NDArray[np.float32], rows: NDArray[np.int_], columns: NDArray[np.int_]
) -> NDArray[np.float64]:
    """Root mean square of a band in the tiles around some places; the band is overwritten."""
    cv2.multiply(band, band, band)
    cv2.blur(band, (TILE_PX, TILE_PX), band)
    return np.sqrt(np.maximum(band[rows, columns].astype(np.float64), TINY))


def _tile_deviation(band: NDArray[np.float32]) -> NDArray[np.float64]:
    """Root mean square of a band-pass picture in square tiles, flattened."""
    height, width = (max(1, side // TILE_PX) for side in band.shape)
    squared = band.astype(np.float64) ** 2
    means = cv2.resize(squared, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(np.sqrt(means)).ravel()

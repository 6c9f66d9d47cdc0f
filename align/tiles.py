"""Shifts of windowed tiles by band-limited phase correlation."""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

__all__ = ["TileShifts", "tile_shifts"]

Array = NDArray[np.float64]
Tiles = NDArray[np.float32]

WHITENING_FLOOR = 0.05
"""Share of a tile's mean cross power below which a frequency counts as noise, not as phase."""


@dataclass(frozen=True)
class TileShifts:
    """What each tile measured.

    Attributes:
        centres: ``(T, 2)`` x, y of the tile centres in the first picture, px.
        shifts: ``(T, 2)`` x, y: the second shows at centre + shift what the first shows at centre.
        peaks: ``(T,)`` height of the correlation peak, 1 = all phases agree.
        noise_peak: The height that tiles with nothing in common reach on average.
        slopes: ``(T, 2)`` root mean square slope per pixel of the poorer tile of each pair, in the
            directions in which it is least and greatest: stripes have none along themselves.
        overlap: How many tiles cover a pixel on average, at least 1.
    """

    centres: Array
    shifts: Array
    peaks: Array
    noise_peak: float
    slopes: Array
    overlap: float


def tile_shifts(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    tile: tuple[int, int],
    grid: tuple[int, int],
    band: float,
) -> TileShifts:
    """Measure the shift from ``first`` to ``second`` in overlapping tiles.

    Args:
        first: ``(H, W)`` grey.
        second: Same shape.
        tile: Height and width of a tile, at most H and W.
        grid: Tile rows and columns, spread evenly over the frame.
        band: Standard deviation of the Gaussian that weights the frequencies, cycles per pixel.
    """
    height, width = first.shape
    tops = np.unique(np.linspace(0, height - tile[0], grid[0]).round().astype(int))
    lefts = np.unique(np.linspace(0, width - tile[1], grid[1]).round().astype(int))
    corners = np.array([(top, left) for top in tops for left in lefts])
    a, b = _tiles(first, corners, tile), _tiles(second, corners, tile)
    window = np.outer(np.hanning(tile[0] + 2)[1:-1], np.hanning(tile[1] + 2)[1:-1])
    window = (window / np.sqrt((window**2).mean())).astype(np.float32)
    a, b = _centred(a, window), _centred(b, window)
    cross = np.conj(scipy.fft.rfft2(a)) * scipy.fft.rfft2(b)
    rows, columns = scipy.fft.fftfreq(tile[0])[:, None], scipy.fft.rfftfreq(tile[1])[None, :]
    weight = np.exp(-(rows**2 + columns**2) / (2 * band**2)).astype(np.float32)
    power = np.abs(cross)
    shifts, peaks = _peaks(_correlation(cross, power, weight, tile))
    centres = corners[:, ::-1] + (np.array(tile)[::-1] - 1) / 2
    slopes = [_slopes(picture, centres, tile, band) for picture in (first, second)]
    overlap = max(1.0, len(corners) * tile[0] * tile[1] / first.size)
    return TileShifts(centres, shifts, peaks, _noise_peak(tile, band), np.minimum(*slopes), overlap)


def _tiles(picture: Tiles, corners: NDArray[np.int_], tile: tuple[int, int]) -> Tiles:
    return np.stack([picture[y : y + tile[0], x : x + tile[1]] for y, x in corners])


def _centred(tiles: Tiles, window: Tiles) -> Tiles:
    """Tiles without their weighted mean, under the window."""
    means = np.einsum("tyx,yx->t", tiles, window) / window.sum()
    centred: Tiles = (tiles - means[:, None, None]) * window
    return centred


def _slopes(picture: Tiles, centres: Array, tile: tuple[int, int], band: float) -> Array:
    """``(T, 2)``: least and greatest root mean square slope over all directions, per tile."""
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.0 / (2 * np.pi * band))
    across, down = (
        cv2.Sobel(smooth, -1, 1, 0, scale=1 / 8),
        cv2.Sobel(smooth, -1, 0, 1, scale=1 / 8),
    )
    column, row = np.floor(centres).astype(int).T
    xx, yy, xy = (
        cv2.boxFilter(product, -1, tile[::-1])[row, column].astype(np.float64)
        for product in (across * across, down * down, across * down)
    )
    half = np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    both = np.stack([(xx + yy) / 2 - half, (xx + yy) / 2 + half], axis=1)
    return np.asarray(np.sqrt(np.maximum(both, 0.0)))


def _noise_peak(tile: tuple[int, int], band: float) -> float:
    """The greatest of n random phases' sums, n frequencies within the band.

    The factor is the mean over tiles of white noise, sides 32 to 256 px, within 12 %.
    """
    frequencies = max(tile[0] * tile[1] * 2 * np.pi * band**2, 2.0)
    return float(1.12 * np.sqrt(np.log(frequencies) / frequencies))


def _correlation(
    cross: NDArray[np.complex64], power: Tiles, weight: Tiles, shape: tuple[int, int]
) -> Array:
    """Correlation surfaces whose peak sits at the shift; 1 is a perfect peak."""
    floor = WHITENING_FLOOR * power.mean(axis=(1, 2), keepdims=True) + 1e-12
    perfect = scipy.fft.irfft2(weight.astype(np.complex64), s=shape)[0, 0]
    surface = scipy.fft.irfft2(cross / (power + floor) * (weight / perfect), s=shape)
    return np.asarray(surface, dtype=np.float64)


def _peaks(surface: Array) -> tuple[Array, Array]:
    """Positions (x, y) of the peaks to a fraction of a pixel, wrapped around 0, and heights."""
    count, height, width = surface.shape
    flat = surface.reshape(count, -1).argmax(axis=1)
    rows, columns = np.unravel_index(flat, (height, width))
    tiles = np.arange(count)
    top = surface[tiles, rows, columns]
    down = _vertex(
        surface[tiles, (rows - 1) % height, columns],
        top,
        surface[tiles, (rows + 1) % height, columns],
    )
    right = _vertex(
        surface[tiles, rows, (columns - 1) % width],
        top,
        surface[tiles, rows, (columns + 1) % width],
    )
    y = (rows + down + height / 2) % height - height / 2
    x = (columns + right + width / 2) % width - width / 2
    return np.stack([x, y], axis=1), top


def _vertex(before: Array, top: Array, after: Array) -> Array:
    """Where a Gaussian through three samples has its top, in (-0.5, 0.5)."""
    low, middle, high = (np.log(np.maximum(part, 1e-9)) for part in (before, top, after))
    curvature = low - 2 * middle + high
    offset = np.where(curvature < 0, 0.5 * (low - high) / np.minimum(curvature, -1e-12), 0.0)
    return np.asarray(np.clip(offset, -0.5, 0.5))

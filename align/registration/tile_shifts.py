"""Shifts of windowed tiles by band-limited phase correlation, and the blurs they try first."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from defocus.align.photometry.blur_matching import disc_blurred_stack
from defocus.align.registration.models import Area
from defocus.align.sampling.pyramid import hann_window
from defocus.blur.gradients import slopes

Array = NDArray[np.float64]
Tiles = NDArray[np.float32]
Mask = NDArray[np.bool_]
Spectra = NDArray[np.complex64]

WHITENING_FLOOR = 0.05
"""Share of a tile's mean cross power below which a frequency counts as noise, not as phase."""

LEAST_SLOPE = 0.0004
"""Least slope of a tile with detail, sRGB-encoded grey per pixel. A flat wall with a noise of 1 %
has 0.0001, with 3 % 0.0003."""
LEAST_SLOPE_RATIO = 0.06
"""Least ratio of the smallest to the largest slope. A tile of stripes (0.01 to 0.04) shows no shift
along them."""

HANN_SHARE = 4 / 9
"""Part of its area that a tile effectively sees: (sum of the window)^2 over sum of squares."""


@dataclass(frozen=True)
class TileShifts:
    """Measured shift of each tile, px."""

    centres: Array  # ``(T, 2)`` x, y of the tile centres in the first picture, px
    shifts: Array  # ``(T, 2)`` x, y: centre + shift in the second is the centre in the first
    peaks: Array  # ``(T,)`` height of the correlation peak, 1 = all phases agree
    noise_peak: Array  # ``(T,)`` average height for a tile without anything in common
    errors_px: (
        Array  # ``(T,)`` standard error predicted by the peak, in the worst direction
    )
    slopes: Array  # ``(T, 2)`` RMS slope per px of the poorer tile, minimum and maximum
    chosen: NDArray[np.int_]  # ``(T,)`` index of the most similar second picture
    likeness: (
        Array  # ``(T,)`` normalised correlation of its gradients with the first, -1..1
    )
    overlap: float  # average number of tiles that cover the same point, at least 1

    @property
    def textured(self) -> Mask:
        """``(T,)``, whether a tile shows detail in both directions."""
        least, greatest = self.slopes.T
        return np.asarray(
            (least >= LEAST_SLOPE) & (least >= LEAST_SLOPE_RATIO * greatest)
        )


@dataclass(frozen=True)
class TiledPicture:
    """Tiles of a picture, prepared once for its comparison with many others."""

    shape: tuple[int, ...]
    tile: tuple[int, int]
    grid: tuple[int, int]
    band: float  # standard deviation of the Gaussian that weights the frequencies, cycles per pixel
    spectra: Spectra  # ``(T, tile height, tile width // 2 + 1)``, of the windowed tiles, conjugate
    slopes: Array  # ``(T, 2)``, see :class:`TileShifts`


def tiled(
    picture: NDArray[np.float32],
    tile: tuple[int, int],
    grid: tuple[int, int],
    band: float,
) -> TiledPicture:
    """Prepare the overlapping tiles of a picture, spread evenly; ``band`` is in cycles/pixel."""
    places = _places(picture.shape, tile, grid)
    centred = _centred(picture, places, _window(tile))
    spectra = np.conj(scipy.fft.rfft2(centred))
    centres = tile_centres(picture.shape, tile, grid)
    slopes = _slopes(picture, centres, tile, band)
    return TiledPicture(picture.shape, tile, grid, band, spectra, slopes)


def tile_shifts(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    tile: tuple[int, int],
    grid: tuple[int, int],
    band: float,
    largest: float = math.inf,
) -> TileShifts:
    """Measure the shift from ``first`` to ``second`` in tiles; none exceeds ``largest`` by axis."""
    return most_alike_shifts(tiled(first, tile, grid, band), [second], largest=largest)


def most_alike_shifts(
    first: TiledPicture,
    seconds: Sequence[NDArray[np.float32]],
    tried: Mask | None = None,
    largest: float = math.inf,
) -> TileShifts:
    """Shift of each tile to the most similar of ``seconds``; ``tried`` ``(T, D)`` limits which."""
    tile = first.tile
    places = _places(first.shape, tile, first.grid)
    squared = _squared_frequencies(tile)
    weight = np.exp(-squared / (2 * first.band**2)).astype(np.float32)
    cross, chosen, likeness = _most_alike(
        first.spectra,
        seconds,
        places,
        _window(tile),
        weight * squared,
        tried,
    )
    trusted, shifts, effective, peaks = _shifts(largest, cross, weight, tile)
    centres = tile_centres(first.shape, tile, first.grid)
    slopes = _slopes(seconds[0], centres, tile, first.band)
    return TileShifts(
        centres,
        shifts,
        peaks,
        noise_peak=_noise_peak(effective),
        errors_px=_errors(trusted, peaks, effective, tile),
        slopes=np.minimum(first.slopes, slopes),
        chosen=chosen,
        likeness=likeness,
        overlap=_overlap(len(places), tile, first.shape),
    )


def _shifts(
    largest: float,
    cross: Spectra,
    weight: Tiles,
    tile: tuple[int, int],
) -> tuple[Tiles, Array, Array, Array]:
    """Trust in each frequency, shift of each tile, effective frequencies, height of the peaks."""
    trusted = _whitened(cross, weight)
    products = cross * trusted
    surfaces = scipy.fft.irfft2(products, s=tile, overwrite_x=True)
    surfaces = np.asarray(surfaces)
    surfaces *= np.float32(tile[0] * tile[1])
    shifts, heights = _peaks(_within(surfaces, largest))
    total, effective = _frequencies(trusted, tile)
    peaks = heights / np.maximum(total, 1e-12)  # an empty tile has no frequencies
    return trusted, shifts, effective, peaks


def _squared_frequencies(tile: tuple[int, int]) -> Array:
    """Squared frequencies of a tile's half spectrum, (cycles per pixel)²."""
    rows = scipy.fft.fftfreq(tile[0])[:, None]
    columns = scipy.fft.rfftfreq(tile[1])[None, :]
    return np.asarray(rows**2 + columns**2)


def _whitened(cross: Spectra, weight: Tiles) -> Tiles:
    """Leave the phases of cross spectra, in place; return the weights of the frequencies."""
    power = np.abs(cross)
    floor = WHITENING_FLOOR * power.mean(axis=(1, 2), keepdims=True) + 1e-12
    # by how far it exceeds the noise
    trusted = weight * np.asarray(power / (power + floor))
    # dividing complex numbers takes twice the time
    cross *= 1 / (power + np.float32(1e-20))
    return np.asarray(trusted)


def _noise_peak(effective: Array) -> Array:
    """Height of the peak of tiles with nothing in common, from their independent frequencies."""
    # the largest sum of n random phases; tiles of white noise of 32 to 256 px agree within 15 %
    count = np.maximum(effective, 3.0)
    largest = np.sqrt(np.log(count) / count)
    return 1.12 * largest


def tile_centres(
    shape: tuple[int, ...],
    tile: tuple[int, int],
    grid: tuple[int, int],
) -> Array:
    """``(T, 2)`` x, y of the centres of the tiles in a picture; see :func:`most_alike_shifts`."""
    corners = _places(shape, tile, grid)[:, ::-1]
    to_centre = (np.array(tile)[::-1] - 1) / 2
    return corners + to_centre


def _places(
    shape: tuple[int, ...],
    tile: tuple[int, int],
    grid: tuple[int, int],
) -> NDArray[np.int_]:
    """``(T, 2)`` row and column of each tile's first pixel."""
    tops, lefts = (
        np.unique(np.linspace(0, side - part, count).round().astype(int))
        for side, part, count in zip(shape, tile, grid, strict=True)
    )
    return np.array([(top, left) for top in tops for left in lefts])


def _window(tile: tuple[int, int]) -> Tiles:
    """The window of a tile, with a mean square of 1."""
    window = hann_window(*tile)
    root_mean_square = np.sqrt((window**2).mean())
    return np.asarray(window / root_mean_square, np.float32)


def _most_alike(
    first: Spectra,
    seconds: Sequence[Tiles],
    places: NDArray[np.int_],
    window: Tiles,
    weight: Array,
    tried: Mask | None,
) -> tuple[Spectra, NDArray[np.int_], Array]:
    """Cross spectrum with the most similar second picture, its index, and the similarity."""
    count = len(first)
    cross = np.zeros_like(first)
    chosen = np.zeros(count, dtype=int)
    likeness = np.full(count, -1.0)
    weights = weight.astype(np.float32)
    energy = _energy(first, weights, window.shape[1])
    for index, second in enumerate(seconds):
        own = _tried_tiles(tried, index, count)
        if not own.size:
            continue
        tiles = _centred(second, places[own], window)
        product, alike = _correlated(first[own], energy[own], tiles, weights)
        better = alike > likeness[own]
        taken = own[better]
        cross[taken] = product[better]
        chosen[taken] = index
        likeness[taken] = alike[better]
    return cross, chosen, likeness


def _tried_tiles(tried: Mask | None, index: int, count: int) -> NDArray[np.int_]:
    """Numbers of the tiles that try a picture: all without a choice."""
    if tried is None:
        return np.arange(count)
    return np.flatnonzero(tried[:, index])


def _correlated(
    first: Spectra,
    energy: Tiles,
    tiles: Tiles,
    weight: Tiles,
) -> tuple[Spectra, Array]:
    """Cross spectra with tiles, and their similarity.

    It is the correlation of gradients under any shift, so smooth differences do not matter."""
    shape = tiles.shape[1:]
    second = scipy.fft.rfft2(tiles)
    energies = energy * _energy(second, weight, shape[1])
    norm = np.sqrt(energies) / math.prod(shape)
    product = np.multiply(first, second, out=second)
    surface = scipy.fft.irfft2(product * weight, s=shape, overwrite_x=True)
    highest = surface.reshape(len(first), -1).max(axis=1)
    return product, highest / (norm + 1e-20)


def _energy(spectra: Spectra, weight: Tiles, width: int) -> Tiles:
    """Weighted energy of tiles of that width, from their half spectra."""
    both = (weight * _twice(spectra.shape[2], width)).ravel()
    power = spectra.real**2 + spectra.imag**2
    power = np.asarray(power)
    return power.reshape(len(spectra), -1) @ both


def _centred(picture: Tiles, corners: NDArray[np.int_], window: Tiles) -> Tiles:
    """Windowed tiles of a picture without their weighted mean."""
    height, width = window.shape
    cut = [picture[y : y + height, x : x + width] for y, x in corners]
    tiles = np.stack(cut)
    means = np.einsum("tyx,yx->t", tiles, window) / window.sum()
    # in place: an array of all tiles costs more than what fills it
    tiles -= means[:, None, None]
    tiles *= window
    return tiles


def _slopes(
    picture: Tiles,
    centres: Array,
    tile: tuple[int, int],
    band: float,
) -> Array:
    """``(T, 2)``: smallest and largest root mean square slope over all directions, per tile."""
    sigma = 1.0 / (2 * np.pi * band)
    smooth = cv2.GaussianBlur(picture, (0, 0), sigma)
    across, down = slopes(smooth)
    column, row = np.floor(centres).astype(int).T

    def mean_at_centres(product: Tiles) -> Array:
        means = cv2.boxFilter(product, -1, tile[::-1])
        return np.asarray(means[row, column], np.float64)

    xx = mean_at_centres(across * across)
    yy = mean_at_centres(down * down)
    xy = mean_at_centres(across * down)
    return _root_eigenvalues(xx, yy, xy)


def _overlap(count: int, tile: tuple[int, int], shape: tuple[int, ...]) -> float:
    """Number of tiles that see a pixel, at least 1."""
    seen = HANN_SHARE * tile[0] * tile[1]
    return max(1.0, count * seen / math.prod(shape))


def _root_eigenvalues(xx: Array, yy: Array, xy: Array) -> Array:
    """Roots of the eigenvalues of the structure tensor, the smaller first.

    They are its mean, less and more half the difference."""
    middle = (xx + yy) / 2
    half = np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    squares = np.stack([middle - half, middle + half], axis=1)
    return np.sqrt(np.maximum(squares, 0.0))


def _within(surfaces: Tiles, largest: float) -> Tiles:
    """The surfaces, with nothing where a shift is longer than the largest and a pixel."""
    if largest + 1 >= max(surfaces.shape[1:]) / 2:
        return surfaces
    rows, columns = (
        np.minimum(np.arange(n), n - np.arange(n)) for n in surfaces.shape[1:]
    )
    near = (rows <= largest + 1)[:, None]
    near = near & (columns <= largest + 1)
    return np.where(near, surfaces, np.float32(0.0))


def _twice(columns: int, width: int) -> Tiles:
    """``(columns,)``: how often a frequency of rfft2's half spectrum occurs in the full one."""
    counts = np.full(columns, 2.0, np.float32)
    counts[0] = 1.0
    if width % 2 == 0:
        counts[-1] = 1.0
    return counts


def _frequencies(trusted: Tiles, tile: tuple[int, int]) -> tuple[Array, Array]:
    """``(T,)`` sum of the weights, and the effective number of independent frequencies."""
    counts = _twice(trusted.shape[2], tile[1])
    total = (trusted.sum(axis=1) @ counts).astype(np.float64)
    squares = np.square(trusted).sum(axis=1) @ counts
    squares = np.maximum(squares.astype(np.float64), 1e-20)
    return total, HANN_SHARE * np.square(total) / squares


def _errors(
    trusted: Tiles,
    peaks: Array,
    frequencies: Array,
    tile: tuple[int, int],
) -> Array:
    """Standard errors from the scatter of the phases and the width of the peak.

    Scatter s about a plane of mean squared slope k errs by s / sqrt(n k); s² is -2 ln (height)."""
    rows = scipy.fft.fftfreq(tile[0])
    columns = scipy.fft.rfftfreq(tile[1])
    counts = _twice(len(columns), tile[1])
    by_row = trusted @ counts
    by_column = trusted.sum(axis=1) * counts
    total = np.maximum(by_row.sum(axis=1), 1e-20)
    yy = by_row @ rows**2 / total
    xx = by_column @ columns**2 / total
    least = (2 * np.pi) ** 2 * np.minimum(xx, yy)
    scatter = -2 * np.log(np.clip(peaks, 0.02, 0.999))
    information = np.maximum(frequencies * least, 1e-12)
    return np.asarray(np.sqrt(scatter / information))


def _peaks(surface: Tiles) -> tuple[Array, Array]:
    """Sub-pixel positions (x, y) of the peaks, wrapped around 0, and their heights."""
    count, height, width = surface.shape
    flat = surface.reshape(count, -1).argmax(axis=1)
    rows, columns = np.unravel_index(flat, (height, width))

    def beside(down: int, right: int) -> Array:
        row = (rows + down) % height
        column = (columns + right) % width
        place = np.arange(count), row, column
        return np.asarray(surface[place], np.float64)

    top = beside(0, 0)
    down = _vertex(beside(-1, 0), top, beside(1, 0))
    right = _vertex(beside(0, -1), top, beside(0, 1))
    x = _wrapped(columns + right, width)
    y = _wrapped(rows + down, height)
    return np.stack([x, y], axis=1), top


def _wrapped(place: Array, side: int) -> Array:
    """Places along a side, from minus half of it to half of it."""
    half = side / 2
    return (place + half) % side - half


def _vertex(before: Array, top: Array, after: Array) -> Array:
    """Maximum of a Gaussian through three samples, in (-0.5, 0.5)."""
    low = np.log(np.maximum(before, 1e-9))
    middle = np.log(np.maximum(top, 1e-9))
    high = np.log(np.maximum(after, 1e-9))
    curvature = low - 2 * middle + high
    offset = np.where(
        curvature < 0,
        0.5 * (low - high) / np.minimum(curvature, -1e-12),
        0.0,
    )
    return np.clip(offset, -0.5, 0.5)


LEAST_STEP_PX, BLUR_STEPS = 2.0, 5
"""Distance between the blur of a tile and that of a coarser level within which blurs are tried: in
px of that level, and as one part in five of the blur."""


def first_tried(
    area: Area,
    side: int,
    grid: tuple[int, int],
    diameters: Array,
    every: int,
    coarser: tuple[int, Array, Array] | None,
    factor: int,
) -> Mask:
    """``(T, D)``, the blurs that a tile tries first: every few, or those near a coarser level's."""
    shape = (area.bottom - area.top, area.right - area.left)
    corner = np.array([area.left, area.top])
    centres = tile_centres(shape, area.tile(side), grid) + corner
    shown = np.arange(len(diameters)) % every == 0
    if coarser is None:
        return np.repeat(shown[None], len(centres), axis=0)
    return _near_coarser(diameters, coarser, factor, centres, shown)


def _near_coarser(
    diameters: Array,
    coarser: tuple[int, Array, Array],
    factor: int,
    centres: Array,
    shown: NDArray[np.bool_],
) -> Mask:
    """The blurs near that of the nearest tile of a coarser level, at least the nearest one."""
    reduction, places, coc_px = coarser
    own_places = (factor * (centres + 0.5) - 0.5)[:, None]
    coc = coc_px / factor
    nearest = np.linalg.norm(own_places - places, axis=2).argmin(axis=1)
    step = np.maximum(LEAST_STEP_PX * reduction / factor, coc / BLUR_STEPS)[
        nearest, None
    ]
    apart = np.abs(diameters - coc[nearest, None])
    return np.asarray(
        (shown & (apart <= step)) | (apart == apart.min(axis=1, keepdims=True))
    )


def blurred_area(
    moved: Tiles,
    area: Area,
    diameters: Sequence[float] | Array,
) -> list[Tiles]:
    """The common area of the sharp picture blurred by each diameter, as the tiles compare it."""
    stack = disc_blurred_stack(moved, diameters)
    return [np.sqrt(area.of(blurred)) for blurred in stack]

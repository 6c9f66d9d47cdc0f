"""Shifts of windowed tiles by band-limited phase correlation, and the blurs they try first."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from defocus.align.arrays import Doubles, Indices, Mask, Shape, Singles, Size
from defocus.align.photometry.blur_matching import disc_blurred_stack
from defocus.align.registration.models import Area
from defocus.align.sampling.pyramid import hann_window
from defocus.blur.gradients import slopes

Tiles = NDArray[np.float32]
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

    centres: Doubles  # ``(T, 2)`` x, y of the tile centres in the first picture, px
    shifts: Doubles  # ``(T, 2)`` x, y: centre + shift in the second is the centre in the first
    peaks: Doubles  # ``(T,)`` height of the correlation peak, 1 = all phases agree
    noise_peak: Doubles  # ``(T,)`` average height for a tile without anything in common
    errors_px: (
        Doubles  # ``(T,)`` standard error predicted by the peak, in the worst direction
    )
    slopes: (
        Doubles  # ``(T, 2)`` RMS slope per px of the poorer tile, minimum and maximum
    )
    chosen: Indices  # ``(T,)`` index of the most similar second picture
    likeness: Doubles  # ``(T,)`` normalised correlation of its gradients with the first, -1..1
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

    shape: Shape
    tile: Size
    grid: Size
    band: float  # standard deviation of the Gaussian that weights the frequencies, cycles per pixel
    spectra: Spectra  # ``(T, tile height, tile width // 2 + 1)``, of the windowed tiles, conjugate
    slopes: Doubles  # ``(T, 2)``, see :class:`TileShifts`


def tiled(
    picture: Singles,
    tile: Size,
    grid: Size,
    band: float,
) -> TiledPicture:
    """Prepare the overlapping tiles of a picture, spread evenly; ``band`` is in cycles/pixel."""
    shape = picture.shape
    places = _places(shape, tile, grid)
    centred = _centred(picture, places, _window(tile))
    spectra = np.conj(scipy.fft.rfft2(centred))
    centres = tile_centres(shape, tile, grid)
    slopes = _slopes(picture, centres, tile, band)
    return TiledPicture(
        shape,
        tile,
        grid,
        band,
        spectra,
        slopes,
    )


def tile_shifts(
    first: Singles,
    second: Singles,
    tile: Size,
    grid: Size,
    band: float,
    largest: float = math.inf,
) -> TileShifts:
    """Measure the shift from ``first`` to ``second`` in tiles; none exceeds ``largest`` by axis."""
    return most_alike_shifts(tiled(first, tile, grid, band), [second], largest=largest)


def most_alike_shifts(
    first: TiledPicture,
    seconds: Sequence[Singles],
    tried: Mask | None = None,
    largest: float = math.inf,
) -> TileShifts:
    """Shift of each tile to the most similar of ``seconds``; ``tried`` ``(T, D)`` limits which."""
    tile = first.tile
    places = _places(first.shape, tile, first.grid)
    squared = squared_frequencies(tile)
    weight = _band_weights(squared, first.band)
    # a gradient weights the power by the squared frequency
    gradient_weight = weight * squared
    cross, chosen, likeness = _most_alike(
        first.spectra,
        seconds,
        places,
        _window(tile),
        gradient_weight.astype(np.float32),
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
    tile: Size,
) -> tuple[Tiles, Doubles, Doubles, Doubles]:
    """Trust in each frequency, shift of each tile, effective frequencies, height of the peaks."""
    trusted = _whitened(cross, weight)
    products = cross * trusted
    surfaces = scipy.fft.irfft2(products, s=tile, overwrite_x=True)
    surfaces = np.asarray(surfaces)
    surfaces *= np.float32(math.prod(tile))
    near = _within(surfaces, largest)
    shifts, heights = _peaks(near)
    total, effective = _frequencies(trusted, tile)
    peaks = heights / np.maximum(total, 1e-12)  # an empty tile has no frequencies
    return trusted, shifts, effective, peaks


def squared_frequencies(size: Size) -> Doubles:
    """Squared frequencies of the half spectrum of a picture, (cycles per pixel)²."""
    height, width = size
    rows = scipy.fft.fftfreq(height)[:, None]
    columns = scipy.fft.rfftfreq(width)[None, :]
    return np.asarray(rows**2 + columns**2)


def _band_weights(squared: Doubles, band: float) -> Tiles:
    """Gaussian weights of squared frequencies."""
    weights = np.exp(-squared / (2 * band**2))
    return np.asarray(weights, np.float32)


def _whitened(cross: Spectra, weight: Tiles) -> Tiles:
    """Leave the phases of cross spectra, in place; return the weights of the frequencies."""
    power = np.abs(cross)
    mean_power = power.mean(axis=(1, 2), keepdims=True)
    floor = WHITENING_FLOOR * mean_power + 1e-12
    over_noise = power / (power + floor)
    trusted = weight * np.asarray(over_noise)
    # dividing complex numbers takes twice the time
    cross *= 1 / (power + np.float32(1e-20))
    return np.asarray(trusted)


def _noise_peak(effective: Doubles) -> Doubles:
    """Height of the peak of tiles with nothing in common, from their independent frequencies."""
    # the largest sum of n random phases; tiles of white noise of 32 to 256 px agree within 15 %
    count = np.maximum(effective, 3.0)
    largest = np.sqrt(np.log(count) / count)
    return 1.12 * largest


def tile_centres(
    shape: Shape,
    tile: Size,
    grid: Size,
) -> Doubles:
    """``(T, 2)`` x, y of the centres of the tiles in a picture; see :func:`most_alike_shifts`."""
    corners = _places(shape, tile, grid)[:, ::-1]
    size = np.array(tile)[::-1]
    to_centre = (size - 1) / 2
    return corners + to_centre


def _places(
    shape: Shape,
    tile: Size,
    grid: Size,
) -> Indices:
    """``(T, 2)`` row and column of each tile's first pixel."""
    height, width = shape
    tops = _firsts(height, tile[0], grid[0])
    lefts = _firsts(width, tile[1], grid[1])
    rows, columns = np.meshgrid(tops, lefts, indexing="ij")
    return np.column_stack([rows.ravel(), columns.ravel()])


def _firsts(side: int, part: int, count: int) -> Indices:
    """First pixels of that many parts, spread evenly along a side; each once."""
    places = np.linspace(0, side - part, count).round()
    return np.unique(places.astype(int))


def _window(tile: Size) -> Tiles:
    """The window of a tile, with a mean square of 1."""
    window = hann_window(*tile)
    root_mean_square = np.sqrt((window**2).mean())
    return np.asarray(window / root_mean_square, np.float32)


def _most_alike(
    first: Spectra,
    seconds: Sequence[Tiles],
    places: Indices,
    window: Tiles,
    weights: Tiles,
    tried: Mask | None,
) -> tuple[Spectra, Indices, Doubles]:
    """Cross spectrum with the most similar second picture, its index, and the similarity."""
    count = len(first)
    cross = np.zeros_like(first)
    chosen = np.zeros(count, dtype=int)
    likeness = np.full(count, -1.0)
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


def _tried_tiles(tried: Mask | None, index: int, count: int) -> Indices:
    """Numbers of the tiles that try a picture: all without a choice."""
    if tried is None:
        return np.arange(count)
    return np.flatnonzero(tried[:, index])


def _correlated(
    first: Spectra,
    energy: Tiles,
    tiles: Tiles,
    weight: Tiles,
) -> tuple[Spectra, Doubles]:
    """Cross spectra with tiles, and their similarity.

    It is the correlation of gradients under any shift, so smooth differences do not matter."""
    shape = tiles.shape[1:]
    second = scipy.fft.rfft2(tiles)
    energies = energy * _energy(second, weight, shape[1])
    norm = np.sqrt(energies) / math.prod(shape)
    product = np.multiply(first, second, out=second)
    of_gradients = product * weight
    surface = scipy.fft.irfft2(of_gradients, s=shape, overwrite_x=True)
    heights = surface.reshape(len(first), -1)
    highest = heights.max(axis=1)
    return product, highest / (norm + 1e-20)


def _energy(spectra: Spectra, weight: Tiles, width: int) -> Tiles:
    """Weighted energy of tiles of that width, from their half spectra."""
    count, _, columns = spectra.shape
    both = (weight * _twice(columns, width)).ravel()
    power = spectra.real**2 + spectra.imag**2
    power = np.asarray(power)
    return power.reshape(count, -1) @ both


def _centred(picture: Tiles, corners: Indices, window: Tiles) -> Tiles:
    """Windowed tiles of a picture without their weighted mean."""
    height, width = window.shape
    cut = []
    for top, left in corners:
        rows = picture[top : top + height]
        cut.append(rows[:, left : left + width])
    tiles = np.stack(cut)
    sums = np.einsum("tyx,yx->t", tiles, window)
    means = sums / window.sum()
    # in place: an array of all tiles costs more than what fills it
    tiles -= means[:, None, None]
    tiles *= window
    return tiles


def _slopes(
    picture: Tiles,
    centres: Doubles,
    tile: Size,
    band: float,
) -> Doubles:
    """``(T, 2)``: smallest and largest root mean square slope over all directions, per tile."""
    sigma = 1.0 / (2 * np.pi * band)
    smooth = cv2.GaussianBlur(picture, (0, 0), sigma)
    across, down = slopes(smooth)
    column, row = np.floor(centres).astype(int).T

    def mean_at_centres(product: Tiles) -> Doubles:
        means = cv2.boxFilter(product, -1, tile[::-1])
        return np.asarray(means[row, column], np.float64)

    xx = mean_at_centres(across * across)
    yy = mean_at_centres(down * down)
    xy = mean_at_centres(across * down)
    return _root_eigenvalues(xx, yy, xy)


def _overlap(count: int, tile: Size, shape: Shape) -> float:
    """Number of tiles that see a pixel, at least 1."""
    seen = HANN_SHARE * tile[0] * tile[1]
    return max(1.0, count * seen / math.prod(shape))


def _root_eigenvalues(xx: Doubles, yy: Doubles, xy: Doubles) -> Doubles:
    """Roots of the eigenvalues of the structure tensor, the smaller first.

    They are its mean, less and more half the difference."""
    middle = (xx + yy) / 2
    half_apart = (xx - yy) / 2
    half = np.sqrt(half_apart**2 + xy**2)
    squares = np.stack([middle - half, middle + half], axis=1)
    return np.sqrt(np.maximum(squares, 0.0))


def _within(surfaces: Tiles, largest: float) -> Tiles:
    """The surfaces, with nothing where a shift is longer than the largest and a pixel."""
    height, width = surfaces.shape[1:]
    reach = largest + 1
    if reach >= max(height, width) / 2:
        return surfaces
    down = _wrapped_distances(height)
    across = _wrapped_distances(width)
    near_rows = (down <= reach)[:, None]
    near = near_rows & (across <= reach)
    return np.where(near, surfaces, np.float32(0.0))


def _wrapped_distances(side: int) -> Indices:
    """Distance of each place of a side from its first one, either way around."""
    places = np.arange(side)
    return np.minimum(places, side - places)


def _twice(columns: int, width: int) -> Tiles:
    """``(columns,)``: how often a frequency of rfft2's half spectrum occurs in the full one."""
    counts = np.full(columns, 2.0, np.float32)
    counts[0] = 1.0
    if width % 2 == 0:
        counts[-1] = 1.0
    return counts


def _frequencies(trusted: Tiles, tile: Size) -> tuple[Doubles, Doubles]:
    """``(T,)`` sum of the weights, and the effective number of independent frequencies."""
    counts = _twice(trusted.shape[2], tile[1])
    by_column = trusted.sum(axis=1)
    total = (by_column @ counts).astype(np.float64)
    squares_by_column = np.square(trusted).sum(axis=1)
    squares = squares_by_column @ counts
    squares = np.maximum(squares.astype(np.float64), 1e-20)
    effective = HANN_SHARE * np.square(total) / squares
    return total, effective


def _errors(
    trusted: Tiles,
    peaks: Doubles,
    frequencies: Doubles,
    tile: Size,
) -> Doubles:
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
    least_slope = (2 * np.pi) ** 2 * np.minimum(xx, yy)
    heights = np.clip(peaks, 0.02, 0.999)
    scatter = -2 * np.log(heights)
    information = np.maximum(frequencies * least_slope, 1e-12)
    variances = scatter / information
    return np.asarray(np.sqrt(variances))


def _peaks(surface: Tiles) -> tuple[Doubles, Doubles]:
    """Sub-pixel positions (x, y) of the peaks, wrapped around 0, and their heights."""
    count, height, width = surface.shape
    tiles = np.arange(count)
    flat = surface.reshape(count, -1).argmax(axis=1)
    rows, columns = np.unravel_index(flat, (height, width))

    def beside(down: int, right: int) -> Doubles:
        row = (rows + down) % height
        column = (columns + right) % width
        heights = surface[tiles, row, column]
        return np.asarray(heights, np.float64)

    top = beside(0, 0)
    above = beside(-1, 0)
    below = beside(1, 0)
    left = beside(0, -1)
    right = beside(0, 1)
    x = columns + _vertex(left, top, right)
    y = rows + _vertex(above, top, below)
    places = np.stack([_wrapped(x, width), _wrapped(y, height)], axis=1)
    return places, top


def _wrapped(place: Doubles, side: int) -> Doubles:
    """Places along a side, from minus half of it to half of it."""
    half = side / 2
    return (place + half) % side - half


def _vertex(before: Doubles, top: Doubles, after: Doubles) -> Doubles:
    """Maximum of a Gaussian through three samples, in (-0.5, 0.5)."""
    low = np.log(np.maximum(before, 1e-9))
    middle = np.log(np.maximum(top, 1e-9))
    high = np.log(np.maximum(after, 1e-9))
    curvature = low - 2 * middle + high
    bent = np.minimum(curvature, -1e-12)
    vertex = 0.5 * (low - high) / bent
    offset = np.where(curvature < 0, vertex, 0.0)
    return np.clip(offset, -0.5, 0.5)


LEAST_STEP_PX = 2.0
"""A tile tries only blurs within this distance of the blur that was found at the coarser level, px
of that level."""
BLUR_STEPS = 5
"""The same distance as one part in five of the blur; the larger of the two counts."""


def first_tried(
    area: Area,
    side: int,
    grid: Size,
    diameters: Doubles,
    every: int,
    coarser: tuple[int, Doubles, Doubles] | None,
    factor: int,
) -> Mask:
    """``(T, D)``, the blurs that a tile tries first: every few, or those near a coarser level's."""
    shape = (area.bottom - area.top, area.right - area.left)
    corner = np.array([area.left, area.top])
    centres = tile_centres(shape, area.tile(side), grid) + corner
    shown = np.arange(len(diameters)) % every == 0
    if coarser is None:
        return np.repeat(shown[None], len(centres), axis=0)
    return _near_coarser(
        diameters,
        coarser,
        factor,
        centres,
        shown,
    )


def _near_coarser(
    diameters: Doubles,
    coarser: tuple[int, Doubles, Doubles],
    factor: int,
    centres: Doubles,
    shown: Mask,
) -> Mask:
    """The blurs near that of the nearest tile of a coarser level, at least the nearest one."""
    reduction, places, coc_px = coarser
    own_places = factor * (centres + 0.5) - 0.5
    steps = own_places[:, None] - places
    nearest = np.linalg.norm(steps, axis=2).argmin(axis=1)
    coc = coc_px / factor
    reach = np.maximum(LEAST_STEP_PX * reduction / factor, coc / BLUR_STEPS)
    apart = np.abs(diameters - coc[nearest, None])
    near = shown & (apart <= reach[nearest, None])
    at_nearest = apart == apart.min(axis=1, keepdims=True)
    return np.asarray(near | at_nearest)


def blurred_area(
    moved: Tiles,
    area: Area,
    diameters: Sequence[float] | Doubles,
) -> list[Tiles]:
    """The common area of the sharp picture blurred by each diameter, as the tiles compare it."""
    stack = disc_blurred_stack(moved, diameters)
    return [np.sqrt(area.of(blurred)) for blurred in stack]

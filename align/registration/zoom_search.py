"""Zoom and shift of two whole frames of which nothing is known."""

from collections.abc import Sequence

import numpy as np

from defocus.align.arrays import Doubles, Grey, Shape
from defocus.align.photometry.exposure import evenly_lit
from defocus.align.registration.level import moved_picture
from defocus.align.registration.models import Area, half_diagonal_px
from defocus.align.registration.tile_shifts import most_alike_shifts, tiled
from defocus.align.sampling.pyramid import reduced
from defocus.scene.geometry import Similarity

ZOOMS = tuple(np.arange(0.90, 1.101, 0.02).tolist())
"""Ratios of sharp to blurry distances that are tried; focus breathing stays within 10 %."""
SEARCH_BAND = 0.06
"""Width of the frequencies of the search, cycles per pixel: the first zero of a disc of 20 px is
there."""


def zoom_and_shift(
    blurry: Grey,
    sharp: Grey,
    zooms: Sequence[float],
    largest: float,
) -> Doubles:
    """Find zoom and shift with the highest correlation of the whole frames."""
    height, width = blurry.shape
    best = -1.0
    best_matrix = np.eye(3)
    size = (height, width)
    first = tiled(np.sqrt(blurry), size, (1, 1), SEARCH_BAND)
    for zoom in zooms:
        affine = Similarity(zoom=zoom).matrix(width, height)
        matrix = np.vstack([affine, [0.0, 0.0, 1.0]])
        second = np.sqrt(moved_picture(sharp, matrix))
        tile = most_alike_shifts(first, [second], largest=largest)
        if tile.peaks[0] > best:
            step = np.eye(3)
            step[:2, 2] = tile.shifts[0]
            best = float(tile.peaks[0])
            best_matrix = matrix @ step
    return best_matrix


def coarse_start(
    blurry: Grey,
    sharp: Grey,
    alike: bool,
    largest_px: float,
    known_zoom: float | None,
    factors: Sequence[int],
) -> tuple[Doubles, Grey]:
    """The coarsest transform, and the blurry picture as evenly lit as the sharp one."""
    zooms = [1.0] if alike else _zooms(blurry.shape, largest_px)
    if known_zoom is not None:
        zooms = [known_zoom]
    small_blurry = reduced(blurry, factors[0])
    small_sharp = reduced(sharp, factors[0])
    matrix = zoom_and_shift(small_blurry, small_sharp, zooms, largest_px / factors[0])
    shown = Area.shown(matrix, small_blurry.shape).mask(small_blurry.shape)
    blurry = evenly_lit(blurry, small_blurry, moved_picture(small_sharp, matrix), shown)
    return matrix, blurry


def _zooms(shape: Shape, largest_px: float) -> list[float]:
    """The zooms to search, which move no corner by more than allowed."""
    half_px = half_diagonal_px(shape)
    zooms = [zoom for zoom in ZOOMS if abs(zoom - 1) * half_px <= largest_px]
    return zooms or [1.0]

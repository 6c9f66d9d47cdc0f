"""Fine detail and grain of both members at (nearly) full size: a reduced copy shows neither."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.sampling.pyramid import reduced, scaling
from defocus.align.sharp_member.texture import ROUNDING, grain, noise_energy
from defocus.blur.gradients import LAPLACIAN, slopes
from defocus.pictures.values import linear_to_srgb

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

FINE_SIDE = 2048
"""Longest side, px; larger pictures are reduced by a whole factor. At the full size of a camera of
24 megapixels diffraction softens each good sharp member at a small aperture."""
FINE_PX, COARSE_PX = 0.7, 2.5
"""Standard deviations of the Gaussians behind which gradients are taken, px: the finest detail that
the noise and the colour grid of a sensor leave, and detail that shows no noise."""
CELL_PX, CELLS = 8, 4
"""Side of the cells over which detail is averaged, px, and number of cells along the side of a
tile."""
OVER_NOISE, LEAST_ENERGY = 4.0, 2e-6
"""Least energy of the detail of a textured tile of the blurry member: as a multiple of the noise's
energy, and in squared codes a px."""
LEAKED = 0.3
"""Share of the strongest detail of the sharp member around a tile. A tile with less may have the
detail in its blurry member from the blur of that edge."""
EXCEEDING_SHARE, LEAST_TILES = 0.02, 30
"""Share of the tiles that exceed the reported number, and least number of tiles."""
NO_DETAIL = 1e-8
"""Least energy, in squared codes a px, that a ratio is divided by."""
SMOOTHEST, LEAST_CELLS = 0.1, 40
"""Share of the cells that show grain, those with the least coarse detail, and their least
number."""
GREY = (0.06, 0.93)
"""Codes between which grain is compared: near black and white the codes end."""


@dataclass(frozen=True)
class FineDetail:
    """How the fine detail of both members differs; None if it is unknown."""

    # by how much the blurry member has more of it, where it has most
    finer_stops: float | None = None
    grain_stops: float | None = None  # grain of the sharp member over the blurry one's


@dataclass(frozen=True)
class _Cells:
    """Means of one member over the cells of the blurry one; NaN beyond its frame."""

    fine: Array  # energy of the fine gradients
    coarse: Array  # of the coarse ones
    rough: Array  # absolute response of a filter that shows noise but no edges
    codes: Array
    noise: float  # energy that noise adds to the fine gradients

    @classmethod
    def of(cls, light: Array) -> "_Cells":
        """Cells of luminance ``(H, W)``, linear."""
        floored = np.maximum(light, np.float32(0))
        codes = np.asarray(linear_to_srgb(floored), np.float32)
        rough = np.abs(cv2.filter2D(codes, cv2.CV_32F, LAPLACIAN))
        return cls(
            reduced(_energy(codes, FINE_PX), CELL_PX),
            reduced(_energy(codes, COARSE_PX), CELL_PX),
            reduced(np.asarray(rough, np.float32), CELL_PX),
            reduced(codes, CELL_PX),
            float(grain(codes) ** 2 * noise_energy(FINE_PX)),
        )

    def moved(self, matrix: NDArray[np.float64], shape: tuple[int, ...]) -> "_Cells":
        """The cells at the places of the other member."""
        cells = scaling(CELL_PX)
        onto = cells @ matrix @ np.linalg.inv(cells)
        return _Cells(
            _warped(self.fine, onto, shape),
            _warped(self.coarse, onto, shape),
            _warped(self.rough, onto, shape),
            _warped(self.codes, onto, shape),
            self.noise,
        )


def fine_detail(blurry: Array, sharp: Array, matrix: NDArray[np.float64]) -> FineDetail:
    """Compare the fine detail and the grain of both members, luminance ``(H, W)``, linear.

    ``matrix`` leads from places of the blurry member to those of the sharp one."""
    own = _Cells.of(blurry)
    other = _Cells.of(sharp).moved(matrix, own.fine.shape)
    return FineDetail(_finer_stops(own, other), _grain_stops(own, other))


def _finer_stops(blurry: _Cells, sharp: _Cells) -> float | None:
    """By how much the blurry member has more fine detail, exceeded in 2 % of the tiles; at least 0.

    None if the picture has too few tiles."""
    in_blurry = reduced(blurry.fine, CELLS) - np.float32(blurry.noise)
    in_sharp = reduced(sharp.fine, CELLS) - np.float32(sharp.noise)
    known = np.isfinite(in_sharp)
    if known.sum() < LEAST_TILES:
        return None
    in_sharp = np.where(known, in_sharp, np.float32(0))
    near = cv2.dilate(in_sharp, np.ones((3, 3), np.uint8))
    least = max(OVER_NOISE * max(blurry.noise, sharp.noise), LEAST_ENERGY)
    textured = known & (in_blurry > least) & (in_blurry >= LEAKED * near)
    ratio = np.maximum(in_blurry, NO_DETAIL) / np.maximum(in_sharp, NO_DETAIL)
    stops = np.where(textured, np.log2(ratio) / 2, 0)
    exceeded = np.quantile(stops[known], 1 - EXCEEDING_SHARE)
    return max(float(exceeded), 0.0)


def _grain_stops(blurry: _Cells, sharp: _Cells) -> float | None:
    """Grain of the sharp member over that of the blurry one where both are the smoothest, stops."""
    grey = _is_grey(blurry.codes) & _is_grey(sharp.codes)
    if not grey.any():
        return None
    coarse = np.maximum(blurry.coarse, sharp.coarse)
    smooth = grey & (coarse <= np.quantile(coarse[grey], SMOOTHEST))
    if smooth.sum() < LEAST_CELLS:
        return None
    ratios = _grain(sharp.rough[smooth]) / _grain(blurry.rough[smooth])
    return float(np.median(np.log2(ratios)))


def _is_grey(codes: Array) -> Mask:
    return np.asarray((codes > GREY[0]) & (codes < GREY[1]))


def _grain(rough: Array) -> NDArray[np.float64]:
    """Standard deviation of the noise that gives a mean absolute response, codes."""
    # the filter's weights have a root sum of squares of 6
    deviation = np.sqrt(np.pi / 2) / 6 * rough
    return np.asarray(np.hypot(deviation, ROUNDING))


def _energy(codes: Array, width_px: float) -> Array:
    """Squared gradient behind a Gaussian."""
    smooth = cv2.GaussianBlur(codes, (0, 0), width_px)
    across, down = slopes(smooth)
    return np.asarray(across * across + down * down, np.float32)


def _warped(values: Array, onto: NDArray[np.float64], shape: tuple[int, ...]) -> Array:
    """A map of the sharp member at the blurry one's places; NaN beyond its frame."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    beyond = (float("nan"),) * 4
    moved = cv2.warpPerspective(
        values, onto, shape[::-1], flags=flags, borderValue=beyond
    )
    return np.asarray(moved, np.float32)

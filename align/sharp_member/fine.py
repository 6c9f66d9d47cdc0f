"""Fine detail and grain of both members at (nearly) full size: a reduced copy shows neither."""

from dataclasses import dataclass

import cv2
import numpy as np

from defocus.align.arrays import Doubles, Mask, Shape, Singles
from defocus.align.sampling.pyramid import reduced, rescaled
from defocus.align.sharp_member.texture import ROUNDING, grain, noise_energy
from defocus.blur.gradients import LAPLACIAN, slopes
from defocus.pictures.values import linear_to_srgb

FINE_SIDE = 2048
"""Longest side, px; larger pictures are reduced by a whole factor. At the full size of a camera of
24 megapixels diffraction softens each good sharp member at a small aperture."""
FINE_PX = 0.7
"""Standard deviation of the Gaussian that leaves the finest detail, px: that which the noise and
the colour grid of a sensor leave."""
COARSE_PX = 2.5
"""Standard deviation of the Gaussian that leaves detail without noise, px."""
CELL_PX = 8
"""Side of the cells over which detail is averaged, px."""
CELLS = 4
"""Number of cells along the side of a tile."""
OVER_NOISE = 4.0
"""Least energy of the detail of a textured tile of the blurry member, over that of the noise."""
LEAST_ENERGY = 2e-6
"""The same least energy in squared codes a px."""
LEAKED = 0.3
"""Share of the strongest detail of the sharp member around a tile. A tile with less may have the
detail in its blurry member from the blur of a strong edge nearby."""
EXCEEDING_SHARE = 0.02
"""Share of the tiles that exceed the reported number."""
LEAST_TILES = 30
NO_DETAIL = 1e-8
"""Least energy, in squared codes a px, that a ratio is divided by."""
SMOOTHEST = 0.1
"""Share of the cells that show grain: those with the least coarse detail."""
LEAST_CELLS = 40
"""Least number of cells that show grain."""
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

    fine: Singles  # energy of the fine gradients
    coarse: Singles  # of the coarse ones
    rough: Singles  # absolute response of a filter that shows noise but no edges
    codes: Singles
    noise: float  # energy that noise adds to the fine gradients

    @classmethod
    def of(cls, light: Singles) -> "_Cells":
        """Cells of luminance ``(H, W)``, linear."""
        floored = np.maximum(light, np.float32(0))
        codes = np.asarray(linear_to_srgb(floored), np.float32)
        response = cv2.filter2D(codes, cv2.CV_32F, LAPLACIAN)
        rough = np.asarray(np.abs(response), np.float32)
        noise = grain(codes) ** 2 * noise_energy(FINE_PX)
        return cls(
            reduced(_energy(codes, FINE_PX), CELL_PX),
            reduced(_energy(codes, COARSE_PX), CELL_PX),
            reduced(rough, CELL_PX),
            reduced(codes, CELL_PX),
            float(noise),
        )

    def moved(self, matrix: Doubles, shape: Shape) -> "_Cells":
        """The cells at the places of the other member."""
        onto = rescaled(matrix, CELL_PX)
        return _Cells(
            _warped(self.fine, onto, shape),
            _warped(self.coarse, onto, shape),
            _warped(self.rough, onto, shape),
            _warped(self.codes, onto, shape),
            self.noise,
        )


def fine_detail(blurry: Singles, sharp: Singles, matrix: Doubles) -> FineDetail:
    """Compare the fine detail and the grain of both members, luminance ``(H, W)``, linear.

    ``matrix`` leads from places of the blurry member to those of the sharp one."""
    own = _Cells.of(blurry)
    other = _Cells.of(sharp)
    other = other.moved(matrix, own.fine.shape)
    finer_stops = _finer_stops(own, other)
    return FineDetail(finer_stops, _grain_stops(own, other))


def _finer_stops(blurry: _Cells, sharp: _Cells) -> float | None:
    """By how much the blurry member has more fine detail, exceeded in 2 % of the tiles; at least 0.

    None if the picture has too few tiles."""
    in_blurry = _detail_of_tiles(blurry)
    in_sharp = _detail_of_tiles(sharp)
    known = np.isfinite(in_sharp)
    if known.sum() < LEAST_TILES:
        return None
    in_sharp = np.where(known, in_sharp, np.float32(0))
    near = cv2.dilate(in_sharp, np.ones((3, 3), np.uint8))
    noise = max(blurry.noise, sharp.noise)
    least = max(OVER_NOISE * noise, LEAST_ENERGY)
    textured = known & (in_blurry > least)
    textured &= in_blurry >= LEAKED * near
    own = np.maximum(in_blurry, NO_DETAIL)
    ratio = own / np.maximum(in_sharp, NO_DETAIL)
    stops = np.where(textured, np.log2(ratio) / 2, 0)
    exceeded = np.quantile(stops[known], 1 - EXCEEDING_SHARE)
    return max(float(exceeded), 0.0)


def _detail_of_tiles(member: _Cells) -> Singles:
    """Energy of the fine gradients of each tile, without that of the noise."""
    energy = reduced(member.fine, CELLS)
    return energy - np.float32(member.noise)


def _grain_stops(blurry: _Cells, sharp: _Cells) -> float | None:
    """Grain of the sharp member over that of the blurry one where both are the smoothest, stops."""
    grey = _is_grey(blurry.codes) & _is_grey(sharp.codes)
    if not grey.any():
        return None
    coarse = np.maximum(blurry.coarse, sharp.coarse)
    most = np.quantile(coarse[grey], SMOOTHEST)
    smooth = grey & (coarse <= most)
    if smooth.sum() < LEAST_CELLS:
        return None
    sharp_grain = _grain(sharp.rough[smooth])
    ratios = sharp_grain / _grain(blurry.rough[smooth])
    return float(np.median(np.log2(ratios)))


def _is_grey(codes: Singles) -> Mask:
    darkest, brightest = GREY
    grey = (codes > darkest) & (codes < brightest)
    return np.asarray(grey)


def _grain(rough: Singles) -> Doubles:
    """Standard deviation of the noise that gives a mean absolute response, codes."""
    # the filter's weights have a root sum of squares of 6
    deviation = np.sqrt(np.pi / 2) / 6 * rough
    return np.asarray(np.hypot(deviation, ROUNDING))


def _energy(codes: Singles, width_px: float) -> Singles:
    """Squared gradient behind a Gaussian."""
    smooth = cv2.GaussianBlur(codes, (0, 0), width_px)
    across, down = slopes(smooth)
    energy = across * across + down * down
    return np.asarray(energy, np.float32)


def _warped(values: Singles, onto: Doubles, shape: Shape) -> Singles:
    """A map of the sharp member at the blurry one's places; NaN beyond its frame."""
    beyond = float("nan")
    moved = cv2.warpPerspective(
        values,
        onto,
        shape[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderValue=(beyond, beyond, beyond, beyond),
    )
    return np.asarray(moved, np.float32)

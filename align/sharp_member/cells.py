"""Fine detail, coarse detail and grain of one member as means over small cells."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from defocus.align.arrays import Doubles, Shape, Singles
from defocus.align.sampling.pyramid import reduced, rescaled
from defocus.align.sharp_member.texture import grain, noise_energy
from defocus.blur.gradients import LAPLACIAN, slopes
from defocus.pictures.values import linear_to_srgb

FINE_PX = 0.7
"""Standard deviation of the Gaussian that leaves the finest detail, px: that which the noise and
the colour grid of a sensor leave."""
COARSE_PX = 2.5
"""Standard deviation of the Gaussian that leaves detail without noise, px."""
CELL_PX = 8
"""Side of the cells over which detail is averaged, px."""
TILE_CELLS = 4
"""Number of cells along the side of a tile."""
OVER_NOISE = 4.0
"""Least energy of the detail of a textured place of the blurry member, over that of the noise."""
LEAST_ENERGY = 2e-6
"""The same least energy in squared codes a px."""
LEAKED = 0.3
"""Share of the strongest detail of the sharp member around a place. A place with less may have the
detail in its blurry member from the blur of a strong edge nearby."""
NO_DETAIL = 1e-8
"""Least energy, in squared codes a px, that a ratio is divided by."""


@dataclass(frozen=True)
class Cells:
    """Means of one member over the cells of the blurry one; NaN beyond its frame."""

    fine: Singles  # energy of the fine gradients
    coarse: Singles  # of the coarse ones
    rough: Singles  # absolute response of a filter that shows noise but no edges
    codes: Singles
    noise: float  # energy that noise adds to the fine gradients

    @classmethod
    def of(cls, light: Singles) -> "Cells":
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

    @cached_property
    def detail_of_tiles(self) -> Singles:
        """Energy of the fine gradients of each tile, without that of the noise."""
        energy = reduced(self.fine, TILE_CELLS)
        return np.asarray(energy - np.float32(self.noise), np.float32)

    def moved(self, matrix: Doubles, shape: Shape) -> "Cells":
        """The cells at the places of the other member."""
        onto = rescaled(matrix, CELL_PX)
        return Cells(
            _warped(self.fine, onto, shape),
            _warped(self.coarse, onto, shape),
            _warped(self.rough, onto, shape),
            _warped(self.codes, onto, shape),
            self.noise,
        )


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

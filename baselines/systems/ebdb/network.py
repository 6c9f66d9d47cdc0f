"""EBDB's map and a deconvolution with it."""

import numpy as np
from numpy.typing import NDArray

from defocus.baselines.operators.classical.chains.chain import MapDeconvolution, restore_by_map
from defocus.baselines.operators.classical.chains.presets import STRENGTHS
from defocus.baselines.operators.classical.deconvolution.domain import Array
from defocus.baselines.operators.classical.psf import sigma_of
from defocus.baselines.systems.ebdb.defocus_map import estimate_sigma_px

__all__ = ["diameter_px", "make"]


def make(strength: str) -> MapDeconvolution:
    """The chain with a preset's strength, by its name."""
    return MapDeconvolution(diameter_px, restore_by_map(STRENGTHS[strength]))


def diameter_px(picture: Array) -> NDArray[np.float64]:
    """Diameters ``(H, W)`` of the circle of confusion, px, of a picture ``(H, W, 3)``."""
    return np.asarray(estimate_sigma_px(picture) / sigma_of(1.0))

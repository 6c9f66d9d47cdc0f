"""Blur of a pair as its two pictures show it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.blur_map import blur_map
from defocus.align.flow.by_name import DEFAULT_ESTIMATOR
from defocus.datasets.deriving.aligned_reference import measured_alone

__all__ = ["measured_blur"]


def measured_blur(
    blurry_file: Path, sharp_file: Path, estimator_name: str = DEFAULT_ESTIMATOR
) -> NDArray[np.float32]:
    """Diameter (px) by which the blurry picture is more blurred, ``(H, W)``; NaN where unknown."""
    # Negative where the sharp picture is the blurrier one. On the blurry grid.
    *_, measurement = measured_alone(blurry_file, sharp_file, estimator_name)
    found = blur_map(measurement)
    unknown = np.full(measurement.shape, np.nan, np.float32)
    return unknown if found is None else found.diameter_px

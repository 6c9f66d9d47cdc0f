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
    """Diameter of the circle of confusion by which the blurry picture is more blurred.

    Args:
        blurry_file: The blurry picture.
        sharp_file: The sharp picture as captured, of the same size.
        estimator_name: One of :data:`defocus.align.flow.by_name.ESTIMATORS`.

    Returns:
        ``(H, W)`` on the blurry grid, px, negative where the sharp picture is the blurrier one; NaN
        where the pictures do not show it, and everywhere if their misalignment is unknown.

    Raises:
        ImageError: A picture cannot be read, or the sizes differ.
        StorageError: The cache cannot be written.
    """
    *_, measurement = measured_alone(blurry_file, sharp_file, estimator_name)
    found = blur_map(measurement)
    unknown = np.full(measurement.shape, np.nan, np.float32)
    return unknown if found is None else found.diameter_px

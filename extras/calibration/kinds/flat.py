"""Vignetting of each aperture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.blur.gradients import block_means
from defocus.capture.quality.quick_look import QuickLook
from defocus.extras.calibration.bench import CalibrationBench, mean_light

BLOCKS_ACROSS = 40


def calibrate_flat(
    bench: CalibrationBench,
    *,
    apertures: list[str],
    shutter: str | None,
    frames: int,
) -> dict[str, Any]:
    """Shoot an even surface at each aperture, exposed like the first; see :func:`radial_fit`."""
    bench.show("flat", "point the camera at an evenly lit white surface, out of focus")
    words = list(map(bench.aperture, apertures))
    base = bench.well_exposed(words[0], shutter)
    fits = {}
    for word in words:
        exposure = bench.equal_exposure(word, base)
        fits[word] = radial_fit(bench.shots(exposure, frames))
    return {"apertures": fits}


def radial_fit(looks: list[QuickLook]) -> dict[str, Any]:
    """Light in EV over the distance from the centre: c2 r² + c4 r⁴, r = 1 in the corners.

    ``corner_ev`` is negative if corners are darker; an uneven surface causes ``residual_ev``."""
    light = mean_light(looks)
    size = max(max(light.shape) // BLOCKS_ACROSS, 1)
    blocks = np.log2(np.maximum(block_means(light, size), 1e-6))
    squared = _squared_radius(blocks.shape, size, light.shape)
    design = np.stack([np.ones_like(squared), squared, squared**2], axis=-1).reshape(
        -1,
        3,
    )
    (_, c2, c4), *_ = np.linalg.lstsq(design, blocks.ravel(), rcond=None)
    fitted = design @ np.linalg.lstsq(design, blocks.ravel(), rcond=None)[0]
    return {
        "corner_ev": float(c2 + c4),
        "coefficients_ev": [float(c2), float(c4)],
        "residual_ev": float((blocks.ravel() - fitted).std()),
    }


def _squared_radius(
    blocks: tuple[int, ...],
    size: int,
    shape: tuple[int, ...],
) -> NDArray[np.float64]:
    """Squared distance of block centres from the centre of the picture, the corner at 1."""
    rows, columns = blocks
    height, width = shape
    y = (np.arange(rows) + 0.5) * size / height - 0.5
    x = (np.arange(columns) + 0.5) * size / width - 0.5
    return np.asarray((x[None, :] ** 2 + y[:, None] ** 2) / 0.5)

"""Dust on the sensor, visible at narrow apertures."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blur.gradients import noise_sigma
from defocus.extras.calibration.bench import CalibrationBench, mean_light

BACKGROUND_SHARE = 0.08
"""Standard deviation of the Gaussian whose result counts as even light, as a share of the picture's
width; specks are smaller."""

SMOOTHING_SHARE = 0.003
LEAST_DEPTH = 0.01
OVER_NOISE = 5.0
LEAST_AREA_PX = 5


def calibrate_dust(
    bench: CalibrationBench,
    *,
    aperture: str,
    shutter: str | None,
    frames: int,
) -> dict[str, Any]:
    """Shoot an even surface at the narrow aperture and look for dark spots in the frames' mean.

    ``specks`` have ``x_px``, ``y_px``, ``diameter_px`` and ``depth`` (share of missing light)."""
    bench.show("flat", "point the camera at an evenly lit white surface, out of focus")
    exposure = bench.well_exposed(bench.aperture(aperture), shutter)
    looks = bench.shots(exposure, frames)
    light = mean_light(looks)
    pixels = looks[0].pixels
    specks = []
    for speck in find_specks(light):
        whole = dict(speck)
        for key in ("x_px", "y_px", "diameter_px"):
            whole[key] = speck[key] * pixels
        specks.append(whole)
    height, width = (round(side * pixels) for side in light.shape)
    return {
        "aperture": exposure.aperture,
        "picture_size_px": [width, height],
        "specks": specks,
    }


def find_specks(light: NDArray[np.float64]) -> list[dict[str, float]]:
    """Dark spots in linear light ``(H, W)`` of an even surface, the darkest first.

    The diameter is that of the circle of the same area."""
    width = light.shape[1]
    missing = _missing_light(light, width)
    limit = max(LEAST_DEPTH, OVER_NOISE * noise_sigma(missing.astype(np.float32)))
    count, labels, stats, centres = cv2.connectedComponentsWithStats(
        (missing > limit).astype(np.uint8)
    )
    specks = []
    for n in range(1, count):
        area = stats[n, cv2.CC_STAT_AREA]
        if area < LEAST_AREA_PX:
            continue
        x, y = centres[n]
        speck = {
            "x_px": float(x),
            "y_px": float(y),
            "diameter_px": float(np.sqrt(4 * area / np.pi)),
            "depth": float(missing[labels == n].max()),
        }
        specks.append(speck)
    return sorted(specks, key=lambda speck: -speck["depth"])


def _missing_light(light: NDArray[np.float64], width: int) -> NDArray[Any]:
    """Share of the light that is missing at each place, relative to its wide surroundings."""
    picture = light.astype(np.float32)
    wide_px = width * BACKGROUND_SHARE
    narrow_px = max(width * SMOOTHING_SHARE, 0.8)
    even = cv2.GaussianBlur(picture, (0, 0), wide_px)
    smooth = cv2.GaussianBlur(picture, (0, 0), narrow_px)
    return 1.0 - smooth / np.maximum(even, 1e-6)

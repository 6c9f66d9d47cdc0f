"""Which edges of a live picture are in focus, and a number to focus by."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blur.gradients import slopes
from defocus.pictures.values import Image, as_float, srgb_to_linear

STEEP_PX = 0.8
"""Blur, px, after which an edge must still be steep, so that noise does not count as an edge."""
FINE_PX, COARSE_PX = 0.5, 1.2
SHARP_RATIO = 1.4
"""Least ratio of the gradient after the fine blur to that after the coarse blur: an edge with 0.7
px of blur, or with a circle of confusion of 3 px, has this ratio. With blurs of 0.8 and 2 px, many
edges still glowed at 6 px."""
LEAST_GRADIENT = 0.012
NOISE_FACTOR = 3.0
"""Least steepness of an edge, as a multiple of the median over all pixels, which comes from noise
and from texture out of focus."""


def in_focus(picture: Image) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two masks of an sRGB-encoded picture: edges, and those in focus, whatever their contrast.

    Source: Zhuo and Sim, Defocus map estimation from a single image, 2011, section 3 (there a = 0).
    """
    # Blurred by a and by b an edge of blur s is weaker by sqrt((s² + b²) / (s² + a²)), which is
    # large where s is small. That holds of light; steepness is asked of encoded values, whose noise
    # is alike.
    encoded = as_float(picture)
    steep = gradient_length(encoded.mean(axis=2), STEEP_PX)
    edges = steep > max(LEAST_GRADIENT, NOISE_FACTOR * float(np.median(steep)))
    light = srgb_to_linear(encoded).mean(axis=2)
    fine = gradient_length(light, FINE_PX)
    coarse = gradient_length(light, COARSE_PX)
    return edges, edges & (fine > SHARP_RATIO * coarse)


def gradient_length(sharp: NDArray[np.float32], blur_px: float) -> NDArray[np.float32]:
    """Length of the gradient after a Gaussian blur, per px."""
    grey = cv2.GaussianBlur(sharp, (0, 0), blur_px)
    across, down = slopes(grey)
    return np.hypot(across, down)


def detail_per_pixel(linear: NDArray[np.floating[Any]]) -> float | None:
    """A number to focus by: RMS gradient at the scale of a pixel over mean light, percent per px.

    It compares one view only, and clipped lamps mislead it; None where all is black."""
    light = np.asarray(linear, np.float32).mean(axis=2)
    if not light.any():
        return None
    return float(
        100 * np.sqrt(np.square(gradient_length(light, FINE_PX)).mean()) / light.mean()
    )

"""Dual-pixel views of a scene: each half-pixel sees one half of the pupil.

The full view is composited once, like any picture. The views are the full view plus and minus half
their difference, so that their mean in linear light equals the full view at every pixel. Only at
occluding edges does this differ from compositing each view separately.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defocus.scene.aperture import ROUND, Aperture, DualPixel
from defocus.scene.layers import Layer, render
from defocus.scene.sensor import Sensor, noise_deviation, normal_numbers
from defocus.scene.thin_lens import Lens

__all__ = ["recorded_views", "view_difference"]

Array = NDArray[np.float64]


def view_difference(
    layers: Sequence[Layer], lens: Lens, dual_pixel: DualPixel, aperture: Aperture = ROUND
) -> Array:
    """Half of the left view minus the right one: ``(H, W, 3)`` float64, linear light."""
    left, right = (
        render(layers, lens, aperture, half=(dual_pixel, side)) for side in ("left", "right")
    )
    return (left - right) / 2.0


def recorded_views(
    full: Array, difference: Array, sensor: Sensor, seed: int
) -> tuple[Array, Array]:
    """Record the views that belong to a full view, with their own noise.

    Two halves with independent noise have a mean and a half difference with equal, independent
    noise; that of the mean is already in ``full``. The difference is limited so that neither view
    leaves [0, 1] and their mean stays ``full``.
    """
    noise = noise_deviation(full, sensor) * normal_numbers(full.shape, seed)
    room = np.minimum(full, 1.0 - full)
    half = np.clip(difference + noise, -room, room)
    return full + half, full - half

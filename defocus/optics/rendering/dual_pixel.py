"""Dual-pixel views of a scene: each half-pixel sees one half of the pupil.

The full view is composited once, as any picture is; the views are it plus and minus half their
difference, so that their mean in linear light is the full view at every pixel. Only at occluding
edges does that differ from compositing each view for itself: there the light that passes beside a
foreground is not the mean over both halves of what each half lets through.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defocus.optics.aperture import ROUND, Aperture, DualPixel
from defocus.optics.rendering.renderer import Layer, render
from defocus.optics.rendering.sensor import Sensor, noise_deviation, normal_numbers
from defocus.optics.thin_lens import Lens

__all__ = ["recorded_views", "view_difference"]

Array = NDArray[np.float64]


def view_difference(
    layers: Sequence[Layer], lens: Lens, dual_pixel: DualPixel, aperture: Aperture = ROUND
) -> Array:
    """Half of the left view minus the right one.

    Args:
        layers: The scene, in any order; the farthest must be opaque.
        lens: The lens.
        dual_pixel: How the pupil is divided.
        aperture: Its shape.

    Returns:
        ``(H, W, 3)`` float64, linear light.
    """
    left, right = (
        render(layers, lens, aperture, half=(dual_pixel, side)) for side in ("left", "right")
    )
    return (left - right) / 2.0


def recorded_views(
    full: Array, difference: Array, sensor: Sensor, seed: int
) -> tuple[Array, Array]:
    """The views that a sensor records along with a full view, with their own noise.

    Two halves whose noise is independent have a mean and a half difference of equal and independent
    noise; the mean's is in ``full`` already. Neither view is darker than black or brighter than
    white, and for that the difference is cut where it must be: their mean stays ``full``.

    Args:
        full: ``(H, W, 3)`` linear light in [0, 1], as recorded.
        difference: Result of :func:`view_difference`.
        sensor: Its noise.
        seed: Seed of the noise.

    Returns:
        Left and right view, linear light in [0, 1].
    """
    noise = noise_deviation(full, sensor) * normal_numbers(full.shape, seed)
    room = np.minimum(full, 1.0 - full)
    half = np.clip(difference + noise, -room, room)
    return full + half, full - half

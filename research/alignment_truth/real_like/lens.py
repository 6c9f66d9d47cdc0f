"""Blur by a real lens that changes with depth and with the place in the picture."""

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from defocus.scene.colour_psf import colour_psfs, trimmed
from defocus.scene.compositor import (
    LightShare,
    SurfacePixels,
    composited,
    for_correlation,
    merged,
)
from defocus.scene.layers import Zone, field_zones
from defocus.scene.real_lens import RealLens
from defocus.scene.window import Window, shown
from research.light import Array, Mask, single

PLACES = (3, 4)
"""Rows and columns of places in the field between which kernels are blended."""
MOST_LAYERS = 14
LEAST_STEP_PX = 1.0
LOST = 0.004
"""Share of a kernel's light, far from the centre, that is left out."""


def lens_blurred(
    light: Array,
    diameter: Array,
    lens: RealLens,
) -> Array:
    """A scene as a lens shows it, layers composited from far to near: ``(H, W, 3)``.

    Within the kernels' reach of the border, light from outside is missing."""
    low = float(diameter.min())
    high = float(diameter.max())
    steps = math.ceil((high - low) / LEAST_STEP_PX)
    count = min(MOST_LAYERS, max(1, steps))
    step = (high - low) / count or 1.0
    places = ((diameter - low) / step).astype(int)
    bins = np.clip(places, 0, count - 1)
    reach = max(abs(low), abs(high)) / 2 + 4
    farthest = int(bins.max())
    canvas = Window.of(diameter.shape)
    zones = field_zones(diameter.shape, grid=PLACES)

    def sheets() -> Iterator[SurfacePixels]:
        for k in sorted(np.unique(bins).tolist(), reverse=True):
            own = bins == k
            behind = bins <= k
            beyond = np.inf if k == farthest else reach
            colour, alpha = _continued(light, own, behind, beyond)
            mean = float(diameter[own].mean())
            shares = _shares(mean, alpha, lens, zones)
            yield SurfacePixels(
                colour,
                alpha,
                canvas,
                shares,
                even=False,
            )

    return merged(composited(sheets(), canvas))


def _shares(
    diameter: float,
    alpha: Array,
    lens: RealLens,
    zones: Sequence[Zone],
) -> list[LightShare]:
    """A layer's light at the places of the field; its opacity is spread as green is."""
    shares = []
    for zone in zones:
        weight = zone.weight.astype(np.float32)
        if (weight * alpha).any():
            of_colours = trimmed(colour_psfs(lens, diameter, zone.place), LOST)
            psf = for_correlation(of_colours[[0, 1, 2, 1]])
            own = shown(weight)
            shares.append(LightShare(psf, weight[own.index], own))
    return shares


def _continued(
    light: Array,
    own: Mask,
    not_behind: Mask,
    reach: float,
) -> tuple[Array, Array]:
    """Continue a layer behind nearer layers with its colour at the nearest visible place."""
    distance, labels = cv2.distanceTransformWithLabels(
        (~own).astype(np.uint8),
        cv2.DIST_L2,
        5,
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    place = np.empty(int(labels.max()) + 1, np.int64)
    place[labels[own]] = np.flatnonzero(own)
    colour = light.reshape(-1, 3)[place[labels]]
    covered = not_behind & (distance <= reach)
    return colour, single(covered)

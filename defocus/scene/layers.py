"""Scenes of layers that face the camera, through a thin lens, a real one, or a pinhole."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from defocus.scene.aperture import (
    ROUND,
    Aperture,
    DualPixel,
    View,
    aperture_psf,
    dual_pixel_psfs,
    pupil_light,
)
from defocus.scene.colour_psf import colour_psfs
from defocus.scene.compositor import (
    LightShare,
    SurfacePixels,
    composited,
    for_correlation,
    foremost,
    merged,
)
from defocus.scene.real_lens import Place, RealLens
from defocus.scene.thin_lens import Lens, circle_of_confusion_px
from defocus.scene.window import Window, shown

Array = NDArray[np.float64]

PER_SIDE = 5
ROUNDING = 1e-9


@dataclass(frozen=True)
class Zone:
    """One place in the field with its weight for each pixel: that of its row times its column's."""

    place: Place
    # rows, columns: ``(H,)`` and ``(W,)`` in [0, 1]; the weights of all zones add up to 1
    rows: Array
    columns: Array

    @property
    def weight(self) -> Array:
        """``(H, W)`` in [0, 1]."""
        return np.outer(self.rows, self.columns)


def field_zones(
    shape: tuple[int, ...],
    *,
    margin_px: int = 0,
    grid: tuple[int, int] = (PER_SIDE, PER_SIDE),
    at: tuple[NDArray[Any], NDArray[Any]] | None = None,
) -> list[Zone]:
    """The zones of a picture (height, width) on a grid of places."""
    # The picture may have a margin, whose places beyond the corner are as the corner; ``at`` gives
    # the rows and columns that the weights are for, which off the picture are those of its border.
    height, width = shape
    diagonal = math.hypot(width - 1 - 2 * margin_px, height - 1 - 2 * margin_px)
    corner = diagonal / 2
    rows, columns = (np.arange(height), np.arange(width)) if at is None else at
    zones = []
    for y, row in _zone_lines(rows, height, grid[0]):
        for x, column in _zone_lines(columns, width, grid[1]):
            place = _in_field(x / corner, y / corner)
            zones.append(Zone(place, row, column))
    return zones


def _zone_lines(
    positions: NDArray[Any],
    side: int,
    count: int,
) -> list[tuple[float, Array]]:
    """Zones along a side: place of each, px from the middle, and weight at each position."""
    shares = np.clip(positions / max(side - 1, 1), 0, 1)
    weights = _hats(shares, count)
    places = np.linspace(-0.5, 0.5, count) * (side - 1)
    return list(zip(places.tolist(), weights, strict=True))


def _in_field(x: float, y: float) -> Place:
    """A place in the field; one beyond its edge is moved to the edge in the same direction."""
    out = math.hypot(x, y)
    if out <= 1.0 + ROUNDING:
        return x, y
    return x / out, y / out


def _hats(position: NDArray[Any], count: int) -> Array:
    """Linear interpolation weights of the places at positions in [0, 1], ``(count, N)``."""
    places = np.arange(count)[:, None]
    apart = np.abs(position * (count - 1) - places)
    return np.clip(1.0 - apart, 0.0, 1.0)


@dataclass(frozen=True)
class Layer:
    """One fronto-parallel layer of a scene."""

    colour: Array  # ``(H, W, 3)`` float64, linear light, >= 0, not multiplied by alpha
    alpha: Array  # ``(H, W)`` float64 in [0, 1]
    depth_mm: float  # object distance, > 0; ``inf`` is allowed


def render(
    layers: Sequence[Layer],
    lens: Lens | None,
    aperture: Aperture = ROUND,
    half: tuple[DualPixel, View] | None = None,
) -> Array:
    """Render the picture of a scene through a thin lens: ``(H, W, 3)`` float64, linear light."""
    # The layers come in any order; the farthest must be opaque. No lens is a pinhole. If the
    # aperture varies over the picture (cat's eye), a layer's light is distributed over kernels at 5
    # × 5 places. Light lost to the lens barrel is compensated, as raw converters do, so that the
    # picture has the exposure of one taken through a small aperture. A view keeps its share of the
    # light relative to the other view; ``half`` None is the full view.
    zones = field_zones(layers[0].alpha.shape) if aperture.cats_eye > 0 else []

    def kernel(diameter: float, place: Place) -> Array:
        return _psf(diameter, aperture, place, half)

    picture = _through(layers, lens, zones, kernel)
    if half is not None and zones:
        picture *= _share(zones, aperture, half)[:, :, None]
    return picture


def render_through(
    layers: Sequence[Layer],
    lens: Lens,
    real: RealLens,
    margin_px: int = 0,
) -> Array:
    """Render the picture of a scene through a real lens, with its aberrations and colours."""
    # ``lens`` gives the circles of confusion; ``real`` is the lens at its f-number and pixel pitch.
    # Kernels and compensation are as in :func:`render`; the layers may have a margin around.
    zones = field_zones(layers[0].alpha.shape, margin_px=margin_px)

    def kernel(diameter: float, place: Place) -> Array:
        return colour_psfs(real, diameter, place)

    return _through(layers, lens, zones, kernel)


def _through(
    layers: Sequence[Layer],
    lens: Lens | None,
    zones: Sequence[Zone],
    kernel: Callable[[float, Place], Array],
) -> Array:
    """Layers, each blurred with one kernel per zone, or with one alone where there are no zones."""
    canvas = Window.of(layers[0].alpha.shape)

    def sheet(layer: Layer) -> SurfacePixels:
        alpha = None if layer.alpha.min() == 1.0 else layer.alpha
        if lens is None:
            return SurfacePixels(layer.colour, alpha, canvas)
        diameter = float(circle_of_confusion_px(layer.depth_mm, lens))
        shares = []
        for zone in zones:
            psf = kernel(diameter, zone.place)
            shares.append(LightShare(for_correlation(psf), zone.weight))
        if not zones:
            psf = kernel(diameter, (0.0, 0.0))
            shares.append(LightShare(for_correlation(psf)))
        return SurfacePixels(layer.colour, alpha, canvas, shares)

    return merged(composited(map(sheet, _far_to_near(layers)), canvas))


def _far_to_near(layers: Sequence[Layer]) -> list[Layer]:
    return sorted(layers, key=lambda layer: -layer.depth_mm)


def _psf(
    diameter: float,
    aperture: Aperture,
    place: Place,
    half: tuple[DualPixel, View] | None,
) -> Array:
    if half is None:
        return aperture_psf(diameter, aperture, place)
    dual_pixel, view = half
    left, right = dual_pixel_psfs(diameter, dual_pixel, aperture, place)
    return left if view == "left" else right


def _share(
    zones: Sequence[Zone],
    aperture: Aperture,
    half: tuple[DualPixel, View],
) -> Array:
    """Light of a view relative to the full picture at each pixel, 1 if both views are equal."""
    parts = []
    for zone in zones:
        of_view = pupil_light(aperture, zone.place, half)
        of_both = pupil_light(aperture, zone.place)
        parts.append(zone.weight * (of_view / of_both))
    return np.asarray(sum(parts))


def defocus_map(layers: Sequence[Layer], lens: Lens) -> Array:
    """Signed circle-of-confusion diameter of the frontmost surface, ``(H, W)``, in pixels.

    A layer counts as the surface where its alpha is at least one half."""
    canvas = Window.of(layers[0].alpha.shape)
    surfaces = []
    for layer in _far_to_near(layers):
        diameter = float(circle_of_confusion_px(layer.depth_mm, lens))
        surfaces.append((layer.alpha, diameter, canvas))
    values = np.zeros(canvas.shape)
    foremost(values, surfaces, canvas)
    return values


def depth_layers(
    colour: Array,
    depth_mm: Array,
    count: int,
    reach_px: float,
) -> list[Layer]:
    """Quantise a picture with depth into layers, far to near."""
    # Steps are even in inverse depth, in which the circle of confusion is linear. Each layer
    # continues behind the nearer ones for ``reach_px``, filled with its own nearest pixel, because
    # a blurred nearer edge is partly transparent and neighbouring layers of a slanted surface must
    # leave no seam. The farthest layer continues everywhere. A pinhole picture of the layers equals
    # ``colour``.
    inverse = 1.0 / depth_mm
    low = float(inverse.min())
    high = float(inverse.max())
    step = (high - low) / count or 1.0
    steps = ((inverse - low) / step).astype(np.int64)
    bins = np.minimum(steps, count - 1)
    farthest, *nearer = np.unique(bins).tolist()
    layers = [
        _layer(
            colour,
            inverse,
            bins,
            farthest,
            math.inf,
        )
    ]
    layers += [
        _layer(
            colour,
            inverse,
            bins,
            k,
            reach_px,
        )
        for k in nearer
    ]
    return layers


def _layer(
    colour: Array,
    inverse: Array,
    bins: NDArray[np.int64],
    k: int,
    reach_px: float,
) -> Layer:
    own = bins == k
    window = Window.of(own.shape)
    if not math.isinf(reach_px):
        window = shown(own).grown(math.ceil(reach_px)).within(window)
    box = window.index
    distance, nearest = distance_transform_edt(~own[box], return_indices=True)
    filled = np.zeros_like(colour)
    alpha = np.zeros(own.shape)
    filled[box] = colour[box][nearest[0], nearest[1]]
    alpha[box] = (bins[box] >= k) & (distance <= reach_px)
    depth_mm = 1.0 / inverse[own].mean()
    return Layer(filled, alpha, float(depth_mm))

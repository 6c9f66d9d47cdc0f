"""The layered renderer: a scene of opaque and transparent layers through a thin lens.

Layers are blurred and composited from far to near in linear light, colour premultiplied by alpha,
so that a blurred foreground is partly transparent at its edges. Source of the model: the usual
layered defocus approximation.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

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
from defocus.scene.field import Zone, field_zones
from defocus.scene.geometry import IDENTITY, Similarity
from defocus.scene.real_lens import RealLens
from defocus.scene.spline import sampled
from defocus.scene.thin_lens import Lens, circle_of_confusion_px

Array = NDArray[np.float64]
Box = tuple[slice, slice]

__all__ = ["Layer", "defocus_map", "moved", "moved_layers", "render", "render_through", "shown"]

WHOLE = (slice(None), slice(None))
MARGIN = 24
"""Pixels around a displaced part, after which a cubic spline has forgotten its border: 0.27^24."""


@dataclass(frozen=True)
class Layer:
    """One fronto-parallel layer of a scene.

    Attributes:
        colour: ``(H, W, 3)`` float64, linear light, >= 0, not multiplied by alpha.
        alpha: ``(H, W)`` float64 in [0, 1].
        depth_mm: Object distance, > 0; ``inf`` is allowed.
    """

    colour: NDArray[np.float64]
    alpha: NDArray[np.float64]
    depth_mm: float


def moved_layers(layers: Sequence[Layer], geometry: Similarity) -> list[Layer]:
    """The scene as seen by a camera that is displaced by ``geometry``.

    The result shows at x_s what ``layers`` show at x_b (see :mod:`defocus.scene.geometry`).
    Interpolation is that of :func:`moved`.
    """
    if geometry == IDENTITY:
        return list(layers)
    return [_moved_layer(layer, geometry) for layer in layers]


def _moved_layer(layer: Layer, geometry: Similarity) -> Layer:
    """Only the part that shows something, and what could come in from behind the border."""
    height, width = layer.alpha.shape
    matrix = geometry.matrix(width, height)
    corners = np.array([(x, y, 1) for x in (0, width) for y in (0, height)])
    farthest = np.abs(corners @ matrix.T - corners[:, :2]).max()
    part = shown(layer.alpha, MARGIN + math.ceil(farthest))
    box, light = _displaced(layer.colour, matrix, part)
    colour = np.zeros(layer.colour.shape)
    np.maximum(light, 0.0, out=colour[box])
    if layer.alpha.min() == 1.0:  # it stays so, as the border is mirrored
        return replace(layer, colour=colour)
    box, share = _displaced(layer.alpha[:, :, None], matrix, part)
    alpha = np.zeros(layer.alpha.shape)
    np.clip(share[:, :, 0], 0.0, 1.0, out=alpha[box])
    return replace(layer, colour=colour, alpha=alpha)


def moved(values: NDArray[np.float64], geometry: Similarity) -> NDArray[np.float64]:
    """Values displaced by a similarity: the result has at x_s what ``values`` has at x_b.

    Interpolation is a cubic spline in double precision (OpenCV's warps round positions to 1/32 px,
    too coarse for a truth); outside the frame the content is repeated by reflection. At hard edges
    the result can leave the range of ``values``.

    Args:
        values: ``(H, W)`` or ``(H, W, C)``.
        geometry: Displacement of the content.

    Returns:
        Same shape.
    """
    height, width = values.shape[:2]
    matrix = geometry.matrix(width, height)
    planes = values.reshape(height, width, -1)
    return sampled(planes, _backwards(matrix), (height, width)).reshape(values.shape)


def _backwards(matrix: Array) -> Array:
    """The ``(2, 3)`` matrix of the other direction."""
    inverse = np.linalg.inv(matrix[:, :2])
    return np.column_stack([inverse, -inverse @ matrix[:, 2]])


def _displaced(values: Array, matrix: Array, part: Box) -> tuple[Box, Array]:
    """Where a part of ``(H, W, C)`` values comes to lie in the frame, and what stands there."""
    height, width = values.shape[:2]
    (top, bottom, _), (left, right, _) = part[0].indices(height), part[1].indices(width)
    corners = np.array([(x, y, 1) for x in (left, right) for y in (top, bottom)]) @ matrix.T
    # A part at the border of the frame goes on behind it, mirrored.
    low = np.where((left == 0, top == 0), 0, np.floor(corners.min(axis=0))).clip(min=0).astype(int)
    high = np.where((right == width, bottom == height), (width, height), corners.max(axis=0))
    size = np.ceil(high).clip(max=(width, height)).astype(int) - low
    if (size <= 0).any():
        return (slice(0, 0), slice(0, 0)), np.zeros((0, 0, values.shape[2]))
    back = _backwards(matrix)
    back[:, 2] += back[:, :2] @ low - (left, top)
    (x, y), (columns, rows) = low, size
    box = slice(y, y + rows), slice(x, x + columns)
    return box, sampled(values[part], back, (int(rows), int(columns)))


def render(
    layers: Sequence[Layer],
    lens: Lens | None,
    aperture: Aperture = ROUND,
    half: tuple[DualPixel, View] | None = None,
) -> Array:
    """Render the picture of a scene through a thin lens.

    If the aperture varies over the picture (cat's eye), a layer's light is distributed over kernels
    at 5 × 5 places. Light lost to the lens barrel is compensated, as raw converters do, so that the
    picture has the exposure of one taken through a small aperture. A view keeps its share of the
    light relative to the other view.

    Args:
        layers: The scene, in any order; the farthest must be opaque.
        lens: The lens, or None for a pinhole (everything in focus).
        aperture: Its shape.
        half: The requested view of a dual-pixel sensor; None for the full view.

    Returns:
        ``(H, W, 3)`` float64, linear light.
    """
    shape = layers[0].alpha.shape
    zones = field_zones(shape, varying=aperture.cats_eye > 0)
    picture = _composited(
        layers, lens, zones, lambda diameter, place: _psf(diameter, aperture, place, half)
    )
    return picture if half is None else np.asarray(picture * _share(zones, aperture, half))


def render_through(
    layers: Sequence[Layer], lens: Lens, real: RealLens, margin_px: int = 0
) -> Array:
    """Render the picture of a scene through a real lens, with its aberrations and colours.

    A layer's light is distributed over kernels at 5 × 5 places; light lost to the rims is
    compensated, as in :func:`render`.

    Args:
        layers: The scene, in any order; the farthest must be opaque.
        lens: The thin lens that gives circles of confusion.
        real: The lens at the f-number and pixel pitch of ``lens``.
        margin_px: Rows and columns on each side of the layers that lie beyond the picture.

    Returns:
        ``(H, W, 3)`` float64, linear light.
    """
    zones = field_zones(layers[0].alpha.shape, varying=True, margin_px=margin_px)
    return _composited(
        layers, lens, zones, lambda diameter, place: colour_psfs(real, diameter, place)
    )


def _composited(
    layers: Sequence[Layer],
    lens: Lens | None,
    zones: Sequence[Zone],
    kernel: Callable[[float, tuple[float, float]], Array],
) -> Array:
    """Layers blurred with the kernels of their circles of confusion, from far to near."""
    ordered = sorted(layers, key=lambda layer: -layer.depth_mm)
    picture = np.zeros(ordered[0].colour.shape)
    for layer in ordered:
        diameter = 0.0 if lens is None else float(circle_of_confusion_px(layer.depth_mm, lens))
        psfs = [kernel(diameter, zone.place) for zone in zones]
        # Elsewhere the layer changes nothing; weights that vary are those of the whole picture.
        box = shown(layer.alpha, psfs[0].shape[0]) if len(zones) == 1 else WHOLE
        alpha = layer.alpha[box][:, :, None]
        if alpha.size == layer.alpha.size and alpha.min() == 1.0:
            picture[:] = _spread(layer.colour, zones, psfs)  # hides all behind it
            continue
        light = _spread(layer.colour[box] * alpha, zones, psfs)
        picture[box] *= 1.0 - _spread(alpha, zones, psfs)
        picture[box] += light
    return picture


def _spread(values: Array, zones: Sequence[Zone], psfs: Sequence[Array]) -> Array:
    """Blur light with a kernel per place in the field; ``(H, W, C)``.

    If kernels vary over the field, the sum is divided by the result for a flat picture, so that the
    variation makes nothing brighter or transparent.
    """
    if len(zones) == 1:
        return _filter(values, psfs[0])
    parts = list(zip(zones, psfs, strict=True))
    total = sum(_filter(values * zone.weight, psf) for zone, psf in parts)
    return np.asarray(total / sum(_filter(zone.weight, psf) for zone, psf in parts))


def _psf(
    diameter: float,
    aperture: Aperture,
    place: tuple[float, float],
    half: tuple[DualPixel, View] | None,
) -> Array:
    if half is None:
        return aperture_psf(diameter, aperture, place)
    dual_pixel, view = half
    return dual_pixel_psfs(diameter, dual_pixel, aperture, place)[view == "right"]


def _share(zones: Sequence[Zone], aperture: Aperture, half: tuple[DualPixel, View]) -> Array:
    """Light of a view relative to the full picture at each pixel, 1 if both views are equal."""
    parts = [
        zone.weight * (pupil_light(aperture, zone.place, half) / pupil_light(aperture, zone.place))
        for zone in zones
    ]
    return np.asarray(sum(parts))


def _filter(values: Array, psf: Array) -> Array:
    """Values blurred with one kernel, or with one for each of three colours, ``(3, K, K)``."""
    if psf.ndim == 3:
        colours = np.broadcast_to(values, (*values.shape[:2], 3)).transpose(2, 0, 1)
        planes = zip(colours, psf, strict=True)
        return np.stack([_filter(one[:, :, None], own)[:, :, 0] for one, own in planes], axis=2)
    if psf.size == 1:
        return values
    turned = np.ascontiguousarray(psf[::-1, ::-1])  # OpenCV correlates
    spread = cv2.filter2D(values, cv2.CV_64F, turned, borderType=cv2.BORDER_REFLECT_101)
    return np.reshape(spread, values.shape)  # OpenCV drops an axis of length 1


def shown(alpha: Array, margin: int = 0) -> Box:
    """Rows and columns where a layer shows something, and ``margin`` pixels around."""
    rows, columns = (np.flatnonzero(alpha.any(axis=axis)) for axis in (1, 0))
    return _span(rows, margin, alpha.shape[0]), _span(columns, margin, alpha.shape[1])


def _span(places: NDArray[np.intp], margin: int, length: int) -> slice:
    if not places.size:
        return slice(0, 0)
    return slice(max(int(places[0]) - margin, 0), min(int(places[-1]) + 1 + margin, length))


def defocus_map(layers: Sequence[Layer], lens: Lens) -> NDArray[np.float64]:
    """Signed circle-of-confusion diameter of the frontmost surface, ``(H, W)``, in pixels.

    A layer counts as the surface where its alpha is at least one half.
    """
    ordered = sorted(layers, key=lambda layer: -layer.depth_mm)
    values = np.zeros_like(ordered[0].alpha)
    for layer in ordered:
        diameter = float(circle_of_confusion_px(layer.depth_mm, lens))
        values = np.where(layer.alpha >= 0.5, diameter, values)
    return values

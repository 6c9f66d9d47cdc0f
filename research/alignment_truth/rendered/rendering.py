"""Render a scene through a wide aperture and through a moved pinhole.

For the sharp member the surfaces move, not the finished picture: so occlusion is correct."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from defocus.scene.compositor import (
    LightShare,
    SurfacePixels,
    composited,
    for_correlation,
    foremost,
    merged,
)
from defocus.scene.depth import Focus
from defocus.scene.layers import field_zones
from defocus.scene.window import Window, shown
from research.alignment_truth.rendered.psf import ASYMMETRIC, PSF, kernel
from research.alignment_truth.rendered.scene import TruthSurface, View
from research.light import Array, Pixels

SLICE_PX = 2.0
"""Distance, px, between the diameters of the kernels of a slanted surface, which are
interpolated."""


@dataclass(frozen=True)
class Defocus:
    """Lens of the blurry member, with a wide aperture."""

    psf: PSF
    largest_px: float  # diameter of the circle of confusion in the scene
    focus: float  # inverse depth, [0, 1]
    size: tuple[int, int]  # height and width

    @property
    def reach_px(self) -> int:
        """Largest distance of light from its chief ray."""
        aberration = 2.0 if self.psf.family in {"coma", "soft-disc"} else 1.0
        return math.ceil(self.largest_px / 2 * aberration) + 1

    def diameter(self, inverse_depth: Array) -> Array:
        """Signed diameter, px, negative in front of the focus plane."""
        slope = self.largest_px / max(self.focus, 1 - self.focus)
        far = slope * self.focus
        near = slope * (self.focus - 1)
        return Focus(far, near).at(inverse_depth)


@dataclass(frozen=True)
class Rendered:
    """A picture and its frontmost surface at each pixel."""

    linear: Array  # ``(H, W, 3)`` float32, linear light
    # ``(H, W)``, index of the surface that covers at least half of the pixel
    front: Pixels


def sharp_picture(surfaces: Sequence[TruthSurface], view: View) -> Rendered:
    """Render the picture of a pinhole camera that has moved by ``view``."""
    frame = Window.of(view.size)
    sheets = {}
    for index, surface in enumerate(surfaces):
        window = view.window_there(surface.window).within(frame) if index else frame
        if not window.empty:
            places = view.back(*window.grid(), surface.relief)
            sheets[index] = surface.sheet(window, *places)
    return _rendered(sheets, frame)


def blurry_picture(
    surfaces: Sequence[TruthSurface],
    defocus: Defocus,
    frame: Window,
) -> Rendered:
    """Render the picture of the wide aperture at the reference position."""
    sheets = {}
    for index, surface in enumerate(surfaces):
        window = surface.window.grown(defocus.reach_px).within(frame)
        if window.empty:
            continue
        x, y = window.grid()
        in_focus = surface.sheet(window, x, y)
        depth = surface.relief.inverse_depth(x, y)
        diameter = defocus.diameter(depth)
        lit = diameter
        if in_focus.alpha is not None:
            lit = diameter[in_focus.alpha > 0]
        shares = _shares(diameter, lit, defocus, window)
        sheets[index] = replace(in_focus, shares=shares)
    return _rendered(sheets, frame)


def _rendered(sheets: Mapping[int, SurfacePixels], frame: Window) -> Rendered:
    """Sheets in the frame, and the number of the foremost."""
    front = np.zeros(frame.shape, np.uint8)
    opaque = []
    for number, sheet in sheets.items():
        if sheet.alpha is not None:
            opaque.append((sheet.alpha, number, sheet.window))
    foremost(front, opaque, frame)
    light = merged(composited(sheets.values(), frame))
    return Rendered(light, front)


def _shares(
    diameter: Array,
    lit: Array,
    defocus: Defocus,
    window: Window,
) -> list[LightShare]:
    """Weights that sum to 1 at each pixel, each with its kernel."""
    if not lit.size:
        return []
    low = float(lit.min())
    high = float(lit.max())
    within = np.clip(diameter, low, high)
    reach = high - low
    gaps = math.ceil(reach / SLICE_PX - 0.1)
    per_gap = gaps / max(reach, 1e-6)
    nodes = [(low + high) / 2]
    if gaps:
        nodes = np.linspace(low, high, gaps + 1).tolist()
    shares: list[LightShare] = []
    for node in nodes:
        distance = np.abs(within - node) * per_gap
        by_diameter = np.maximum(1 - distance, 0)
        shares += _shares_of(node, by_diameter, defocus, window)
    return shares


def _shares_of(
    node: float,
    by_diameter: Array,
    defocus: Defocus,
    window: Window,
) -> Iterator[LightShare]:
    """The kernels of one diameter at the places of the field, with their weights."""
    for by_place, field in _zones(defocus, window):
        psf = for_correlation(kernel(defocus.psf, node, field, defocus.largest_px))
        weight = by_diameter if by_place is None else by_diameter * by_place
        own = shown(weight, window)
        yield LightShare(psf, weight[own.slices(window)], own)


def _zones(
    defocus: Defocus,
    window: Window,
) -> Iterator[tuple[Array | None, tuple[float, float]]]:
    """Weights of places in the field; a single place if kernels do not vary."""
    if defocus.psf.family not in ASYMMETRIC:
        yield None, (0.0, 0.0)
        return
    height, width = defocus.size
    diagonal = math.hypot(width, height)
    to_corner = math.hypot(width - 1, height - 1) / diagonal
    rows = np.arange(window.top, window.bottom)
    columns = np.arange(window.left, window.right)
    for zone in field_zones(defocus.size, at=(rows, columns)):
        x, y = zone.place
        field = (x * to_corner, y * to_corner)
        yield zone.weight.astype(np.float32), field

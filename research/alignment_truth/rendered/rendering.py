"""Render a scene through a wide aperture and through a moved pinhole.

Surfaces are composited from far to near in linear light, colour premultiplied by coverage. For the
sharp member the surfaces themselves move, not the finished picture, so occlusion is correct.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from research.alignment_truth.rendered.psf import ASYMMETRIC, PSF, kernel
from research.alignment_truth.rendered.scene import TruthSurface, View, Window

__all__ = ["Defocus", "Rendered", "blurry_picture", "sharp_picture"]

Array = NDArray[np.float32]

SLICE_PX = 2.0
"""Kernels of a slanted surface are interpolated between diameters this far apart."""

ZONES = 5
"""Kernels that depend on the field are interpolated between this many places each way."""


@dataclass(frozen=True)
class Defocus:
    """Lens of the blurry member, with a wide aperture.

    Attributes:
        psf: The point spread function.
        largest_px: Largest diameter of the circle of confusion in the scene.
        focus: Inverse depth in focus, [0, 1].
        size: Height and width of the frame.
    """

    psf: PSF
    largest_px: float
    focus: float
    size: tuple[int, int]

    @property
    def reach_px(self) -> int:
        """Largest distance of light from its chief ray."""
        aberration = 2.0 if self.psf.family in {"coma", "soft-disc"} else 1.0
        return math.ceil(self.largest_px / 2 * aberration) + 1

    def diameter(self, inverse_depth: Array) -> Array:
        """Signed diameter, px: linear in inverse depth, negative in front of the focus plane."""
        slope = self.largest_px / max(self.focus, 1 - self.focus)
        return np.float32(slope) * (np.float32(self.focus) - inverse_depth)


@dataclass(frozen=True)
class Rendered:
    """A picture and its frontmost surface at each pixel.

    Attributes:
        linear: ``(H, W, 3)`` float32, linear light.
        front: ``(H, W)`` uint8, index of the surface that covers at least half of the pixel.
    """

    linear: Array
    front: NDArray[np.uint8]


def sharp_picture(surfaces: Sequence[TruthSurface], view: View) -> Rendered:
    """Render the picture of a pinhole camera that has moved by ``view``.

    Args:
        surfaces: Surfaces, from far to near; the first is the background.
        view: Movement of the camera.
    """
    frame = Window(0, 0, view.size[1], view.size[0])
    linear = np.zeros((*frame.shape, 3), np.float32)
    front = np.zeros(frame.shape, np.uint8)
    for index, surface in enumerate(surfaces):
        window = view.window_there(surface.window).within(frame) if index else frame
        if 0 in window.shape:
            continue
        x, y = view.back(*window.grid(), surface.relief)
        part = window.slices(frame)
        colour, coverage = surface.colour(x, y), surface.coverage(x, y)
        linear[part] += coverage[:, :, None] * (colour - linear[part])
        front[part][coverage >= 0.5] = index
    return Rendered(linear, front)


def blurry_picture(surfaces: Sequence[TruthSurface], defocus: Defocus, frame: Window) -> Rendered:
    """Render the picture of the wide aperture at the reference position.

    Args:
        surfaces: Surfaces, from far to near; the first is the background.
        defocus: The lens.
        frame: The pixels; within ``reach_px`` of its border the picture lacks light from outside.
    """
    linear = np.zeros((*frame.shape, 3), np.float32)
    front = np.zeros(frame.shape, np.uint8)
    for index, surface in enumerate(surfaces):
        window = surface.window.grown(defocus.reach_px).within(frame)
        if 0 in window.shape:
            continue
        x, y = window.grid()
        coverage = surface.coverage(x, y)
        diameter = defocus.diameter(surface.relief.inverse_depth(x, y))
        light, covered = _blurred(surface.colour(x, y), coverage, diameter, defocus, window)
        part = window.slices(frame)
        linear[part] += light - covered[:, :, None] * linear[part]
        front[part][coverage >= 0.5] = index
    return Rendered(linear, front)


def _blurred(
    colour: Array, coverage: Array, diameter: Array, defocus: Defocus, window: Window
) -> tuple[Array, Array]:
    """Blurred premultiplied colour and coverage of a surface.

    The surface's light is distributed over kernels with neighbouring diameters (and places in the
    field). The sum is divided by the result for a surface without edges, so that a varying diameter
    makes it neither brighter nor transparent.
    """
    channels = np.dstack([colour * coverage[:, :, None], coverage, np.ones_like(coverage)])
    total = np.zeros_like(channels)
    for share, psf in _shares(diameter, coverage > 0, defocus, window):
        lit = _bounds(share, window)
        if 0 in lit.shape:
            continue
        inner = lit.slices(window)
        spread = _spread(channels[inner] * share[inner][:, :, None], psf)
        reached = lit.grown(psf.shape[0] // 2)
        landed = reached.within(window)
        total[landed.slices(window)] += spread[landed.slices(reached)]
    total /= np.maximum(total[:, :, 4:], np.float32(1e-6))
    return total[:, :, :3], total[:, :, 3]


def _bounds(share: Array, window: Window) -> Window:
    """Bounding box of the non-zero part of the window; empty if there is none."""
    rows, columns = np.flatnonzero(share.any(axis=1)), np.flatnonzero(share.any(axis=0))
    if not rows.size:
        return Window(0, 0, 0, 0)
    return Window(
        window.left + int(columns[0]),
        window.top + int(rows[0]),
        window.left + int(columns[-1]) + 1,
        window.top + int(rows[-1]) + 1,
    )


def _spread(light: Array, psf: Array) -> Array:
    """Convolution with zeros outside; the result is wider by the kernel's half on each side."""
    half = psf.shape[0] // 2
    if half == 0:
        return light
    padded = cv2.copyMakeBorder(light, half, half, half, half, cv2.BORDER_CONSTANT, value=0)
    planes = [
        cv2.filter2D(plane, -1, psf[::-1, ::-1], borderType=cv2.BORDER_CONSTANT)
        for plane in cv2.split(padded)
    ]
    return np.dstack(planes)


def _shares(
    diameter: Array, lit: NDArray[np.bool_], defocus: Defocus, window: Window
) -> Iterator[tuple[Array, Array]]:
    """Weights that sum to 1 at each pixel, each with its kernel."""
    low, high = float(diameter[lit].min(initial=np.inf)), float(diameter[lit].max(initial=-np.inf))
    if low > high:
        return
    within = np.clip(diameter, low, high)
    gaps = math.ceil((high - low) / SLICE_PX - 0.1)
    nodes = np.linspace(low, high, gaps + 1) if gaps else np.array([(low + high) / 2])
    for node in nodes:
        distance = np.abs(within - np.float32(node)) * np.float32(gaps / max(high - low, 1e-6))
        by_diameter = np.maximum(1 - distance, 0)
        for by_place, field in _zones(defocus, window):
            share = by_diameter * by_place
            yield share, kernel(defocus.psf, float(node), field, defocus.largest_px)


def _zones(
    defocus: Defocus, window: Window
) -> Iterator[tuple[Array | np.float32, tuple[float, float]]]:
    """Bilinear weights of places in the field; a single place if kernels do not vary."""
    if defocus.psf.family not in ASYMMETRIC:
        yield np.float32(1), (0.0, 0.0)
        return
    height, width = defocus.size
    half_diagonal = math.hypot(width, height) / 2
    x, y = window.grid()
    column = np.clip(x / np.float32(width - 1), 0, 1) * (ZONES - 1)
    row = np.clip(y / np.float32(height - 1), 0, 1) * (ZONES - 1)
    for j in range(ZONES):
        for i in range(ZONES):
            weight = np.clip(1 - np.abs(column - i), 0, 1) * np.clip(1 - np.abs(row - j), 0, 1)
            place = (
                (i / (ZONES - 1) - 0.5) * (width - 1) / half_diagonal,
                (j / (ZONES - 1) - 0.5) * (height - 1) / half_diagonal,
            )
            yield np.asarray(weight, np.float32), place

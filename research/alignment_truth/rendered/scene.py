"""Scene of textured surfaces, with the camera positions of the blurry and the sharp picture."""

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from defocus.scene.compositor import SurfacePixels
from defocus.scene.geometry import Similarity
from defocus.scene.window import Window
from research.alignment_truth.rendered.layout import Outline, Relief
from research.light import Array, Matrix

TEXELS_PER_PX = 2
"""Texels of a texture per pixel: interpolation between texels then errs far below the picture's
pixels."""

INVERSIONS = 6
"""Fixed-point steps of the way back from the sharp picture; each gains a factor of ten or more."""


@dataclass(frozen=True)
class TruthSurface:
    """One surface of a scene, in the coordinates of the blurry picture."""

    relief: Relief  # inverse depth
    outline: Outline | None  # None for the background, which is everywhere
    texture: Array  # ``(h, w, 3)`` float32, linear light, TEXELS_PER_PX per pixel
    window: Window  # pixels covered by the texture

    def colour(self, x: Array, y: Array) -> Array:
        """``(H, W, 3)`` colour at positions of the blurry picture."""
        first = (TEXELS_PER_PX - 1) / 2  # the pixel centre lies between its texels
        u = (x - self.window.left) * TEXELS_PER_PX + first
        v = (y - self.window.top) * TEXELS_PER_PX + first
        sampled = cv2.remap(
            self.texture,
            u,
            v,
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return np.maximum(sampled, np.float32(0))

    def sheet(self, window: Window, x: Array, y: Array) -> SurfacePixels:
        """The pixels of a window, which show these positions of the blurry picture."""
        alpha = None if self.outline is None else self.outline.coverage(x, y)
        return SurfacePixels(self.colour(x, y), alpha, window)


@dataclass(frozen=True)
class View:
    """Chief rays from the blurry to the sharp member: a similarity, and parallax."""

    similarity: Similarity  # of positions, at the middle of the scene's inverse depths
    parallax_px: tuple[float, float]  # (x, y), of inverse depth 1 relative to 0
    size: tuple[int, int]  # height and width

    @cached_property
    def _matrix(self) -> Matrix:
        return self.similarity.matrix(self.size[1], self.size[0])

    @property
    def _linear_and_shift(self) -> tuple[Matrix, Matrix]:
        """The matrix ``(2, 2)`` and the shift ``(2,)`` of the similarity."""
        return self._matrix[:, :2], self._matrix[:, 2]

    @property
    def _border_px(self) -> float:
        """By how much parallax moves anything, and 2 px for interpolation."""
        return math.hypot(*self.parallax_px) + 2

    def flow(self, x: Array, y: Array, inverse_depth: Array) -> Array:
        """``(2, H, W)`` displacement from blurry positions to sharp ones, px."""
        (xx, xy, right), (yx, yy, down) = self._matrix.astype(np.float32)
        deviation = inverse_depth - 0.5
        parallax_x, parallax_y = self.parallax_px
        shift_x = right + deviation * parallax_x
        shift_y = down + deviation * parallax_y
        across = (xx - 1) * x + xy * y + shift_x
        along = yx * x + (yy - 1) * y + shift_y
        return np.stack([across, along]).astype(np.float32)

    def back(
        self,
        x: Array,
        y: Array,
        relief: Relief,
    ) -> tuple[Array, Array]:
        """Positions in the blurry picture of points that have these positions in the sharp one."""
        linear, shift = self._linear_and_shift
        inverse = np.linalg.inv(linear)
        offset = -inverse @ shift
        step = inverse @ np.array(self.parallax_px)
        right, down = offset.astype(np.float32)
        step_x, step_y = step.astype(np.float32)
        (xx, xy), (yx, yy) = inverse.astype(np.float32)
        x0 = xx * x + xy * y + right
        y0 = yx * x + yy * y + down
        xb = x0
        yb = y0
        for _ in range(INVERSIONS):
            deviation = relief.inverse_depth(xb, yb) - 0.5
            xb = x0 - deviation * step_x
            yb = y0 - deviation * step_y
        return xb, yb

    def window_back(self, window: Window) -> Window:
        """Blurry pixels that cover everything visible in the sharp window, for any depth."""
        linear, shift = self._linear_and_shift
        inverse = np.linalg.inv(linear)
        places = (_corners(window) - shift) @ inverse.T
        return _around(places, self._border_px)

    def window_there(self, window: Window) -> Window:
        """Sharp pixels that can show the content of the blurry window, for any depth."""
        linear, shift = self._linear_and_shift
        places = _corners(window) @ linear.T + shift
        return _around(places, self._border_px)


def _corners(window: Window) -> Matrix:
    corners = [
        (window.left, window.top),
        (window.left, window.bottom),
        (window.right, window.top),
        (window.right, window.bottom),
    ]
    return np.array(corners, dtype=np.float64)


def _around(places: Matrix, border: float) -> Window:
    first = places.min(axis=0) - border
    last = places.max(axis=0) + border
    left, top = np.floor(first).astype(int).tolist()
    right, bottom = np.ceil(last).astype(int).tolist()
    return Window(left, top, right + 1, bottom + 1)

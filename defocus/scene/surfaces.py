"""Surfaces of a scene, and their conversion to layers."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from defocus.pictures.values import srgb_to_linear
from defocus.scene.layers import Layer, depth_layers
from defocus.scene.pictures import part, texture

CutOutKind = Literal[
    "disc",
    "ring",
    "square",
    "star",
    "bars",
    "letters",
]
Floats = NDArray[np.float64]
Distance = Callable[[Floats, Floats], Floats]

# Strokes (left, top, right, bottom) of letters drawn in a box from -0.5 to 0.5.
STROKES: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "D": ((-0.4, -0.5, -0.2, 0.5), (-0.4, -0.5, 0.25, -0.32), (-0.4, 0.32, 0.25, 0.5),
          (0.15, -0.4, 0.35, 0.4),),
    "E": ((-0.4, -0.5, -0.2, 0.5), (-0.4, -0.5, 0.35, -0.32), (-0.4, -0.09, 0.25, 0.09),
          (-0.4, 0.32, 0.35, 0.5),),
    "F": ((-0.4, -0.5, -0.2, 0.5), (-0.4, -0.5, 0.35, -0.32), (-0.4, -0.09, 0.25, 0.09)),
    "H": ((-0.4, -0.5, -0.2, 0.5), (0.2, -0.5, 0.4, 0.5), (-0.4, -0.09, 0.4, 0.09)),
    "L": ((-0.4, -0.5, -0.2, 0.5), (-0.4, 0.32, 0.35, 0.5)),
    "T": ((-0.1, -0.5, 0.1, 0.5), (-0.4, -0.5, 0.4, -0.32)),
}  # fmt: skip


@dataclass(frozen=True)
class CutOut:
    """A cut-out shape."""

    kind: CutOutKind
    x: float  # x, y: centre, in frame heights from the frame's centre
    y: float
    size: float  # diameter or side, in frame heights
    turn_deg: float = 0.0  # rotation, positive clockwise on the screen
    softness_px: float = 1.0  # width of the edge, in pixels of the frame
    text: str = ""  # the letters of kind ``letters``, of D, E, F, H, L and T


def shape_alpha(
    shape: CutOut,
    x: Floats,
    y: Floats,
    height_px: float,
) -> Floats:
    """Opacity of a shape at points of the frame: same shape as ``x``, in [0, 1]."""
    turn = math.radians(shape.turn_deg)
    cosine = math.cos(turn)
    sine = math.sin(turn)
    dx = x - shape.x
    dy = y - shape.y
    u = (cosine * dx + sine * dy) / shape.size
    v = (-sine * dx + cosine * dy) / shape.size
    distance_px = _inside(shape, u, v) * shape.size * height_px
    return np.asarray(np.clip(distance_px / shape.softness_px + 0.5, 0.0, 1.0))


def _inside(shape: CutOut, u: Floats, v: Floats) -> Floats:
    """Distance of points to the outline, in sizes of the shape, negative outside of it."""
    if shape.kind == "letters":
        return _letters(shape.text, u, v)
    return _DISTANCES[shape.kind](u, v)


def _star(u: Floats, v: Floats) -> Floats:
    """A star with five soft points: a disc whose radius varies with the angle."""
    angle = np.arctan2(u, -v)
    radius = 0.36 + 0.14 * np.cos(5.0 * angle)
    distance = np.hypot(u, v)
    return np.asarray(0.8 * (radius - distance))


def _letters(
    text: str,
    u: Floats,
    v: Floats,
) -> Floats:
    result = np.full(u.shape, -np.inf)
    middle = (len(text) - 1) / 2
    for place, letter in enumerate(text):
        shifted = u - (place - middle)
        for left, top, right, bottom in STROKES[letter]:
            across = np.minimum(shifted - left, right - shifted)
            down = np.minimum(v - top, bottom - v)
            stroke = np.minimum(across, down)
            result = np.maximum(result, stroke)
    return result


_DISTANCES: dict[str, Distance] = {
    "disc": lambda u, v: 0.5 - np.hypot(u, v),
    "ring": lambda u, v: 0.12 - np.abs(np.hypot(u, v) - 0.38),
    "square": lambda u, v: 0.5 - np.maximum(np.abs(u), np.abs(v)),
    "star": _star,
    # endless upright bars with gaps twice as wide: a fence in front of the whole frame
    "bars": lambda u, v: 1.0 / 6.0 - np.abs(np.mod(u, 1.0) - 0.5) + 0.0 * v,
}


SLOPE_STEPS = 16
MOTORCYCLE_STEPS = 24


@dataclass(frozen=True)
class Canvas:
    """Area in which a scene is drawn: the frame with a margin, finer than the final pixels."""

    width: int  # width, height: width and height of the frame, in final pixels
    height: int
    margin: int  # margin on each side in final pixels, for blur and displacement
    fineness: int  # canvas pixels per final pixel along each axis

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the canvas."""
        rows = self.height + 2 * self.margin
        columns = self.width + 2 * self.margin
        return rows * self.fineness, columns * self.fineness

    def points(self) -> tuple[Floats, Floats]:
        """Positions (x, y) of the canvas pixels, in frame heights from the centre."""
        rows, columns = self.shape
        unit = self.height * self.fineness
        y, x = np.mgrid[:rows, :columns].astype(np.float64)
        right = x - (columns - 1) / 2
        down = y - (rows - 1) / 2
        return right / unit, down / unit


class Surface(Protocol):
    """A surface of a scene."""

    @property
    def pictures(self) -> tuple[str, ...]:
        """The source pictures, which must not be shared between splits."""
        ...

    def layers(self, canvas: Canvas) -> list[Layer]:
        """The layers of the surface on a canvas."""
        ...


@dataclass(frozen=True)
class Plane:
    """A picture on a plane that faces the camera, whole or cut out to a shape."""

    picture: str  # one of :data:`defocus.scene.pictures.PICTURES`
    depth_mm: float  # distance of the plane
    shape: CutOut | None = None  # the cut-out; None fills the canvas
    # part of the picture that fills the canvas
    region: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)

    @property
    def pictures(self) -> tuple[str, ...]:
        """The source pictures."""
        return (self.picture,)

    def layers(self, canvas: Canvas) -> list[Layer]:
        """Convert to one layer."""
        rows, columns = canvas.shape
        colour = texture(self.picture, columns, rows, self.region)
        if self.shape is None:
            return [Layer(colour, np.ones((rows, columns)), self.depth_mm)]
        x, y = canvas.points()
        alpha = shape_alpha(self.shape, x, y, canvas.height)
        return [Layer(colour, alpha, self.depth_mm)]


@dataclass(frozen=True)
class Slope:
    """A slanted plane that fills the canvas: receding ground, or a wall on the right."""

    picture: str  # texture, repeated by reflection
    near_mm: float  # depth at the bottom (or left) edge of the frame
    far_mm: float  # depth at the top (or right) edge of the frame
    direction: Literal["up", "right"] = "up"  # direction in which it recedes
    grain: float = 0.6  # picture pixels per final pixel at the nearest end

    @property
    def pictures(self) -> tuple[str, ...]:
        """The source pictures."""
        return (self.picture,)

    def layers(self, canvas: Canvas) -> list[Layer]:
        """Convert to many layers; inverse depth is linear on the screen, as for every plane."""
        x, y = canvas.points()
        if self.direction == "up":
            depth, width, length = self._texture_places(0.5 - y, x, 1.0, canvas)
            picture = _sampled(self.picture, width, length)
        else:
            extent = canvas.width / canvas.height
            along = (x + extent / 2) / extent
            depth, width, length = self._texture_places(along, y, extent, canvas)
            picture = _sampled(self.picture, length, width)
        reach_px = canvas.margin * canvas.fineness
        return depth_layers(picture, depth, SLOPE_STEPS, reach_px)

    def _texture_places(
        self,
        along: Floats,
        across: Floats,
        extent: float,
        canvas: Canvas,
    ) -> tuple[Floats, Floats, Floats]:
        """Depth of points on the slope, and their places in the texture across and along it."""
        near = self.near_mm
        depth = self._depth_mm(along)
        grain = self.grain * canvas.height
        width = across * (grain * depth / near)
        # As much texture along the slope as across it where it is nearest; foreshortened beyond.
        length = grain / (1.0 - near / self.far_mm) * extent * (depth / near - 1.0)
        return depth, width, length

    def _depth_mm(self, along: Floats) -> Floats:
        """Depth at shares of the way from the nearest to the farthest edge."""
        near = self.near_mm
        far = self.far_mm
        inverse = (1.0 - along) / near + along / far
        return 1.0 / np.clip(inverse, 0.8 / far, 1.2 / near)


def _sampled(
    picture: str,
    u: Floats,
    v: Floats,
) -> Floats:
    """Colour of a picture at positions relative to its centre, in pixels of a 512 px side."""
    pixels = texture(picture, 512, 512)
    where = np.stack([v + 255.5, u + 255.5])
    channels = [
        map_coordinates(
            pixels[:, :, c],
            where,
            order=1,
            mode="mirror",
        )
        for c in range(3)
    ]
    return np.stack(channels, axis=-1)


@dataclass(frozen=True)
class Motorcycle:
    """The Middlebury motorcycle of scikit-image, with its true disparity."""

    # Source: D. Scharstein et al., High-resolution stereo datasets with subpixel-accurate ground
    # truth, GCPR 2014; calibration as in ``skimage.data.stereo_motorcycle``.

    # part of the picture that fills the canvas
    region: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)

    @property
    def pictures(self) -> tuple[str, ...]:
        """The source pictures."""
        return ("stereo_motorcycle",)

    def layers(self, canvas: Canvas) -> list[Layer]:
        """Convert to many layers: the left view, quantised by its measured depth."""
        colour, depth = (part(whole, self.region) for whole in _motorcycle())
        return measured_layers(colour, depth, canvas, MOTORCYCLE_STEPS)


def measured_layers(
    colour: Floats,
    depth_mm: Floats,
    canvas: Canvas,
    steps: int,
) -> list[Layer]:
    """Layers of a picture with measured depth: its largest centred part with the canvas's shape."""
    sides = [*zip(canvas.shape, depth_mm.shape, strict=True)]
    scale = min(measured / wanted for wanted, measured in sides)
    positions = []
    for wanted, measured in sides:
        from_middle = np.arange(wanted) - (wanted - 1) / 2
        positions.append(from_middle * scale + (measured - 1) / 2)
    where = np.stack(np.meshgrid(*positions, indexing="ij"))
    channels = [
        map_coordinates(
            colour[:, :, c],
            where,
            order=3,
            mode="mirror",
        )
        for c in range(3)
    ]
    # Depths are never mixed: a value between near and far would be a surface that is not there.
    nearest = map_coordinates(depth_mm, where, order=0, mode="mirror")
    light = np.maximum(np.stack(channels, axis=-1), 0.0)
    return depth_layers(
        light,
        nearest,
        steps,
        canvas.margin * canvas.fineness,
    )


FOCAL_LENGTH_PX = 994.978
BASELINE_MM = 193.001
PRINCIPAL_POINT_DX_PX = 31.086


@cache
def _motorcycle() -> tuple[Floats, Floats]:
    """The left view in linear light ``(500, 741, 3)`` and its depth ``(500, 741)`` in mm."""
    from skimage.data import stereo_motorcycle

    left, _, disparity = stereo_motorcycle()  # type: ignore[no-untyped-call]
    disparity = np.asarray(disparity, dtype=np.float64)
    measured = np.where(np.isfinite(disparity), -disparity, np.nan)
    filled = -shadows_filled(measured)
    depth = FOCAL_LENGTH_PX * BASELINE_MM / (filled + PRINCIPAL_POINT_DX_PX)
    stored = np.asarray(left, dtype=np.float64) / 255.0
    return np.asarray(srgb_to_linear(stored)), depth


def shadows_filled(depth: Floats) -> Floats:
    """Fill unmeasured pixels (NaN) with the farther of their neighbours left and right.

    Unmeasured areas of a stereo pair are mostly background seen by one view only."""
    from_left = _carried(depth)
    from_right = _carried(depth[:, ::-1])[:, ::-1]
    farther = np.fmax(from_left, from_right)
    return np.where(np.isfinite(depth), depth, farther)


def _carried(values: Floats) -> Floats:
    """Fill each unmeasured pixel with the nearest measured one to its left; NaN without one."""
    columns = np.arange(values.shape[1])
    measured = np.where(np.isfinite(values), columns, -1)
    last = np.maximum.accumulate(measured, axis=1)
    carried = np.take_along_axis(values, np.maximum(last, 0), axis=1)
    return np.where(last >= 0, carried, np.nan)

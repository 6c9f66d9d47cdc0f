"""Scenes for the simulated camera: textured planes at several depths, made from a seed."""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import InputError
from defocus.plugins.discovery import Kind, Shape
from defocus.scene.geometry import turned_axes
from defocus.scene.layers import Layer
from defocus.scene.pictures import PICTURES, texture
from defocus.scene.window import Window, shown

FOCUS_DISTANCE_MM = 2000.0

WRITTEN = frozenset({"page"})
"""Pictures that are never flipped: mirrored writing looks like a fault of the camera."""
GRAIN = 0.08
"""Relative strength of the surface grain that gives every plane detail at pixel scale."""

GRAIN_SIGMA = 0.7
GRAIN_DEVIATION = 0.4093
"""Standard deviation of white noise that is blurred by :data:`GRAIN_SIGMA` px."""

SHAPES = 4
STEPS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SimulatedScene:
    """A scene that an extra brings in its folder ``scenes``.

    Attributes:
        name: Name as it is written in the camera's address: ``sim:?scene=NAME``.
        build: Makes the layers, the farthest opaque, from a random generator, width and height in
            px with a margin on each side, and that margin in px. A layer has the colours
            ``(height, width, 3)`` in linear light, from 0 on, alpha ``(height, width)`` in [0, 1],
            and its distance in mm; the lens is focused at 2000 mm.

    Examples:
        >>> import numpy as np
        >>> from defocus.capture.simulation.scene import SimulatedScene
        >>> from defocus.scene.layers import Layer
        >>> def grey(random, width, height, margin):
        ...     return [Layer(np.full((height, width, 3), 0.2), np.ones((height, width)), 3000.0)]
        >>> scene = SimulatedScene("grey", grey)
        >>> scene.build(np.random.default_rng(0), 64, 48, 8)[0].colour.shape
        (48, 64, 3)
    """

    name: str
    build: Callable[[np.random.Generator, int, int, int], list[Layer]]


SCENES: Kind[SimulatedScene] = Kind("scenes", Shape(lambda: SimulatedScene))


def require_scene(kind: str) -> None:
    """Refuse a scene that does not exist."""
    if kind in _KINDS:
        return
    scenes = brought_scenes()
    if kind not in scenes:
        problem = SCENES.unknown(kind, [*_KINDS, *scenes])
        raise InputError(f"simulated camera: {problem}")


def brought_scenes() -> dict[str, SimulatedScene]:
    """Scenes of the extras, and of the entry points ``defocus.scenes``, by name."""
    return {scene.name: scene for _, scene in SCENES.values()}


def build_scene(
    kind: str,
    seed: int,
    name: str,
    width: int,
    height: int,
    margin: int,
) -> list[Layer]:
    """Build the layers of a scene in linear light, the farthest opaque; each name is another scene.

    They exceed the picture by ``margin`` px a side, so that blur and movement bring real content.
    """
    name_number = zlib.crc32(name.encode())
    random = np.random.default_rng([seed, name_number])
    wide = width + 2 * margin
    high = height + 2 * margin
    if kind in _KINDS:
        return _KINDS[kind](random, wide, high)
    require_scene(kind)
    scene = brought_scenes()[kind]
    return scene.build(random, wide, high, margin)


def _wall(random: np.random.Generator, width: int, height: int) -> list[Layer]:
    near = random.uniform(1200, 1600)
    far = random.uniform(2800, 5000)
    depth = random.choice([near, far])
    return [_plane(random, width, height, float(depth))]


def _steps(random: np.random.Generator, width: int, height: int) -> list[Layer]:
    """Vertical strips, nearest first; each layer covers the area left of its edge."""
    depths = np.sort(random.uniform(1300, 4500, STEPS))
    across = np.arange(width)[None, :]
    across = across.repeat(height, axis=0)
    layers = []
    for number, depth in enumerate(depths, start=1):
        edge = width * number / STEPS if number < STEPS else 2.0 * width
        alpha = np.clip(edge - across, 0.0, 1.0)
        whole = _plane(random, width, height, float(depth))
        layers.append(replace(whole, alpha=alpha))
    return layers


def _shapes(random: np.random.Generator, width: int, height: int) -> list[Layer]:
    """A wall, and shapes before it."""
    wall_depth = float(random.uniform(3000, 6000))
    layers = [_plane(random, width, height, wall_depth)]
    for _ in range(SHAPES):
        depth = float(random.uniform(1300, 2800))
        layers.append(_plane(random, width, height, depth, _shape))
    return layers


_KINDS: dict[str, Callable[[np.random.Generator, int, int], list[Layer]]] = {
    "wall": _wall,
    "steps": _steps,
    "shapes": _shapes,
}


def _plane(
    random: np.random.Generator,
    width: int,
    height: int,
    depth_mm: float,
    outline: Callable[[np.random.Generator, int, int], Floats] | None = None,
) -> Layer:
    """A plane: a picture, perhaps flipped, tinted and with surface grain, inside an outline."""
    name = str(random.choice(PICTURES))
    picture = texture(name, width, height)
    mirrored = random.random() < 0.5
    upside_down = random.random() < 0.5
    if mirrored and name not in WRITTEN:
        picture = picture[:, ::-1]
    if upside_down and name not in WRITTEN:
        picture = picture[::-1]
    grain = random.standard_normal((height, width))
    tint = random.uniform(0.7, 1.0, 3)
    alpha = (
        np.ones((height, width)) if outline is None else outline(random, width, height)
    )
    colour = _tinted(alpha, grain, picture, tint)
    return Layer(colour, alpha, depth_mm)


def _tinted(
    alpha: Floats,
    grain: Floats,
    picture: Floats,
    tint: Floats,
) -> Floats:
    """``(height, width, 3)``: the picture with grain and tint, black outside of its alpha."""
    box = shown(alpha).index
    strength = GRAIN / GRAIN_DEVIATION
    rough = cv2.GaussianBlur(grain[box] * strength, (0, 0), GRAIN_SIGMA)
    colour = np.zeros((*alpha.shape, 3))
    part = colour[box]
    # Dark pictures are lifted, so that every plane is bright enough to be measured.
    np.multiply(picture[box], 0.8, out=part)
    part += 0.08
    part *= tint
    part *= 1.0 + rough[:, :, None]
    np.clip(part, 0.0, 1.0, out=part)
    return colour


def _shape(random: np.random.Generator, width: int, height: int) -> Floats:
    """Alpha of a rotated ellipse or rectangle somewhere in the picture, edges anti-aliased."""
    extent = random.uniform(0.1, 0.25, 2) * min(width, height)
    centre = random.uniform(0.15, 0.85, 2) * (width, height)
    angle = random.uniform(0.0, math.pi)
    elliptic = random.random() < 0.5
    alpha = np.zeros((height, width))
    # no corner of a rectangle is farther
    reach = math.ceil(math.hypot(*extent)) + 1
    box = _around(centre, reach).within(Window.of(alpha.shape))
    right, down = _offsets(box, centre)
    axes = turned_axes(right, down, angle)
    distances = np.abs(axes) / extent[:, None, None]
    far = np.hypot(*distances) if elliptic else distances.max(axis=0)
    inside_px = (1.0 - far) * extent.min()
    alpha[box.index] = np.clip(inside_px + 0.5, 0.0, 1.0)
    return alpha


def _around(centre: Floats, reach: int) -> Window:
    """The pixels around a place."""
    x, y = centre.astype(int).tolist()
    middle = Window(x, y, x + 2, y + 2)
    return middle.grown(reach)


def _offsets(box: Window, centre: Floats) -> tuple[Floats, Floats]:
    """Distances of the pixels of a box from a centre, to the right and down."""
    centre_x, centre_y = centre
    columns = np.arange(box.left, box.right)
    rows = np.arange(box.top, box.bottom)
    x, y = np.meshgrid(columns - centre_x, rows - centre_y)
    return x, y

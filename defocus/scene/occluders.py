"""Scenes of a stream: a background with depth and foreground objects."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from defocus.scene.depth import DepthKind, Focus, draw_nearness, fractal
from defocus.scene.geometry import unit_vectors
from defocus.scene.pictures import Branch, Photograph
from defocus.scene.pyramid import Pyramid
from defocus.scene.textures import FINENESS, FONTS, draw_texture, plain, random_text
from defocus.scene.window import Window, shown

Array = NDArray[np.float32]
Bytes = NDArray[np.uint8]

PHOTOGRAPH_SHARE = 0.7
BRIGHT_FROM = 0.95
"""Value above which all colours of a pixel must be for it to count as clipped; light beyond white
is drawn there."""

BRIGHTEST = 4.0
ONE_TONE_SHARE = 0.4
"""Share of occluders that have one colour, like wires, rods and walls."""

LEAST_PX = 16
"""Smallest side of a texture, px."""

SPECULAR_SHARE = 0.15


@dataclass(frozen=True)
class Sources:
    """Sources of scenes."""

    # photographs of one branch; none if everything is procedural
    photographs: Sequence[Photograph | Pyramid]
    branch: Branch  # the branch of the shapes

    def picture(
        self,
        random: Generator,
        height: int,
        width: int,
    ) -> Array:
        """A part of a photograph or a texture: ``(height, width, 3)`` linear, also above 1."""
        return self.background(random, height, width)[0]

    def background(
        self,
        random: Generator,
        height: int,
        width: int,
    ) -> tuple[Array, str | None]:
        """A texture as of :meth:`picture`, with the hash of the photograph if it is one."""
        if not self.photographs or random.random() >= PHOTOGRAPH_SHARE:
            linear = draw_texture(random, height, width)
            return _beyond_white(random, linear), None
        number = int(random.integers(len(self.photographs)))
        photograph = self.photographs[number]
        linear = photograph.crop(random, height, width)
        return _beyond_white(random, linear), photograph.pixels_hash


@dataclass(frozen=True)
class Occluder:
    """An object in front of the background, parallel to the sensor."""

    colour: Array  # ``(h, w, 3)`` linear light of a part of the picture
    alpha: Array  # ``(h, w)`` opacity in [0, 1]
    top: int  # top, left: upper left corner of the part, px
    left: int
    diameter: float  # diameter of its circle of confusion, signed, px

    @property
    def window(self) -> Window:
        """Place of the occluder in the picture."""
        return Window.of(self.alpha.shape).moved(self.left, self.top)


@dataclass(frozen=True)
class StreamScene:
    """A scene as a pinhole would see it, with the circle of confusion of each point."""

    background: Array  # ``(H, W, 3)`` float32 linear light
    diameters: (
        Array  # ``(H, W)`` signed diameter of the background's circle of confusion, px
    )
    occluders: tuple[Occluder, ...] = ()  # from far to near
    # hash of the pixels of the photograph behind, None for a texture; not of the occluders'
    photograph: str | None = None


def draw_scene(
    random: Generator,
    sources: Sources,
    kind: DepthKind,
    focus: Focus,
    levels: Sequence[float],
    size: tuple[int, int],
) -> StreamScene:
    """Draw a scene with a kind of depth."""
    background, photograph = sources.background(random, *size)
    if focus.far == focus.near:
        diameters = np.full(size, focus.far, np.float32)
    else:
        nearness = draw_nearness(random, kind, *size, sources.branch)
        diameters = focus.at(nearness * np.float32(levels[0]))
    occluders = []
    for level in levels[1:]:
        diameter = focus.far + (focus.near - focus.far) * level
        occluders += _drawn_occluder(random, sources, size, diameter)
    return StreamScene(
        background,
        diameters,
        tuple(occluders),
        photograph,
    )


def _drawn_occluder(
    random: Generator,
    sources: Sources,
    size: tuple[int, int],
    diameter: float,
) -> list[Occluder]:
    """An object with a picture on it; an empty list if its shape is outside the frame."""
    alpha = draw_alpha(random, sources, *size)
    box = shown(alpha)
    if box.empty:
        return []
    rows, columns = box.shape
    whole = max(rows, LEAST_PX), max(columns, LEAST_PX)
    if random.random() < ONE_TONE_SHARE:
        colour = plain(random, *whole)
    else:
        colour = sources.picture(random, *whole)
    colour = np.ascontiguousarray(colour[:rows, :columns])
    part = np.ascontiguousarray(alpha[box.index])
    return [Occluder(colour, part, box.top, box.left, diameter)]


def _beyond_white(random: Generator, linear: Array) -> Array:
    """Add light above 1 where a picture is clipped, and sometimes small light sources."""
    least = np.minimum(linear[:, :, 0], linear[:, :, 1])
    least = np.minimum(least, linear[:, :, 2])
    if float(least.max()) > BRIGHT_FROM:
        excess = least - np.float32(BRIGHT_FROM)
        clipped = np.clip(np.float32(20) * excess, 0, 1)
        brightness = np.float32(random.uniform(0, BRIGHTEST))
        linear = linear + (brightness * clipped)[:, :, None]
    if random.random() < SPECULAR_SHARE:
        linear = _with_lamps(random, linear)
    return np.asarray(linear, np.float32)


def _with_lamps(random: Generator, linear: Array) -> Array:
    """Put small light sources of one colour, up to 12 times white, into a picture."""
    share = _lamps(random, linear.shape[:2])
    tint = random.uniform(0.6, 1.0, 3)
    brightness = math.exp(random.uniform(0, math.log(12)))
    lamp = (tint * brightness).astype(np.float32)
    return linear + share * (lamp - linear)


def _lamps(random: Generator, shape: tuple[int, ...]) -> Array:
    """Share of each pixel that small round light sources cover, ``(H, W, 1)``."""
    height, width = shape
    lights = np.zeros((height * 2, width * 2), np.uint8)
    for _ in range(random.integers(1, 25)):
        x = int(random.integers(2 * width))
        y = int(random.integers(2 * height))
        radius = int(random.integers(1, 5))
        cv2.circle(
            lights,
            (x, y),
            radius,
            255,
            -1,
        )
    alpha = cv2.resize(lights, (width, height), interpolation=cv2.INTER_AREA)
    return alpha[:, :, None].astype(np.float32) / np.float32(255)


def draw_alpha(
    random: Generator,
    sources: Sources,
    height: int,
    width: int,
) -> Array:
    """Draw the opacity of an occluder, ``(height, width)`` in [0, 1], with edges one pixel wide."""
    shapes = OUTLINES[sources.branch]
    shape = shapes[int(random.integers(len(shapes)))]
    if shape is picture_alpha:
        return picture_alpha(random, sources, height, width)
    fine = np.zeros((height * FINENESS, width * FINENESS), np.uint8)
    shape(random, fine)
    alpha = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(alpha, np.float32) / np.float32(255)


def picture_alpha(
    random: Generator,
    sources: Sources,
    height: int,
    width: int,
) -> Array:
    """Opacity from bright or dark parts of another picture, such as leaves or a silhouette."""
    picture = sources.picture(random, height, width)[:, :, 1]
    smooth = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.8, 3.0))
    level = np.quantile(smooth[::4, ::4], random.uniform(0.3, 0.8))
    contrast = max(float(smooth.std()), 1e-3)
    steep = np.float32(random.uniform(2, 12) / contrast)
    sign = np.float32(random.choice((-1, 1)))
    above_level = smooth - np.float32(level)
    alpha = np.clip(sign * steep * above_level + np.float32(0.5), 0, 1)
    return np.asarray(alpha, np.float32)


def _blob(random: Generator, fine: Bytes) -> None:
    """A smooth closed shape."""
    rough = fractal(
        random,
        fine.shape,
        random.uniform(3.5, 5.0),
        reduced=8,
    )
    rows, columns = fine.shape
    y, x = np.ogrid[-1 : 1 : complex(rows), -1 : 1 : complex(columns)]
    centre_x, centre_y = random.uniform(-0.7, 0.7, 2)
    radius = random.uniform(0.3, 0.9)
    distance = np.hypot(x - centre_x, y - centre_y) / radius
    uneven = distance.astype(np.float32) + np.float32(0.25) * rough
    fine[uneven < 1] = 255


def _polygon(random: Generator, fine: Bytes) -> None:
    """Three to eight corners around a centre."""
    corners = int(random.integers(3, 9))
    turns = np.sort(random.uniform(0, 2 * math.pi, corners))
    radii = random.uniform(0.15, 0.6, corners) * fine.shape[0]
    _fill(random, fine, turns, radii)


def _star(random: Generator, fine: Bytes) -> None:
    """Spikes around a centre."""
    spikes = int(random.integers(4, 12))
    first_turn = random.uniform(0, math.pi)
    turns = first_turn + np.arange(2 * spikes) * (math.pi / spikes)
    outer = random.uniform(0.2, 0.6) * fine.shape[0]
    inner = outer * random.uniform(0.3, 0.8)
    radii = np.tile((outer, inner), spikes)
    _fill(random, fine, turns, radii)


def _fill(
    random: Generator,
    fine: Bytes,
    turns: NDArray[Any],
    radii: NDArray[Any],
) -> None:
    """Fill the polygon whose corners lie in these directions from a random centre."""
    centre = random.uniform(0.1, 0.9, 2) * fine.shape[::-1]
    corners = centre + radii[:, None] * unit_vectors(turns)
    cv2.fillPoly(fine, [np.rint(corners).astype(np.int32)], 255)


def _ring(random: Generator, fine: Bytes) -> None:
    """One to three rings."""
    for _ in range(int(random.integers(1, 4))):
        centre = random.uniform(0, 1, 2) * fine.shape[::-1]
        x, y = centre.astype(int).tolist()
        radius = int(random.uniform(0.1, 0.5) * fine.shape[0])
        thick = int(random.integers(3, 40))
        cv2.circle(
            fine,
            (x, y),
            radius,
            255,
            thick,
        )


def _letters(random: Generator, fine: Bytes) -> None:
    """Large letters."""
    font = FONTS[int(random.integers(len(FONTS)))]
    tall = random.uniform(0.15, 0.6) * fine.shape[0]
    thick = max(2, round(tall * random.uniform(0.06, 0.22)))
    scale = cv2.getFontScaleFromHeight(font, round(tall), thick)
    left = int(random.uniform(-0.3, 0.5) * fine.shape[1])
    base = int(random.uniform(0.3, 1.0) * fine.shape[0])
    letters = random_text(random, 6)
    cv2.putText(
        fine,
        letters,
        (left, base),
        font,
        scale,
        255,
        thick,
        cv2.LINE_AA,
    )


def _rods(random: Generator, fine: Bytes) -> None:
    """Straight rods, 1 to 8 px thick: fences, wires, twigs."""
    alike = random.random() < 0.5
    angle = random.uniform(0, math.pi)
    thick = random.uniform(1, 8)
    for _ in range(int(random.integers(1, 9))):
        if not alike:
            angle = random.uniform(0, math.pi)
            thick = random.uniform(1, 8)
        centre = random.uniform(0, 1, 2) * fine.shape[::-1]
        direction = np.array([math.cos(angle), math.sin(angle)])
        half = direction * fine.shape[0] * 1.5
        first_end = np.rint(centre - half).astype(int).tolist()
        other_end = np.rint(centre + half).astype(int).tolist()
        thick_drawn = max(1, round(thick * FINENESS))
        cv2.line(
            fine,
            first_end,
            other_end,
            255,
            thick_drawn,
            cv2.LINE_AA,
        )


def _hair(random: Generator, fine: Bytes) -> None:
    """Many thin bent lines."""
    count = int(random.integers(5, 40))
    heading = random.uniform(0, 2 * math.pi)
    steps = np.linspace(0, 1, 12)[:, None]
    thick = int(random.integers(1, 4))
    for _ in range(count):
        start = random.uniform(-0.1, 1.1, 2) * fine.shape[::-1]
        own_heading = heading + random.normal(0, 0.3)
        turns = own_heading + random.normal(0, 1.0) * steps
        length = random.uniform(0.3, 1.2) * fine.shape[0] / len(steps)
        strides = length * np.hstack([np.cos(turns), np.sin(turns)])
        path = start + np.cumsum(strides, axis=0)
        cv2.polylines(
            fine,
            [np.rint(path).astype(np.int32)],
            False,
            255,
            thick,
            cv2.LINE_AA,
        )


OUTLINES: dict[Branch, tuple[Callable[..., object], ...]] = {
    "train": (
        _blob,
        _polygon,
        _letters,
        _rods,
        _rods,
        _hair,
        picture_alpha,
    ),
    "held-out": (
        _star,
        _ring,
        _letters,
        _rods,
        _hair,
        picture_alpha,
    ),
}
"""Occluders of each branch; rods of 1 to 8 px count twice in training: blur hides them."""

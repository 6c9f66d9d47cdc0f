"""Procedural textures: dead leaves, fractal noise, text, bars and checks, foliage.

They are drawn larger and reduced in linear light, so that edges look as in a sensor's pixels."""

import itertools
import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from defocus.scene.depth import fractal
from defocus.scene.geometry import turned_axes, unit_vectors
from defocus.scene.pictures import LINEAR_OF_BYTE

Array = NDArray[np.float32]
Bytes = NDArray[np.uint8]

FINENESS = 2
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_COMPLEX_SMALL,
)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789  .,-:&%+"
SUB_PIXEL_BITS = 3


def draw_texture(
    random: Generator,
    height: int,
    width: int,
) -> Array:
    """A random texture: ``(height, width, 3)`` float32 linear light in [0, 1]."""
    draw = DRAWN[int(random.choice(len(DRAWN), p=SHARES))]
    return draw(random, height, width)


def colour(
    random: Generator,
    low: int = 0,
    high: int = 255,
) -> tuple[int, int, int]:
    """A random sRGB colour; most are pale, as in real scenes."""
    lightness = random.uniform(low, high)
    tint = random.standard_normal(3)
    tint *= random.choice((8.0, 25.0, 60.0), p=(0.45, 0.35, 0.2))
    red, green, blue = np.clip(lightness + tint - tint.mean(), 0, 255)
    return int(red), int(green), int(blue)


def _tone(random: Generator) -> Array:
    """Linear light ``(3,)`` of a random colour."""
    return LINEAR_OF_BYTE[list(colour(random))]


def _canvas(
    random: Generator,
    height: int,
    width: int,
    low: int,
    high: int,
) -> Bytes:
    """A plain canvas of one random colour."""
    shape = (height * FINENESS, width * FINENESS, 3)
    return np.full(shape, colour(random, low, high), np.uint8)


def _reduced(
    canvas: Bytes,
    height: int,
    width: int,
) -> Array:
    linear = cv2.LUT(canvas, LINEAR_OF_BYTE)
    reduced = cv2.resize(linear, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced)


def _shaded(random: Generator, linear: Array) -> Array:
    """Apply slowly varying light to a texture, as on a bent sheet."""
    exponent = random.uniform(2.5, 3.5)
    field = fractal(random, linear.shape[:2], exponent, reduced=4)
    contrast = np.float32(random.uniform(0.0, 0.35))
    gain = np.exp(contrast * field)
    gains = cv2.merge([gain] * 3)
    return linear * np.asarray(gains, np.float32)


def plain(
    random: Generator,
    height: int,
    width: int,
) -> Array:
    """One colour with slow variations of lightness."""
    tone = _tone(random)
    return _shaded(random, np.tile(tone, (height, width, 1)))


def dead_leaves(
    random: Generator,
    height: int,
    width: int,
) -> Array:
    """Overlapping discs, boxes and triangles whose sizes have a density of r^-3."""
    # Source: Lee, Mumford and Huang (IJCV 2001): it gives the spectra of natural pictures.
    canvas = _canvas(random, height, width, 30, 220)
    radii = _leaf_radii(random, height)
    count = len(radii)
    places = random.uniform(0, 1, (count, 1, 2)) * (width, height)
    angles = random.uniform(0, math.pi, (count, 1))
    colours = [colour(random) for _ in range(24)]
    corners = int(random.choice((0, 0, 3, 4)))
    if corners:
        turns = angles + np.arange(corners) * (2 * math.pi / corners)
        outlines = places + radii[:, None, None] * unit_vectors(turns)
        _draw_polygons(canvas, outlines, colours)
    else:
        discs = np.column_stack([places[:, 0], radii])
        _draw_discs(canvas, discs, colours)
    return _shaded(random, _reduced(canvas, height, width))


def _leaf_radii(random: Generator, height: int) -> NDArray[np.float64]:
    """Radii with a density of r^-3: their r^-2 is uniform."""
    smallest = random.uniform(1.0, 3.0)
    largest = max(random.uniform(0.15, 0.4) * height, smallest)
    count = int(random.integers(150, 350))
    inverse_squares = random.uniform(largest**-2, smallest**-2, count)
    return 1 / np.sqrt(inverse_squares)


_UNIT = FINENESS << SUB_PIXEL_BITS


def _draw_polygons(
    canvas: Bytes,
    outlines: NDArray[np.float64],
    colours: list[tuple[int, int, int]],
) -> None:
    """Draw polygons ``(N, corners, 2)`` one over the other."""
    shapes = np.rint(outlines * _UNIT).astype(np.int32)
    for outline, tone in zip(shapes, itertools.cycle(colours), strict=False):
        cv2.fillConvexPoly(
            canvas,
            outline,
            tone,
            cv2.LINE_8,
            SUB_PIXEL_BITS,
        )


def _draw_discs(
    canvas: Bytes,
    discs: NDArray[np.float64],
    colours: list[tuple[int, int, int]],
) -> None:
    """Draw discs ``(N, 3)``, centre and radius, one over the other."""
    circles = np.rint(discs * _UNIT).astype(int).tolist()
    for (x, y, radius), tone in zip(circles, itertools.cycle(colours), strict=False):
        cv2.circle(
            canvas,
            (x, y),
            radius,
            tone,
            -1,
            cv2.LINE_8,
            SUB_PIXEL_BITS,
        )


def noise(
    random: Generator,
    height: int,
    width: int,
) -> Array:
    """Two or three colours mixed by fractal noise, smooth or hard: cloud, stone, rust."""
    exponent = random.uniform(1.2, 3.2)
    mixed = np.asarray(_tone(random) + np.zeros((height, width, 1)))
    for _ in range(int(random.integers(1, 3))):
        field = fractal(random, (height, width), exponent)
        steepness = np.float32(random.uniform(1, 6))
        share = 1 / (1 + np.exp(-steepness * field))
        tone = _tone(random)
        mixed = mixed + share[:, :, None] * (tone - mixed)
    return np.asarray(mixed, np.float32)


def text(
    random: Generator,
    height: int,
    width: int,
) -> Array:
    """Lines of random letters, dark on light or light on dark."""
    paper = (170, 250)
    ink = (5, 90)
    if random.random() < 0.3:
        paper = (10, 80)
        ink = (170, 250)
    canvas = _canvas(random, height, width, *paper)
    tone = colour(random, *ink)
    font, tall, thick = _lettering(random)
    scale = cv2.getFontScaleFromHeight(font, max(round(tall), 2), thick)
    step = tall * random.uniform(1.4, 2.2)
    line = random.uniform(0, step)
    _write_lines(
        random,
        canvas,
        tall,
        (font, scale, tone, thick),
        line,
        step,
    )
    page = _turned(random, _reduced(canvas, height, width))
    return _shaded(random, page)


def _write_lines(
    random: Generator,
    canvas: NDArray[np.uint8],
    tall: float,
    lettering: tuple[int, float, tuple[int, int, int], int],
    line: float,
    step: float,
) -> None:
    """Write lines of drawn words onto a canvas, from the first line to its end."""
    font, scale, tone, thick = lettering
    high, wide = canvas.shape[:2]
    letters = int(wide / (tall * 0.6)) + 4
    while line < high + tall:
        words = random_text(random, letters)
        left = random.uniform(-3, 1) * tall
        start = (int(left), round(line))
        cv2.putText(
            canvas,
            words,
            start,
            font,
            scale,
            tone,
            thick,
            cv2.LINE_AA,
        )
        line += step


def _lettering(random: Generator) -> tuple[int, float, int]:
    """A font, the height of its capitals and the width of its strokes, drawn pixels."""
    font = FONTS[int(random.integers(len(FONTS)))]
    tall = random.uniform(6, 28) * FINENESS
    thick = tall * random.uniform(0.06, 0.14)
    return font, tall, max(1, round(thick))


def random_text(random: Generator, length: int) -> str:
    """Random letters, digits and signs."""
    drawn = random.integers(len(LETTERS), size=length)
    return "".join(LETTERS[index] for index in drawn)


def _turned(random: Generator, linear: Array) -> Array:
    """Rotate by a few random degrees, with reflection at the border."""
    if random.random() < 0.4:
        return linear
    rows, columns = linear.shape[:2]
    middle = (columns / 2, rows / 2)
    angle_deg = random.uniform(-25, 25)
    matrix = cv2.getRotationMatrix2D(middle, angle_deg, 1.0)
    turned = cv2.warpAffine(
        linear,
        matrix,
        (columns, rows),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    return np.asarray(turned)


def bars(
    random: Generator,
    height: int,
    width: int,
) -> Array:
    """Bars, checks or rings of two colours, evenly spaced or getting closer."""
    angle = random.uniform(0, math.pi)
    u, v = _turned_axes(angle, height, width)
    period = math.exp(random.uniform(math.log(3), math.log(50)))
    kind = int(random.integers(4))
    if kind == 3:
        u = np.hypot(u, v)
    share = _edge(u, period)
    if kind == 1:
        share = share + (1 - 2 * share) * _edge(v, period)
    elif kind == 2:
        other_period = period * random.uniform(0.5, 2)
        share = share * _edge(v, other_period)
    first = _tone(random)
    second = _tone(random)
    flat = np.broadcast_to(share, (height, width))[:, :, None]
    mixed = first + flat * (second - first)
    return _shaded(random, np.asarray(mixed, np.float32))


def _turned_axes(
    angle: float,
    height: int,
    width: int,
) -> tuple[Array, Array]:
    """Distances from the middle along axes that are turned by an angle, px."""
    y, x = np.ogrid[:height, :width]
    along, across = turned_axes(x - width / 2, y - height / 2, angle)
    return np.asarray(along, np.float32), np.asarray(across, np.float32)


def _edge(position: Array, period: float) -> Array:
    """Bars of half a period with edges one pixel wide, in [0, 1]."""
    phase = np.mod(position, np.float32(period))
    from_middle = np.abs(phase - np.float32(period / 2))
    bar_begins = np.float32(period / 4 - 0.5)
    share = np.clip(from_middle - bar_begins, 0, 1)
    return np.asarray(share, np.float32)


def foliage(
    random: Generator,
    height: int,
    width: int,
) -> Array:
    """Overlapping leaves and blades in tones of a few colours."""
    canvas = _canvas(random, height, width, 5, 90)
    count = int(random.integers(120, 260))
    base = np.array(colour(random, 60, 200))
    sizes = _leaf_sizes(random, count)
    places = random.uniform(0, 1, (count, 2)) * (canvas.shape[1], canvas.shape[0])
    main = random.uniform(0, math.pi)
    spread = random.uniform(0.2, 1.5)
    angles = np.degrees(random.normal(main, spread, count))
    tones = _leaf_tones(random, base, count)
    leaves = zip(
        places.tolist(),
        sizes.tolist(),
        angles.tolist(),
        tones.tolist(),
        strict=True,
    )
    for place, size, angle, tone in leaves:
        cv2.ellipse(
            canvas,
            (place, size, angle),
            tone,
            -1,
            cv2.LINE_8,
        )
    return _shaded(random, _reduced(canvas, height, width))


def _leaf_tones(
    random: Generator,
    base: NDArray[np.int_],
    count: int,
) -> NDArray[np.int_]:
    """Tones of one colour; leaves in front are lighter."""
    lightness = random.uniform(0.3, 1.4, count) * np.linspace(0.5, 1.1, count)
    return np.clip(base * lightness[:, None], 0, 255).astype(int)


def _leaf_sizes(random: Generator, count: int) -> NDArray[np.float64]:
    """Length and width of leaves of one kind, drawn pixels."""
    length = np.exp(random.uniform(1.2, 3.3, count)) * FINENESS
    slenderness = random.uniform(0.04, 0.35)
    slenderness_each = slenderness * random.uniform(0.5, 1.5, count)
    width = np.maximum(2 * length * slenderness_each, 1.5)
    return np.stack([2 * length, width], axis=-1)


DRAWN: tuple[Callable[[Generator, int, int], Array], ...] = (
    dead_leaves,
    noise,
    text,
    bars,
    foliage,
)
SHARES = (0.3, 0.15, 0.25, 0.12, 0.18)

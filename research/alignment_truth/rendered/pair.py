"""Rendered pairs with exact flow: one picture defocused, the other sharp and moved."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from defocus.pictures.values import as_float, as_integer
from defocus.scene.geometry import Similarity
from defocus.scene.window import Window
from research.alignment_truth.rendered.labels import edge_class, front_depth, visible
from research.alignment_truth.rendered.layout import draw_outline, draw_relief
from research.alignment_truth.rendered.psf import (
    ASYMMETRIC,
    FAMILIES_OF,
    PSFFamily,
    draw_psf,
)
from research.alignment_truth.rendered.rendering import (
    Defocus,
    blurry_picture,
    sharp_picture,
)
from research.alignment_truth.rendered.scene import TEXELS_PER_PX, TruthSurface, View
from research.alignment_truth.rendered.textures import SPLITS, Textures, texture_patch
from research.light import Array, Mask, Random, encoded, single

MOST_SHAPES = 4


@dataclass(frozen=True)
class Ranges:
    """Ranges from which pairs are drawn; a single number is the largest."""

    coc_px: tuple[float, float]  # of the largest circle of confusion of a pair
    shift_px: float
    zoom: tuple[float, float]  # from blurry to sharp
    rotation_deg: float  # in either direction
    parallax_px: float  # between the nearest and the farthest surface
    exposure_ev: float  # between the members, in either direction
    vignetting_ev: float  # light that the blurry member loses in a corner
    noise: float  # shot noise at white, linear light; the read noise is a fifth of it
    families: tuple[PSFFamily, ...] = ()  # empty for those of the textures' split


FULL = Ranges(
    coc_px=(0.0, 40.0),
    shift_px=90.0,
    zoom=(0.94, 1.09),
    rotation_deg=1.0,
    parallax_px=12.0,
    exposure_ev=0.3,
    vignetting_ev=2.5,
    noise=0.01,
)
"""Ranges of pairs from a real camera at 2048 px width."""

FULL_WIDTH = 2048

STILL = replace(
    FULL,
    coc_px=(10.0, 40.0),
    shift_px=0.0,
    zoom=(1.0, 1.0),
    rotation_deg=0.0,
    parallax_px=0.0,
    families=ASYMMETRIC,
)
"""Ranges without any misalignment, but with point spread functions that look like one."""


def at_width(ranges: Ranges, width: int) -> Ranges:
    """The ranges for smaller pictures: shift and parallax scale with the width, blur does not."""
    scale = width / FULL_WIDTH
    return replace(
        ranges,
        shift_px=ranges.shift_px * scale,
        parallax_px=ranges.parallax_px * scale,
    )


@dataclass(frozen=True)
class TruthPair:
    """A rendered pair and its ground truth."""

    blurry: Array  # ``(H, W, 3)`` float32, sRGB-encoded, [0, 1]
    sharp: Array  # same shape
    flow: Array  # ``(2, H, W)`` float32, px: blurry(x) is sharp(x + flow(x)), of the front surface
    coc_px: Array  # ``(H, W)`` float32, diameter for that surface
    edge: Mask  # ``(H, W)``, where a pixel shows more than one surface
    # ``(H, W)``, where x + flow lies in the sharp frame and the surface is visible there
    inside: Mask
    view: View  # chief rays from blurry to sharp; ``flow`` is their value at each pixel
    depth_range: tuple[float, float]  # of the inverse depth in the blurry member


@dataclass(frozen=True)
class _Scene:
    surfaces: tuple[TruthSurface, ...]
    view: View
    defocus: Defocus


def render_pair(
    textures: Textures,
    ranges: Ranges,
    height: int,
    width: int,
    seed: int,
    index: int = 0,
) -> TruthPair:
    """Render one pair, with layouts and point spread functions of the textures' split.

    The same arguments always give the same pair."""
    split = SPLITS.index(textures.split)
    rng = np.random.default_rng([split, seed, index])
    size = (height, width)
    scene = _draw_scene(textures, ranges, size, rng)
    surfaces = scene.surfaces
    frame = Window.of(size)
    surround = frame.grown(scene.defocus.reach_px)
    blurry = blurry_picture(surfaces, scene.defocus, surround)
    sharp = sharp_picture(surfaces, scene.view)
    crop = frame.slices(surround)
    front = blurry.front[crop]
    depth = front_depth(surfaces, front, frame)
    flow = scene.view.flow(*frame.grid(), depth)
    light = _light(ranges, size, rng)
    exposed = blurry.linear[crop] * light[:, :, None]
    bits = 8 if rng.random() < 0.5 else 16
    edges = edge_class(surfaces, scene.defocus, blurry.front, surround)
    return TruthPair(
        blurry=_developed(exposed, ranges, bits, rng),
        sharp=_developed(sharp.linear, ranges, bits, rng),
        flow=flow,
        coc_px=np.abs(scene.defocus.diameter(depth)),
        edge=edges[crop],
        inside=visible(flow, front, sharp.front),
        view=scene.view,
        depth_range=(float(depth.min()), float(depth.max())),
    )


def _draw_scene(
    textures: Textures,
    ranges: Ranges,
    size: tuple[int, int],
    rng: Random,
) -> _Scene:
    families = ranges.families or FAMILIES_OF[textures.split]
    defocus = Defocus(
        psf=draw_psf(families, rng),
        largest_px=rng.uniform(*ranges.coc_px),
        focus=rng.uniform(),
        size=size,
    )
    view = _draw_view(ranges, size, rng)
    extent = _extent(size, defocus, view)
    count = int(rng.integers(1, MOST_SHAPES + 1))
    cuts = np.sort(rng.uniform(size=count))
    surfaces = []
    for number, band in enumerate(pairwise((0.0, *cuts, 1.0))):
        has_edge = number > 0
        surface = _draw_surface(textures, band, size, extent, has_edge, rng)
        if surface is not None:
            surfaces.append(surface)
    return _Scene(tuple(surfaces), view, defocus)


def _extent(
    size: tuple[int, int],
    defocus: Defocus,
    view: View,
) -> Window:
    """The extent of the surfaces that both members see."""
    frame = Window.of(size)
    near = frame.grown(defocus.reach_px)
    far = view.window_back(frame)
    return Window(
        min(near.left, far.left),
        min(near.top, far.top),
        max(near.right, far.right),
        max(near.bottom, far.bottom),
    )


def _draw_view(
    ranges: Ranges,
    size: tuple[int, int],
    rng: Random,
) -> View:
    shift_px = _towards_anywhere(rng, ranges.shift_px)
    parallax_px = _towards_anywhere(rng, ranges.parallax_px)
    zoom = rng.uniform(*ranges.zoom)
    rotation_deg = rng.uniform(-ranges.rotation_deg, ranges.rotation_deg)
    return View(Similarity(zoom, rotation_deg, shift_px), parallax_px, size)


def _towards_anywhere(rng: Random, longest: float) -> tuple[float, float]:
    """A way in any direction, of any length up to the longest."""
    length = rng.uniform(0, longest)
    direction = rng.uniform(0, math.tau)
    right = length * math.cos(direction)
    down = length * math.sin(direction)
    return right, down


def _draw_surface(
    textures: Textures,
    band: tuple[float, float],
    size: tuple[int, int],
    extent: Window,
    has_edge: bool,
    rng: Random,
) -> TruthSurface | None:
    """Draw a surface in a band of inverse depth; None if it would lie outside the extent."""
    relief = draw_relief(textures.split, band, size, rng)
    outline = draw_outline(textures.split, size, rng) if has_edge else None
    window = extent
    if outline is not None:
        x, y = outline.centre
        radius = outline.radius
        around = Window(
            math.floor(x - radius) - 1,
            math.floor(y - radius) - 1,
            math.ceil(x + radius) + 2,
            math.ceil(y + radius) + 2,
        )
        window = around.within(extent)
    if 0 in window.shape:
        return None
    patch = texture_patch(textures, *window.shape, TEXELS_PER_PX, rng)
    gain = rng.uniform(0.5, 0.95)
    return TruthSurface(
        relief,
        outline,
        patch * gain,
        window,
    )


def _light(ranges: Ranges, size: tuple[int, int], rng: Random) -> Array:
    """Exposure and vignetting of the blurry member, ``(H, W)``."""
    gain = 2.0 ** rng.uniform(-ranges.exposure_ev, ranges.exposure_ev)
    loss = rng.uniform(0, 1 - 2.0**-ranges.vignetting_ev)
    height, width = size
    x, y = Window.of(size).grid()
    half_width = (width - 1) / 2
    half_height = (height - 1) / 2
    dx = x - half_width
    dy = y - half_height
    to_corner_squared = half_width**2 + half_height**2
    slope = loss / to_corner_squared
    fall = (dx * dx + dy * dy) * slope
    return single(gain * (1 - fall))


def _developed(
    linear: Array,
    ranges: Ranges,
    bits: int,
    rng: Random,
) -> Array:
    """Noise, the transfer curve, and rounding to 8 or 16 bits."""
    shot = rng.uniform(0, ranges.noise)
    floored = np.maximum(linear, 0) + 0.04
    deviation = shot * np.sqrt(floored)
    noise = rng.standard_normal(linear.shape, np.float32)
    codes = as_integer(encoded(linear + deviation * noise), bits)
    return single(as_float(codes))

"""Pairs with a known warp: a scene through a real lens and a camera, and the same scene sharp."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.pictures.values import Image, as_integer
from defocus.scene.camera import StreamCamera, draw_camera, recorded
from defocus.scene.colour_psf import colour_psfs
from defocus.scene.drawn_lens import draw_lens
from defocus.scene.geometry import Similarity
from defocus.scene.real_lens import RealLens
from research.alignment_truth.real_like.lens import lens_blurred
from research.alignment_truth.real_like.scene import (
    MARGIN_PX,
    RealLikeScene,
    draw_scene,
)
from research.light import (
    Array,
    Matrix,
    Random,
    from_centre_squared,
    homogeneous,
    single,
)

PITCHES_UM = (15.0, 43.0)
"""Pixel pitches of full frame, µm, at 2400 to 840 px width."""
STILL_SHARE, SHIFTED_SHARE = 0.15, 0.2
SHIFT_PX, ZOOM, ROTATION_DEG = 18.0, 0.015, 0.5
"""Largest shift, zoom and rotation, either way: what a tripod, refocusing and another aperture
leave."""
EXPOSURE_EV, VIGNETTING_EV = 0.2, 2.5
MOSAIC_SHARE, NOISY_SHARP_SHARE = 0.5, 0.3
FIELDS = ((0.0, 0.5), (0.8, 0.6))
LARGEST_ERROR_PX, LARGEST_OFFSET_PX = 1.2, 0.2
"""Largest spread of a point in focus and largest displacement, px, half-way to a corner and in a
corner; a lens with more is drawn again."""


@dataclass(frozen=True)
class RealLikePair:
    """A pair and the truth."""

    blurry: Image  # ``(H, W, 3)`` uint8
    sharp: Image  # same shape, moved
    unmoved: Image  # same shape: what the sharp member would be without the warp
    matrix: Matrix  # ``(3, 3)`` from blurry to sharp positions
    diameter: Array  # ``(H, W)`` float32, signed circle of confusion, px
    name: str  # of the photograph


def real_like_pair(
    files: Sequence[Path],
    seed: int,
    index: int,
) -> RealLikePair:
    """Render one pair; the same arguments give the same pair."""
    rng = np.random.default_rng([seed, index])
    scene = draw_scene(files, rng)
    inner = _inside(scene.light.shape)
    diameter = np.ascontiguousarray(scene.diameter[inner])
    shape = diameter.shape
    lens = sharp_lens(rng)
    blurred = lens_blurred(scene.light, scene.diameter, lens)
    inside = np.maximum(blurred[inner], 0)
    matrix = draw_warp(shape, rng)
    moved = _moved(matrix, scene, shape)
    mosaic = bool(rng.random() < MOSAIC_SHARE)
    camera = replace(draw_camera(rng), mosaic=mosaic)
    noise = rng if rng.random() < NOISY_SHARP_SHARE else None
    gain = _light(shape, rng)
    exposed = inside * gain[:, :, None]
    unmoved = np.ascontiguousarray(scene.light[inner])
    return RealLikePair(
        blurry=_stored(camera, exposed, rng),
        sharp=_stored(camera, np.maximum(moved, 0), noise),
        unmoved=_stored(camera, unmoved, None),
        matrix=matrix,
        diameter=diameter,
        name=scene.name,
    )


def _inside(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The scene without the margin that light of the border comes from."""
    height, width = shape[:2]
    rows = slice(MARGIN_PX, height - MARGIN_PX)
    columns = slice(MARGIN_PX, width - MARGIN_PX)
    return rows, columns


def _moved(
    matrix: Matrix,
    scene: RealLikeScene,
    shape: tuple[int, ...],
) -> NDArray[Any]:
    """The scene as the sharp member shows it, before its camera."""
    from_moved = np.linalg.inv(matrix)
    from_moved[:2, 2] += MARGIN_PX
    return cv2.warpAffine(
        scene.light,
        from_moved[:2],
        shape[::-1],
        flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP,
    )


def sharp_lens(rng: Random) -> RealLens:
    """A lens that shows what is in focus where it is: no coma, which leaves no right answer.

    Colours that lie apart do so in both members: left out."""
    while True:
        pitch_um = math.exp(rng.uniform(*np.log(PITCHES_UM)))
        lens = draw_lens(rng, pitch_um)
        lens = replace(lens, lateral_colour_um=(0.0, 0.0))
        if all(_true_in_focus(lens, field) for field in FIELDS):
            return lens


def _true_in_focus(lens: RealLens, field: tuple[float, float]) -> bool:
    _, kernel, _ = colour_psfs(lens, 0.0, field)
    side = len(kernel)
    places = np.arange(side) - side // 2
    squares = places[:, None] ** 2 + places**2
    weighted = kernel * squares
    variance = float(weighted.sum()) / 2
    spread = math.sqrt(variance)
    columns = kernel.sum(axis=0)
    rows = kernel.sum(axis=1)
    across = float(columns @ places)
    down = float(rows @ places)
    off = math.hypot(across, down)
    return spread <= LARGEST_ERROR_PX and off <= LARGEST_OFFSET_PX


def _stored(
    camera: StreamCamera,
    light: Array,
    noise: Random | None,
) -> Image:
    taken = recorded(camera, single(light), noise)
    return as_integer(taken, 8)


def draw_warp(shape: tuple[int, ...], rng: Random) -> Matrix:
    """A similarity such as a tripod, refocusing and another aperture leave, about the centre."""
    kind = rng.random()
    length = SHIFT_PX * rng.uniform()
    direction = rng.uniform(0, math.tau)
    similarity = Similarity(
        zoom=1 + rng.uniform(-ZOOM, ZOOM),
        rotation_deg=rng.uniform(-ROTATION_DEG, ROTATION_DEG),
        shift_px=(length * math.cos(direction), length * math.sin(direction)),
    )
    if kind < STILL_SHARE:
        similarity = Similarity()
    elif kind < STILL_SHARE + SHIFTED_SHARE:
        similarity = Similarity(shift_px=similarity.shift_px)
    height, width = shape[:2]
    return homogeneous(similarity.matrix(width, height))


def _light(shape: tuple[int, ...], rng: Random) -> Array:
    """Exposure and vignetting of the wide aperture."""
    gain = 2.0 ** rng.uniform(-EXPOSURE_EV, EXPOSURE_EV)
    loss = rng.uniform(0, 1 - 2.0**-VIGNETTING_EV)
    fall = loss * from_centre_squared(shape)
    return single(gain * (1 - fall))

"""Scenes: a photograph with depth, a part of it in focus and another strongly blurred."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import DatasetError
from defocus.pictures.read import read_image
from defocus.pictures.values import as_linear
from research.alignment_truth.rendered.textures import (
    Split,
    camera_pictures,
    split_of_file,
)
from research.alignment_truth.stacks import MERGED
from research.light import Array, Random, along, centred_grid, random_part, single

CANVAS = (768, 1088)
"""Greatest height and width of a scene: 688 × 1008 px and what a warp brings in from outside."""
MARGIN_PX = 40
LEAST_SIDE_PX = 384
SCALES = (0.5, 0.75)
"""Range of factors by which large pictures are reduced, so that their pixels are sharp."""
SHARP_SHARE = (0.2, 0.4)
"""Smallest and largest share of the picture that is in focus."""
LARGEST_PX = (12.0, 45.0)
"""Largest diameter of a picture 1008 px wide, log-uniform."""
RISE = 0.4
"""Exponent of the distance from what is in focus: most of a blurred background is far behind it."""
BRIGHT_FROM, BRIGHTEST = 0.85, 6.0
"""Value of all colours from which light beyond white is drawn, and the brightest such light:
photographs are clipped, but blur spreads that light, and the sharp member clips it."""
SEGMENTED_AT = 0.5
LEAST_SEGMENT = 0.02
"""Smallest thing that has a depth of its own, as a share of the picture; smaller things are as far
as their surroundings."""


@dataclass(frozen=True)
class RealLikeScene:
    """A scene as the lens sees it."""

    light: Array  # ``(H, W, 3)`` float32, linear, 1 = white; highlights lie above it
    # ``(H, W)`` float32, circle of confusion, px, positive behind the plane in focus
    diameter: Array
    name: str  # of the photograph


def scene_files(
    split: Split,
    folders: Sequence[Path],
    stacks: Path | None,
) -> tuple[Path, ...]:
    """The photographs of a split, by the hash of their files.

    ``choose`` has those of the truth set's split of that name, ``test`` all others."""
    files: list[Path] = []
    for folder in folders:
        files += camera_pictures(folder)
    if stacks is not None:
        files += _of_stacks(stacks)
    chosen = split == "choose"
    own = [file for file in files if (split_of_file(file) == "choose") is chosen]
    if not own:
        raise DatasetError(
            f"no photograph for the split {split}; give a folder with more pictures"
        )
    return tuple(own)


def _of_stacks(stacks: Path) -> list[Path]:
    """The merged picture of each stack, or the middle frame where there is none."""
    files: list[Path] = []
    for stack in sorted(stacks.iterdir()):
        if not stack.is_dir():
            continue
        frames = camera_pictures(stack)
        merged = stack / MERGED
        if merged in frames:
            files.append(merged)
        else:
            files += frames[len(frames) // 2 :][:1]
    return files


@lru_cache(maxsize=2)
def _photograph(file: Path) -> Array:
    return as_linear(read_image(file))


def draw_scene(files: Sequence[Path], rng: Random) -> RealLikeScene:
    """A part of a photograph with depth."""
    while True:
        file = files[int(rng.integers(len(files)))]
        light = _at_drawn_size(_photograph(file), rng)
        if min(light.shape[:2]) >= LEAST_SIDE_PX:
            break
    part = np.ascontiguousarray(random_part(rng, light, *CANVAS))
    return RealLikeScene(_beyond_white(part, rng), _diameters(part, rng), file.name)


def _at_drawn_size(light: Array, rng: Random) -> Array:
    """A photograph, reduced by a drawn scale if it is large."""
    height, width = light.shape[:2]
    if min(height, width) <= 1.3 * CANVAS[0]:
        return light
    scale = rng.uniform(*SCALES)
    size = (round(width * scale), round(height * scale))
    small = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    return single(small)


def _beyond_white(light: Array, rng: Random) -> Array:
    above = (light.min(axis=2) - BRIGHT_FROM) / (1 - BRIGHT_FROM)
    clipped = np.clip(above, 0, 1)
    most = rng.uniform(0, BRIGHTEST - 1)
    gain = 1 + clipped * most
    return single(light * gain[:, :, None])


def _diameters(light: Array, rng: Random) -> Array:
    """Circles of confusion: a third of the picture has none, the rest up to the largest."""
    nearness = _nearness(light, rng)
    focus = np.quantile(nearness, rng.uniform())
    distance = focus - nearness
    length = np.abs(distance)
    sharp = np.quantile(length, rng.uniform(*SHARP_SHARE))
    beyond = np.sign(distance) * np.maximum(length - sharp, 0)
    beyond = np.sign(beyond) * np.abs(beyond) ** RISE
    farthest = float(np.abs(beyond).max())
    exponent = rng.uniform(*np.log(LARGEST_PX))
    largest = math.exp(exponent) * light.shape[1] / CANVAS[1]
    unit = largest / max(farthest, 1e-6)
    return single(beyond * unit)


def _nearness(light: Array, rng: Random) -> Array:
    """A slanted ground with upright objects on it, whose outlines are those of the photograph."""
    labels = _segments(light)
    angle = rng.normal(math.pi / 2, 0.7)
    y, x = centred_grid(light.shape)
    slope = along(x, y, angle)
    upright = rng.uniform(-1, 1, int(labels.max()) + 1)
    share = rng.uniform(0.4, 0.9)
    nearness = share * upright[labels] + (1 - share) * slope
    return single(nearness)


def _segments(light: Array) -> NDArray[np.int32]:
    """Numbers of the objects in a photograph, by its outlines."""
    from skimage.segmentation import felzenszwalb

    codes = np.sqrt(np.clip(light, 0, 1))
    small = cv2.resize(
        codes,
        None,
        fx=SEGMENTED_AT,
        fy=SEGMENTED_AT,
    )
    height, width = small.shape[:2]
    least = round(LEAST_SEGMENT * height * width)
    segments = felzenszwalb(
        small,
        scale=300,
        sigma=0.8,
        min_size=least,
    )
    labels = segments.astype(np.int32)
    nearest = cv2.INTER_NEAREST
    size = light.shape[1::-1]
    in_full = cv2.resize(labels, size, interpolation=nearest)
    return np.asarray(in_full)

"""Scenes of the size of a camera's picture: a photograph at 1:1 with parts of others before it."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from defocus.scene.occluders import Occluder, Sources, StreamScene, draw_alpha
from defocus.scene.pictures import LINEAR_OF_BYTE, Photograph
from defocus.scene.window import Window, shown

DIAMETERS_PX = (
    *(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 14.0, 16.0, 18.0, 21.0),
    *(24.0, 28.0, 32.0, 36.0, 42.0, 48.0, 56.0, 64.0, 72.0, 84.0, 96.0, 112.0, 128.0),
)
"""Circles of confusion at which lenses have kernels, px: those of our tables, and others between
them, so that neighbours differ by an eighth to a sixth."""

BORDER_PX = 72
"""Width of the border that gives light to a picture, px: a little over half of the largest
diameter."""

OUTLINE_PX = 512
"""Longer side of an outline as it is drawn, px. It is enlarged to the picture, with a sharp edge,
so that an object takes the same share of a picture of any size."""

COVERED = (0.02, 0.2)
"""Least and largest share of the picture that one object hides."""

Array = NDArray[np.float32]


def full_size_scene(
    random: Generator,
    behind: Photograph,
    others: Sequence[Photograph],
    diameters: Array,
    in_front: Sequence[float],
) -> StreamScene:
    """A photograph as background, with :data:`BORDER_PX` around; objects are cut from others."""
    # ``diameters`` ``(H, W)`` are those of the background in the picture; ``in_front`` has that of
    # each object, from far to near. The same generator draws the same objects for all diameters.
    around = np.pad(diameters, BORDER_PX, mode="edge")
    size = around.shape[0], around.shape[1]
    sources = Sources(others, "held-out")
    occluders = []
    for number, diameter in enumerate(in_front):
        alpha = draw_outline(random, sources, size)
        window = shown(alpha)
        photograph = others[number % len(others)]
        pixels = middle(photograph, size)[window.index]
        part = np.ascontiguousarray(alpha[window.index])
        occluder = Occluder(
            light(pixels),
            part,
            window.top,
            window.left,
            diameter,
        )
        occluders.append(occluder)
    background = light(middle(behind, size))
    return StreamScene(
        background,
        around,
        tuple(occluders),
        behind.pixels_hash,
    )


def draw_outline(
    random: Generator,
    sources: Sources,
    size: tuple[int, int],
) -> Array:
    """Draw the opacity of an object that hides a share of a picture within :data:`COVERED`."""
    height, width = size
    enlarging = max(1.0, max(size) / OUTLINE_PX)
    rows = round(height / enlarging)
    columns = round(width / enlarging)
    least, most = COVERED
    while True:
        small = draw_alpha(random, sources, rows, columns)
        covered = float((small > 0.5).mean())
        if least <= covered <= most:
            break
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    steep = np.float32(enlarging) * (large - np.float32(0.5))
    return np.asarray(np.clip(steep + np.float32(0.5), 0, 1), np.float32)


def middle(photograph: Photograph, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The middle of a photograph at 1:1, ``(H, W, 3)``; mirrored where it ends."""
    whole = Window.of(photograph.pixels.shape)
    height, width = size
    top = (whole.bottom - height) // 2
    left = (whole.right - width) // 2
    wanted = Window(left, top, left + width, top + height)
    inside = wanted.within(whole)
    wide = cv2.copyMakeBorder(
        photograph.pixels[inside.index],
        inside.top - wanted.top,
        wanted.bottom - inside.bottom,
        inside.left - wanted.left,
        wanted.right - inside.right,
        cv2.BORDER_REFLECT_101,
    )
    return np.asarray(wide)


def light(pixels: NDArray[np.uint8]) -> Array:
    """Linear light of sRGB bytes."""
    return np.asarray(cv2.LUT(np.ascontiguousarray(pixels), LINEAR_OF_BYTE), np.float32)

"""The synthetic aperture of a light field: pinhole views over the pupil, averaged.

Each has true occlusion, which a lens has not; aberrations have no place in it."""

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.scene.colour_psf import across_pupil
from defocus.scene.compositor import SurfacePixels, composited, merged
from defocus.scene.occluders import Occluder, StreamScene
from defocus.scene.window import Window

Array = NDArray[np.float32]

SPACING_PX = 1.0
"""Largest distance, px, between the places of one point in two neighbouring views, unless that
would need too many views."""
MOST_ACROSS = 15
ROUNDS = 4
"""Rounds of the iteration that finds which point of the background a view sees at a pixel."""


def synthetic_aperture(
    scene: StreamScene,
    border: int,
    across: int | None = None,
) -> Array:
    """Blur a scene with a grid of views: ``(H - 2 border, W - 2 border, 3)`` linear light.

    ``across`` views over the pupil's diameter; by default as many as the largest circle needs."""
    canvas = Window.of(scene.diameters.shape)
    frame = canvas.grown(-border)
    if across is None:
        across = _views_across(scene)
    views = pupil_views(across)
    seen = [composited(_seen(scene, view), canvas, frame) for view in views]
    light = np.sum(seen, axis=0)
    return merged(light / np.float32(len(views)))


def _views_across(scene: StreamScene) -> int:
    """Number of views over the pupil's diameter that the largest circle of confusion needs."""
    circles = [one.diameter for one in scene.occluders]
    circles += [scene.diameters.min(), scene.diameters.max()]
    largest = max(abs(float(one)) for one in circles)
    needed = math.ceil(largest / SPACING_PX) + 1
    return min(max(1, needed), MOST_ACROSS)


def pupil_views(across: int) -> list[tuple[float, float]]:
    """Points of the pupil on a square grid, in radii, x to the right and y down."""
    steps = across_pupil(across).tolist()
    views = []
    for y in steps:
        for x in steps:
            inside = x * x + y * y <= 1
            if inside:
                views.append((x, y))
    return views


def _seen(scene: StreamScene, view: tuple[float, float]) -> Iterator[SurfacePixels]:
    """The surfaces from one point of the pupil: each is displaced by its circle of confusion."""
    canvas = Window.of(scene.diameters.shape)
    x, y = view
    u = np.float32(x / 2)
    v = np.float32(y / 2)
    from_x, from_y = _origins(scene.diameters, u, v)
    background = cv2.remap(
        scene.background,
        from_x,
        from_y,
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    yield SurfacePixels(np.maximum(background, 0), None, canvas)
    for one in scene.occluders:
        yield _displaced(one, u.item() * one.diameter, v.item() * one.diameter)


def _origins(
    diameters: Array,
    u: np.float32,
    v: np.float32,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Which point of the background a view sees at each pixel."""
    x, y = Window.of(diameters.shape).grid()
    if diameters.min() == diameters.max():
        return x - u * diameters, y - v * diameters
    from_x: NDArray[Any] = x
    from_y: NDArray[Any] = y
    for _ in range(ROUNDS):
        there = cv2.remap(
            diameters,
            from_x,
            from_y,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        from_x = x - u * there
        from_y = y - v * there
    return from_x, from_y


def _displaced(
    occluder: Occluder,
    right: float,
    down: float,
) -> SurfacePixels:
    """An occluder at another place, moved by whole pixels of its window, then by interpolation."""
    whole_right = math.floor(right)
    whole_down = math.floor(down)
    matrix = np.array(
        [
            [1, 0, right - whole_right],
            [0, 1, down - whole_down],
        ]
    )
    rows, columns = occluder.alpha.shape
    size = columns + 1, rows + 1
    colour = cv2.warpAffine(
        occluder.colour,
        matrix,
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    alpha = cv2.warpAffine(
        occluder.alpha,
        matrix,
        size,
        flags=cv2.INTER_LINEAR,
    )
    window = Window.of((rows + 1, columns + 1)).moved(occluder.left, occluder.top)
    return SurfacePixels(
        np.asarray(colour, np.float32),
        np.asarray(alpha, np.float32),
        window.moved(whole_right, whole_down),
    )

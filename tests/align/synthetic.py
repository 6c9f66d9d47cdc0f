"""Rendered pairs whose misalignment is known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.pictures.values import Image, as_integer, linear_to_srgb
from defocus.scene.geometry import Similarity
from defocus.scene.layers import Layer, render
from defocus.scene.motion import moved_layers
from defocus.scene.pictures import texture
from defocus.scene.thin_lens import Lens, circle_of_confusion_px

TEXTURES = ("astronaut", "chelsea", "coffee", "gravel", "grass", "rocket")
DEPTHS_MM = (6000.0, 3000.0, 1500.0)
FOCUS_MM = 2000.0


@dataclass(frozen=True)
class Pair:
    blurry: Image
    sharp: Image
    truth: Similarity


def lens_with_blur(largest_px: float) -> Lens | None:
    """The lens whose largest circle of confusion over the scene's depths has that diameter."""
    if largest_px == 0:
        return None
    wide = Lens(50.0, 2.0, FOCUS_MM, 10.0)
    largest = max(
        abs(float(circle_of_confusion_px(depth, wide))) for depth in DEPTHS_MM
    )
    return Lens(50.0, 2.0 * largest / largest_px, FOCUS_MM, 10.0)


def rendered_pair(
    seed: int,
    blur_px: float,
    truth: Similarity | None = None,
    size: tuple[int, int] = (384, 288),
    gain_ev: float = 0.0,
    bits: int = 8,
) -> Pair:
    """Two planes before a third, textures of photographs, noise of 0.3 % in linear light."""
    rng = np.random.default_rng(seed)
    width, height = size
    names = rng.permutation(TEXTURES)
    y, x = np.mgrid[0:height, 0:width]
    layers = []
    for index, depth in enumerate(DEPTHS_MM):
        alpha = np.ones((height, width))
        if index:
            centre = rng.uniform(0.2, 0.8, 2) * (width, height)
            radius = rng.uniform(0.15, 0.3) * width
            alpha = np.clip(radius - np.hypot(x - centre[0], y - centre[1]) + 0.5, 0, 1)
        layers.append(
            Layer(0.9 * texture(str(names[index]), width, height), alpha, depth)
        )
    if truth is None:
        shift = rng.uniform(-0.016, 0.016, 2) * width
        truth = Similarity(
            float(rng.uniform(0.98, 1.02)),
            float(rng.uniform(-1, 1)),
            (float(shift[0]), float(shift[1])),
        )
    blurry = render(layers, lens_with_blur(blur_px)) * 2.0**gain_ev
    sharp = render(moved_layers(layers, truth), None)
    return Pair(*(_stored(p, rng, bits) for p in (blurry, sharp)), truth)


def _stored(linear: NDArray[np.float64], rng: np.random.Generator, bits: int) -> Image:
    noisy = np.clip(linear + rng.normal(0, 0.003, linear.shape), 0, 1)
    return as_integer(linear_to_srgb(noisy), bits)


def largest_error_px(
    measured: Similarity, truth: Similarity, size: tuple[int, int] = (384, 288)
) -> float:
    """Greatest distance of the two, over the corners and the centre of the picture."""
    width, height = size
    right, bottom = width - 1, height - 1
    points = np.array(
        [
            (0, 0, 1),
            (right, 0, 1),
            (0, bottom, 1),
            (right, bottom, 1),
            (right / 2, bottom / 2, 1),
        ]
    ).T
    difference = (measured.matrix(width, height) - truth.matrix(width, height)) @ points
    return float(np.linalg.norm(difference, axis=0).max())


def homogeneous(similarity: Similarity, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A ``(3, 3)`` matrix of pictures of that height and width."""
    return np.vstack([similarity.matrix(shape[1], shape[0]), [0.0, 0.0, 1.0]])

"""Light and pictures, as several scripts need them."""

import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from defocus.pictures.values import FloatImage, linear_to_srgb
from defocus.pictures.write import through_jpeg

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Matrix = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Random = np.random.Generator
Floats = TypeVar("Floats", bound=np.floating[Any])
Values = TypeVar("Values", bound=np.generic)


def single(values: NDArray[Any]) -> Array:
    """Values in single precision."""
    return np.asarray(values, np.float32)


def encoded(light: FloatImage) -> Array:
    """Linear light as values of sRGB in [0, 1]."""
    shown = np.clip(light, 0, 1)
    return single(linear_to_srgb(shown))


def from_jpeg(pixels: Pixels, quality: int) -> Pixels:
    """What a JPEG file gives back of some pixels; its colours have half the resolution."""
    saved = through_jpeg(pixels, quality, full_colour=False)
    return np.asarray(saved, np.uint8)


def files_with(suffixes: Collection[str], folder: Path) -> list[Path]:
    """The files in a folder whose names end in one of the suffixes, by name."""
    files = [file for file in folder.iterdir() if file.suffix.lower() in suffixes]
    return sorted(files)


def random_part(
    random: Random,
    picture: NDArray[Values],
    rows: int,
    columns: int,
) -> NDArray[Values]:
    """A part of a picture at a random place; a smaller picture is taken whole."""
    height, width = picture.shape[:2]
    top = int(random.integers(max(0, height - rows) + 1))
    left = int(random.integers(max(0, width - columns) + 1))
    return picture[top : top + rows, left : left + columns]


def middle(picture: NDArray[Values], side_px: int) -> NDArray[Values]:
    """The square in the middle of a picture."""
    height, width = picture.shape[:2]
    top = (height - side_px) // 2
    left = (width - side_px) // 2
    return picture[top : top + side_px, left : left + side_px]


def from_centre_squared(shape: Sequence[int]) -> NDArray[Any]:
    """Squared distance ``(H, W)`` of each pixel from the centre, 1 in the corners."""
    y, x = centred_grid(shape)
    return np.asarray((x * x + y * y) / 2)


def centred_grid(shape: Sequence[int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Places of rows ``(H, 1)`` and of columns ``(1, W)``, each from -1 to 1."""
    rows = slice(-1, 1, complex(shape[0]))
    columns = slice(-1, 1, complex(shape[1]))
    y, x = np.ogrid[rows, columns]
    return y, x


def homogeneous(affine: NDArray[Any]) -> Matrix:
    """The ``(3, 3)`` matrix of an affine transform ``(2, 3)``."""
    return np.vstack([affine, [0.0, 0.0, 1.0]])


def along(
    x: NDArray[Any],
    y: NDArray[Any],
    angle: float,
) -> NDArray[Any]:
    """Distances from the origin in a direction, radians."""
    return math.cos(angle) * x + math.sin(angle) * y


def mixed_by_place(steps: Sequence[Array], place: Array) -> Array:
    """Pictures mixed at each pixel by a place between two of them: 0 is the first."""
    total = np.zeros_like(steps[0])
    for number, step in enumerate(steps):
        weight = np.maximum(1 - np.abs(place - number), 0)
        total += weight[..., None] * step
    return total


def behind_kernel(light: NDArray[Floats], psf: NDArray[Floats]) -> NDArray[Floats]:
    """Light ``(H, W, C)`` behind one kernel, mirrored at its borders, in [0, 1]."""
    from scipy.signal import fftconvolve  # slow to import

    border = psf.shape[0] // 2
    sides = (border, border)
    wide = np.pad(light, (sides, sides, (0, 0)), mode="reflect")
    through = fftconvolve(wide, psf[:, :, None], mode="valid")
    return np.asarray(np.clip(through, 0, 1))

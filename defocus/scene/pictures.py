"""Pictures shipped with scikit-image, in linear light, as textures for rendering."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import RegistryError
from defocus.images import srgb_to_linear

__all__ = ["PICTURES", "covering", "part", "texture"]

PICTURES = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "page",
    "retina",
    "rocket",
)
"""Names that :func:`texture` accepts; scikit-image ships these, nothing is downloaded."""


@cache
def _picture(name: str) -> NDArray[np.float64]:
    from skimage import data  # slow to import, and only rendering needs it

    pixels = np.asarray(getattr(data, name)())
    colour = np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels[:, :, :3]
    values = srgb_to_linear(np.arange(256) / 255.0)  # of all that eight bits hold: a table
    return np.asarray(cv2.LUT(np.ascontiguousarray(colour), values))


def texture(
    name: str,
    width: int,
    height: int,
    region: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
) -> NDArray[np.float64]:
    """The largest centred crop with that aspect ratio, resized by area or cubic.

    Args:
        name: One of :data:`PICTURES`.
        width: Pixels.
        height: Pixels.
        region: Left, top, right, bottom of the part that is used, as fractions of the picture.

    Returns:
        ``(height, width, 3)`` float64, linear light, >= 0.

    Raises:
        RegistryError: The name is unknown.
    """
    if name not in PICTURES:
        raise RegistryError(f"no picture '{name}'; there are {', '.join(PICTURES)}")
    return covering(part(_picture(name), region), width, height)


def covering(picture: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """The largest centred part of a picture with that aspect ratio, resized by area or cubic.

    Args:
        picture: ``(H, W, 3)`` float64, >= 0.
        width: Pixels.
        height: Pixels.

    Returns:
        ``(height, width, 3)`` float64, >= 0.
    """
    rows, columns = picture.shape[:2]
    scale = min(columns / width, rows / height)
    crop_w, crop_h = int(scale * width), int(scale * height)
    left, top = (columns - crop_w) // 2, (rows - crop_h) // 2
    crop = picture[top : top + crop_h, left : left + crop_w]
    method = cv2.INTER_AREA if scale >= 1 else cv2.INTER_CUBIC
    resized = np.asarray(cv2.resize(crop, (width, height), interpolation=method))
    return np.maximum(resized, 0.0, out=resized)


def part(
    picture: NDArray[np.float64], region: tuple[float, float, float, float]
) -> NDArray[np.float64]:
    """A part of a picture.

    Args:
        picture: ``(H, W, ...)``.
        region: Left, top, right, bottom, as fractions of the picture.
    """
    rows, columns = picture.shape[:2]
    left, top, right, bottom = region
    return picture[
        round(top * rows) : round(bottom * rows), round(left * columns) : round(right * columns)
    ]

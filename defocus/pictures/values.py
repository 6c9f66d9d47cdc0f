"""Values of pictures in memory: integers, floats in [0, 1], linear light, luma; and turned."""

import functools
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.strips import strips

Image: TypeAlias = NDArray[np.unsignedinteger[Any]]
FloatImage: TypeAlias = NDArray[np.floating[Any]]

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in the luminance of linear light (ITU-R BT.709)."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luma of encoded colours (ITU-R BT.601)."""


def bit_depth(image: Image) -> int:
    """Bit depth of a picture, 8 or 16."""
    return image.dtype.itemsize * 8


def upper_bits(image: Image) -> NDArray[np.uint8]:
    """A picture of 8 bits as it is, one of 16 by its upper 8."""
    if image.dtype == np.uint8:
        return np.asarray(image, np.uint8)
    eight = np.empty(image.shape, np.uint8)
    return np.right_shift(image, 8, out=eight, casting="unsafe")


def as_float(image: Image, dtype: type[np.floating[Any]] = np.float32) -> FloatImage:
    """Convert integers to [0, 1] by dividing by 255 or 65535."""
    scaled: FloatImage = image.astype(dtype)
    scaled /= dtype(np.iinfo(image.dtype).max)
    return scaled


def luma_of(picture: Image) -> NDArray[np.float32]:
    """``(H, W)`` float32, 0..1: sRGB-encoded luma of a picture, BT.601 weights."""
    luma = np.empty(picture.shape[:2], np.float32)
    for rows in strips(len(luma)):
        cv2.cvtColor(as_float(picture[rows]), cv2.COLOR_RGB2GRAY, luma[rows])
    return luma


def as_integer(image: FloatImage, bits: int) -> Image:
    """Convert [0, 1] to integers of 8 or 16 bits, clamped and rounded half to even."""
    scaled = np.rint(np.clip(image, 0.0, 1.0) * (2**bits - 1))
    return np.asarray(scaled, np.uint8 if bits == 8 else np.uint16)


def srgb_to_linear(image: FloatImage) -> FloatImage:
    """Undo the sRGB transfer curve (IEC 61966-2-1); values in [0, 1], any shape."""
    high = np.power((np.maximum(image, 0.0) + 0.055) / 1.055, 2.4)
    return np.where(image <= 0.04045, image / 12.92, high).astype(image.dtype)


def as_linear(image: Image) -> NDArray[np.float32]:
    """Linear light of sRGB-encoded integers of any shape, by a table."""
    # To the bit the same as ``srgb_to_linear(as_float(image))``, in a tenth of its time.
    table = linear_table(bit_depth(image))
    if image.dtype == np.uint8 and image.ndim <= 3:
        return np.asarray(cv2.LUT(image, table), np.float32).reshape(image.shape)
    return np.asarray(table[image], np.float32)


@functools.cache
def linear_table(bits: int) -> NDArray[np.float32]:
    """Linear light of every integer of 8 or 16 bits."""
    values = np.arange(2**bits, dtype=np.uint8 if bits == 8 else np.uint16)
    return np.asarray(srgb_to_linear(as_float(values)), np.float32)


def linear_to_srgb(image: FloatImage) -> FloatImage:
    """Apply the sRGB transfer curve (IEC 61966-2-1); negative values become 0, any shape."""
    clipped = np.maximum(image, 0.0)
    high = 1.055 * np.power(clipped, 1.0 / 2.4) - 0.055
    return np.where(clipped <= 0.0031308, clipped * 12.92, high).astype(image.dtype)


def as_shown(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn a stored picture as its EXIF orientation, 1 to 8, says; others change nothing."""
    return as_stored(stored, {6: 8, 8: 6}.get(orientation, orientation))


def as_stored(picture: NDArray[Any], orientation: int) -> NDArray[Any]:
    """The inverse of :func:`as_shown`."""
    turned = {
        2: lambda: picture[:, ::-1],
        3: lambda: picture[::-1, ::-1],
        4: lambda: picture[::-1],
        5: lambda: picture.swapaxes(0, 1),
        6: lambda: np.rot90(picture),
        7: lambda: picture[::-1, ::-1].swapaxes(0, 1),
        8: lambda: np.rot90(picture, -1),
    }
    return turned[orientation]() if orientation in turned else picture

"""Fast reduced version of a shot in linear light, from any camera file."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError
from defocus.images import FloatImage, as_float, linear_to_srgb, read_image, srgb_to_linear
from defocus.raw import RAW_SUFFIXES

__all__ = ["QuickLook", "encoded_grey", "luminance", "read_look", "reduced_look"]


@dataclass(frozen=True)
class QuickLook:
    """A shot in linear light.

    Attributes:
        linear: ``(H, W, 3)`` float32 in [0, 1], 1 = clipping of the sensor or the file.
        pixels: Reduction: picture pixels per pixel of ``linear``, along a side.
    """

    linear: FloatImage
    pixels: float = 1.0


def read_look(path: Path, *, mirrored: bool = False) -> QuickLook:
    """Read a shot; RAW files at half their size, without demosaicing or white balance.

    Args:
        path: The picture.
        mirrored: Whether to flip left and right, as behind a beam splitter.

    Raises:
        ImageError: The file is missing, damaged or not a picture.
    """
    if path.suffix.lower() in RAW_SUFFIXES:
        look = QuickLook(_half_raw(path), 2.0)
    else:
        look = QuickLook(srgb_to_linear(as_float(read_image(path))))
    if mirrored:
        return QuickLook(np.ascontiguousarray(look.linear[:, ::-1]), look.pixels)
    return look


def _half_raw(path: Path) -> FloatImage:
    """Read a RAW file at half size; full development would take ten times as long."""
    import rawpy

    try:
        with rawpy.imread(str(path)) as raw:
            developed = raw.postprocess(
                half_size=True,
                user_wb=[1.0, 1.0, 1.0, 1.0],
                output_color=rawpy.ColorSpace.raw,
                output_bps=16,
                user_flip=0,
                no_auto_bright=True,
                adjust_maximum_thr=0.0,
                gamma=(1, 1),
            )
    except (rawpy.LibRawError, OSError) as error:
        raise ImageError(f"{path}: RAW file cannot be opened ({error}); copy it again") from error
    return as_float(developed)


def reduced_look(look: QuickLook, longest_side: int) -> QuickLook:
    """Reduce a look to a longest side."""
    height, width = look.linear.shape[:2]
    factor = max(height, width) / longest_side
    if factor <= 1.0:
        return look
    size = (round(width / factor), round(height / factor))
    smaller = cv2.resize(look.linear, size, interpolation=cv2.INTER_AREA)
    return QuickLook(np.asarray(smaller, np.float32), look.pixels * factor)


def luminance(linear: FloatImage) -> NDArray[np.float32]:
    """``(H, W)`` linear luminance of an ``(H, W, 3)`` picture."""
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722], np.float32), np.float32)


def encoded_grey(linear: FloatImage) -> NDArray[np.float32]:
    """``(H, W)`` sRGB-encoded luminance: noise of light is of about one size in it."""
    return np.asarray(linear_to_srgb(np.clip(luminance(linear), 0.0, 1.0)), np.float32)

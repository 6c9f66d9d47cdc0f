"""Fast reduced version of a shot in linear light, from any camera file."""

import functools
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.pictures.profiles import member_in_srgb
from defocus.pictures.raw import RAW_SUFFIXES, camera_light
from defocus.pictures.read import read_image
from defocus.pictures.values import (
    LUMINANCE,
    FloatImage,
    Image,
    as_float,
    as_linear,
    bit_depth,
    linear_to_srgb,
)

Array = NDArray[np.float32]

CLIPPED = 0.98
"""Linear value from which a pixel counts as clipped."""

HALVED_FROM_PX = 4000
"""Longest side from which :func:`read_halved` reduces a picture: cameras of 12 MP and less deliver
shorter ones."""

STRIP_ROWS = 256
"""Rows of a large picture that are made linear at once; they stay in the processor's cache."""


@dataclass(frozen=True)
class QuickLook:
    """A shot in linear light, perhaps reduced; shares are those before a reduction."""

    linear: FloatImage  # ``(H, W, 3)`` float32 in [0, 1], 1 = clipping of the sensor or the file
    pixels: float = (
        1.0  # reduction: picture pixels per pixel of ``linear``, along a side
    )
    clipped_share: float | None = None
    picture_px: tuple[int, int] | None = None


def read_look(path: Path) -> QuickLook:
    """Read a shot; RAW files at half their size, without demosaicing or white balance."""
    if path.suffix.lower() in RAW_SUFFIXES:
        return QuickLook(as_float(camera_light(path)), 2.0)
    return QuickLook(as_linear(read_image(path)))


def read_halved(path: Path) -> QuickLook:
    """Read a shot for its verdict: large pictures at half size, as RAW files always are.

    Half the size leaves the noise of a photosite out of the gradients; the rest is coarser anyway.
    """
    if path.suffix.lower() in RAW_SUFFIXES:
        return read_look(path)
    return _looked(read_image(path))


def read_in_srgb(path: Path) -> QuickLook:
    """As :func:`read_halved`, with the colours of the file's profile converted to sRGB."""
    if path.suffix.lower() in RAW_SUFFIXES:
        return read_look(path)
    return _looked(member_in_srgb(path, read_image(path)))


def _looked(picture: Image) -> QuickLook:
    large = max(picture.shape) >= HALVED_FROM_PX
    if large:
        return _halved(picture)
    return QuickLook(as_linear(picture))


def _halved(picture: Image) -> QuickLook:
    """Reduce a picture strip by strip; as a whole, 24 MP would take 300 MB."""
    height, width = (side // 2 for side in picture.shape[:2])
    linear = np.empty((height, width, 3), np.float32)
    clipped = 0
    first_clipped = _first_clipped(picture)
    for top in range(0, height, STRIP_ROWS // 2):
        bottom = min(top + STRIP_ROWS // 2, height)
        strip = picture[2 * top : 2 * bottom, : 2 * width]
        light = as_linear(strip)
        size = (width, bottom - top)
        cv2.resize(light, size, linear[top:bottom], 0, 0, cv2.INTER_AREA)
        clipped += strip.shape[0] * strip.shape[1] - _below(strip, first_clipped)
    rows, columns = picture.shape[:2]
    return QuickLook(linear, 2.0, clipped / (4 * width * height), (rows, columns))


def clipped_share(picture: Image) -> float:
    """Share of the pixels of an sRGB-encoded picture that are clipped in a channel."""
    height, width = picture.shape[:2]
    return float(1 - _below(picture, _first_clipped(picture)) / (height * width))


def _first_clipped(picture: Image) -> int:
    values = np.arange(2 ** bit_depth(picture), dtype=picture.dtype)
    return int(np.searchsorted(as_linear(values), CLIPPED))


def _below(picture: Image, value: int) -> int:
    """Number of pixels with all channels below a value."""
    return int(cv2.countNonZero(cv2.inRange(picture, (0,) * 3, (value - 1,) * 3)))


def mirrored_look(look: QuickLook) -> QuickLook:
    """A look flipped left and right, as behind a beam splitter."""
    return replace(look, linear=np.ascontiguousarray(look.linear[:, ::-1]))


def reduced_look(look: QuickLook, longest_side: int) -> QuickLook:
    """Reduce a look to a longest side."""
    height, width = look.linear.shape[:2]
    factor = max(height, width) / longest_side
    if factor <= 1.0:
        return look
    size = (round(width / factor), round(height / factor))
    smaller = cv2.resize(look.linear, size, interpolation=cv2.INTER_AREA)
    return QuickLook(np.asarray(smaller, np.float32), look.pixels * factor)


def luminance(linear: FloatImage) -> Array:
    """``(H, W)`` linear luminance of an ``(H, W, 3)`` picture."""
    weights = np.array([LUMINANCE], np.float32)
    return np.asarray(
        cv2.transform(np.ascontiguousarray(linear, np.float32), weights), np.float32
    )


def encoded_grey(linear: FloatImage) -> Array:
    """``(H, W)`` sRGB-encoded luminance, in which noise is about equal in dark and light parts."""
    return encoded(luminance(linear))


def encoded(light: Array) -> Array:
    """sRGB-encoded light of ``(H, W)``, clipped to [0, 1]; by a table, so to within 2e-4."""
    steps = np.clip(light * np.float32(65535) + np.float32(0.5), 0, 65535).astype(
        np.uint16
    )
    return np.asarray(np.take(_curve(), steps), np.float32)


@functools.cache
def _curve() -> Array:
    """The sRGB curve at 65536 steps of light."""
    return np.asarray(linear_to_srgb(np.linspace(0.0, 1.0, 65536)), np.float32)

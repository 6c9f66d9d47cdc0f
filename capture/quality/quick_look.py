"""Fast reduced version of a shot in linear light, from any camera file."""

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.pictures.profiles import member_in_srgb
from defocus.pictures.raw import camera_light, is_raw
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

if TYPE_CHECKING:
    from defocus.align.sharp_member.processing import Processing

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
    # traces in the file, of its full size; None of a RAW file, which no program has processed
    processing: "Processing | None" = None


def read_look(path: Path) -> QuickLook:
    """Read a shot; RAW files at half their size, without demosaicing or white balance."""
    if is_raw(path):
        return QuickLook(as_float(camera_light(path)), 2.0)
    return QuickLook(as_linear(read_image(path)))


def read_halved(path: Path) -> QuickLook:
    """Read a shot for its verdict: large pictures at half size, as RAW files always are.

    Half the size leaves the noise of a photosite out of the gradients; the rest is coarser anyway.
    """
    if is_raw(path):
        return read_look(path)
    picture = read_image(path)
    return _looked(picture, picture)


def read_in_srgb(path: Path) -> QuickLook:
    """As :func:`read_halved`, with the colours of the file's profile converted to sRGB."""
    if is_raw(path):
        return read_look(path)
    stored = read_image(path)
    return _looked(member_in_srgb(path, stored), stored)


def _looked(picture: Image, stored: Image) -> QuickLook:
    # slow to import
    from defocus.align.sharp_member.processing import processing

    traces = processing(stored)  # other colours would hide them
    if max(picture.shape) >= HALVED_FROM_PX:
        return replace(_halved(picture), processing=traces)
    return QuickLook(as_linear(picture), processing=traces)


def _halved(picture: Image) -> QuickLook:
    """Reduce a picture strip by strip; as a whole, 24 MP would take 300 MB."""
    rows, columns = picture.shape[:2]
    height = rows // 2
    width = columns // 2
    linear = np.empty((height, width, 3), np.float32)
    clipped = 0
    first_clipped = _first_clipped(picture)
    for top in range(0, height, STRIP_ROWS // 2):
        bottom = min(top + STRIP_ROWS // 2, height)
        strip = picture[2 * top : 2 * bottom, : 2 * width]
        light = as_linear(strip)
        size = (width, bottom - top)
        into = linear[top:bottom]
        cv2.resize(light, size, into, interpolation=cv2.INTER_AREA)
        pixels = strip.shape[0] * strip.shape[1]
        clipped += pixels - _below(strip, first_clipped)
    share = clipped / (4 * width * height)
    return QuickLook(linear, 2.0, share, (rows, columns))


def clipped_share(picture: Image) -> float:
    """Share of the pixels of an sRGB-encoded picture that are clipped in a channel."""
    height, width = picture.shape[:2]
    below = _below(picture, _first_clipped(picture))
    return float(1 - below / (height * width))


def _first_clipped(picture: Image) -> int:
    values = np.arange(2 ** bit_depth(picture), dtype=picture.dtype)
    return int(np.searchsorted(as_linear(values), CLIPPED))


def _below(picture: Image, value: int) -> int:
    """Number of pixels with all channels below a value."""
    most = value - 1
    below = cv2.inRange(picture, (0, 0, 0), (most, most, most))
    return int(cv2.countNonZero(below))


def mirrored_look(look: QuickLook) -> QuickLook:
    """A look flipped left and right, as behind a beam splitter."""
    return replace(look, linear=np.ascontiguousarray(look.linear[:, ::-1]))


def reduced_look(look: QuickLook, longest_side: int) -> QuickLook:
    """Reduce a look to a longest side."""
    height, width = look.linear.shape[:2]
    factor = max(height, width) / longest_side
    if factor <= 1.0:
        return look
    columns = round(width / factor)
    rows = round(height / factor)
    smaller = cv2.resize(look.linear, (columns, rows), interpolation=cv2.INTER_AREA)
    pixels = look.pixels * factor
    return QuickLook(np.asarray(smaller, np.float32), pixels)


def luminance(linear: FloatImage) -> Array:
    """``(H, W)`` linear luminance of an ``(H, W, 3)`` picture."""
    weights = np.array([LUMINANCE], np.float32)
    in_memory_order = np.ascontiguousarray(linear, np.float32)
    return np.asarray(cv2.transform(in_memory_order, weights), np.float32)


def encoded_grey(linear: FloatImage) -> Array:
    """``(H, W)`` sRGB-encoded luminance, in which noise is about equal in dark and light parts."""
    return encoded(luminance(linear))


def encoded(light: Array) -> Array:
    """sRGB-encoded light of ``(H, W)``, clipped to [0, 1]; by a table, so to within 2e-4."""
    rounded = light * np.float32(65535) + np.float32(0.5)
    steps = np.clip(rounded, 0, 65535)
    codes = np.take(_curve(), steps.astype(np.uint16))
    return np.asarray(codes, np.float32)


@functools.cache
def _curve() -> Array:
    """The sRGB curve at 65536 steps of light."""
    light = np.linspace(0.0, 1.0, 65536)
    return np.asarray(linear_to_srgb(light), np.float32)

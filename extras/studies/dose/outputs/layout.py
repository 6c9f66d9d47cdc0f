"""How a strip of crops is put together, and how a report takes it apart again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defocus.pictures import picture_name

CROP_PX, SHOWN = 112, 2
"""Side of a crop, px, and the factor by which it is enlarged."""

ERROR_SCALES = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20)
"""Factors by which an error may be multiplied to be visible; black is no error."""

SEEN_ERROR = 0.99
"""Quantile of the blurry picture's error that is at most white."""

HEAD_PX, GAP_PX = 26, 6
WHITE = 255

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class StripParts:
    """The pictures of a strip, each ``(side, side, 3)``, in the order of its columns."""

    crops: tuple[Picture, ...]
    lines: tuple[Picture, ...]  # crops of a straight line; empty without such a row


def strip_name(dose_px: float) -> str:
    """Name of a strip's file."""
    return picture_name(f"strip-{dose_px:g}px")


def error_scale(blurry: Picture, truth: Picture) -> int:
    """Factor for all errors of a strip: it shows the errors of the blurry crop best."""
    most = float(np.quantile(_error(blurry, truth), SEEN_ERROR))
    return max((scale for scale in ERROR_SCALES if scale * most <= WHITE), default=1)


def error_picture(crop: Picture, truth: Picture, scale: int) -> Picture:
    """The error of a crop against the truth, made brighter by :func:`error_scale`."""
    return np.minimum(scale * _error(crop, truth), WHITE).astype(np.uint8)


def _error(crop: Picture, truth: Picture) -> NDArray[np.int16]:
    return np.asarray(np.abs(crop.astype(np.int16) - truth))


def joined(rows: Sequence[Sequence[Picture]]) -> Picture:
    """Columns side by side with gaps between them, rows beneath each other."""
    bands = []
    for columns in rows:
        gap = np.full((columns[0].shape[0], GAP_PX, 3), 255, np.uint8)
        parts = []
        for one in columns:
            parts += [one, gap]
        bands.append(np.concatenate(parts[:-1], axis=1))
    return np.concatenate(bands)


def cut_strip(strip: Picture, columns: int, *, lines: bool) -> StripParts:
    """The pictures of a strip, no longer enlarged, without the text above and the errors below.

    A report makes the errors again, with the scale that it names. ValueError: another size."""
    height, width = strip.shape[:2]
    side = (width - (columns - 1) * GAP_PX) // columns
    expected = HEAD_PX + 2 * side + GAP_PX + lines * (HEAD_PX + side)
    whole = columns * side + (columns - 1) * GAP_PX
    if (
        side < SHOWN
        or side % SHOWN
        or (height, width) != (expected, whole)
        or strip.ndim != 3
    ):
        raise ValueError(f"{width}x{height} px are not {columns} columns of a strip")
    crops = _row(strip[HEAD_PX:], columns, side)
    below = HEAD_PX + 2 * side + GAP_PX + HEAD_PX
    return StripParts(crops, _row(strip[below:], columns, side) if lines else ())


def _row(strip: Picture, count: int, side: int) -> tuple[Picture, ...]:
    """The pictures at the top of a strip, from left to right, no longer enlarged."""
    pictures = []
    for number in range(count):
        left = number * (side + GAP_PX)
        pictures.append(strip[:side, left : left + side][::SHOWN, ::SHOWN])
    return tuple(pictures)

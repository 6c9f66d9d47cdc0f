"""Dark round blobs of a picture: blurred dots keep their centres and, nearly, their sizes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

Floats = NDArray[np.float64]

WORKING_SIDE = 1000
CLOSING_PX = 61
THRESHOLDS = (0.5, 0.3, 0.7)
LEAST_AREA, MOST_AREA_SHARE = 25, 0.02
ROUNDNESS = (0.88, 1.1)
"""Area over that of the ellipse with the same second moments; a square has 0.95."""
MOST_STRETCH = 2.5


@dataclass(frozen=True)
class Blob:
    """A dark ellipse."""

    x: float  # centre, px of the whole picture
    y: float
    area: float  # area, px of the reduced picture


def reduction(shape: tuple[int, ...]) -> float:
    """Factor by which a picture is reduced for the search, at least 1."""
    return max(max(shape[:2]) / WORKING_SIDE, 1.0)


def dark_blobs(grey: Floats) -> list[Blob]:
    """Find round blobs that are darker than their surroundings, in linear light."""
    factor = reduction(grey.shape)
    darkness, size = _darkness(grey, factor)
    width, height = size
    scale_x = grey.shape[1] / width
    scale_y = grey.shape[0] / height
    blobs: list[Blob] = []
    for threshold in THRESHOLDS:
        for x, y, area in _round_components(darkness > threshold):
            blob = Blob((x + 0.5) * scale_x - 0.5, (y + 0.5) * scale_y - 0.5, area)
            reach = np.sqrt(area / np.pi) * factor / 2
            if _is_apart(blob, blobs, reach):
                blobs.append(blob)
    return blobs


def _is_apart(blob: Blob, blobs: Sequence[Blob], reach: float) -> bool:
    """Whether a blob is farther than ``reach`` px from all others."""
    distances = [math.hypot(blob.x - other.x, blob.y - other.y) for other in blobs]
    return min(distances, default=math.inf) > reach


def _darkness(grey: Floats, factor: float) -> tuple[Floats, tuple[int, int]]:
    """How much darker each place is than what is white around it, at reduced size."""
    height, width = grey.shape
    size = round(width / factor), round(height / factor)
    small = cv2.resize(grey.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CLOSING_PX, CLOSING_PX))
    white = cv2.GaussianBlur(
        cv2.morphologyEx(small, cv2.MORPH_CLOSE, ellipse),
        (0, 0),
        6,
    )
    darkness = 1.0 - small / np.maximum(white, 1e-4)
    return darkness, size


def _round_components(mask: Mask) -> list[tuple[float, float, float]]:
    """Centre and area of the connected parts that are ellipses."""
    count, labels, stats, centres = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8)
    )
    area = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    rows, columns = np.nonzero(mask)
    label = labels[rows, columns]
    high, low = _axes(columns, centres, label, rows, count, area)
    # an ellipse has the area 4 pi sqrt(high low)
    of_ellipse = 4.0 * np.pi * np.sqrt(high * low)
    roundness = area / np.maximum(of_ellipse, 1e-9)
    good = _are_ellipses(mask, area, stats, roundness, high, low)
    components = []
    for number in np.flatnonzero(good):
        x, y = centres[number]
        components.append((float(x), float(y), float(area[number])))
    return components


def _axes(
    columns: NDArray[np.int_],
    centres: NDArray[Any],
    label: NDArray[Any],
    rows: NDArray[np.int_],
    count: int,
    area: Floats,
) -> tuple[Floats, Floats]:
    """Variances of each part along its two axes, the larger first.

    They are the eigenvalues of its second moments."""
    dx = columns - centres[label, 0]
    dy = rows - centres[label, 1]
    # second moments of each part; their eigenvalues are the variances along its axes
    xx = np.bincount(label, dx * dx, count) / np.maximum(area, 1)
    yy = np.bincount(label, dy * dy, count) / np.maximum(area, 1)
    xy = np.bincount(label, dx * dy, count) / np.maximum(area, 1)
    mean = (xx + yy) / 2
    part = np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    high = mean + part
    low = np.maximum(mean - part, 1e-9)
    return high, low


def _are_ellipses(
    mask: Mask,
    area: Floats,
    stats: NDArray[Any],
    roundness: Floats,
    high: Floats,
    low: Floats,
) -> Mask:
    """Which parts are ellipses of a plausible size inside the picture."""
    good = (area >= LEAST_AREA) & (area <= MOST_AREA_SHARE * mask.size)
    good &= _are_inside(np.asarray(stats, np.int32), mask.shape)
    good &= (roundness > ROUNDNESS[0]) & (roundness < ROUNDNESS[1])
    good &= np.sqrt(high / low) < MOST_STRETCH
    good[0] = False
    return good


def _are_inside(stats: NDArray[np.int32], shape: tuple[int, ...]) -> Mask:
    """Which connected parts touch no border of the picture."""
    left = stats[:, cv2.CC_STAT_LEFT]
    top = stats[:, cv2.CC_STAT_TOP]
    inside = (left > 0) & (top > 0)
    inside &= left + stats[:, cv2.CC_STAT_WIDTH] < shape[1]
    inside &= top + stats[:, cv2.CC_STAT_HEIGHT] < shape[0]
    return np.asarray(inside)

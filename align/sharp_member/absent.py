"""Dark discs of the sharp member that the blurry one does not have: dust that one pair shows.

A disc of the scene is in both members, blurred in one of them. Dust is in the sharp one alone, as
its shadow is small only at a small aperture. So the blurry member is lighter there than predicted,
by what its blur leaves of the light that the disc takes."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.photometry.equalise import disc_blurred
from defocus.align.sharp_member.compared import Compared
from defocus.align.sharp_member.discs import Places
from defocus.scene.geometry import moved_points

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Plane = NDArray[Any]

RADIUS_PX, RING_PX = 9, (9, 14)
"""Largest radius of a disc, and radii of the ring whose light it would have, px."""
CENTRE_PX, NEAR_PX = 1.5, 4
"""Radius of the part that surely belongs to the disc, and radius of the part whose blur is read,
px."""
EDGE_PX = 5
"""Side, px, of the square by which a disc is widened to include its soft edge."""
BLACK = 0.01
"""Light, as a share of white, that is added before a ratio is taken."""
LEAST_USABLE = 0.8
EXTENT = 0.1
"""Share of the largest expected ratio below which a place lies outside the disc."""
LEAST_BESIDE = 50
SHARES, LEAST_SIGNIFICANCE = (0.4, 1.6), 8.0
"""Range of shares of the expected light that count as all of it, and least ratio of a disc's share
to the root mean square of the shares that the same disc would have at other places.
docs/alignment.md says what they cost."""
ELSEWHERE = tuple(
    (math.cos(turn), math.sin(turn)) for turn in np.arange(8) * math.pi / 4
)


def absent_discs(pair: Compared, discs: Places) -> int:
    """Count the dark discs of :func:`dark_discs` that the blurry member does not have."""
    if not discs:
        return 0
    width = pair.original.shape[1]
    back = np.asarray(np.linalg.inv(pair.matrix), np.float64)
    places = moved_points(back, width * np.array(discs, np.float64))
    return sum(
        _is_absent(pair, round(column), round(row)) for column, row in places.tolist()
    )


def _is_absent(pair: Compared, column: int, row: int) -> bool:
    near = _around(pair.coc_px, column, row, NEAR_PX)
    if near is None:
        return False
    blur_px = float(np.median(np.abs(near)))
    reach = int(blur_px / 2) + RING_PX[1]
    sharp = _around(pair.sharp, column, row, 2 * reach)
    predicted = _around(pair.predicted, column, row, 2 * reach)
    stops = _around(pair.stops, column, row, 2 * reach)
    usable = _around(pair.usable, column, row, 2 * reach)
    if sharp is None or predicted is None:
        return False
    if stops is None or usable is None:
        return False
    taken = _taken_light(sharp)
    if taken is None or usable[reach:-reach, reach:-reach].mean() < LEAST_USABLE:
        return False
    expected = _stops_without(disc_blurred(taken, blur_px), predicted)
    return _has_it_all(expected, stops, usable > 0, reach)


def _stops_without(taken: Array, light: Array) -> Array:
    """Stops by which each place would be lighter without the disc that takes its light."""
    floored = np.maximum(light, 0) + np.float32(BLACK)
    added = 1 + taken / floored
    return np.asarray(np.log2(added), np.float32)


def _around(plane: Plane, column: int, row: int, reach: int) -> Plane | None:
    """The square around a place; None if a part of it is beyond the picture."""
    height, width = plane.shape
    if not reach <= row < height - reach:
        return None
    if not reach <= column < width - reach:
        return None
    rows = slice(row - reach, row + reach + 1)
    columns = slice(column - reach, column + reach + 1)
    return plane[rows, columns]


def _taken_light(light: Array) -> Array | None:
    """Share of the surrounding light that a dark disc in the middle takes; None without a disc."""
    middle = len(light) // 2
    side = slice(-middle, middle + 1)
    y, x = np.ogrid[side, side]
    radius = np.hypot(x, y)
    within = radius <= RADIUS_PX
    around = (radius > RING_PX[0]) & (radius < RING_PX[1])
    ring = np.median(light[around])
    centre = light[radius <= CENTRE_PX].mean()
    darker = light < (ring + centre) / 2
    dark = (darker & within).astype(np.uint8)
    if not dark[middle, middle]:
        return None
    wider = _widened_part(dark, middle)
    missing = np.maximum(ring - light, 0)
    return np.asarray(missing * wider * within, np.float32)


def _widened_part(dark: NDArray[np.uint8], middle: int) -> Array:
    """The dark part that has the middle in it, with its soft edge; 1 there, else 0."""
    _, labels = cv2.connectedComponents(dark)
    disc = (labels == labels[middle, middle]).astype(np.uint8)
    neighbours = np.ones((EDGE_PX, EDGE_PX), np.uint8)
    return cv2.dilate(disc, neighbours).astype(np.float32)


def _has_it_all(expected: Array, stops: Array, usable: Mask, reach: int) -> bool:
    """Whether the blurry member has the light that the disc would take, and not by chance."""
    beside = usable & (expected < EXTENT * expected.max())
    if beside.sum() < LEAST_BESIDE:
        return False
    measured = (stops - np.median(stops[beside])) * usable
    share = _share(expected, measured, usable)
    if not SHARES[0] <= share <= SHARES[1]:
        return False
    elsewhere = []
    for x, y in ELSEWHERE:
        step = (round(reach * y), round(reach * x))
        moved = np.roll(expected, step, (0, 1))
        elsewhere.append(_share(moved, measured, usable))
    by_chance = float(np.sqrt(np.mean(np.square(elsewhere))))
    return share >= LEAST_SIGNIFICANCE * by_chance


def _share(expected: Array, measured: Array, usable: Mask) -> float:
    """Share of the expected stops that are measured, by least squares."""
    power = float((np.square(expected) * usable).sum())
    return float((expected * measured).sum()) / max(power, 1e-9)

"""Dark discs of the sharp member that the blurry one does not have: dust that one pair shows.

A disc of the scene is in both members, blurred in one of them. Dust is in the sharp one alone, as
its shadow is small only at a small aperture. So the blurry member is lighter there than predicted,
by what its blur leaves of the light that the disc takes."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.arrays import Bytes, Mask, Singles
from defocus.align.photometry.equalise import disc_blurred
from defocus.align.sharp_member.compared import Compared
from defocus.align.sharp_member.discs import Places
from defocus.scene.geometry import moved_points

Plane = NDArray[Any]

RADIUS_PX = 9
"""Largest radius of a disc, px."""
RING_PX = (9, 14)
"""Radii of the ring whose light a disc would have, px."""
CENTRE_PX = 1.5
"""Radius of the part that surely belongs to the disc, px."""
NEAR_PX = 4
"""Radius of the part whose blur is read, px."""
EDGE_PX = 5
"""Side, px, of the square by which a disc is widened to include its soft edge."""
BLACK = 0.01
"""Light, as a share of white, that is added before a ratio is taken."""
LEAST_USABLE = 0.8
EXTENT = 0.1
"""Share of the largest expected ratio below which a place lies outside the disc."""
LEAST_BESIDE = 50
SHARES = (0.4, 1.6)
"""Range of shares of the expected light that count as all of it."""
LEAST_SIGNIFICANCE = 8.0
"""Least ratio of a disc's share to the root mean square of the shares that the same disc would have
at other places. docs/alignment.md says what both limits cost."""
ELSEWHERE = tuple(
    (math.cos(turn), math.sin(turn)) for turn in np.arange(8) * math.pi / 4
)


def absent_discs(pair: Compared, discs: Places) -> int:
    """Count the dark discs of :func:`dark_discs` that the blurry member does not have."""
    if not discs:
        return 0
    width = pair.original.shape[1]
    inverse = np.linalg.inv(pair.matrix)
    back = np.asarray(inverse, np.float64)
    in_original = width * np.array(discs, np.float64)
    places = moved_points(back, in_original)
    absent = 0
    for column, row in places.tolist():
        absent += _is_absent(pair, round(column), round(row))
    return absent


def _is_absent(pair: Compared, column: int, row: int) -> bool:
    blur_px = blur_at(pair, column, row)
    if blur_px is None:
        return False
    reach = int(blur_px / 2) + RING_PX[1]
    squares = squares_around(pair, column, row, 2 * reach)
    if squares is None:
        return False
    sharp, predicted, stops, usable = squares
    taken = _taken_light(sharp)
    if taken is None:
        return False
    middle = slice(reach, -reach)
    if usable[middle, middle].mean() < LEAST_USABLE:
        return False
    spread = disc_blurred(taken, blur_px)
    expected = stops_without(spread, predicted)
    return has_it_all(expected, stops, usable > 0, reach)


def blur_at(pair: Compared, column: int, row: int) -> float | None:
    """Diameter of the blur at a place, px; None at the border."""
    near = around(pair.coc_px, column, row, NEAR_PX)
    return None if near is None else float(np.median(np.abs(near)))


def squares_around(
    pair: Compared,
    column: int,
    row: int,
    reach: int,
) -> tuple[Plane, Plane, Plane, Plane] | None:
    """Sharp, predicted and measured light around a place, and what is usable of it; or None."""
    sharp = around(pair.sharp, column, row, reach)
    if sharp is None:
        return None
    top, left = row - reach, column - reach
    area = slice(top, top + len(sharp)), slice(left, left + len(sharp))
    return sharp, pair.predicted[area], pair.stops[area], pair.usable[area]


def stops_without(taken: Singles, light: Singles) -> Singles:
    """Stops by which each place would be lighter without the disc that takes its light."""
    floored = np.maximum(light, 0) + np.float32(BLACK)
    added = 1 + taken / floored
    return np.asarray(np.log2(added), np.float32)


def around(
    plane: Plane,
    column: int,
    row: int,
    reach: int,
) -> Plane | None:
    """The square around a place; None if a part of it is beyond the picture."""
    height, width = plane.shape
    if not reach <= row < height - reach:
        return None
    if not reach <= column < width - reach:
        return None
    rows = slice(row - reach, row + reach + 1)
    columns = slice(column - reach, column + reach + 1)
    return plane[rows, columns]


def _taken_light(light: Singles) -> Singles | None:
    """Share of the surrounding light that a dark disc in the middle takes; None without a disc."""
    middle = len(light) // 2
    side = slice(-middle, middle + 1)
    y, x = np.ogrid[side, side]
    radius = np.hypot(x, y)
    within = radius <= RADIUS_PX
    least, most = RING_PX
    in_ring = (radius > least) & (radius < most)
    ring = np.median(light[in_ring])
    centre = light[radius <= CENTRE_PX].mean()
    darker = light < (ring + centre) / 2
    dark = (darker & within).astype(np.uint8)
    if not dark[middle, middle]:
        return None
    wider = _widened_part(dark, middle)
    missing = np.maximum(ring - light, 0)
    taken = missing * wider * within
    return np.asarray(taken, np.float32)


def _widened_part(dark: Bytes, middle: int) -> Singles:
    """The dark part that has the middle in it, with its soft edge; 1 there, else 0."""
    _, labels = cv2.connectedComponents(dark)
    own_label = labels[middle, middle]
    disc = (labels == own_label).astype(np.uint8)
    neighbours = np.ones((EDGE_PX, EDGE_PX), np.uint8)
    wider = cv2.dilate(disc, neighbours)
    return wider.astype(np.float32)


def has_it_all(
    expected: Singles,
    stops: Singles,
    usable: Mask,
    reach: int,
) -> bool:
    """Whether the blurry member has the light that the disc would take, and not by chance."""
    outside = expected < EXTENT * expected.max()
    beside = usable & outside
    if beside.sum() < LEAST_BESIDE:
        return False
    level = np.median(stops[beside])
    measured = (stops - level) * usable
    share = _share(expected, measured, usable)
    least, most = SHARES
    if not least <= share <= most:
        return False
    elsewhere = []
    for x, y in ELSEWHERE:
        step = (round(reach * y), round(reach * x))
        moved = np.roll(expected, step, (0, 1))
        elsewhere.append(_share(moved, measured, usable))
    mean_square = np.mean(np.square(elsewhere))
    by_chance = float(np.sqrt(mean_square))
    return share >= LEAST_SIGNIFICANCE * by_chance


def _share(expected: Singles, measured: Singles, usable: Mask) -> float:
    """Share of the expected stops that are measured, by least squares."""
    squares = np.square(expected) * usable
    products = expected * measured
    power = max(float(squares.sum()), 1e-9)
    return float(products.sum()) / power

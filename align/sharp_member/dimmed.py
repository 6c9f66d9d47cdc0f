"""Dark discs before texture that the blurry member does not have: dust of 10 to 40 px.

In texture a disc does not stand out from its surroundings in the sharp member. It does in the ratio
of both members, where the texture cancels out and the blurry member is hardly blurred."""

from dataclasses import dataclass

import cv2
import numpy as np

from defocus.align.arrays import Mask, Singles
from defocus.align.photometry.equalise import disc_blurred
from defocus.align.sampling.pyramid import box_means
from defocus.align.sharp_member.absent import (
    BLACK,
    EXTENT,
    LEAST_USABLE,
    blur_at,
    has_it_all,
    squares_around,
    stops_without,
)
from defocus.align.sharp_member.compared import Compared

RADII_PX = (3.0, 4.5, 6.5, 9.5)
"""Radii of the discs that are looked for, px."""
INNER = 1.7
"""Side of the square within a disc, in radii."""
OUTER = 4.0
"""Side of the square around a disc in which it is compared with its surroundings, in radii."""
LEAST_STOPS = 0.2
"""Least depth of a disc, stops: it takes 13 % of the light."""
GRAIN = 0.03
"""Standard deviation, stops, that is added to that of the ratio in a disc and around it."""
LEAST_CONTRAST = 1.0
"""Least ratio of a disc's depth to the standard deviation of the ratio in it and around it."""
DARKER = 0.15
"""Share of its depth by which the sharp member must be darker in the disc than around it. Texture
that is bright there leaves little."""
APART_PX = 9
"""Side of the square in which a disc must be the clearest one, px."""
MOST_PLACES = 24
"""Largest number of places that are looked at closely, the clearest first."""
BLUR = 1.2
"""Largest diameter of the blurry member's blur, in radii of the disc: more of it spreads the disc
over things that the blur map misses."""
MARGIN_PX = 8
"""Distance beyond the disc and its blur that is compared with it, px."""
DEEPER = 1.6
"""Depth of a disc over that which the two squares show: the outer one holds a part of the disc, and
blur spreads it."""
DEEPEST = 2.0
"""Largest depth, stops, of a disc that lets some light through."""
CORE = 1 / 3
"""Share of the largest expected ratio above which a place surely lies in the disc."""
EXPLAINED = 0.85
"""Least share of the measured light, squared, that a disc explains where it should be."""


@dataclass(frozen=True)
class _Disc:
    column: int
    row: int
    radius: float
    stops: float  # by how much the sharp member alone is darker


def dimmed_discs(pair: Compared) -> int:
    """Count the dark discs of the sharp member, in any texture, that the blurry one lacks."""
    found: list[_Disc] = []
    for disc in _clearest(pair):
        apart = [_distance(disc, other) > disc.radius + other.radius for other in found]
        if all(apart) and _is_dust(pair, disc):
            found.append(disc)
    return len(found)


def _distance(first: _Disc, second: _Disc) -> float:
    across = first.column - second.column
    return float(np.hypot(across, first.row - second.row))


def _clearest(pair: Compared) -> list[_Disc]:
    """Places where the sharp member is darker than the blurry one's light predicts."""
    counted = pair.usable.astype(np.float32)
    stops = pair.stops * counted
    squares = stops * stops
    lit = np.maximum(pair.sharp, 0) + np.float32(BLACK)
    light = np.log2(lit)
    scored = []
    for radius in RADII_PX:
        inner_side = round(INNER * radius)
        outer_side = round(OUTER * radius)
        inner = box_means(stops, inner_side)
        outer = box_means(stops, outer_side)
        depth = inner - outer
        scatter = box_means(squares, inner_side) - inner**2
        scatter += box_means(squares, outer_side) - outer**2
        deviation = np.sqrt(np.maximum(scatter, 0) + np.float32(GRAIN**2))
        darker = box_means(light, outer_side) - box_means(light, inner_side)
        shown = depth > LEAST_STOPS
        shown &= darker > DARKER * depth
        shown &= box_means(counted, inner_side) > LEAST_USABLE
        contrast = np.where(shown, depth / deviation, 0).astype(np.float32)
        scored += _peaks(contrast, depth, radius)
    scored.sort(key=lambda item: -item[0])
    return [disc for _, disc in scored[:MOST_PLACES]]


def _peaks(
    contrast: Singles,
    depth: Singles,
    radius: float,
) -> list[tuple[float, _Disc]]:
    """The discs of a radius whose contrast is the highest around, with the contrast."""
    highest = cv2.dilate(contrast, np.ones((APART_PX, APART_PX), np.uint8))
    peak = (contrast >= highest) & (contrast > LEAST_CONTRAST)
    discs = []
    for row, column in np.argwhere(peak).tolist():
        stops = min(DEEPER * float(depth[row, column]), DEEPEST)
        disc = _Disc(column, row, radius, stops)
        discs.append((float(contrast[row, column]), disc))
    return discs


def _is_dust(pair: Compared, disc: _Disc) -> bool:
    """Whether the blurry member has all the light that the disc would take."""
    blur_px = blur_at(pair, disc.column, disc.row)
    if blur_px is None or blur_px > BLUR * disc.radius:
        return False
    reach = int(blur_px / 2 + disc.radius) + MARGIN_PX
    squares = squares_around(pair, disc.column, disc.row, 2 * reach)
    if squares is None:
        return False
    sharp, predicted, stops, usable = squares
    # of what the disc leaves, it has taken so many times as much
    taken_of_left = np.float32(2.0**disc.stops - 1)
    taken = sharp * _disc_mask(2 * reach, disc.radius) * taken_of_left
    expected = stops_without(disc_blurred(taken, blur_px), predicted)
    seen = usable > 0
    if not has_it_all(expected, stops, seen, reach):
        return False
    return _explains(expected, stops, seen)


def _disc_mask(reach: int, radius: float) -> Singles:
    """``(2 reach + 1, 2 reach + 1)``: 1 within a disc in the middle, 0 outside it."""
    side = slice(-reach, reach + 1)
    y, x = np.ogrid[side, side]
    edge = radius + 0.5 - np.hypot(x, y)
    return np.clip(edge, 0, 1).astype(np.float32)


def _explains(expected: Singles, stops: Singles, usable: Mask) -> bool:
    """Whether the expected light is nearly all that is measured in the disc."""
    outside = expected < EXTENT * expected.max()
    level = np.median(stops[usable & outside])
    inside = usable & (expected > CORE * expected.max())
    measured = stops[inside] - level
    model = expected[inside]
    share = float(measured @ model) / max(float(model @ model), 1e-9)
    rest = measured - share * model
    power = max(float(measured @ measured), 1e-9)
    return float(rest @ rest) < (1 - EXPLAINED) * power

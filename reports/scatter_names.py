"""Names of the points of a scatter plot, which overlap neither points nor each other."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from defocus.reports.display import visible
from defocus.reports.model import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LETTER = 0.62
"""Mean width of a letter, as a share of the font's size."""
DESCENT = 0.23
"""Depth of a text below its baseline, as a share of the font's size."""
ASCENT = 1.0
"""Height of a text above its baseline, as a share of the font's size."""
RADIUS_PT = 3.2
"""Half the room, in pt, that a text leaves around a point."""
LINE_PT = 1.6
"""Half the room, in pt, that a text leaves around the line of the front."""
BASELINE = 0.33
"""Distance of the baseline below the middle of a text, as a share of the font's size."""
PLACES = (
    (0.75, 0.0, "left"),
    (-0.75, 0.0, "right"),
    (0.0, 1.15, "center"),
    (0.0, -1.25, "center"),
    (0.6, 0.9, "left"),
    (-0.6, 0.9, "right"),
    (0.6, -0.9, "left"),
    (-0.6, -0.9, "right"),
)
"""Places of a text at its point, the best first: distance to the right and up, as shares of the
font's size, and the part of the text that is there."""

Spot = tuple[float, float]
"""Place of a point on the screen, pt."""

Box = tuple[float, float, float, float]
"""Left, bottom, right and top, pt."""
Place = tuple[float, float, str]


def place_names(axes: "Axes", points: Sequence[Point]) -> list[Point]:
    """Write the names beside the points; those without room are returned in their order."""
    import matplotlib as mpl

    drawn = axes.get_figure(root=True)
    if drawn is None:
        raise ValueError("axes without a figure")
    if arranged := drawn.get_layout_engine() is not None:
        drawn.draw_without_rendering()  # where the axes are is known from now on
    else:
        axes.viewLim.get_points()  # they are where they were put; this settles their limits
    font_pt = float(mpl.rcParams["font.size"]) * (0.8 if arranged else 1.0)
    spots = [tuple(axes.transData.transform((point.x, point.y))) for point in points]
    taken = _taken(points, spots)
    frame = (
        axes.bbox.x0,
        axes.bbox.y0,
        drawn.bbox.width,
        drawn.bbox.height,
    )
    unnamed: list[Point] = []
    with_spots = zip(points, spots, strict=True)
    # the names of the front first: they are what one looks for
    for point, spot in sorted(with_spots, key=lambda pair: not pair[0].marked):
        text = visible(point.label)
        place = _free_place(text, spot, font_pt, frame, taken)
        if place is None:
            unnamed.append(point)
            continue
        taken.append(_box(text, spot, place, font_pt))
        _write(axes, text, point, place, font_pt)
    return unnamed


def _write(
    axes: "Axes",
    text: str,
    point: Point,
    place: Place,
    font_pt: float,
) -> None:
    """Write a name at a place beside its point."""
    right, up, side = place
    axes.annotate(
        text,
        (point.x, point.y),
        (right * font_pt, (up - BASELINE) * font_pt),
        textcoords="offset points",
        ha=side,
        va="baseline",
        fontsize=font_pt,
    )


def _taken(points: Sequence[Point], spots: Sequence[Spot]) -> list[Box]:
    """The room that the points and the line through the marked ones take."""
    taken = []
    front = []
    for point, spot in zip(points, spots, strict=True):
        taken.append(_around(spot, RADIUS_PT))
        if point.marked:
            front.append(spot)
    along = _along(sorted(front))
    return taken + [_around(spot, LINE_PT) for spot in along]


def _along(front: list[Spot]) -> list[Spot]:
    """Spots along the line through the marked points, so close that no text fits between two."""
    spots = []
    for (x, y), (next_x, next_y) in pairwise(front):
        across = next_x - x
        up = next_y - y
        length = math.hypot(across, up)
        steps = int(length / LINE_PT) + 1
        for step in range(steps):
            share = step / steps
            spot_x = x + share * across
            spot_y = y + share * up
            spots.append((spot_x, spot_y))
    return spots


def _around(spot: Spot, radius: float) -> Box:
    """The square box around a spot."""
    x, y = spot
    left, right = x - radius, x + radius
    bottom, top = y - radius, y + radius
    return left, bottom, right, top


def _free_place(
    text: str,
    spot: Spot,
    font_pt: float,
    frame: Box,
    taken: list[Box],
) -> Place | None:
    """A place beside a point for its text that is free and inside the frame, if there is one."""
    least_x, least_y, most_x, most_y = frame
    for place in PLACES:
        box = _box(text, spot, place, font_pt)
        left, bottom, right, top = box
        inside_x = left >= least_x and right <= most_x
        inside_y = bottom >= least_y and top <= most_y
        if not (inside_x and inside_y):
            continue
        if not any(_overlap(box, other) for other in taken):
            return place
    return None


def _box(text: str, spot: Spot, place: Place, font_pt: float) -> Box:
    """The box of a text whose left end, right end or centre is at a place beside a spot."""
    right, up, side = place
    spot_x, spot_y = spot
    x = spot_x + right * font_pt
    y = spot_y + up * font_pt
    width = LETTER * font_pt * (len(text) + 0.1)
    left_of_x = {"left": 0.0, "center": width / 2, "right": width}
    left = x - left_of_x[side]
    baseline = y - BASELINE * font_pt
    bottom = baseline - DESCENT * font_pt
    top = baseline + ASCENT * font_pt
    return left, bottom, left + width, top


def _overlap(one: Box, other: Box) -> bool:
    left, bottom, right, top = one
    other_left, other_bottom, other_right, other_top = other
    in_x = left < other_right and other_left < right
    in_y = bottom < other_top and other_bottom < top
    return in_x and in_y

"""Exact geometry of a chart in a picture: perspective and lens distortion, from the dots."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from defocus.extras.charts.sheet.layout import FRAME, HEIGHT, WIDTH
from defocus.extras.charts.sheet.parts import Dot
from defocus.scene.geometry import moved_points

Floats = NDArray[np.float64]

AROUND_MM = 4.5
"""Width of the paper around a dot into which its blur may spread, mm."""
RING_MM = 2.0
EDGE_MM = FRAME - 4.0
"""Least distance from the edge of the paper, mm, at which its light is not mixed with that of the
wall."""
CORNERS = 48
RING_PX = 12
OUTLIER = 4.0
UNSEEN = np.array([math.nan, math.nan])


@dataclass(frozen=True)
class ChartGeometry:
    """Where points of the sheet are in the picture.

    ``centres`` are ``(D, 2)`` px, NaN for unseen dots, empty without a fit; ``used`` is ``(D,)``.
    """

    homography: Floats  # ``(3, 3)`` from mm to undistorted px
    radial: float  # distortion: r moves to r (1 + radial r²), r in half diagonals
    width: int  # width of the picture, px
    height: int  # height of the picture, px
    rms_px: float = math.nan
    dots: int = 0
    centres: Floats = field(default_factory=lambda: np.empty((0, 2)))
    used: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))

    def to_picture(self, points: Floats) -> Floats:
        """``(N, 2)`` px of points in mm."""
        centre, half = self.middle()
        undistorted = moved_points(self.homography, points)
        off = (undistorted - centre) / half
        stretch = self._stretch(off)
        return np.asarray(centre + half * off * stretch)

    def to_sheet(self, points: Floats) -> Floats:
        """``(N, 2)`` mm of points in px."""
        centre, half = self.middle()
        distorted = (points - centre) / half
        off = distorted
        for _ in range(6):
            off = distorted / self._stretch(off)
        back = np.asarray(np.linalg.inv(self.homography), np.float64)
        return moved_points(back, centre + half * off)

    def _stretch(self, off: Floats) -> Floats:
        """``(N, 1)``: 1 + k r², by which distortion moves points away from the centre."""
        square = (off**2).sum(axis=1, keepdims=True)
        return np.asarray(1.0 + self.radial * square)

    def scale(self, x: float, y: float) -> float:
        """Pixels per mm at a point of the sheet, the mean of both directions."""
        (a, b), (c, d) = self.half_millimetres(x, y)
        area = abs(a * d - b * c)
        return float(2.0 * math.sqrt(area))

    def half_millimetres(self, x: float, y: float) -> Floats:
        """``(2, 2)`` px: how far 0.5 mm to the right, and 0.5 mm down, lead from a point."""
        corners = np.array([(x, y), (x + 0.5, y), (x, y + 0.5)])
        in_picture = self.to_picture(corners)
        return np.asarray(in_picture[1:] - in_picture[0])

    def enlarged(self, factor: int) -> "ChartGeometry":
        """The geometry in the picture from which this one was reduced by a factor."""
        off = (factor - 1) / 2
        larger = np.array([[factor, 0.0, off], [0.0, factor, off], [0.0, 0.0, 1.0]])
        return ChartGeometry(
            larger @ self.homography,
            self.radial,
            self.width * factor,
            self.height * factor,
            self.rms_px * factor,
            self.dots,
            factor * self.centres + off,
            self.used,
        )

    def middle(self) -> tuple[Floats, float]:
        """``(2,)`` px of the centre, and half the diagonal of the picture."""
        centre = np.array([(self.width - 1) / 2, (self.height - 1) / 2])
        diagonal = math.hypot(self.width, self.height)
        return centre, diagonal / 2


def fit_geometry(
    grey: Floats,
    dots: tuple[Dot, ...],
    homography: Floats,
) -> ChartGeometry:
    """Fit perspective and radial distortion to the dots' centres of light."""
    height, width = grey.shape
    start = ChartGeometry(homography, 0.0, width, height)
    for _ in range(2):
        places = np.array([_centre(grey, dot, start) for dot in dots])
        seen = np.isfinite(places).all(axis=1)
        kept = list(compress(dots, seen))
        start = _refined(start, kept, places[seen])
    used = seen.copy()
    used[seen] = start.used
    return replace(start, centres=places, used=used)


def _refined(start: ChartGeometry, dots: list[Dot], places: Floats) -> ChartGeometry:
    """Least squares over the dots; those far off count little."""
    unit = start.homography[2, 2]

    def geometry(parameters: Floats) -> ChartGeometry:
        matrix = np.append(parameters[:8], 1.0).reshape(3, 3) * scales
        return ChartGeometry(matrix, float(parameters[8]), start.width, start.height)

    def errors(parameters: Floats) -> Floats:
        centres = dot_centres(geometry(parameters), dots)
        return np.asarray((centres - places).ravel())

    relative = start.homography / unit
    scales = np.abs(relative).clip(1e-6)
    scaled = relative / scales
    first = np.append(scaled.ravel()[:8], start.radial)
    solution = least_squares(errors, first, loss="soft_l1", f_scale=0.1, max_nfev=60)
    off = np.hypot(*errors(solution.x).reshape(-1, 2).T)
    return _judged(geometry(solution.x), off)


def _judged(geometry: ChartGeometry, off: Floats) -> ChartGeometry:
    """A geometry with the dots that fit it and their error, from the dots' distances, px."""
    good = off <= OUTLIER * max(float(np.median(off)), 0.01)
    mean_square = np.mean(off[good] ** 2)
    rms = float(np.sqrt(mean_square))
    return replace(geometry, rms_px=rms, dots=int(good.sum()), used=good)


def dot_centres(geometry: ChartGeometry, dots: Sequence[Dot]) -> Floats:
    """``(D, 2)`` px, the centres of light of dots where a geometry has them."""
    return np.array([_middle_of(geometry.to_picture(_outline(dot))) for dot in dots])


def _outline(dot: Dot) -> Floats:
    """``(CORNERS, 2)`` points around a dot, mm."""
    angles = 2.0 * np.pi * np.arange(CORNERS) / CORNERS
    directions = np.stack([np.cos(angles), np.sin(angles)], 1)
    centre = np.array([dot.x, dot.y])
    return centre + dot.radius * directions


def _middle_of(outline: Floats) -> Floats:
    """Centre of area of a polygon: that of a dot in perspective is not its projected centre."""
    # 3 sum(x y' - x' y) is six times the area; x' and y' are the next corner's
    corner = outline[0]
    x, y = (outline - corner).T
    next_x = np.roll(x, -1)
    next_y = np.roll(y, -1)
    cross = x * next_y - next_x * y
    sums = np.array([(x + next_x) @ cross, (y + next_y) @ cross])
    area_6 = 3.0 * cross.sum()
    return np.asarray(corner + sums / area_6)


def _on_paper(geometry: ChartGeometry, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Which pixels show paper that is not near its edge."""
    sheet = geometry.to_sheet(np.stack([x, y], axis=1))
    size = np.array([WIDTH, HEIGHT])
    to_edge = np.minimum(sheet, size - sheet)
    return np.asarray((to_edge >= EDGE_MM).all(axis=1))


def most_blur_px(geometry: ChartGeometry, dot: Dot) -> float:
    """Diameter of the largest disc of blur, px, that keeps a dot's light within its window."""
    sides = geometry.half_millimetres(dot.x, dot.y)
    longest = 2.0 * float(np.linalg.norm(sides, ord=2))
    scale = geometry.scale(dot.x, dot.y)
    window = (dot.radius + AROUND_MM) * scale
    dot_px = dot.radius * longest
    return 2.0 * (window - dot_px)


def _centre(grey: Floats, dot: Dot, geometry: ChartGeometry) -> Floats:
    """Centroid of pixels darker than the paper around a dot; NaN where it leaves the picture."""
    place = geometry.to_picture(np.array([[dot.x, dot.y]]))[0]
    for _ in range(2):
        moved = _moved_centre(grey, dot, geometry, place)
        if moved is None:
            return UNSEEN
        place = place + moved
    return np.asarray(place)


def leaves_picture(box: tuple[int, int, int, int], shape: tuple[int, ...]) -> bool:
    """Whether left, top, right and bottom of a box, px, go beyond a picture ``(H, W, …)``."""
    left, top, right, bottom = box
    height, width = shape[:2]
    return left < 0 or top < 0 or right > width or bottom > height


def _moved_centre(
    grey: Floats,
    dot: Dot,
    geometry: ChartGeometry,
    place: Floats,
) -> Floats | None:
    """How far the centroid is from a place, px; None if the dot is not seen there."""
    scale = geometry.scale(dot.x, dot.y)
    window_mm = dot.radius + AROUND_MM
    inner = window_mm * scale
    outer = (window_mm + RING_MM) * scale
    left, top = np.floor(place - outer).astype(int).tolist()
    right, bottom = (np.ceil(place + outer).astype(int) + 1).tolist()
    if leaves_picture((left, top, right, bottom), grey.shape):
        return None
    place_x, place_y = place
    across = np.arange(left, right) - place_x
    down = np.arange(top, bottom) - place_y
    x, y = np.meshgrid(across, down)
    radius = np.hypot(x, y)
    ring = (radius > inner) & (radius <= outer)
    ring[ring] = _on_paper(geometry, x[ring] + place_x, y[ring] + place_y)
    if ring.sum() < RING_PX:
        return None
    part = grey[top:bottom, left:right]
    level, paper = _paper_under(part, x, y, ring)
    dark = np.where(radius <= inner, paper - part, 0.0)
    return _centroid(dark, x, y, level, dot.radius * scale)


def _centroid(
    dark: Floats,
    x: Floats,
    y: Floats,
    level: float,
    radius_px: float,
) -> Floats | None:
    """Centroid of the ink; None if it is too little for the dot, or outside of it."""
    total = dark.sum()
    least = 0.1 * level * np.pi * radius_px**2
    if total <= least:
        return None
    centroid = np.array([(dark * x).sum(), (dark * y).sum()]) / total
    if np.hypot(*centroid) > radius_px:
        return None
    return np.asarray(centroid)


def _paper_under(
    part: Floats,
    x: Floats,
    y: Floats,
    ring: NDArray[np.bool_],
) -> tuple[float, Floats]:
    """Light of the paper under a dot, at its middle and everywhere: the plane of a ring around."""
    plane = np.stack([np.ones(ring.sum()), x[ring], y[ring]], axis=1)
    level, tilt_x, tilt_y = np.linalg.lstsq(plane, part[ring], rcond=None)[0]
    return float(level), level + tilt_x * x + tilt_y * y

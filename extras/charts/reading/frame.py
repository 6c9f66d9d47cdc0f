"""Match blobs with the frame of dots around the chart: rows at even distances are its sides.

Of the homographies of two sides the one that explains most dots is taken."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.extras.charts.reading.blobs import Blob
from defocus.extras.charts.sheet.layout import (
    ACROSS,
    DOWN,
    HEIGHT,
    LAYOUTS,
    WIDTH,
    Layout,
    Sheet,
    make_sheet,
)
from defocus.extras.charts.sheet.raster import draw_roughly
from defocus.scene.geometry import moved_points

Floats = NDArray[np.float64]

NEAREST = 6
SIMILAR_AREA = 2.8
OFF_LINE = 0.17
LEAST_CHAIN, LONG_CHAIN = 4, 5
MOST_CHAINS = 8
OFF_MODEL = 0.12
LEAST_DOTS, MANY_DOTS, ENOUGH_DOTS = 10, 14, 22
LEAST_CORRELATION, SURE_CORRELATION = 0.5, 0.75
"""Least correlation with the sheet: in general, and where few dots are seen."""
ALIKE_PX, MOST_CANDIDATES = 5.0, 6
LEAST_SEEN = 0.3
"""Share of the sheet that must be in the picture."""
SHEET = np.array([(0.0, 0.0), (WIDTH, 0.0), (WIDTH, HEIGHT), (0.0, HEIGHT)])
MIRROR = np.array([[-1.0, 0.0, WIDTH], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
"""Mirror image of the sheet: the frame of dots is the same in it, the contents are not."""
SOFT_MM, CRISP_MM = 4.0, 1.5
"""Standard deviations of the blur in which charts are compared, mm: the smaller one distinguishes a
chart for a board from its mirror image; with the larger one, charts look alike behind any blur."""
CORNERS = (0, ACROSS - 1, ACROSS + DOWN - 2, 2 * ACROSS + DOWN - 3)
COUNT = 2 * (ACROSS + DOWN) - 4


@dataclass(frozen=True)
class FoundFrame:
    """The chart, roughly."""

    sheet: Sheet
    homography: Floats  # ``(3, 3)`` from mm of the A3 sheet to px
    dots: int
    correlation: float  # of the chart and the picture, seen from the front, -1 to 1


def find_frame(grey: Floats, blobs: list[Blob]) -> FoundFrame | None:
    """Find the chart among the blobs of a picture; None if there is none, or it is mirrored."""
    points = np.array([(blob.x, blob.y) for blob in blobs]).reshape(-1, 2)
    areas = np.array([blob.area for blob in blobs])
    model = np.array([(dot.x, dot.y) for dot in make_sheet().dots])
    frames: list[FoundFrame] = []
    for dots, homography in _candidates(model, points, areas):
        frames += _readings(grey, dots, homography)
    if not frames:
        return None
    frame = max(frames, key=lambda one: one.correlation)
    least = LEAST_CORRELATION if frame.dots >= MANY_DOTS else SURE_CORRELATION
    if frame.correlation < least or _is_mirrored(grey, frame):
        return None
    return frame


def _candidates(
    model: Floats,
    points: Floats,
    areas: Floats,
) -> list[tuple[int, Floats]]:
    """Dots and homographies of the best matches, each place once: a cut-off row fits several."""
    candidates: list[tuple[int, Floats, Floats]] = []
    for indices, chosen in _matches(_chains(points, areas)):
        fitted = _fitted(model, points, indices, chosen)
        if fitted is None or fitted[0] < LEAST_DOTS:
            continue
        dots, homography = fitted
        corners = moved_points(homography, SHEET)
        moved_px = [np.abs(corners - other).max() for _, _, other in candidates]
        if min(moved_px, default=np.inf) > ALIKE_PX:
            candidates.append((dots, homography, corners))
        if dots >= ENOUGH_DOTS:
            break
    candidates.sort(key=lambda one: -one[0])
    return [(dots, homography) for dots, homography, _ in candidates[:MOST_CANDIDATES]]


def _chains(points: Floats, areas: Floats) -> list[tuple[int, ...]]:
    """Rows of blobs at even distances, the longest first, each in one direction."""
    if len(points) < LEAST_CHAIN:
        return []
    distance = _distances(points, points)
    ratios = np.log(areas[:, None] / areas[None])
    alike = np.abs(ratios) < np.log(SIMILAR_AREA)
    distance[~alike] = np.inf
    np.fill_diagonal(distance, np.inf)
    chains = _grown(points, distance, alike)
    ordered = sorted(chains, key=len, reverse=True)
    whole: list[tuple[int, ...]] = []
    for chain_ in ordered:
        if not any(map(set(chain_).issubset, whole)):
            whole.append(chain_)
    return whole[:MOST_CHAINS]


def _distances(some: Floats, others: Floats) -> Floats:
    """``(N, M)`` distances of each of some points to each of others."""
    right, down = (some[:, None] - others[None]).transpose(2, 0, 1)
    return np.asarray(np.hypot(right, down))


def _grown(
    points: Floats,
    distance: Floats,
    alike: NDArray[np.bool_],
) -> set[tuple[int, ...]]:
    """Rows of blobs, each from one of its ends."""
    chains: set[tuple[int, ...]] = set()
    for start in range(len(points)):
        nearest = np.argsort(distance[start])
        for second in nearest[:NEAREST]:
            if not np.isfinite(distance[start, second]):
                break
            chain = [start, int(second)]
            while (following := _following(points, alike, chain)) is not None:
                chain.append(following)
            if len(chain) >= LEAST_CHAIN and chain[0] < chain[-1]:
                chains.add(tuple(chain))
    return chains


def _following(
    points: Floats,
    alike: NDArray[np.bool_],
    chain: list[int],
) -> int | None:
    """The blob one more step along a chain."""
    *_, before, last = chain
    step = points[last] - points[before]
    wanted = points[last] + step
    off = np.hypot(*(points - wanted).T)
    off[~alike[last]] = np.inf
    off[chain] = np.inf
    nearest = int(np.argmin(off))
    allowed = OFF_LINE * np.hypot(*step)
    return nearest if off[nearest] < allowed else None


def _matches(chains: list[tuple[int, ...]]) -> Iterator[tuple[list[int], list[int]]]:
    """Two chains as sides of the frame, dots and blobs; the first is its top or right side."""
    sides = _sides()
    for one, other in itertools.combinations(chains, 2):
        if len(one) < LONG_CHAIN:
            continue
        for first, second in itertools.product(sides[:2], sides):
            if first is second or len(one) > len(first) or len(other) > len(second):
                continue
            placed = itertools.product(_placed(one, first), _placed(other, second))
            for (dots, blobs), (more_dots, more_blobs) in placed:
                yield dots + more_dots, blobs + more_blobs


def _sides() -> list[list[int]]:
    """Numbers of the dots on each side of the frame: top, right, bottom, left."""
    sides = []
    for side, first in enumerate(CORNERS):
        length = (ACROSS, DOWN)[side % 2]
        sides.append([k % COUNT for k in range(first, first + length)])
    return sides


def _placed(
    chain: tuple[int, ...],
    side: list[int],
) -> list[tuple[list[int], list[int]]]:
    """All places of a chain on a side, in both directions."""
    matches = []
    for start in range(len(side) - len(chain) + 1):
        part = side[start : start + len(chain)]
        matches.append((part, list(chain)))
        matches.append((part, list(chain[::-1])))
    return matches


def _fitted(
    model: Floats,
    points: Floats,
    indices: list[int],
    chosen: list[int],
) -> tuple[int, Floats] | None:
    """Number of dots that a match explains, and the homography through all of them."""
    if not _is_one_to_one(indices, chosen):
        return None
    homography = _homography(model[indices], points[chosen])
    for _ in range(2):
        if homography is None:
            return None
        expected = moved_points(homography, model)
        following = np.roll(expected, -1, axis=0)
        spacing = np.hypot(*(following - expected).T)
        off = _distances(expected, points)
        nearest = off.argmin(axis=1)
        near = off.min(axis=1) < OFF_MODEL * spacing
        if near.sum() < 6:
            return None
        homography = _homography(model[near], points[nearest[near]])
    if homography is None:
        return None
    return int(near.sum()), homography


def _is_one_to_one(indices: list[int], chosen: list[int]) -> bool:
    """Whether a corner, which belongs to two sides, is the same blob in both."""
    matches = set(zip(indices, chosen, strict=True))
    return len(matches) == len(set(chosen)) == len(set(indices))


def _homography(start: Floats, end: Floats) -> Floats | None:
    """The homography through points, if it keeps left and right and what is in front."""
    matrix, _ = cv2.findHomography(start, end, 0)
    if matrix is None or not np.isfinite(matrix).all():
        return None
    homography = np.asarray(matrix, np.float64)
    depth = SHEET @ homography[2, :2] + homography[2, 2]
    if (depth <= 0).any():
        return None
    first, second, third, fourth = moved_points(homography, SHEET)
    (a, b), (c, d) = third - first, fourth - second
    keeps_sides = a * d - b * c > 0
    return homography if keeps_sides else None


def _is_mirrored(grey: Floats, frame: FoundFrame) -> bool:
    """Whether the picture is more like the mirror image of a chart."""
    own = list(_readings(grey, frame.dots, frame.homography, CRISP_MM))
    mirrored = _readings(grey, frame.dots, frame.homography @ MIRROR, CRISP_MM)
    most = max((one.correlation for one in mirrored), default=-1.0)
    crisp = next(one for one in own if one.sheet.layout == frame.sheet.layout)
    return most > crisp.correlation


def _readings(
    grey: Floats,
    dots: int,
    homography: Floats,
    blur_mm: float = SOFT_MM,
) -> Iterator[FoundFrame]:
    """Candidates in both layouts and both ways up, with their correlation with the picture."""
    size = round(WIDTH), round(HEIGHT)
    half_turn = np.array([[-1.0, 0.0, WIDTH], [0.0, -1.0, HEIGHT], [0.0, 0.0, 1.0]])
    picture = grey.astype(np.float32)
    for turned in (homography, homography @ half_turn):
        back = np.linalg.inv(turned)
        shown = cv2.warpPerspective(np.ones_like(picture), back, size)
        inside = shown > 0.5
        if inside.mean() < LEAST_SEEN:
            continue
        seen = cv2.warpPerspective(picture, back, size, flags=cv2.INTER_LINEAR)
        light = _softened(seen, blur_mm)[inside]
        for layout in LAYOUTS:
            drawn = _afar(layout, blur_mm)[inside]
            correlation = _correlation(drawn, light)
            yield FoundFrame(make_sheet(layout), turned, dots, correlation)


def _softened(light: NDArray[Any], blur_mm: float) -> NDArray[np.float32]:
    """The root of the blurred light, which is as sensitive to dark as to bright parts."""
    soft = np.maximum(cv2.GaussianBlur(light, (0, 0), blur_mm), 0)
    return np.asarray(np.sqrt(soft), np.float32)


@lru_cache(maxsize=2 * len(LAYOUTS))
def _afar(layout: Layout, blur_mm: float) -> NDArray[np.float32]:
    """A chart blurred with a standard deviation, one pixel per mm."""
    drawn = draw_roughly(make_sheet(layout), 1.0)
    green = drawn[:, :, 1].astype(np.float32)
    blurred = cv2.GaussianBlur(green, (0, 0), blur_mm)
    return np.asarray(blurred, np.float32)


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Correlation of two pictures, -1 to 1; 0 if one of them is flat."""
    if min(one.std(), other.std()) < 1e-9:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
